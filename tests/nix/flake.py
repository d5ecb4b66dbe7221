"""The only place that calls Nix: a flake, and the program that stands for `nix`."""

from __future__ import annotations

import functools
import json
import os
import platform
import shutil
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from recipeci.host.command import Completed, LocalRunner

ROOT = Path(__file__).parents[2]
LONGEST = 900.0
"""Seconds after which Nix hangs: the first build fetches every wheel, and other tests share the machine."""
SYSTEM = f"{platform.machine()}-linux"


@functools.cache
def environment() -> Mapping[str, str]:
    """Return the caller's environment without the virtual environment that runs the tests: a shell must not find it."""
    path = [part for part in os.environ["PATH"].split(":") if part and not Path(part).is_relative_to(ROOT)]
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("PYTHON", "VIRTUAL_ENV", "MAKE"))}
    return kept | {"PATH": ":".join(path)}


@dataclass(frozen=True)
class Flake:
    """A folder with a flake.nix.

    Attributes:
        program: what stands for `nix`: itself, or a script that takes the same words.
        folder: the flake; of a git checkout Nix sees only what `git add` was told.
        env: more of Nix's environment.
    """

    program: str
    folder: Path = ROOT
    env: Mapping[str, str] = field(default_factory=dict)

    def nix(self, *words: str, check: bool = True, cwd: Path | None = None) -> Completed:
        """Run one command of Nix's; with `check`, another exit code than 0 raises CommandFailed with what was said."""
        return LocalRunner().run(
            [self.program, *words],
            timeout=LONGEST,
            env={**environment(), **self.env},
            cwd=cwd or self.folder,
            ok=(0,) if check else range(-64, 256),
        )

    def ref(self, output: str) -> str:
        """Return how Nix names an output of this flake: `ref("packages.x86_64-linux.recipeci")`."""
        return f"{self.folder}#{output}"

    def eval(self, output: str, *, apply: str | None = None) -> Any:  # noqa: ANN401 - a value of Nix's
        """Return the value of an output, or what the function `apply` (in Nix's language) makes of it."""
        words = ["--apply", apply] if apply else []
        return json.loads(self.nix("eval", "--json", *words, self.ref(output)).out)

    def build(self, output: str) -> Path:
        """Build an output and return where it is in the store."""
        return Path(self.nix("build", "--no-link", "--print-out-paths", self.ref(output)).out.split()[-1])

    def run(self, app: str, *arguments: str, check: bool = True, cwd: Path | None = None) -> Completed:
        """Start what `nix run .#APP -- ARGUMENTS` starts."""
        return self.nix("run", self.ref(app), "--", *arguments, check=check, cwd=cwd)

    def develop(self, shell: str, *command: str, check: bool = True, cwd: Path | None = None) -> Completed:
        """Run a command in a shell of `devShells`; Nix leaves an empty folder of each, so it gets a place that goes."""
        with tempfile.TemporaryDirectory(prefix="nix-develop-") as scratch:
            there = replace(self, env={**self.env, "TMPDIR": scratch})
            return there.nix("develop", self.ref(shell), "-c", *command, check=check, cwd=cwd)

    def refusal(self, *words: str) -> str:
        """Return what Nix says when it refuses a command, without quotes; the test fails if it does not refuse."""
        done = self.nix(*words, check=False)
        assert done.code != 0, f"not refused: nix {' '.join(words)}\n{done.out}{done.err}"
        return done.err.translate({ord(quote): None for quote in "'`‘’"})

    def copy(self, folder: Path) -> Flake:
        """Copy what git knows of this flake into an empty folder, in the state in which it is here."""
        for name in self._git("ls-files", "-z").split("\0"):
            if name and (self.folder / name).exists():
                (folder / name).parent.mkdir(parents=True, exist_ok=True)
                shutil.copy(self.folder / name, folder / name)
        copied = replace(self, folder=folder)
        copied._git("init", "-q")
        copied._git("add", "-A")
        return copied

    def change(self, name: str, *, old: str, new: str) -> None:
        """Exchange one piece of a file of a copy; it must be there once. An empty `old` makes a new file."""
        assert self.folder != ROOT, "change a copy"
        text = (self.folder / name).read_text() if old else ""
        assert not old or text.count(old) == 1, f"{name} has {old!r} {text.count(old)} times"
        (self.folder / name).write_text(text.replace(old, new) if old else new)
        self._git("add", "--", name)

    def append(self, name: str, text: str) -> None:
        """Add to the end of a file of a copy."""
        self.change(name, old="", new=(self.folder / name).read_text() + text)

    def _git(self, *words: str) -> str:
        """Run git on this flake: Nix sees only what it knows."""
        return LocalRunner().run(["git", *words], timeout=60, env=environment(), cwd=self.folder).out
