"""The only place in the tests that looks for cgroup directories, on a machine where other tests' come and go."""

from __future__ import annotations

import fnmatch
import os
from pathlib import Path

ROOT = "/sys/fs/cgroup"


def named(pattern: str) -> list[Path]:
    """Return the cgroup directories whose name matches; a directory that vanishes meanwhile is passed over.

    `Path.glob` raises for one that vanishes; `os.walk` does not.
    """
    walked = os.walk(ROOT)
    return [Path(top) / name for top, names, _ in walked for name in names if fnmatch.fnmatch(name, pattern)]
