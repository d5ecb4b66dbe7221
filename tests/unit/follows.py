"""What tests of service.following share: an engine that says what was declared, a clock moved by hand, and a bridge."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from recipeci.model import Tier
from recipeci.report.write import as_data
from recipeci.service import ending
from recipeci.service.engines import EngineUnavailable
from recipeci.service.following import Following
from recipeci.service.model import Asked, Job, JobState, Repository, Request, Result, Sighting
from recipeci.service.store import Database, repositories, requests

from unit import reports

URL = "https://ci.test"
HOME = "https://h/coop/web.git"
DEADLINE = 600.0
QUEUED, RUNNING = Sighting(JobState.QUEUED), Sighting(JobState.RUNNING)
LOST = Sighting(JobState.LOST, reason="its host burnt down")
REPORT = as_data(reports.PASSED)


@dataclass
class DeclaredEngine:
    """An engine that says what a test has declared, and refuses to speak of what was not."""

    says: dict[str, Sighting] = field(default_factory=dict)
    submitted: list[str] = field(default_factory=list)
    cancelled: list[tuple[str, str]] = field(default_factory=list)
    withdrawn: list[str] = field(default_factory=list)
    withdraws: bool = True
    is_away: bool = False
    bad: str = ""
    """The key of a job of which nobody can be told."""
    dies_after: str = ""
    """The name of the method at whose end we die."""
    name = "declared"

    def submit(self, job: Job) -> None:
        self._answers()
        assert job.key not in self.submitted, "given twice"
        self.submitted.append(job.key)
        self.says[job.key] = QUEUED
        self._dies("submit")

    def state(self, key: str) -> Sighting | None:
        self._answers()
        if key == self.bad:
            raise TypeError("a field of a newer worker")
        return self.says.get(key)

    def withdraw(self, key: str) -> bool:
        self._answers()
        self.withdrawn.append(key)
        return self.withdraws

    def cancel(self, key: str, *, why: str) -> None:
        self._answers()
        self.cancelled.append((key, why))

    def link(self, key: str) -> str | None:
        raise AssertionError(f"nobody asks for the link of {key}")

    def waiting_for(self) -> str:
        return "no host"

    def check(self) -> None:
        raise AssertionError("the loop does not ask")

    def _answers(self) -> None:
        if self.is_away:
            raise EngineUnavailable("the engine does not answer")

    def _dies(self, where: str) -> None:
        if self.dies_after == where:
            self.dies_after = ""
            raise KeyboardInterrupt


class HandClock:
    """A clock that a test moves; by `jump` the wall clock is set, and no time passes."""

    seconds = 1e9
    jump = 0.0

    def monotonic(self) -> float:
        return self.seconds

    def epoch(self) -> float:
        return self.seconds + self.jump

    def now(self) -> str:
        return "2026-01-01T00:00:00Z"

    def sleep(self, seconds: float) -> None:
        raise AssertionError(f"nobody is to sleep for {seconds} s")


@dataclass
class World:
    """A database with a repository, an engine, and the loop."""

    database: Database
    engine: DeclaredEngine = field(default_factory=DeclaredEngine)
    clock: HandClock = field(default_factory=HandClock)

    def loop(self) -> Following:
        """Return the loop of a bridge that has just begun."""
        return Following(self.database, self.engine, self.clock, URL, DEADLINE, builtin_is_final=True)

    def step(self, *, times: int = 1) -> None:
        """Follow, as a bridge that begins anew each time would."""
        for _ in range(times):
            self.loop().step()

    def ask(self, *, pull: int | None = 3, replaces: tuple[int, ...] = ()) -> int:
        asked = Asked("custom-html", reports.SHA, tuple(Tier), HOME, None, pull=pull)
        with self.database.writing() as tx:
            return ending.begin(tx, asked, repository=7, url=URL, now=self.clock.epoch(), replaces=replaces)

    def request(self, number: int) -> Request:
        with self.database.reading() as tx:
            found = requests.find(tx, number)
        assert found is not None
        return found

    def effects(self) -> list[tuple[str, str]]:
        """Return the statuses that wait to be sent, by their state and words."""
        with self.database.reading() as tx:
            rows = tx.all("SELECT status FROM outbox WHERE status IS NOT NULL AND state = 'waiting' ORDER BY id")
        words = [json.loads(row["status"]) for row in rows]
        return [(one["state"], one["description"]) for one in words]

    def cancel(self, number: int, why: str = "cancelled by alice") -> None:
        with self.database.writing() as tx:
            assert requests.cancel(tx, number, why=why)

    def waits(self, number: int) -> str:
        with self.database.reading() as tx:
            return requests.waiting(tx, number)


def ended(code: int = 0, **more: Any) -> Sighting:  # noqa: ANN401 - Result's
    return Sighting(JobState.ENDED, Result(code, more.pop("report", REPORT if code == 0 else None), **more))


@contextlib.contextmanager
def world(folder: Path) -> Iterator[World]:
    """Have a bridge with one repository and such an engine."""
    database = Database(folder / "db")
    when = "2026-01-01T00:00:00Z"
    with database.writing() as tx:
        repositories.enrol(tx, Repository(7, "coop/web", "custom-html", False, HOME, when, when))  # noqa: FBT003
    yield World(database)
    database.close()
