"""What all tests share: one seed for what is random in them, printed, and given to every worker.

Being here also makes `tests/` importable, so that `lab`, `mutants` and `e2e` can be named from any test.
"""

from __future__ import annotations

import ctypes
import os
import secrets
import signal
from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from lab.gitea import LabGitea

SEED = "RECIPECI_SEED"
PR_SET_CHILD_SUBREAPER = 36
NO_GITEA = "no Gitea here"
"""How the reason begins why a test of it is skipped."""
collect_ignore = ["canaries", "lab", "recipes"]
"""What authors of recipes write: run by the program under test, never by ourselves."""
LONGEST = (
    "kill_9_at_random_moments",
    "test_soak",
    "restore-unusable",
    "slow-start",
    "test_doctor_abra",
    "test_contract_suite",
    "test_docs_operating",
    "test_docs_enroll",
    "test_docs_testing",
    "app-404",
    "test_notes",
    "lying-health",
    "test_killed",
    "test_habits",
    "test_custom_html",
)
"""Tests of a minute or so, the longest first: what is begun last is what everybody waits for in the end."""


def pytest_configure() -> None:
    """Choose the seed before workers are started: they inherit the environment, and what is ignored."""
    os.environ.setdefault(SEED, str(secrets.randbelow(10**6)))
    if signal.getsignal(signal.SIGHUP) is signal.SIG_IGN:  # `nohup make test`: what tests start must not be told so
        signal.signal(signal.SIGHUP, lambda *_: None)


def pytest_report_header() -> str:
    """Print the seed, with which the same moments come again."""
    return f"seed: {SEED}={os.environ[SEED]}"


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Deal the long tests to the workers, each of which begins with one equal part of the list."""
    workers = int(os.environ.get("PYTEST_XDIST_WORKER_COUNT", "1"))
    long = sorted((item for item in items if _rank(item) is not None), key=lambda item: _rank(item) or 0)
    short = [item for item in items if _rank(item) is None]
    size, parts = len(items) // workers, []
    for worker in range(workers):
        own = long[worker::workers]
        rest = len(short) if worker == workers - 1 else max(0, size - len(own))
        parts += [*own, *short[:rest]]
        del short[:rest]
    items[:] = parts


def _rank(item: pytest.Item) -> int | None:
    """Return the place of a long test in LONGEST; after those come all others of the whole program."""
    place = next((place for place, name in enumerate(LONGEST) if name in item.nodeid), None)
    return len(LONGEST) if place is None and "/e2e/" in item.nodeid else place


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


@pytest.fixture(scope="session")
def gitea_is_built() -> None:
    """The program of the real Gitea; what needs it is skipped where there is no Go to build it."""
    from lab import giteabuild  # noqa: PLC0415 - most tests need none of it

    try:
        giteabuild.ensure(say=print)
    except giteabuild.NoToolchain as e:
        pytest.skip(f"{NO_GITEA}: {e}")


@pytest.fixture(scope="session")
def gitea(gitea_is_built: None) -> Iterator[LabGitea]:  # noqa: ARG001 - a condition
    """A real Gitea, one for each process of tests."""
    from lab import gitea  # noqa: PLC0415 - as above

    with gitea.running() as lab:
        yield lab


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Say in one line that the real Gitea was not there, if so."""
    reasons = [str(report.longrepr) for report in terminalreporter.stats.get("skipped", [])]
    if without := [reason for reason in reasons if NO_GITEA in reason]:
        why = without[0].partition(f"{NO_GITEA}: ")[2].rstrip("')")
        terminalreporter.write_line(f"not tested: the real Gitea ({why}): {len(without)} tests skipped", yellow=True)
