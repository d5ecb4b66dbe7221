"""The only place that reads a file of a running container from outside, without a program of the container's.

The path is resolved by the kernel as if the container's root were `/` (openat2 with RESOLVE_IN_ROOT): a plain open of
`/proc/PID/root/…` would follow an absolute link of the container's to a file of the host's.
"""

from __future__ import annotations

import ctypes
import errno
import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path, PurePosixPath

_OPENAT2 = 437
"""The same on every architecture (Linux 5.6 and later)."""
_NO_MAGICLINKS, _IN_ROOT = 0x02, 0x10
_FLAGS = os.O_RDONLY | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC
_LIBC = ctypes.CDLL(None, use_errno=True)


class _OpenHow(ctypes.Structure):
    """struct open_how of linux/openat2.h."""

    _fields_ = (("flags", ctypes.c_uint64), ("mode", ctypes.c_uint64), ("resolve", ctypes.c_uint64))


def read(path: PurePosixPath, *, init: int, pid: int, limit: int) -> bytes:
    """Return what a regular file of a container holds.

    Args:
        path: the absolute path as the container sees it.
        init: the host's number of the cell's pid 1.
        pid: the cell's number of a process of the container.
        limit: bytes.

    Raises:
        OSError: the process or the file is gone, the path leads nowhere inside the container, it is no regular file
            (EINVAL), or it holds more than `limit` bytes (EFBIG).
    """
    return read_below(Path(f"/proc/{init}/root/proc/{pid}/root"), path, limit=limit)


def read_below(root: Path, path: PurePosixPath, *, limit: int) -> bytes:
    """Return what a regular file holds whose path is resolved with `root` as `/`; see `read`."""
    with _opened(root, os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC) as folder, _inside(folder, path) as file:
        if not stat.S_ISREG(os.fstat(file).st_mode):
            raise OSError(errno.EINVAL, "no regular file", str(path))
        data = b""
        while len(data) <= limit and (more := os.read(file, limit + 1 - len(data))):
            data += more
    if len(data) > limit:
        raise OSError(errno.EFBIG, f"more than {limit} bytes", str(path))
    return data


@contextmanager
def _opened(path: Path, flags: int) -> Iterator[int]:
    descriptor = os.open(path, flags)
    try:
        yield descriptor
    finally:
        os.close(descriptor)


@contextmanager
def _inside(folder: int, path: PurePosixPath) -> Iterator[int]:
    how = _OpenHow(flags=_FLAGS, mode=0, resolve=_IN_ROOT | _NO_MAGICLINKS)
    descriptor = _LIBC.syscall(_OPENAT2, folder, bytes(path), ctypes.byref(how), ctypes.sizeof(how))
    if descriptor < 0:
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()), str(path))
    try:
        yield descriptor
    finally:
        os.close(descriptor)
