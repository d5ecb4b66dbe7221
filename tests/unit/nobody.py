"""A user without any rights beside root, as a taken-over service is one: what it does is done by the kernel's rules."""

from __future__ import annotations

import contextlib
import os
import shutil
import tempfile
import traceback
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

NOBODY = 65534
NEEDS_ROOT = pytest.mark.skipif(os.geteuid() != 0, reason="two users are needed, so root")


def as_nobody(do: Callable[[], object]) -> None:
    """Do something in a child that has given up root for good; what it raises is printed, and fails the test."""
    child = os.fork()
    if child == 0:
        try:
            os.setgroups([])
            os.setresgid(NOBODY, NOBODY, NOBODY)
            os.setresuid(NOBODY, NOBODY, NOBODY)
            do()
        except BaseException:  # noqa: BLE001 - a child of a test must never go on with the tests
            traceback.print_exc()
            os._exit(1)
        os._exit(0)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0


@contextlib.contextmanager
def host() -> Iterator[Path]:
    """Make a folder that all may look into (pytest's own are for root alone), with `lib` in it that is nobody's."""
    folder = Path(tempfile.mkdtemp(prefix="recipeci-host-"))
    try:
        folder.chmod(0o755)
        (folder / "lib").mkdir(mode=0o755)
        os.chown(folder / "lib", NOBODY, NOBODY)
        yield folder
    finally:
        shutil.rmtree(folder)
