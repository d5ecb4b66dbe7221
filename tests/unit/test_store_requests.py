"""service.store.requests: a request is what was asked for, has one end, and each attempt at it is counted once."""

from __future__ import annotations

import dataclasses
import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from recipeci.errors import UsageError
from recipeci.model import Tier
from recipeci.service.model import Asked, End, Repository, State
from recipeci.service.store import Database, repositories, requests

ASKED = Asked("web", "a" * 40, (Tier.INSTALL, Tier.CUSTOM), "https://h/coop/web.git", "https://h/me/web.git", pull=3)


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    opened = Database(tmp_path / "db")
    when = "2026-01-01T00:00:00Z"
    with opened.writing() as tx:
        url = "https://h/coop/web.git"
        repositories.enrol(tx, Repository(7, "coop/web", "web", False, url, when, when))  # noqa: FBT003
    yield opened
    opened.close()


def opened(database: Database, asked: Asked = ASKED, *, comment: int | None = None) -> int:
    with database.writing() as tx:
        return requests.open_one(tx, asked, repository=7, now=1.0, comment=comment, asked_by="alice")


def test_a_request_is_what_was_asked_for(database: Database) -> None:
    number = opened(database, comment=5)
    with database.reading() as tx:
        found = requests.find(tx, number)
        assert requests.find(tx, number + 1) is None
        assert requests.still_open(tx) == (found,)
    assert found is not None
    assert (found.asked, found.comment, found.asked_by, found.created) == (ASKED, 5, "alice", 1.0)
    assert (found.state, found.attempts, found.is_running, found.end) == (State.OPEN, 0, False, None)


@pytest.mark.parametrize("asked", [ASKED, dataclasses.replace(ASKED, head_url=None, pull=None, stages=tuple(Tier))])
def test_what_is_asked_for_goes_through_a_file_and_back(asked: Asked) -> None:
    assert requests.from_json(requests.as_json(asked)) == asked


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("recipe", "../x"),
        ("sha", "abc"),
        ("stages", []),
        ("clone_url", "file:///etc"),
        ("clone_url", "/etc"),
        ("clone_url", "https://h/x y"),
        ("head_url", "ext::sh"),
        ("head_url", "--upload-pack=x"),
        ("pull", 0),
    ],
)
def test_what_a_program_must_not_get_is_refused_when_it_is_read(field: str, value: object) -> None:
    text = requests.as_json(ASKED)
    changed = text.replace(f'"{field}": ', f'"{field}": {_json(value)}, "was": ')
    assert changed != text
    with pytest.raises((UsageError, TypeError)):
        requests.from_json(changed)
    good = dataclasses.asdict(ASKED)
    with pytest.raises(UsageError):
        Asked(**(good | {field: value}))


def _json(value: object) -> str:
    return "[]" if value == [] else f'"{value}"' if isinstance(value, str) else str(value)


def test_a_comment_has_one_request(database: Database) -> None:
    opened(database, comment=5)
    with pytest.raises(sqlite3.IntegrityError):
        opened(database, comment=5)
    opened(database)
    opened(database)  # of none there may be several


def test_a_request_has_one_end(database: Database) -> None:
    number = opened(database)
    with database.writing() as tx:
        assert requests.ended(tx, number, End.FAIL, reason="why", report={"a": 1}, now=2.0)
        before = requests.find(tx, number)
        assert not requests.ended(tx, number, End.PASS, now=3.0)
        assert not requests.cancel(tx, number, why="late")
        assert not requests.attempt(tx, number, after=0)
        assert not requests.begun(tx, number, now=4.0)
        assert not requests.waits(tx, number, why="x")
        assert requests.find(tx, number) == before
        assert requests.still_open(tx) == ()
    assert before is not None
    assert (before.state, before.end, before.reason, before.report, before.ended) == (
        State.FINAL,
        End.FAIL,
        "why",
        {"a": 1},
        2.0,
    )


