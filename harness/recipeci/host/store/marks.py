"""The only place that knows which layers hide something of the layers below: those cannot be lent by a mount.

A layer is lent as an overlay mount without upper folder, and such a mount shows neither whiteouts nor opaque folders:
what the layer deleted would be back. The kernel also calls a folder opaque that is simply new; it counts only if a
lower layer has that path.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from recipeci.host import temporary

HIDES = frozenset({"trusted.overlay.opaque", "trusted.overlay.redirect", "trusted.overlay.metacopy"})


def record(folder: Path, *, diffs: Sequence[tuple[str, Path]]) -> None:
    """Note for each layer of one image whether it is marked; what is noted already is not looked at again.

    Args:
        folder: where the notes are kept, one file a layer.
        diffs: (cache id, `diff` folder) from the lowest layer up.
    """
    for index, (cache_id, diff) in enumerate(diffs):
        if not (folder / cache_id).exists():
            below = [lower for _, lower in diffs[:index]]
            _write(folder / cache_id, "marked" if is_marked(diff, below) else "plain")


def is_noted_as_marked(folder: Path, cache_id: str) -> bool:
    """Return the note of a layer; raises FileNotFoundError if there is none."""
    return (folder / cache_id).read_text() == "marked"


def is_marked(diff: Path, below: Iterable[Path]) -> bool:
    """Return True if the layer deletes or replaces something that a layer below has."""
    lower = tuple(below)
    return any(os.path.lexists(layer / path) for path in _hiding(diff) for layer in lower)


def _hiding(diff: Path) -> Iterator[str]:
    """Yield the paths, relative to the layer, of whiteouts and opaque folders."""
    for folder, folders, files in os.walk(diff):
        for name in files:
            path = os.path.join(folder, name)  # noqa: PTH118 - thousands of files; a Path each is slow
            if _is_whiteout(path):
                yield os.path.relpath(path, diff)
        for name in folders:
            path = os.path.join(folder, name)  # noqa: PTH118 - as above
            if not HIDES.isdisjoint(os.listxattr(path, follow_symlinks=False)):
                yield os.path.relpath(path, diff)


def _is_whiteout(path: str) -> bool:
    found = os.lstat(path)
    return stat.S_ISCHR(found.st_mode) and found.st_rdev == 0


def _write(file: Path, text: str) -> None:
    """Write a note whole or not at all."""
    file.parent.mkdir(exist_ok=True)
    with temporary.folder(file.parent) as own:
        (own / file.name).write_text(text)
        (own / file.name).replace(file)
