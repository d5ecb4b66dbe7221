"""A worker with real runs in real cells: what it brings, and that of a cancelled or stopped run nothing is left."""

from __future__ import annotations

import contextlib
import json
import signal
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from lab import forge
from lab.repository import Built
from recipeci.host.clock import SystemClock, until
from recipeci.host.command import BASE_ENV, LocalRunner
from recipeci.model import Tier
from recipeci.service.engines.embedded import Embedded
from recipeci.service.following import Following
from recipeci.service.model import Asked, End, JobState, Repository, Request, State, key
from recipeci.service.store import Database, jobs, repositories, requests

from e2e.program import IMAGES, LONGEST, Recipeci, Running

pytestmark = pytest.mark.cell
CLOCK = SystemClock()


@dataclass
class Bridge:
    """A database, the loop that follows, and a worker beside it."""

    database: Database
    following: Following
    asked: Asked
    worker: Running

    def ask(self) -> int:
        """Open a request."""
        with self.database.writing() as tx:
            return requests.open_one(tx, self.asked, repository=7, now=CLOCK.epoch())

    def request(self, number: int) -> Request:
        """Return a request as it is now."""
        with self.database.reading() as tx:
            found = requests.find(tx, number)
        assert found is not None
        return found

    def log(self, number: int, attempt: int = 1) -> str:
        """Return what a run has said."""
        with self.database.reading() as tx:
            return jobs.log(tx, key(number, attempt))[1]

    def state(self, number: int, attempt: int = 1) -> JobState | None:
        """Return what the queue says of an attempt."""
        with self.database.reading() as tx:
            seen = jobs.sighting(tx, key(number, attempt))
        return None if seen is None else seen.state

    def wait(self, ready: Callable[[], bool], *, what: str) -> None:
        """Follow until something is so."""

        def look() -> bool:
            self.following.step()
            return ready()

        until(look, bool, what=what, clock=CLOCK, timeout=LONGEST, delay=0.05, successes=1)

    def ended(self, number: int) -> Request:
        """Follow until a request has its end."""
        self.wait(lambda: self.request(number).state is State.FINAL, what="the end")
        return self.request(number)


@pytest.fixture
def bridge(recipeci: Recipeci, custom_html: Built) -> Iterator[Bridge]:
    """A worker that waits for work, and a recipe on a forge."""
    folder = recipeci.folder
    served = folder / "forge" / "coop" / "custom-html.git"
    argv = ["git", "clone", "--quiet", "--mirror", str(custom_html.path), str(served)]
    LocalRunner().run(argv, timeout=60, env=dict(BASE_ENV))
    config = folder / "settings.yml"
    data: dict[str, Any] = {
        "cache": str(recipeci.cache),
        "images": str(IMAGES),
        "database": str(folder / "db"),
        "abra": {"program": f"{recipeci.abra}/abra", "builtin_is_final": True},
        "work": {"name": "host-1"},
    }
    with forge.serving(folder / "forge") as url, contextlib.closing(Database(folder / "db")) as database:
        home = f"{url}/coop/custom-html.git"
        files = {"token_file": str(folder / "none"), "webhook_secret_file": str(folder / "none")}
        data["bridge"] = {"forge": url, "url": "https://ci.test", **files}
        config.write_text(json.dumps(data))
        when = "2026-01-01T00:00:00Z"
        with database.writing() as tx:
            repositories.enrol(tx, Repository(7, "coop/custom-html", "custom-html", False, home, when, when))  # noqa: FBT003
        engine = Embedded(database, clock=CLOCK)
        following = Following(database, engine, CLOCK, "https://ci.test", 3600.0, builtin_is_final=True)
        asked = Asked("custom-html", custom_html.head, (Tier.INSTALL,), home, None, pull=3)
        worker = start(recipeci, config)
        yield Bridge(database, following, asked, worker)
        worker.signal(signal.SIGTERM)
        assert worker.end().code == 0


def start(recipeci: Recipeci, config: Path) -> Running:
    """Start a worker."""
    return recipeci.start_command(
        sys.executable, "-m", "recipeci", "work", "--config", str(config), folder=config.parent
    )


def test_a_run_of_a_worker_has_its_verdict_its_log_and_its_report(bridge: Bridge, recipeci: Recipeci) -> None:
    number = bridge.ask()
    seen = bridge.ended(number)
    assert (seen.end, seen.attempts) == (End.PASS, 1), (seen.reason, bridge.log(number))
    assert seen.report is not None
    assert seen.report["target"]["commit"] == bridge.asked.sha
    assert seen.report["pr"] == 3
    log = bridge.log(number)
    assert "===== RUN SUMMARY =====" in log
    assert "===== TIER: install" in log
    (kept,) = (recipeci.cache / "runs" / "jobs").iterdir()
    assert (kept / "run" / "report.json").is_file()


MOMENTS = {
    "checkout": "abra: ",
    "cell": "images ",
    "deploy": "cell ",
    "suites": "http ",
}
"""What has been printed when a run is in the midst of each."""


@pytest.mark.parametrize(
    "phase", [pytest.param(phase, marks=() if phase == "deploy" else pytest.mark.long) for phase in MOMENTS]
)
def test_a_run_that_is_cancelled_is_torn_down_and_nothing_of_it_is_left(bridge: Bridge, phase: str) -> None:
    number = bridge.ask()
    bridge.wait(lambda: MOMENTS[phase] in bridge.log(number), what=phase)
    with bridge.database.writing() as tx:
        assert requests.cancel(tx, number, why="cancelled by alice")
    seen = bridge.ended(number)
    assert (seen.end, seen.reason, seen.attempts) == (End.CANCELLED, "cancelled by alice", 1)


def test_a_worker_that_is_stopped_tears_its_run_down_and_gives_it_back(bridge: Bridge, recipeci: Recipeci) -> None:
    number = bridge.ask()
    bridge.wait(lambda: "cell " in bridge.log(number), what="the deployment")
    bridge.worker.signal(signal.SIGTERM)
    stopped = bridge.worker.end()
    assert stopped.code == 0, stopped.err
    assert bridge.state(number) is JobState.LOST
    (kept,) = (recipeci.cache / "runs" / "jobs").iterdir()
    report = json.loads((kept / "run" / "report.json").read_text())
    assert report["exit_code"] == 130
    assert report["leftovers"] in ([], None)
    bridge.worker = start(recipeci, recipeci.folder / "settings.yml")
    assert bridge.ended(number).attempts == 2
    assert bridge.request(number).end is End.PASS
