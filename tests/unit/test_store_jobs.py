"""service.store.jobs: a job is taken once, what is written of it counts under its fence alone, and turns are fair."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from recipeci.model import Tier
from recipeci.service.model import Asked, End, Job, JobState, Repository, Result
from recipeci.service.store import Database, jobs, repositories, requests
from recipeci.service.store.jobs import Taken

HOME = Repository(7, "coop/web", "web", False, "https://h/coop/web.git", "", "")  # noqa: FBT003
ASKED = Asked("web", "a" * 40, (Tier.INSTALL, Tier.CUSTOM), "https://h/coop/web.git", None, pull=3)
DONE = Result(1, {"verdict": "fail"}, error="why")


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    opened = Database(tmp_path / "db")
    yield opened
    opened.close()


def put(database: Database, *keys: str, repository: int = 7, now: float = 0.0) -> None:
    with database.writing() as tx:
        for key in keys:
            jobs.put(tx, Job(key, repository, ASKED), now=now)


def take(database: Database, *, worker: str = "one", now: float = 1.0) -> Taken | None:
    with database.writing() as tx:
        return jobs.take(tx, worker=worker, forge="https://h", now=now)


def taken(database: Database, key: str) -> Taken:
    """Queue a job, and take it."""
    put(database, key)
    found = take(database)
    assert found is not None
    assert found.key == key
    return found


def state(database: Database, key: str) -> JobState | None:
    with database.reading() as tx:
        seen = jobs.sighting(tx, key)
    return None if seen is None else seen.state


def test_a_job_is_taken_once_and_is_what_was_put(database: Database) -> None:
    put(database, "1.1")
    with database.reading() as tx:
        assert jobs.any_waits(tx)
    found = take(database)
    assert found is not None
    assert (found.key, found.repository, found.asked) == ("1.1", 7, ASKED)
    assert take(database) is None
    with database.reading() as tx:
        assert not jobs.any_waits(tx)
    assert state(database, "1.1") is JobState.RUNNING


def test_a_key_that_is_known_is_not_queued_again_whatever_became_of_it(database: Database) -> None:
    ours = taken(database, "1.1")
    put(database, "1.1")
    assert take(database) is None
    with database.writing() as tx:
        assert jobs.finish(tx, ours, DONE, now=2.0)
    put(database, "1.1")
    assert state(database, "1.1") is JobState.ENDED


def test_each_taking_has_a_fence_of_its_own(database: Database) -> None:
    assert len({taken(database, f"{n}.1").fence for n in range(1, 6)}) == 5


def test_what_is_brought_is_what_is_seen(database: Database) -> None:
    ours = taken(database, "1.1")
    with database.writing() as tx:
        assert jobs.finish(tx, ours, DONE, now=2.0)
    with database.reading() as tx:
        seen = jobs.sighting(tx, "1.1")
    assert seen is not None
    assert (seen.state, seen.result) == (JobState.ENDED, DONE)


@pytest.mark.parametrize("how", ["lost", "abandoned", "let go", "ended"])
def test_under_a_fence_that_is_over_nothing_counts(database: Database, how: str) -> None:
    ours = taken(database, "1.1")
    with database.writing() as tx:
        done = {
            "lost": lambda: jobs.lost(tx, "1.1", beat=0, why="w", now=2.0),
            "abandoned": lambda: jobs.abandoned(tx, worker="one", why="w", now=2.0) == 1,
            "let go": lambda: jobs.let_go(tx, ours, why="w", now=2.0),
            "ended": lambda: jobs.finish(tx, ours, Result(0), now=2.0),
        }[how]()
        assert done
        before = jobs.sighting(tx, "1.1")
        jobs.cancel(tx, "1.1", why="late", now=3.0)
        assert not jobs.beat(tx, ours)
        assert not jobs.say(tx, ours, "words")
        assert not jobs.finish(tx, ours, DONE, now=3.0)
        assert not jobs.let_go(tx, ours, why="x", now=3.0)
        assert jobs.cancelled(tx, ours) is None
        assert jobs.sighting(tx, "1.1") == before
        assert jobs.log(tx, "1.1") == (0, "")


def test_another_fence_counts_for_nothing(database: Database) -> None:
    ours = taken(database, "1.1")
    other = Taken(ours.key, ours.repository, ours.asked, "f" * 32)
    with database.writing() as tx:
        assert not jobs.beat(tx, other)
        assert not jobs.finish(tx, other, DONE, now=2.0)
        assert not jobs.let_go(tx, other, why="x", now=2.0)
        assert jobs.beat(tx, ours)


def test_a_beat_keeps_a_job_from_being_lost(database: Database) -> None:
    ours = taken(database, "1.1")
    with database.writing() as tx:
        seen = jobs.beats(tx)["1.1"]
        assert jobs.beat(tx, ours)
        assert not jobs.lost(tx, "1.1", beat=seen, why="late", now=2.0)
        assert jobs.finish(tx, ours, DONE, now=2.0)


def test_only_the_jobs_of_one_worker_are_abandoned(database: Database) -> None:
    put(database, "1.1", "2.1", "3.1")
    for worker in ("one", "two"):
        assert take(database, worker=worker) is not None
    with database.writing() as tx:
        assert jobs.abandoned(tx, worker="one", why="gone", now=2.0) == 1
    assert [state(database, key) for key in ("1.1", "2.1", "3.1")] == [
        JobState.LOST,
        JobState.RUNNING,
        JobState.QUEUED,
    ]


def test_a_waiting_job_is_withdrawn_and_a_running_one_is_told(database: Database) -> None:
    ours = taken(database, "1.1")
    put(database, "2.1")
    with database.writing() as tx:
        assert jobs.cancelled(tx, ours) is None
        for key in ("1.1", "2.1", "3.1"):
            jobs.cancel(tx, key, why=f"first of {key}", now=2.0)
            jobs.cancel(tx, key, why="second", now=2.0)
        assert jobs.cancelled(tx, ours) == "first of 1.1"
        assert not jobs.withdraw(tx, "1.1", now=3.0)
    assert (state(database, "2.1"), state(database, "3.1")) == (JobState.WITHDRAWN, None)


def test_turns_are_fair_between_repositories(database: Database) -> None:
    put(database, "1.1", "2.1", "3.1", repository=7)
    put(database, "4.1", "5.1", repository=8, now=1.0)
    put(database, "6.1", repository=9, now=2.0)
    order = []
    for now in range(1, 7):
        found = take(database, now=float(now))
        assert found is not None
        order.append(found.key)
    assert order == ["1.1", "4.1", "6.1", "2.1", "5.1", "3.1"]


def test_a_pull_request_comes_before_a_sweep_whatever_was_there_first(database: Database) -> None:
    of_sweep = dataclasses.replace(ASKED, pull=None)
    with database.writing() as tx:
        jobs.put(tx, Job("1.1", 7, of_sweep), now=0.0)
        jobs.put(tx, Job("2.1", 8, of_sweep), now=1.0)
    put(database, "3.1", repository=7, now=2.0)
    order = [take(database, now=float(now)) for now in range(3, 6)]
    assert [found.key for found in order if found] == ["3.1", "2.1", "1.1"]


def test_whose_last_start_is_longest_ago_comes_first_when_nothing_runs(database: Database) -> None:
    for repository, now in ((7, 5.0), (8, 4.0)):
        put(database, f"{repository}.1", repository=repository)
        ours = take(database, now=now)
        assert ours is not None
        with database.writing() as tx:
            assert jobs.finish(tx, ours, DONE, now=now)
    put(database, "10.1", repository=7)
    put(database, "11.1", repository=8, now=9.0)
    found = take(database, now=10.0)
    assert found is not None
    assert found.key == "11.1"


GOOD = json.loads(requests.as_json(ASKED))
HOSTILE: dict[str, object] = {
    "no JSON": "{",
    "a list": "[]",
    "nothing": "{}",
    "a number": "5",
    "deep": "[" * 100_000 + "]" * 100_000,
    "no UTF-8": b"\xff",
    "a recipe of a path": GOOD | {"recipe": "../x"},
    "a recipe that is a number": GOOD | {"recipe": 5},
    "a sha that is a list": GOOD | {"sha": ["a" * 40]},
    "an address that is a number": GOOD | {"clone_url": 5},
    "a head that is a list": GOOD | {"head_url": []},
    "stages that are a number": GOOD | {"stages": 5},
    "a pull that is true": GOOD | {"pull": True},
    "a pull that is a word": GOOD | {"pull": "3"},
    "a pull that is half": GOOD | {"pull": 3.5},
    "a pull beyond all": GOOD | {"pull": 2**63},
    "more": GOOD | {"more": 1},
}


@pytest.mark.parametrize("what", HOSTILE)
def test_a_job_that_cannot_be_read_ends_by_that_and_the_other_is_taken(database: Database, what: str) -> None:
    asked = HOSTILE[what]
    asked = json.dumps(asked) if isinstance(asked, dict) else asked
    put(database, "1.1", "2.1")
    with database.writing() as tx:
        tx.change("UPDATE job SET asked = CAST(? AS TEXT) WHERE key = '1.1'", asked)
    assert [found.key for found in (take(database), take(database)) if found] == ["2.1"]
    with database.reading() as tx:
        seen = jobs.sighting(tx, "1.1")
    assert seen is not None
    assert seen.result is not None
    assert (seen.state, seen.result.exit_code, seen.result.report) == (JobState.ENDED, 2, None)
    assert seen.result.error.startswith("the job cannot be read: ")


@pytest.mark.parametrize(
    "key", ["", "1", "1.", "0.1", "01.1", "1.0", "1.1\n", "1.1/x", "../1.1", "/etc/x", "1.1.1", "-1.1", "1.1\0", "١.1"]
)
def test_a_key_that_is_none_of_ours_becomes_no_name_of_a_folder(
    database: Database, key: str, caplog: pytest.LogCaptureFixture
) -> None:
    put(database, key, "2.1")
    assert [found.key for found in (take(database), take(database)) if found] == ["2.1"]
    seen = state(database, key)
    assert seen is JobState.ENDED
    assert [one.message for one in caplog.records] == [
        f"job {key!r}: the job cannot be read: {key!r} is not the key of a job"
    ]


def test_a_log_is_told_from_where_one_has_read(database: Database) -> None:
    ours = taken(database, "1.1")
    with database.writing() as tx:
        assert jobs.say(tx, ours, "a\n")
        assert jobs.log(tx, "1.1") == (1, "a\n")
        assert jobs.say(tx, ours, "b\n")
        assert jobs.log(tx, "1.1", after=1) == (2, "b\n")
        assert jobs.log(tx, "1.1", after=2) == (2, "")
        assert jobs.log(tx, "1.1") == (2, "a\nb\n")


def test_a_log_has_an_end(database: Database) -> None:
    ours = taken(database, "1.1")
    with database.writing() as tx:
        for _ in range(3):
            assert jobs.say(tx, ours, "x" * (jobs.LOG_CHARACTERS // 2 + 1))
        _, text = jobs.log(tx, "1.1")
    assert text == "x" * jobs.LOG_CHARACTERS + "\n[… the rest is in run.log]\n"


def test_a_log_is_withheld_and_old_ones_are_forgotten(database: Database) -> None:
    old, young = taken(database, "1.1"), taken(database, "2.1")
    with database.writing() as tx:
        for ours, now in ((old, 10.0), (young, 20.0)):
            jobs.say(tx, ours, "words")
            jobs.finish(tx, ours, DONE, now=now)
        assert jobs.forget(tx, before=15.0) == 1
        assert jobs.log(tx, "1.1") == (0, "")
        jobs.withhold_log(tx, young.key)
        assert jobs.log(tx, "2.1") == (1, jobs.WITHHELD)
        jobs.withhold_log(tx, "1.1")
        assert jobs.log(tx, "1.1") == (0, "")


def test_what_is_large_goes_and_that_it_was_there_stays(database: Database) -> None:
    old = taken(database, "1.1")
    with database.writing() as tx:
        jobs.finish(tx, old, DONE, now=10.0)
        jobs.forget(tx, before=15.0)
        assert jobs.sighting(tx, "1.1") is None
        assert tx.value("SELECT count(*) FROM job") == 0


def test_a_job_that_runs_is_not_forgotten_however_old(database: Database) -> None:
    old = taken(database, "1.1")
    with database.writing() as tx:
        jobs.say(tx, old, "words")
        jobs.forget(tx, before=1e12)
        assert jobs.log(tx, "1.1") == (1, "words")


def test_a_result_that_nobody_has_read_yet_is_not_forgotten_however_old(database: Database) -> None:
    """The bridge was away for so long: without it the run would be lost, and made once more."""
    with database.writing() as tx:
        repositories.enrol(tx, HOME)
        number = requests.open_one(tx, ASKED, repository=HOME.id, now=0.0)
        assert requests.attempt(tx, number, after=0)
    old = taken(database, f"{number}.1")
    with database.writing() as tx:
        jobs.say(tx, old, "words")
        jobs.finish(tx, old, DONE, now=10.0)
        assert jobs.forget(tx, before=15.0) == 0
        seen = jobs.sighting(tx, f"{number}.1")
        assert seen is not None
        assert (seen.result, jobs.log(tx, f"{number}.1")) == (DONE, (1, "words"))
        requests.ended(tx, number, End.PASS, now=11.0)
        assert jobs.forget(tx, before=15.0) == 1
        assert jobs.sighting(tx, f"{number}.1") is None


def test_a_worker_is_known_by_its_name(database: Database) -> None:
    with database.writing() as tx:
        for slots, now in ((1, 10.0), (2, 20.0)):
            jobs.worker_seen(tx, "one", slots=slots, version="0.1", now=now)
        (row,) = jobs.workers(tx)
    assert tuple(row) == ("one", 2, "0.1", 20.0)
