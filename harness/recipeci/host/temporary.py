"""The only place that makes temporary folders and files, where whoever clears up finds what killed ones left.

The maker of a folder holds a lock on it, which the kernel frees however the maker ends: without one it is nobody's.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import tempfile
from collections.abc import Iterator
from contextlib import AbstractContextManager
from pathlib import Path
from typing import IO

from recipeci.errors import CommandFailed
from recipeci.host.command import LocalRunner

PREFIX = "recipeci-tmp-"
SYSTEM = Path("/tmp")  # noqa: S108 - whatever TMPDIR says: whoever clears up has another one
"""Where every user may write."""
REMOVE_SECONDS = 300.0


def places(cache: Path | None) -> tuple[Path, ...]:
    """Return where what is no run's may be: the cache folder and those above it that are there, then the system's."""
    near = (cache, *cache.parents) if cache else ()
    # Where a user may not look is none of his places; a Path would raise.
    return tuple(path for path in (*near, SYSTEM) if os.path.isdir(path))  # noqa: PTH112


def near(cache: Path | None) -> AbstractContextManager[Path]:
    """Have a folder for what is no run's: in the cache folder, or where that would be made.

    Where a user may not write there (`--plan`, `doctor`), in the system's folder for temporary files.
    """
    return folder(*places(cache)[:1], SYSTEM)


@contextlib.contextmanager
def folder(*above: Path) -> Iterator[Path]:
    """Have a folder that we alone may enter until the end of the block, in the first of these that can hold one.

    What others left there who were killed goes first. Raises OSError if none of them can.
    """
    made, lock = _made(*above)
    try:
        yield made
    finally:
        with contextlib.suppress(CommandFailed):  # what stays has no lock any more, and is found
            _remove(made)
        os.close(lock)


def file(above: Path) -> AbstractContextManager[IO[bytes]]:
    """Have a file that we alone may read, by its `name`, until the block ends; `above` goes as a whole if we do not."""
    return tempfile.NamedTemporaryFile(prefix=PREFIX, dir=above)


def unnamed(above: Path) -> AbstractContextManager[IO[bytes]]:
    """Have a file without a name on the file system of `above`: nothing is left of it in any case."""
    return tempfile.TemporaryFile(dir=above)


def clear(above: Path) -> tuple[Path, ...]:
    """Remove the folders here that this user's processes left that were killed, and return them."""
    return tuple(path for path in sorted(above.glob(f"{PREFIX}*")) if _cleared(path))


def _made(first: Path, *others: Path) -> tuple[Path, int]:
    """Return a new folder, and the descriptor that holds its lock."""
    try:
        clear(first)
        while True:
            path = Path(tempfile.mkdtemp(prefix=PREFIX, dir=first))
            # Who clears up may have found it before we had its lock.
            if (lock := _lock(path)) is not None:
                return path, lock
    except OSError:
        if not others:
            raise
        return _made(*others)


def _cleared(path: Path) -> bool:
    """Remove a folder that is nobody's; say whether it is gone."""
    try:
        lock = _lock(path) if path.lstat().st_uid == os.geteuid() else None
        if lock is None:
            return False
        try:
            _remove(path)
        finally:
            os.close(lock)
    except (OSError, CommandFailed):  # something in it is still in use: the next one tries again
        return False
    return True


def _remove(path: Path) -> None:
    """Remove a folder by `rm`: names of a hostile repository may have made a tree that is too deep for Python's."""
    LocalRunner().run(["rm", "-rf", "--one-file-system", "--", str(path)], timeout=REMOVE_SECONDS)


def _lock(path: Path) -> int | None:
    """Return the descriptor that holds a folder's lock; None if somebody else has it, or the folder is gone."""
    with contextlib.ExitStack() as stack:
        try:
            opened = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC | os.O_NOFOLLOW)
            stack.callback(os.close, opened)
            fcntl.flock(opened, fcntl.LOCK_EX | fcntl.LOCK_NB)
            if not os.path.samestat(os.fstat(opened), path.lstat()):
                return None
        except (BlockingIOError, FileNotFoundError):
            return None
        stack.pop_all()
        return opened
