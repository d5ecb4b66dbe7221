"""The only place that knows the host's faults by their words: what looks like the recipe's failure and is not.

Only words of Docker's or of abra's are held against them, never what an app or its health check printed. An image that
is not there is none of them: all that the compose files name were ensured before the cell was made.
"""

from __future__ import annotations

import contextlib
import errno
import os
import re
from collections.abc import Iterator
from pathlib import Path

from recipeci.errors import HostError
from recipeci.host.stackstate import StackState

NO_SPACE = "no space left on device"
LITTLE_BYTES = 10**9
"""With more free space than this it was not the host's disk that was full, but a quota or a tmpfs of the recipe's."""
LEAST_BYTES = 5 * 10**6
"""With less free space nothing that is waited for can come: neither an app nor Docker can write."""
FULL = frozenset({errno.ENOSPC, errno.EDQUOT})
HINT = "it is not the recipe's fault; the run can be repeated"
FAULTS = {
    NO_SPACE: re.compile(r"no space left on device|ENOSPC", re.IGNORECASE),
    "no free service address": re.compile(r"could not find an available IP|VIP exhaust", re.IGNORECASE),
    "registry refuses": re.compile(
        r"toomanyrequests|too many requests|received unexpected HTTP status: 5\d\d", re.IGNORECASE
    ),
    "Docker is gone": re.compile(r"Cannot connect to the Docker daemon|rpc error: code = Unavailable", re.IGNORECASE),
}


def free_bytes(folder: Path) -> int:
    """Return the free space of a folder's file system, in bytes."""
    found = os.statvfs(folder)
    return found.f_bavail * found.f_frsize


def fault(words: str, *, free: int) -> str:
    """Return the name of the host's fault that these words tell of, or nothing; `free` is the disk's space in bytes."""
    found = (name for name, pattern in FAULTS.items() if pattern.search(words))
    return next((name for name in found if name != NO_SPACE or free < LITTLE_BYTES), "")


def blame(words: str, *, free: int) -> None:
    """Raise HostError if these words tell of a fault of the host's; `free` is the disk's space in bytes."""
    if name := fault(words, free=free):
        raise HostError(f"{name}: {words}", hint=HINT)


def blame_disk(folder: Path) -> None:
    """Raise HostError if the disk that a folder is on is full."""
    if (free := free_bytes(folder)) < LEAST_BYTES:
        raise HostError(f"{NO_SPACE}: {free / 10**6:.1f} MB are free in {folder}", hint=HINT)


@contextlib.contextmanager
def disks_fault() -> Iterator[None]:
    """Turn the system's error of a full disk, met by whatever we write ourselves, into the host's fault."""
    try:
        yield
    except OSError as e:
        if e.errno not in FULL:
            raise
        raise HostError(f"{NO_SPACE}{f': {e.filename}' if e.filename else ''}", hint=HINT) from e


def blame_tasks(state: StackState, guilty: str, *, since: float, free: int) -> None:
    """Raise HostError if Docker's words of the guilty service's tasks (of all, if none is) tell of the host's fault.

    Tasks that were made before `since` (epoch seconds) are no news. What health checks printed is not asked.
    """
    service = state.service(guilty)
    for task in state.tasks_of(service) if service else state.tasks:
        if task.created >= since:
            blame(task.error, free=free)
