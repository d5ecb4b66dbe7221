"""The only place that says whether a snapshot's listing holds what was promised."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Protocol

from recipeci.recipe.coverage import Coverage, Promise

VOLUMES = PurePosixPath("/var/lib/docker/volumes")
"""Where the bot sees Docker's volumes, and so where snapshots have them (facts abra §6.3)."""
WHOLE = ""


class Listed(Protocol):
    """One entry of a snapshot."""

    @property
    def path(self) -> str:
        """The absolute path in the snapshot."""

    @property
    def kind(self) -> str:
        """What restic calls it: `file`, `dir`, `symlink` …."""

    @property
    def size(self) -> int:
        """In bytes; 0 of what is no file."""


@dataclass(frozen=True)
class Covered:
    """One promised path (empty: the whole volume), and what of it is in the snapshot.

    It is found if there is a file with something in it: a folder alone, or an empty file, brings nothing back.
    """

    promise: Promise
    path: str
    found: bool
    entries: int
    bytes: int


def root(volume: str) -> PurePosixPath:
    """Return where a snapshot has a volume, by the name that Docker knows it by."""
    return VOLUMES / volume / "_data"


def covered(coverage: Coverage, *, names: Mapping[str, str], listing: Iterable[Listed]) -> tuple[Covered, ...]:
    """Look each promised path up in a listing.

    Args:
        coverage: what is promised.
        names: the name that Docker knows each volume by (`Resource.name`), by its key in the compose file.
        listing: all entries of the snapshot.

    Raises:
        KeyError: a promised volume has no name.
    """
    entries = [(PurePosixPath(entry.path), entry) for entry in listing]
    return tuple(
        _look(promise, path, root(names[promise.volume]), entries)
        for promise in coverage.promises
        for path in promise.paths or (WHOLE,)
    )


def _look(promise: Promise, path: str, top: PurePosixPath, entries: list[tuple[PurePosixPath, Listed]]) -> Covered:
    """Count what lies at or below a path; one that leads out of its volume is never found."""
    wanted = top / path
    inside = wanted.is_relative_to(top) and ".." not in wanted.parts
    below = [entry for at, entry in entries if inside and at.is_relative_to(wanted)]
    size = sum(entry.size for entry in below if entry.kind == "file")
    return Covered(promise, path, found=size > 0, entries=len(below), bytes=size)
