"""The only place that reads and writes, from the host, below a folder that a cell can write to.

Root in a container that is shown the cell's root can put a link where the harness, which is root on the host, is about
to read or write. Every path is therefore opened by the kernel below its root (openat2(2), Linux 5.6), which refuses a
link instead of following it; the rest is done relative to what was opened.
"""

from __future__ import annotations

import contextlib
import ctypes
import errno
import os
import secrets
import shutil
import stat
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from recipeci.errors import HostError, OpFailed

READABLE = 1024 * 1024
"""Bytes: no file that the harness reads there is larger."""
_OPENAT2 = 437
"""The same number on every architecture (asm-generic/unistd.h)."""
_NO_MAGICLINKS, _NO_SYMLINKS, _BENEATH = 0x02, 0x04, 0x08
_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC
_FILE = os.O_RDONLY | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC
_OF_ANOTHER_KIND = frozenset({errno.ENOTDIR, errno.EISDIR, errno.ENOTEMPTY, errno.EEXIST, errno.EAGAIN, errno.ENXIO})
"""What the kernel says of a folder where a file was, and the other way round; of a lease; of a socket."""
_libc = ctypes.CDLL(None, use_errno=True)


class _How(ctypes.Structure):
    """struct open_how."""

    _fields_ = (("flags", ctypes.c_uint64), ("mode", ctypes.c_uint64), ("resolve", ctypes.c_uint64))


@dataclass(frozen=True)
class Below:
    """What lies below `root`, a folder that is itself out of the cell's reach.

    Every method takes a path below it, and raises OpFailed where a link is in the way, or something of another kind:
    only what runs in the cell can have put it there.
    """

    root: Path

    def read(self, path: Path, *, at_most: int = READABLE, inner_links: bool = False) -> bytes:
        """Read a plain file; `inner_links` follows links that stay below `root`, as a recipe's own tree may hold.

        Raises:
            FileNotFoundError: it is not there.
            OpFailed: it is no plain file, is larger than `at_most` bytes, or a link is in the way.
        """
        data = self.head(path, size=at_most + 1, inner_links=inner_links)
        if len(data) > at_most:
            raise OpFailed(f"{path} is larger than {at_most} bytes")
        return data

    def head(self, path: Path, *, size: int, inner_links: bool = False) -> bytes:
        """Read the first `size` bytes of a plain file; raises as `read` does."""
        with self._opened(path, _FILE, inner_links=inner_links) as file:
            if not stat.S_ISREG(os.fstat(file).st_mode):
                raise OpFailed(f"{path} is no plain file any more: something in the cell replaced it")
            with open(file, "rb", closefd=False) as opened:
                return opened.read(size)

    @contextlib.contextmanager
    def held_socket(self, path: Path) -> Iterator[Path]:
        """Hold a socket: yield a path by which it is connected to, whatever stands in its place later."""
        with self._opened(path, os.O_PATH | os.O_CLOEXEC) as file:
            if not stat.S_ISSOCK(os.fstat(file).st_mode):
                raise OpFailed(f"{path} is no socket any more: something in the cell replaced it")
            yield Path(f"/proc/{os.getpid()}/fd/{file}")

    def is_file(self, path: Path, *, inner_links: bool = False) -> bool:
        """Return whether a plain file is there; not of what a link leads to."""
        try:
            with self._opened(path, os.O_PATH | os.O_CLOEXEC, inner_links=inner_links) as file:
                return stat.S_ISREG(os.fstat(file).st_mode)
        except (FileNotFoundError, OpFailed):
            return False

    def write(self, path: Path, data: bytes, *, mode: int = 0o600, owner: int | None = None) -> None:
        """Put a new file where `path` is, whatever is there now; the folder must be there."""
        fresh = f".{path.name}.{secrets.token_hex(4)}"
        with self._opened(path.parent, _FOLDER) as folder:
            file = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600, dir_fd=folder)
            with open(file, "wb") as opened:  # noqa: PTH123 - a descriptor
                opened.write(data)
                os.fchmod(file, mode)
                if owner is not None:
                    os.fchown(file, owner, owner)
            with _replaced(path):
                _moved(fresh, path.name, folder)

    def make_folder(self, path: Path, *, mode: int) -> None:
        """Have a folder there with exactly this mode, whatever our umask is; the one above must be there."""
        with self._opened(path.parent, _FOLDER) as above, contextlib.suppress(FileExistsError):
            os.mkdir(path.name, dir_fd=above)
        with self._opened(path, _FOLDER) as folder:
            os.fchmod(folder, mode)

    @contextlib.contextmanager
    def own_folder(self, above: Path, *, owner: int) -> Iterator[Path]:
        """Have a folder of a user's own in the folder `above`, until the block ends."""
        name = f"child-{secrets.token_hex(4)}"
        with self._opened(above, _FOLDER) as there:
            os.mkdir(name, 0o700, dir_fd=there)
            os.chown(name, owner, owner, dir_fd=there, follow_symlinks=False)
            try:
                yield above / name
            finally:
                shutil.rmtree(name, ignore_errors=True, dir_fd=there)

    def remove_tree(self, path: Path) -> None:
        """Remove a folder with all that is in it, if it is there."""
        with contextlib.suppress(FileNotFoundError), self._opened(path.parent, _FOLDER) as above:
            shutil.rmtree(path.name, dir_fd=above)

    @contextlib.contextmanager
    def _opened(self, path: Path, flags: int, *, inner_links: bool = False) -> Iterator[int]:
        """Open what is at a path, below the root."""
        with contextlib.ExitStack() as stack:
            root = os.open(self.root, os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
            stack.callback(os.close, root)
            resolve = _BENEATH | _NO_MAGICLINKS | (0 if inner_links else _NO_SYMLINKS)
            file = _open(root, str(path.relative_to(self.root)), flags, resolve)
            stack.callback(os.close, file)
            yield file


@contextlib.contextmanager
def _replaced(path: Path) -> Iterator[None]:
    """Blame the cell for something of another kind where a file of ours was."""
    try:
        yield
    except OSError as error:
        if error.errno not in _OF_ANOTHER_KIND:
            raise
        raise OpFailed(f"{path} is of another kind now: something in the cell replaced it") from error


def _moved(fresh: str, name: str, folder: int) -> None:
    """Move a new file to its place in a folder; where that fails it goes."""
    try:
        os.rename(fresh, name, src_dir_fd=folder, dst_dir_fd=folder)
    except OSError:
        os.unlink(fresh, dir_fd=folder)
        raise


def _open(root: int, path: str, flags: int, resolve: int) -> int:
    """Call openat2."""
    how = _How(flags, 0, resolve)
    opened: int = _libc.syscall(_OPENAT2, root, os.fsencode(path), ctypes.byref(how), ctypes.sizeof(how))
    if opened >= 0:
        return opened
    code = ctypes.get_errno()
    if code in {errno.ELOOP, errno.EXDEV}:
        raise OpFailed(f"{path} leads elsewhere: something in the cell put a link in its way")
    if code in _OF_ANOTHER_KIND:
        raise OpFailed(f"{path} is of another kind now: something in the cell replaced it")
    if code in {errno.ENOSYS, errno.EPERM}:
        raise HostError("the kernel has no openat2", hint="Linux 5.6 or later, and no filter that forbids it")
    raise OSError(code, os.strerror(code), path)
