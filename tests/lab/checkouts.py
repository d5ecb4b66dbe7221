"""The only place that changes a clone and pushes it, as its owner would."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from recipeci.host.command import BASE_ENV, LocalRunner

AUTHOR = {
    f"GIT_{role}_{key}": value
    for role in ("AUTHOR", "COMMITTER")
    for key, value in (("NAME", "Lab"), ("EMAIL", "lab@example.org"))
}
GIT_SECONDS = 180.0


@dataclass(frozen=True)
class Checkout:
    """Somebody's clone: files are written, committed, pushed."""

    path: Path

    def commit(self, files: Mapping[str, str], *, branch: str = "", amend: bool = False) -> str:
        """Write files and commit them, on a new branch if one is named; return the commit's sha."""
        if branch:
            self.git("checkout", "--quiet", "-b", branch)
        for name, text in files.items():
            (self.path / name).write_text(text)
        self.git("add", "--all")
        self.git("commit", "--quiet", "--message", "feat: a change", *(["--amend"] if amend else []))
        return self.git("rev-parse", "HEAD").strip()

    def push(self, address: str, *what: str, force: bool = False) -> None:
        """Push branches and tags."""
        self.git("push", "--quiet", *(["--force"] if force else []), address, *what)

    def git(self, *words: str) -> str:
        """Run git; return what it prints."""
        none = {"GIT_CONFIG_GLOBAL": "/dev/null", "GIT_CONFIG_NOSYSTEM": "1", "GIT_TERMINAL_PROMPT": "0"}
        env = {**BASE_ENV, **AUTHOR, **none}
        return LocalRunner().run(["git", *words], timeout=GIT_SECONDS, env=env, cwd=self.path).out


def checkout(path: Path) -> Checkout:
    """Make a repository with one commit on `main`."""
    path.mkdir()
    made = Checkout(path)
    made.git("init", "--quiet", "--initial-branch=main")
    made.commit({"README.md": "a recipe\n"})
    return made
