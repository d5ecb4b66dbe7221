"""The only place that knows a recipe's checkout: its versions, where it stands, its sample and its exports."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from miniabra import envfile
from miniabra.environment import Environment
from miniabra.errors import Fatal
from miniabra.git import Git

VERSION = re.compile(r"(\d+)\.(\d+)\.(\d+)(?:\+(.+))?\Z")
DIGITS = re.compile(r"(\d+)")
EXPORT = re.compile(
    r"""export\s+(?P<key>\w+)=(?:(?P<bare>[\w.:/@+-]*)|"(?P<double>[^"$`\\]*)"|'(?P<single>[^']*)')\s*(?:#.*)?\Z"""
)
DIRTY = "+U"


@dataclass(frozen=True)
class Recipe:
    """A recipe by its name; the folder's name is the same with dots and slashes replaced (other git hosts)."""

    name: str
    environment: Environment

    @property
    def folder(self) -> Path:
        """The checkout: one working tree for every app of this recipe (facts A-20)."""
        return self.environment.abra_dir / "recipes" / re.sub(r"[./]", "_", self.name)

    @property
    def git(self) -> Git:
        """The checkout's repository.

        Raises Fatal if there is none; miniabra clones nothing.
        """
        if not (self.folder / ".git").exists():
            raise Fatal(f"recipe {self.name} not found: {self.folder} is no git checkout")
        return Git(self.folder, self.environment)

    @property
    def sample(self) -> envfile.EnvFile:
        """What `.env.sample` says."""
        return envfile.read(self.folder / ".env.sample")

    @property
    def exports(self) -> Mapping[str, str]:
        """The literal `export KEY=value` lines of abra.sh; nothing of it is run."""
        script = self.folder / "abra.sh"
        lines = script.read_text(errors="replace").splitlines() if script.exists() else []
        found = [match for line in lines if (match := EXPORT.match(line))]
        if not self.environment.habits.quoted_exports_count:
            found = [match for match in found if match["bare"]]
        return {match["key"]: match["bare"] or match["double"] or match["single"] or "" for match in found}

    def versions(self) -> tuple[str, ...]:
        """Return the version tags, oldest first; tags that are no versions are skipped."""
        return tuple(sorted((tag for tag in self.git.tags() if VERSION.match(tag)), key=_order))

    def latest(self) -> str | None:
        """Return the newest version, None if nothing is published."""
        return next(reversed(self.versions()), None)

    def chaos_version(self) -> str:
        """Return what is checked out: eight digits, and `+U` if the tree is dirty, be it by an untracked file."""
        return self.git.small_sha() + ("" if self.git.is_clean() else DIRTY)

    def compose_files(self, env: Mapping[str, str]) -> tuple[Path, ...]:
        """Return the compose files that COMPOSE_FILE selects, `compose.yml` without one.

        Raises Fatal if one is not there: an older version may lack it (facts A-24).
        """
        files = tuple(self.folder / name for name in env.get("COMPOSE_FILE", "compose.yml").split(":") if name)
        if missing := [file.name for file in files if not file.is_file()]:
            raise Fatal(f"{self.name}: no compose file {', '.join(missing)}")
        return files

    def ensure(self, version: str | None, *, chaos: bool, offline: bool) -> None:
        """Bring the checkout to a version; with chaos leave it as it is, unlooked at (facts A-04).

        Raises Fatal if it is dirty, if the version is not there, or if `origin` does not answer and is to be asked.
        """
        git = self.git
        if chaos:
            return
        if not git.is_clean():
            ask = "has locally unstaged changes? please commit/remove your changes before proceeding"
            raise Fatal(f"{self.name} ({self.folder}) {ask}")
        if not offline:
            git.fetch()
        if version is not None:
            stripped = self.environment.habits.dirty_suffix_is_stripped
            git.checkout(version.removesuffix(DIRTY) if stripped else version)


def _order(version: str) -> tuple[tuple[int, ...], list[tuple[int, int | str]]]:
    """Order by the recipe's own part, then by the app's, its numbers as numbers."""
    found = VERSION.match(version)
    if found is None:
        raise Fatal(f"{version} is no version")
    parts = [part for part in DIGITS.split(found[4] or "") if part]
    return (
        tuple(int(number) for number in found.groups()[:3]),
        [(1, int(part)) if part.isdecimal() else (0, part) for part in parts],
    )
