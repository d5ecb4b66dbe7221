"""The only place that pytest meets the harness in: fixtures for authors, and each test's outcome over the channel.

It is the plugin of one suite's child process. What it says is compared with a separate collection, with JUnit and with
the exit code (`run/agreement`), because an author's code runs in this process too.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest

from recipeci.author import state
from recipeci.author.app import App, Recipe
from recipeci.author.channel import Channel
from recipeci.op_state import OpState
from recipeci.redact import cutting

WORDS = 8000
"""Characters of a failure that are told: its begin and its end."""
OURS = ("app", "op", "recipe")
AVAILABLE = "available fixtures: "
"""How pytest begins its list of them."""

NO_OTHERS = "PYTEST_DISABLE_PLUGIN_AUTOLOAD"
"""pytest's variable: what plugins are installed besides changes no outcome, and costs a suite half of its start."""
GIVEN = pytest.StashKey["Told"]()


@pytest.fixture(scope="session")
def app(request: pytest.FixtureRequest) -> App:
    """The deployed app."""
    return request.config.stash[GIVEN].app


@pytest.fixture(scope="session")
def op() -> OpState:
    """What the newest op did: frozen; an error, never a skip, where the harness says nothing."""
    return state.op_state(Path(os.environ[state.OP_STATE]))


@pytest.fixture(scope="session")
def recipe(request: pytest.FixtureRequest) -> Recipe:
    """The recipe under test."""
    return request.config.stash[GIVEN].recipe


class Told:
    """What the fixtures give, and what is told of one suite."""

    def __init__(self, channel: Channel, app: App, recipe: Recipe) -> None:
        """Take the way to the harness, and what the fixtures give."""
        self._channel = channel
        self.app = app
        self.recipe = recipe

    def pytest_configure(self, config: pytest.Config) -> None:
        """Let the fixtures find it; plugins are loaded by now, and an author's environment is as documented."""
        del os.environ[NO_OTHERS]
        config.stash[GIVEN] = self

    @pytest.hookimpl(trylast=True)
    def pytest_collection_finish(self, session: pytest.Session) -> None:
        """Say which tests there are."""
        self._channel.send({"say": "collected", "ids": [item.nodeid for item in session.items]})

    def pytest_collectreport(self, report: pytest.CollectReport) -> None:
        """Say what could not be collected."""
        if report.failed:
            self._channel.send({"say": "problem", "words": _words(report)})

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Say how one phase of a test went: setup, call or teardown."""
        self._channel.send(
            {
                "say": "report",
                "id": report.nodeid,
                "when": report.when,
                "outcome": report.outcome,
                "seconds": report.duration,
                "words": "" if report.passed else _words(report),
            }
        )

    @pytest.hookimpl(trylast=True)
    def pytest_sessionfinish(self, exitstatus: int) -> None:
        """Say how the session ended."""
        self._channel.send({"say": "ended", "status": int(exitstatus)})


def _words(report: pytest.CollectReport | pytest.TestReport) -> str:
    """Return why a test did not pass: the error's own line first, then its traceback; of a skip the reason."""
    said: Any = report.longrepr
    if isinstance(said, tuple):
        return str(said[2]).removeprefix("Skipped: ")
    if reason := getattr(report, "wasxfail", ""):
        return f"expected to fail: {reason}"
    if said_of_fixture := getattr(said, "errorstring", ""):
        return cutting.ends(f"{_of_fixture(said_of_fixture)}\n\n{report.longreprtext}".strip(), WORDS)
    crash = getattr(said, "reprcrash", None)
    errors = [line[1:].strip() for line in report.longreprtext.splitlines() if line.startswith("E ")]
    first = (crash.message.splitlines() if crash else errors[-1:]) or [""]
    return cutting.ends(f"{first[0]}\n\n{report.longreprtext}".strip(), WORDS)


def _of_fixture(said: str) -> str:
    """Return on one line what pytest says of a fixture that a test cannot have, and which there are: ours first."""
    first, *more = (line.strip() for line in said.splitlines())
    listed = next((line.removeprefix(AVAILABLE) for line in more if line.startswith(AVAILABLE)), "")
    there = sorted(filter(None, listed.split(", ")), key=lambda name: (name not in OURS, name))
    return f"{first}; there are: {', '.join(there)}" if there else first
