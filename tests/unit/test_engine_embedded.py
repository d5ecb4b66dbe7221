"""service.engines.embedded: a lease is over when a beat stands still on our own clock, and only then."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from recipeci.model import Tier
from recipeci.service import carrying, following
from recipeci.service.engines import EngineUnavailable
from recipeci.service.engines.embedded import BEAT_SECONDS, LEASE_SECONDS, LOST, Embedded
from recipeci.service.model import Asked, Job, JobState, Result
from recipeci.service.store import Database, jobs
from recipeci.service.store.jobs import Taken

ASKED = Asked("web", "a" * 40, (Tier.INSTALL,), "https://h/coop/web.git", None)


class HandClock:
    """A clock that a test moves; the two of a machine need not agree."""

    def __init__(self) -> None:
        self.mono, self.since_1970 = 100.0, 1e9

    def monotonic(self) -> float:
        return self.mono

    def epoch(self) -> float:
        return self.since_1970

    def now(self) -> str:
        return "2026-01-01T00:00:00Z"

    def sleep(self, seconds: float) -> None:
        raise AssertionError(f"nobody is to sleep for {seconds} s")


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    opened = Database(tmp_path / "db")
    yield opened
    opened.close()


@pytest.fixture
def clock() -> HandClock:
    return HandClock()


@pytest.fixture
def engine(database: Database, clock: HandClock) -> Embedded:
    return Embedded(database, clock=clock)


def running(database: Database, engine: Embedded) -> Taken:
    engine.submit(Job("1.1", 7, ASKED))
    with database.writing() as tx:
        taken = jobs.take(tx, worker="one", forge="https://h", now=1.0)
    assert taken is not None
    return taken


def state(engine: Embedded) -> JobState:
    seen = engine.state("1.1")
    assert seen is not None
    return seen.state


def test_a_lease_is_several_beats_and_a_killed_run_is_brought_before_nobody_waits_for_it() -> None:
    assert LEASE_SECONDS >= 5 * BEAT_SECONDS
    assert carrying.STOP_SECONDS + LEASE_SECONDS <= following.GRACE_SECONDS


def test_a_worker_that_beats_keeps_its_job(database: Database, engine: Embedded, clock: HandClock) -> None:
    ours = running(database, engine)
    for _ in range(20):
        clock.mono += LEASE_SECONDS * 0.9
        assert state(engine) is JobState.RUNNING
        with database.writing() as tx:
            assert jobs.beat(tx, ours)


def test_one_that_is_silent_for_a_lease_loses_it(database: Database, engine: Embedded, clock: HandClock) -> None:
    ours = running(database, engine)
    assert state(engine) is JobState.RUNNING  # seen for the first time: from here on it counts
    clock.mono += LEASE_SECONDS
    assert state(engine) is JobState.RUNNING
    clock.mono += 0.1
    seen = engine.state("1.1")
    assert seen is not None
    assert (seen.state, seen.reason) == (JobState.LOST, LOST)
    with database.writing() as tx:
        assert not jobs.beat(tx, ours)


def test_a_bridge_that_was_away_gives_nothing_away(database: Database, engine: Embedded, clock: HandClock) -> None:
    running(database, engine)
    assert state(engine) is JobState.RUNNING
    clock.mono += 10 * LEASE_SECONDS
    later = Embedded(database, clock=clock)  # begins anew, and has seen no beat yet
    assert state(later) is JobState.RUNNING
    clock.mono += LEASE_SECONDS + 0.1
    assert state(later) is JobState.LOST


def test_a_wall_clock_that_jumps_changes_nothing(database: Database, engine: Embedded, clock: HandClock) -> None:
    running(database, engine)
    for jump in (1e6, -1e7, 1e8):
        clock.since_1970 += jump
        assert state(engine) is JobState.RUNNING


def test_a_beat_at_the_last_moment_counts(database: Database, engine: Embedded, clock: HandClock) -> None:
    ours = running(database, engine)
    assert state(engine) is JobState.RUNNING
    clock.mono += LEASE_SECONDS + 5
    with database.writing() as tx:
        assert jobs.beat(tx, ours)
    assert state(engine) is JobState.RUNNING


def test_two_attempts_are_watched_apart(database: Database, engine: Embedded, clock: HandClock) -> None:
    running(database, engine)
    assert state(engine) is JobState.RUNNING
    clock.mono += LEASE_SECONDS + 1
    assert state(engine) is JobState.LOST
    engine.submit(Job("1.2", 7, ASKED))
    with database.writing() as tx:
        assert jobs.take(tx, worker="two", forge="https://h", now=2.0) is not None
    seen = engine.state("1.2")
    assert seen is not None
    assert seen.state is JobState.RUNNING


def test_who_was_seen_lately_is_a_host(database: Database, engine: Embedded, clock: HandClock) -> None:
    assert engine.waiting_for() == "no worker has been seen lately"
    with database.writing() as tx:
        jobs.worker_seen(tx, "one", slots=1, version="0", now=clock.epoch())
    clock.since_1970 += LEASE_SECONDS - 1
    assert engine.waiting_for() == ""
    clock.since_1970 += 2
    assert engine.waiting_for() == "no worker has been seen lately"


def test_jobs_wait_for_a_slot_as_long_as_there_are_more_of_them(
    database: Database, engine: Embedded, clock: HandClock
) -> None:
    with database.writing() as tx:
        jobs.worker_seen(tx, "one", slots=1, version="0", now=clock.epoch())
    taken = running(database, engine)
    assert engine.waiting_for() == ""
    for key in ("2.1", "3.1"):
        engine.submit(Job(key, 7, ASKED))
    assert engine.waiting_for() == "every slot is taken"
    with database.writing() as tx:
        assert jobs.finish(tx, taken, Result(0), now=2.0)
    assert engine.waiting_for() == "every slot is taken"  # one is taken next, and the other one goes on waiting
    with database.writing() as tx:
        jobs.worker_seen(tx, "two", slots=1, version="0", now=clock.epoch())
    assert engine.waiting_for() == ""


def test_without_a_worker_that_was_seen_within_a_lease_it_is_ill_and_says_what_to_do(
    database: Database, engine: Embedded, clock: HandClock
) -> None:
    nobody = "no worker was seen within the last 30 s: start `recipeci work`"
    with pytest.raises(EngineUnavailable) as told:
        engine.check()
    assert told.value.message == nobody
    for number, jump in enumerate((0.0, 1e6, -1e6)):
        clock.since_1970 += jump
        with database.writing() as tx:
            jobs.worker_seen(tx, f"worker {number % 2}", slots=1, version="0", now=clock.epoch())
        engine.check()
        clock.since_1970 += LEASE_SECONDS
        with pytest.raises(EngineUnavailable, match="start `recipeci work`"):
            engine.check()


@pytest.mark.parametrize("jump", [1e6, -1e6])
def test_a_wall_clock_that_jumps_shows_no_worker_that_is_gone(
    database: Database, engine: Embedded, clock: HandClock, jump: float
) -> None:
    with database.writing() as tx:
        jobs.worker_seen(tx, "one", slots=1, version="0", now=clock.epoch())
    clock.since_1970 += jump
    with pytest.raises(EngineUnavailable):
        engine.check()
    assert engine.waiting_for() == "no worker has been seen lately"
