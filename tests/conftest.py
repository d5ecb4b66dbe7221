"""What all tests share: one seed for what is random in them, printed, and given to every worker.

Being here also makes `tests/` importable, so that `lab`, `mutants` and `e2e` can be named from any test.
"""

from __future__ import annotations

import ctypes
import os
import secrets
from collections.abc import Iterator

import pytest

SEED = "RECIPECI_SEED"
PR_SET_CHILD_SUBREAPER = 36
collect_ignore = ["canaries", "lab", "recipes"]
"""What authors of recipes write: run by the program under test, never by ourselves."""


def pytest_configure() -> None:
    """Choose the seed before workers are started: they inherit the environment."""
    os.environ.setdefault(SEED, str(secrets.randbelow(10**6)))


def pytest_report_header() -> str:
    """Print the seed, with which the same moments come again."""
    return f"seed: {SEED}={os.environ[SEED]}"


@pytest.fixture(scope="session")
def seed() -> int:
    """The number that everything random in a test is made from."""
    return int(os.environ[SEED])


@pytest.fixture(autouse=True)
def orphans_go_to_init() -> Iterator[None]:
    """End what `e2e.leftovers.Watch` begins: orphans of a test that watches nothing must come to whoever buries them.

    This process buries none, and a cell ends only when the last of its dead is buried, also one of a killed program.
    """
    yield
    ctypes.CDLL(None).prctl(PR_SET_CHILD_SUBREAPER, 0, 0, 0, 0)
