"""The only place that makes folders of tests beside the image store, and removes those that killed tests left."""

from __future__ import annotations

import contextlib
import fcntl
import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from lab import prepare

MOUNTS = Path("/proc/self/mountinfo")
PLACE = 4
"""The field of a line of that file which has where something is mounted."""


@contextlib.contextmanager
def beside_the_store(prefix: str = "", *, above: Path | None = None) -> Iterator[Path]:
    """Have a folder that can hold cells: on the image store's file system, with a short path; then it is gone.

    It is locked as long as this process lives: what nobody holds is of a test that was killed, and goes now.

    Args:
        prefix: how its name begins.
        above: where folders of tests are, if not in the cache folder.
    """
    above = above or prepare.cache_folder() / "tests"
    above.mkdir(parents=True, exist_ok=True, mode=0o755)
    with _locked(above):
        _remove_what_nobody_holds(above)
        made = Path(tempfile.mkdtemp(dir=above, prefix=prefix))
        held = _open(made)
        fcntl.flock(held, fcntl.LOCK_EX)
    try:
        yield made
    finally:
        with _locked(above):  # or somebody finds it half gone, and nobody's
            shutil.rmtree(made)
            os.close(held)


@contextlib.contextmanager
def _locked(folder: Path) -> Iterator[None]:
    """Have what others do here wait: a folder that was made a moment ago has no lock yet."""
    held = _open(folder)
    try:
        fcntl.flock(held, fcntl.LOCK_EX)
        yield
    finally:
        os.close(held)


def _remove_what_nobody_holds(above: Path) -> None:
    mounts = [Path(line.split()[PLACE]) for line in MOUNTS.read_text().splitlines()]
    for folder in above.iterdir():
        if not any(mount.is_relative_to(folder) for mount in mounts) and _is_nobodys(folder):
            shutil.rmtree(folder, onerror=_but_what_is_gone)


def _but_what_is_gone(_remove: object, _path: str, error: Any) -> None:  # noqa: ANN401 - of sys.exc_info
    """Pass over what somebody else removes meanwhile: a test that has killed another's owner clears up after it."""
    if not isinstance(error[1], FileNotFoundError):
        raise error[1]


def _is_nobodys(folder: Path) -> bool:
    try:
        held = _open(folder)
    except FileNotFoundError:
        return False
    try:
        fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    finally:
        os.close(held)
    return True


def _open(folder: Path) -> int:
    return os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