def test_an_attempt_is_counted_once_and_is_not_submitted_yet(database: Database) -> None:
    number = opened(database)
    with database.writing() as tx:
        assert requests.attempt(tx, number, after=0)
        assert not requests.attempt(tx, number, after=0)
        assert not requests.is_submitted(tx, number)
        requests.submitted(tx, number, attempt=2)  # not the newest
        assert not requests.is_submitted(tx, number)
        requests.submitted(tx, number, attempt=1)
        assert requests.is_submitted(tx, number)
        assert requests.attempt(tx, number, after=1)
        assert not requests.is_submitted(tx, number)
        found = requests.find(tx, number)
    assert found is not None
    assert found.key == f"{number}.2"


def test_a_request_that_begins_is_no_longer_replaced(database: Database) -> None:
    old, new = opened(database), opened(database)
    with database.writing() as tx:
        requests.replace(tx, old, new=new)
        assert requests.replaced_by(tx, old) == new
        assert requests.begun(tx, old, now=2.0)
        assert not requests.begun(tx, old, now=3.0)
        assert requests.replaced_by(tx, old) is None
        requests.replace(tx, old, new=new)
        assert requests.replaced_by(tx, old) is None
        found = requests.find(tx, old)
    assert found is not None
    assert (found.is_running, found.started) == (True, 2.0)


def test_why_it_waits_is_told_once(database: Database) -> None:
    number = opened(database)
    with database.writing() as tx:
        assert requests.waits(tx, number, why="no host")
        assert not requests.waits(tx, number, why="no host")
        assert requests.waiting(tx, number) == "no host"
        assert requests.begun(tx, number, now=2.0)
        assert requests.waiting(tx, number) == ""


def test_the_first_who_cancels_is_named(database: Database) -> None:
    number = opened(database)
    with database.writing() as tx:
        assert requests.cancel(tx, number, why="alice")
        assert not requests.cancel(tx, number, why="bob")
        found = requests.find(tx, number)
    assert found is not None
    assert found.cancel == "alice"


def test_of_the_requests_of_a_pull_request_only_the_newest_has_its_whole_report(database: Database) -> None:
    reports: list[dict[str, Any] | None] = [
        None,
        {"verdict": "pass", "label": "pass (builtin)", "level": 4, "tiers": [{"reason": "long"}]},
        {"verdict": "error", "label": "error", "level": None, "tiers": []},
        {"verdict": "fail", "label": "fail", "level": 1, "tiers": [{"reason": "longer"}]},
    ]
    for report in reports:
        number = opened(database)
        with database.writing() as tx:
            requests.ended(tx, number, End.PASS, reason="r", report=report, now=2.0)
    with database.reading() as tx:
        found = requests.of_pull(tx, repository=7, pull=3)
        whole = [requests.find(tx, one.id) for one in found]
    assert [one.report for one in found] == [
        reports[3],
        {"verdict": "error", "label": "error", "level": None},
        {"verdict": "pass", "label": "pass (builtin)", "level": 4},
        None,
    ]
    assert [dataclasses.replace(one, report=None) for one in found] == [
        dataclasses.replace(one, report=None) for one in whole if one is not None
    ]


def test_the_request_of_an_older_comment_that_came_late_stands_behind_the_newer_one(database: Database) -> None:
    newer, late, newest = (opened(database, comment=number) for number in (20, 10, 30))
    with database.reading() as tx:
        assert [found.id for found in requests.of_pull(tx, repository=7, pull=3)] == [newest, newer, late]


def test_the_requests_of_a_pull_request_are_told_newest_first(database: Database) -> None:
    one, _, three = opened(database), opened(database, dataclasses.replace(ASKED, pull=4)), opened(database)
    with database.reading() as tx:
        assert [found.id for found in requests.of_pull(tx, repository=7, pull=3)] == [three, one]
        assert [found.id for found in requests.newest(tx, most=2)] == [three, three - 1]
