"""The only place in the tests that looks for cgroup directories, on a machine where other tests' come and go."""

from __future__ import annotations

import contextlib
import fcntl
import fnmatch
import os
from collections.abc import Iterator
from pathlib import Path

from lab import prepare

ROOT = "/sys/fs/cgroup"


def named(pattern: str) -> list[Path]:
    """Return the cgroup directories whose name matches; a directory that vanishes meanwhile is passed over.

    `Path.glob` raises for one that vanishes; `os.walk` does not.
    """
    walked = os.walk(ROOT)
    return [Path(top) / name for top, names, _ in walked for name in names if fnmatch.fnmatch(name, pattern)]


@contextlib.contextmanager
def alone() -> Iterator[None]:
    """Be the only test that sweeps the machine's directories, or has some which a sweep takes, until the block ends.

    `recipeci clean` takes those of every run that is gone, whatever cache folder it had: also another test's.
    """
    folder = prepare.cache_folder()
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    with (folder / "sweep.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield
