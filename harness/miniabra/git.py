"""The only place that runs git, and only in the recipe's checkout: what it holds is never taken as configuration."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from miniabra import command
from miniabra.environment import Environment
from miniabra.errors import Fatal

SMALL_SHA = 8
ALONE = {
    "GIT_CONFIG_NOSYSTEM": "1",
    "GIT_CONFIG_GLOBAL": "/dev/null",
    "GIT_TERMINAL_PROMPT": "0",
    "GIT_OPTIONAL_LOCKS": "0",
}


@dataclass(frozen=True)
class Git:
    """The repository in a folder."""

    folder: Path
    environment: Environment

    def checkout(self, ref: str) -> None:
        """Move HEAD, detached, and the working tree to a tag or commit."""
        self._git("checkout", "--quiet", "--detach", self.commit_of(ref), "--")

    def commit_of(self, ref: str) -> str:
        """Return the full sha of a tag, or of a commit by some of its digits.

        Raises Fatal if there is neither.
        """
        for name in (f"refs/tags/{ref}", ref):
            found = self._try("rev-parse", "--verify", "--quiet", "--end-of-options", f"{name}^{{commit}}")
            if found.code == 0:
                return found.out.strip()
        raise Fatal(f"{self.folder.name}: no version or commit {ref}")

    def fetch(self) -> None:
        """Bring what `origin` has, tags included."""
        self._git("fetch", "--quiet", "--tags", "origin")

    def is_clean(self) -> bool:
        """Tell whether nothing is changed, staged or untracked; ignored files do not count."""
        return not self._git("status", "--porcelain", "--untracked-files=all")

    def small_sha(self) -> str:
        """Return the first eight digits of HEAD."""
        return self.commit_of("HEAD")[:SMALL_SHA]

    def tags(self) -> dict[str, bool]:
        """Return each tag, and whether it is annotated."""
        lines = self._git("for-each-ref", "refs/tags", "--format=%(objecttype) %(refname:strip=2)").splitlines()
        return {name: kind == "tag" for kind, _, name in (line.partition(" ") for line in lines)}

    def _git(self, *args: str) -> str:
        done = self._try(*args)
        if done.code:
            raise Fatal(f"{self.folder.name}: git {args[0]}: {done.reason}")
        return done.out

    def _try(self, *args: str) -> command.Done:
        options = [
            "-c",
            f"safe.directory={self.folder}",
            "-c",
            "core.hooksPath=/dev/null",
            "-c",
            "core.fsmonitor=false",
        ]
        env = {**self.environment.for_children, **ALONE}
        return command.run(["git", *options, *args], env=env, path=self.environment.path, cwd=self.folder)
