"""The only place that makes mutants: a copy of the package `recipeci` with one mistake.

Each replacement must match exactly once, so that a mutant never silently becomes the harness itself when the code moves
on. No module is patched in a running test: a mutant is run as a program, `python -m recipeci`, from its own folder.
"""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from pathlib import Path

import recipeci
from lab.repository import Edit

PACKAGE = Path(recipeci.__file__).parent


@dataclass(frozen=True)
class Mutant:
    """A harness with one mistake: `about` says which; `old` becomes `new` in the package's `file`.

    `also`: what else has to be changed for the same mistake, in this file or in others.
    """

    name: str
    about: str
    file: str
    old: str
    new: str
    also: tuple[Edit, ...] = ()

    def make(self, into: Path) -> Path:
        """Write the mutated package into a folder and return that folder, which goes first on PYTHONPATH.

        Raises:
            ValueError: `old` is not there exactly once, or what comes out is no Python.
        """
        ignored = shutil.ignore_patterns("__pycache__")
        # Contents alone: of a package in Nix's store nothing can be written.
        shutil.copytree(PACKAGE, into / PACKAGE.name, ignore=ignored, copy_function=shutil.copyfile)
        for folder in (into / PACKAGE.name, *(into / PACKAGE.name).rglob("*/")):
            folder.chmod(0o755)
        for edit in (Edit(self.file, self.old, self.new), *self.also):
            edit.apply(into / PACKAGE.name)
            self._compile(into / PACKAGE.name / edit.file)
        return into

    def _compile(self, file: Path) -> None:
        """A mutant that cannot be imported would be caught by anything."""
        if file.suffix != ".py":
            return
        try:
            compile(file.read_text(), str(file), "exec")
        except SyntaxError as error:
            msg = f"mutant {self.name}: {error}"
            raise ValueError(msg) from error
