"""The only place that locks files: held by the process, freed by the kernel when it ends, however it ends."""

from __future__ import annotations

import contextlib
import fcntl
import os
from collections.abc import Iterator
from pathlib import Path


def file(path: Path) -> Path:
    """Return the path after making its folder."""
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    return path


@contextlib.contextmanager
def held(path: Path) -> Iterator[None]:
    """Hold a lock file until the end of the block; wait for it if another process has it."""
    descriptor = _acquire(path, fcntl.LOCK_EX)
    try:
        yield
    finally:
        os.close(descriptor)


@contextlib.contextmanager
def held_if_free(path: Path) -> Iterator[bool]:
    """Hold a lock file until the end of the block if nobody has it; whether it is held."""
    try:
        descriptor = _acquire(path, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        yield False
        return
    try:
        yield True
    finally:
        os.close(descriptor)


def _acquire(path: Path, how: int) -> int:
    """Return a descriptor that holds the lock on the file that the path names *now*.

    Who waited may have got the lock on a file that was removed meanwhile, so the inode is compared (incident F-06).
    The descriptor is not inherited: a child that outlives us would hold the lock (F-05).
    """
    while True:
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
        try:
            fcntl.flock(descriptor, how)
            if _is_same(path, descriptor):
                return descriptor
        except BaseException:
            os.close(descriptor)
            raise
        os.close(descriptor)


def _is_same(path: Path, descriptor: int) -> bool:
    """Tell whether the path still names the open file."""
    ours = os.fstat(descriptor)
    try:
        theirs = path.stat()
    except FileNotFoundError:
        return False
    return (ours.st_dev, ours.st_ino) == (theirs.st_dev, theirs.st_ino)
