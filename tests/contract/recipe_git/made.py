"""The only place that makes repositories of recipes by git, the way a maintainer does, and clones them by ours."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from recipeci.host.clone import Clone
from recipeci.host.command import LocalRunner
from recipeci.host.git import clone, source_of
from recipeci.model import Commit

FORGE = "https://forge.invalid/org"
ENV = {
    "PATH": os.defpath,
    "HOME": "/nonexistent",
    "GIT_CONFIG_NOSYSTEM": "1",
    "GIT_CONFIG_GLOBAL": "/dev/null",
    **{f"GIT_{who}_{what}": "maker@test" for who in ("AUTHOR", "COMMITTER") for what in ("NAME", "EMAIL")},
}
runner = LocalRunner()


@dataclass(frozen=True)
class Made:
    """A repository made on the spot, the way a maintainer makes it."""

    folder: Path

    def git(self, *args: str) -> str:
        return runner.run(["git", *args], timeout=120, env=ENV, cwd=self.folder).out.strip()

    def write(self, path: str, text: str) -> None:
        file = self.folder / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)

    def commit(self, text: str) -> Commit:
        self.git("add", "--all")
        self.git("commit", "--quiet", "--allow-empty", "-m", text)
        return Commit(self.git("rev-parse", "HEAD"))

    def snapshot(self) -> dict[str, bytes]:
        files = (path for path in self.folder.rglob("*") if path.is_file() and not path.is_symlink())
        return {str(path): path.read_bytes() for path in files}


def cloned(made: Made, into: Path, *, given: str | None = None) -> Clone:
    return clone(runner, source_of(given or str(made.folder), recipe="x", forge=FORGE), into)
