"""The only place that gives up root for a while: in a folder of a user's root has no more rights than the user.

Root that opens files in another user's folder does what that user wants: a link, or a journal that SQLite finds there
and rolls back, names any file of the host. So what is done there is done under the file system user id of the folder's
owner. That is a thread's own: the others go on as root.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import stat
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from recipeci.errors import HostError, UsageError

_LIBC = ctypes.CDLL(None, use_errno=True)
_NOBODY = 0xFFFFFFFF
"""No user id: asked for it the kernel changes nothing, and says what is so now."""
_OF_FILES = sum(1 << number for number in (0, 1, 2, 3, 4, 9, 27, 32))
"""The capabilities that lift a file's protection, which the kernel takes with the user id (capabilities(7))."""
_OTHERS_MAY_WRITE = stat.S_IWGRP | stat.S_IWOTH
_ROOT = 0


@dataclass(frozen=True)
class Owner:
    """Whose a folder is."""

    uid: int
    gid: int

    @property
    def is_another(self) -> bool:
        """Whether we are root, and the folder is not root's."""
        return os.geteuid() == _ROOT and self.uid != _ROOT

    @contextlib.contextmanager
    def acting(self) -> Iterator[None]:
        """Have the rights of the owner where files are concerned, in this thread until the end of the block.

        Raises:
            HostError: they cannot be given up.
        """
        if not self.is_another:
            yield
            return
        gid, uid = _LIBC.setfsgid(_NOBODY), _LIBC.setfsuid(_NOBODY)
        try:
            _LIBC.setfsgid(self.gid)
            _LIBC.setfsuid(self.uid)
            if (_LIBC.setfsgid(_NOBODY), _LIBC.setfsuid(_NOBODY)) != (self.gid, self.uid):
                raise HostError(f"the rights of user {self.uid} cannot be taken on")
            yield
        finally:
            _LIBC.setfsuid(uid)
            _LIBC.setfsgid(gid)


def of(folder: Path, *, what: str) -> Owner:
    """Return whose a folder is; `what` it is for begins the sentence if it cannot be used.

    Root gives up its other groups for that, for good: the process's, and with it those of what it starts.

    Raises:
        UsageError: it is not there, is no folder or a link to one, or others than its owner may write in it.
        HostError: root cannot be given up.
    """
    try:
        found = folder.lstat()
    except FileNotFoundError:
        raise UsageError(f"{what}: the folder {folder} is not there", hint=f"mkdir {folder}") from None
    except OSError as e:
        raise UsageError(f"{what}: {folder}: {e.strerror}", hint="give another path") from e
    if not stat.S_ISDIR(found.st_mode):
        link = stat.S_ISLNK(found.st_mode)
        raise UsageError(f"{what}: {folder} is {'a link' if link else 'no folder'}", hint="write the folder's own path")
    if found.st_mode & _OTHERS_MAY_WRITE:
        msg = f"{what}: others than its owner may write in the folder {folder}"
        raise UsageError(msg, hint=f"chmod go-w {folder}")
    owner = Owner(found.st_uid, found.st_gid)
    _give_up_groups(owner)
    return owner


def _give_up_groups(owner: Owner) -> None:
    """Keep nothing that would let us do more than the owner, and see that nothing is kept."""
    if not owner.is_another:
        return
    try:
        if os.getgroups():
            os.setgroups([])
    except PermissionError as e:
        raise HostError("root's other groups cannot be given up here", hint=f"run it as user {owner.uid}") from e
    with owner.acting():
        status = Path("/proc/thread-self/status").read_text(encoding="utf-8")
    effective = next(line.split()[1] for line in status.splitlines() if line.startswith("CapEff:"))
    if int(effective, 16) & _OF_FILES:
        raise HostError("the rights of root cannot be given up here", hint=f"run it as user {owner.uid}")
