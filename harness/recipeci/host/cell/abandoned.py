"""The only place that finds the cgroup directories of cells that are gone, and removes them.

A killed run's are reaped by its folder (`life.reap`). Where that is gone too nobody knows of them but the kernel.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from pathlib import Path

from recipeci.host.cell import cgroups, ground
from recipeci.host.clock import Clock

YOUNG_SECONDS = 60.0
"""A directory that is younger may be that of a cell whose first process is still to come."""


def names(*, clock: Clock) -> tuple[str, ...]:
    """Return the names of cells whose directories have no process in any tree, and are not young."""
    found: dict[str, list[Path]] = {}
    for parent in _parents():
        for folder in parent.glob(f"{cgroups.PREFIX}*/"):
            found.setdefault(folder.name.removeprefix(cgroups.PREFIX), []).append(folder)
    return tuple(sorted(name for name, folders in found.items() if _is_abandoned(folders, now=clock.epoch())))


def remove(name: str, *, clock: Clock) -> None:
    """Remove a cell's directories in all trees.

    Raises:
        HostError: a process is in one of them after all, or this user may not.
    """
    ground.remove_cgroups(_plan(name), clock)


def _plan(name: str) -> cgroups.CgroupPlan:
    return cgroups.plan(name, mounts=Path("/proc/self/mounts").read_text(), own=Path("/proc/self/cgroup").read_text())


def _parents() -> tuple[Path, ...]:
    """Return where cells' directories are made: in each tree of cgroup v1, or in the one of v2."""
    made = {folder for folder in _plan("any").folders if folder.name.startswith(cgroups.PREFIX)}
    return tuple(sorted({folder.parent for folder in made}))


def _is_abandoned(folders: Sequence[Path], *, now: float) -> bool:
    """Say whether nothing is in them; what goes away meanwhile or cannot be read is somebody's."""
    try:
        return not any(_is_used(folder, now=now) for folder in folders)
    except OSError:
        return False


def _is_used(folder: Path, *, now: float) -> bool:
    if now - folder.stat().st_mtime < YOUNG_SECONDS:
        return True
    return any((inner / "cgroup.procs").read_text() for inner in _with_inner(folder))


def _with_inner(folder: Path) -> Iterator[Path]:
    return (Path(top) for top, _, _ in os.walk(folder))
