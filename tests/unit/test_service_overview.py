"""service.store.overview against a real database: what is listed, counted, and told to an operator."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from recipeci.service import ending
from recipeci.service.model import End
from recipeci.service.store import Database, inbox, jobs, outbox, overview, requests

from unit.weblab import HIDDEN, Lab, comment, lab, take

MINUTE, DAY = 60.0, 86400.0


@pytest.fixture
def here(tmp_path: Path) -> Iterator[Lab]:
    with lab(tmp_path) as made:
        yield made


def alerts(here: Lab) -> list[tuple[str, str, str]]:
    with here.database.reading() as tx:
        return [(alert.what, alert.repository, alert.why) for alert in overview.alerts(tx, now=here.now)]


def test_open_requests_are_listed_oldest_first_with_whose_they_are(here: Lab) -> None:
    public, hidden = here.enrol(), here.enrol(HIDDEN)
    numbers = [here.open(public), here.open(hidden)]
    here.run(numbers[0])
    with here.database.reading() as tx:
        lines = overview.still_open(tx)
    assert [(line.id, line.repository, line.is_private, line.is_running) for line in lines] == [
        (numbers[0], "people/square", False, True),
        (numbers[1], "hermits/cave", True, False),
    ]


def test_requests_that_ended_are_listed_by_their_end_not_by_their_beginning(here: Lab) -> None:
    home = here.enrol()
    early, late, still_open = here.open(home), here.open(home), here.open(home)
    here.end(late)
    here.clock.time += 10
    here.end(early, End.FAIL, "the page is not there")
    with here.database.reading() as tx:
        both, one = overview.ended_last(tx, most=5), overview.ended_last(tx, most=1)
        assert overview.line(tx, still_open) is not None
        assert overview.line(tx, 99) is None
    assert [(line.id, line.end, line.reason) for line in both] == [
        (early, End.FAIL, "the page is not there"),
        (late, End.PASS, ""),
    ]
    assert [line.id for line in one] == [early]


def test_a_list_reads_no_report(here: Lab) -> None:
    number = here.open(here.enrol())
    here.end(number, report={"schema": 1, "large": "x" * 100_000})
    with here.database.reading() as tx:
        assert "large" not in str(overview.ended_last(tx, most=5))


def test_everything_is_counted_and_every_end_is_there(here: Lab) -> None:
    home = here.enrol()
    numbers = [here.open(home) for _ in range(5)]
    here.run(numbers[0])
    here.end(numbers[3])
    here.end(numbers[4], End.ERROR)
    with here.database.writing() as tx:
        take(tx, home, 1, now=here.now)
        outbox.card(tx, repository=home.id, pull=3, now=here.now - 40)
        outbox.card(tx, repository=home.id, pull=4, now=here.now)
    with here.database.reading() as tx:
        counted = overview.counts(tx, now=here.now)
    assert (counted.queued, counted.running, counted.undecided, counted.unsent, counted.given_up) == (2, 1, 1, 2, 0)
    assert counted.oldest_unsent == here.now - 40
    assert counted.ended == dict.fromkeys(End, 0) | {End.PASS: 1, End.ERROR: 1}


def test_an_empty_database_counts_nothing(here: Lab) -> None:
    with here.database.reading() as tx:
        counted = overview.counts(tx, now=here.now)
        assert (overview.alerts(tx, now=here.now), overview.still_open(tx)) == ((), ())
    assert (counted.queued, counted.running, counted.unsent, counted.oldest_unsent) == (0, 0, 0, None)


def test_what_was_given_up_is_told_for_a_week_and_then_no_more(here: Lab) -> None:
    home = here.enrol()
    request = here.open(home)
    with here.database.writing() as tx:
        take(tx, home, 55, now=here.now)
        inbox.given_up(tx, comment(home, 55), why="the forge did not answer", now=here.now)
        ending.end(tx, request, ending.superseded(99), url="https://ci.test", now=here.now)
        for effect in outbox.due(tx, now=here.now):
            outbox.given_up(tx, effect, now=here.now, why="403")
    told = [
        ("comment 55 under pull request 3 was given up", "people/square", "the forge did not answer"),
        (f"the commit status of run {request} was given up", "people/square", "403"),
        ("the comment under pull request 3 was given up", "people/square", "403"),
    ]
    assert sorted(alerts(here)) == sorted(told)
    with here.database.reading() as tx:
        assert overview.counts(tx, now=here.now).given_up == 3
    here.clock.time += 7 * DAY
    assert len(alerts(here)) == 3
    here.clock.time += 2 * DAY
    assert alerts(here) == []


def test_an_effect_that_waits_for_more_than_five_minutes_is_told_with_its_last_error(here: Lab) -> None:
    home = here.enrol()
    with here.database.writing() as tx:
        outbox.card(tx, repository=home.id, pull=3, now=here.now)
        (effect,) = outbox.due(tx, now=here.now)
        outbox.postponed(tx, effect, due=here.now + DAY, now=here.now, why="503 from the forge")
    here.clock.time += 5 * MINUTE
    assert alerts(here) == []
    here.clock.time += 1
    assert alerts(here) == [("the comment under pull request 3 still waits", "people/square", "503 from the forge")]


@pytest.mark.parametrize("back", [0.0, -DAY])
def test_a_comment_that_waits_for_more_than_five_minutes_is_told_with_its_last_error(here: Lab, back: float) -> None:
    home = here.enrol()
    with here.database.writing() as tx:
        take(tx, home, 55, now=here.now)
        inbox.postponed(tx, comment(home, 55), due=here.now + DAY, why="503 from the forge")
    assert alerts(here) == []
    here.clock.time += back
    here.clock.time += 5 * MINUTE + 1
    assert alerts(here) == [("comment 55 under pull request 3 still waits", "people/square", "503 from the forge")]
    with here.database.writing() as tx:
        assert inbox.decided(tx, comment(home, 55), decision="start")
    assert alerts(here) == []


def test_what_is_given_up_long_after_it_came_is_told_too(here: Lab) -> None:
    home = here.enrol()
    with here.database.writing() as tx:
        take(tx, home, 55, now=here.now - 30 * DAY)
        inbox.given_up(tx, comment(home, 55), why="503", now=here.now)
    assert [what for what, *_ in alerts(here)] == ["comment 55 under pull request 3 was given up"]
    with here.database.reading() as tx:
        assert overview.counts(tx, now=here.now).given_up == 1


def test_a_run_that_no_host_takes_is_told_but_not_one_behind_another(here: Lab) -> None:
    home = here.enrol()
    alone, behind = here.open(home, ago=10 * MINUTE), here.open(home, ago=10 * MINUTE)
    with here.database.writing() as tx:
        requests.attempt(tx, alone, after=0)
        requests.submitted(tx, alone, attempt=1)
        requests.waits(tx, alone, why="no worker has been seen lately")
        requests.waits(tx, behind, why="an earlier run of this pull request goes on")
    assert alerts(here) == [(f"run {alone} waits for a host", "people/square", "no worker has been seen lately")]


def test_a_run_that_waits_for_a_slot_is_no_alert(here: Lab) -> None:
    number = here.open(here.enrol(), ago=10 * MINUTE)
    with here.database.writing() as tx:
        requests.attempt(tx, number, after=0)
        requests.submitted(tx, number, attempt=1)
        requests.waits(tx, number, why=jobs.NO_SLOT)
    assert alerts(here) == []


def test_the_words_of_private_repositories_are_those_that_no_public_one_has(here: Lab) -> None:
    here.enrol(name="hermits/square", recipe="fountain")
    here.enrol(HIDDEN)
    with here.database.reading() as tx:
        assert overview.private_words(tx) == {"cave", "grotto"}


def test_a_touch_is_written_and_changes_nothing(here: Lab) -> None:
    other = Database(here.database.path)
    before = other.changes()
    with here.database.writing() as tx:
        overview.touch(tx)
    assert other.changes() != before
    Database(here.database.path).close()
    other.close()
