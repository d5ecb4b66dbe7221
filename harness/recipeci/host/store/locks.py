"""The only place that locks: one writer of the store, and for each image its borrowers against its removal.

The kernel frees a lock when the last process that holds its descriptor has ended, however it ended.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
from collections.abc import Callable, Iterator
from pathlib import Path

from recipeci.errors import HostError, WaitFailed
from recipeci.host.clock import Clock, until


@contextlib.contextmanager
def exclusive(path: Path, *, clock: Clock, timeout: float, waiting: Callable[[], None]) -> Iterator[int]:
    """Hold a lock alone; `waiting` is called once if somebody has it.

    Yields the descriptor, to be passed on to whoever must keep the lock after us. Raises HostError after `timeout` s.
    """
    fd = _open(path)
    try:
        if not _try(fd, fcntl.LOCK_EX):
            waiting()
            _wait(fd, fcntl.LOCK_EX, path=path, clock=clock, timeout=timeout)
        yield fd
    finally:
        os.close(fd)


@contextlib.contextmanager
def shared(path: Path, *, clock: Clock, timeout: float) -> Iterator[int]:
    """Hold a lock beside others, and note its use as the file's time.

    Yields the descriptor: a process that inherits it holds the lock too. Raises HostError after `timeout` s.
    """
    fd = _open(path)
    try:
        _wait(fd, fcntl.LOCK_SH, path=path, clock=clock, timeout=timeout)
        os.utime(fd)
        yield fd
    finally:
        os.close(fd)


def note_use(path: Path) -> None:
    """Note a use as the file's time, without a lock: whoever removes what was used longest ago looks at it."""
    fd = _open(path)
    try:
        os.utime(fd)
    finally:
        os.close(fd)


@contextlib.contextmanager
def alone(path: Path) -> Iterator[bool]:
    """Try to hold a lock alone, without waiting; yields whether it could be had."""
    fd = _open(path)
    try:
        yield _try(fd, fcntl.LOCK_EX)
    finally:
        os.close(fd)


def _open(path: Path) -> int:
    path.parent.mkdir(parents=True, exist_ok=True)
    return os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)


def _try(fd: int, operation: int) -> bool:
    try:
        fcntl.flock(fd, operation | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _wait(fd: int, operation: int, *, path: Path, clock: Clock, timeout: float) -> None:
    try:
        until(
            lambda: _try(fd, operation), bool, what=f"lock {path}", clock=clock, timeout=timeout, delay=0.1, successes=1
        )
    except WaitFailed as error:
        raise HostError(f"{path} has been locked by another run for {timeout:.0f} s") from error
