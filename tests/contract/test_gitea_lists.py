"""service.gitealists: lists of several pages that change while they are read, and ones that somebody made too long."""

from __future__ import annotations

import contextlib
import itertools
import json
import socket
import urllib.parse
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pytest
from fakeforge import FakeForge, answer, serving
from forgecalls import GOOD_COMMENT, GOOD_PUSH, GOOD_REPOSITORY, HOME, PULL, SHA, SINCE, STATUS, adapted
from recipeci.errors import HostError
from recipeci.host.clock import SystemClock
from recipeci.service.forge import ForgeUnavailable
from recipeci.service.forgehttp import ANSWER_BYTES
from recipeci.service.gitealists import LISTED_MOST, PAGE, PAGES_MOST
from recipeci.service.model import User
from recipeci.service.poller import Poller
from recipeci.service.store import Database, repositories

LONG = "ü" * (ANSWER_BYTES // 24)
"""A quarter of what is read, as JSON."""
MYSELF = User(3, "bot")


@dataclass
class Table:
    """A forge's list: `happens[n]` is done after the n-th answer; `most` entries are on a page at most.

    `heeds_since`: what was not changed since then is not in it, and a repository can be asked for by its number.
    """

    rows: list[Any]
    most: int = PAGE
    totals: bool = True
    heeds_since: bool = False
    happens: dict[int, Callable[[list[Any]], object]] = field(default_factory=dict)
    answers: int = 0

    def handle(self, forge: FakeForge, connection: socket.socket) -> None:
        """Answer for one page."""
        if self.heeds_since and "/repositories/" in forge.asked[-1].target:
            connection.sendall(answer("200 OK", json.dumps(GOOD_REPOSITORY).encode()))
            return
        asked = dict(urllib.parse.parse_qsl(urllib.parse.urlsplit(forge.asked[-1].target).query))
        rows = [row for row in self.rows if not self.heeds_since or _is_within(row["updated_at"], asked)]
        size = min(int(asked.get("limit", len(rows) or 1)), self.most)
        begin = (int(asked.get("page", 1)) - 1) * size
        body = json.dumps(rows[begin : begin + size]).encode()
        connection.sendall(answer("200 OK", body, **({"X_Total_Count": str(len(rows))} if self.totals else {})))
        self.answers += 1
        if what := self.happens.get(self.answers):
            what(self.rows)


def _is_within(changed: str, asked: dict[str, str]) -> bool:
    """Say whether a comment is listed, as Gitea 1.26 does: both ends count."""
    return asked.get("since", "") <= changed <= asked.get("before", "9")


def comment(number: int, **more: object) -> dict[str, object]:
    """Return a comment as the API gives it, made at the second of its number."""
    return {**GOOD_COMMENT, "id": number, "created_at": later(number), "updated_at": later(number), **more}


def later(seconds: int) -> str:
    """Return a moment so many seconds after SINCE."""
    return f"2026-01-01T{seconds // 3600:02}:{seconds // 60 % 60:02}:{seconds % 60:02}Z"


def listed(table: Table) -> list[int]:
    """List a repository's comments; return their numbers."""
    with serving(table.handle) as forge, adapted(forge) as gitea:
        return [one.id for one in gitea.comments(HOME, since=SINCE).comments]


@pytest.mark.parametrize("most", [50, 20, 1])
@pytest.mark.parametrize("totals", [True, False])
@pytest.mark.parametrize("count", [0, 1, 19, 20, 50, 51, 100, 120])
def test_all_pages_are_had_whatever_the_forge_gives_at_once(count: int, most: int, *, totals: bool) -> None:
    table = Table([comment(number) for number in range(1, count + 1)], most=most, totals=totals)
    assert listed(table) == list(range(1, count + 1))


def test_a_list_of_one_page_is_read_once_and_a_longer_one_until_it_stays() -> None:
    one, two = (Table([comment(number) for number in range(1, count + 1)]) for count in (50, 51))
    listed(one)
    listed(two)
    assert (one.answers, two.answers) == (1, 4)


def test_a_comment_made_meanwhile_is_had_once() -> None:
    table = Table([comment(number) for number in range(1, 52)], happens={1: lambda rows: rows.append(comment(52))})
    assert listed(table) == list(range(1, 53))


@pytest.mark.parametrize("gone", [0, 25, 49])
def test_a_comment_deleted_meanwhile_takes_no_other_with_it(gone: int) -> None:
    """What was first on the second page is last on the first one then, which was read already."""
    table = Table([comment(number) for number in range(1, 102)], happens={1: lambda rows: rows.pop(gone)})
    assert set(listed(table)) == set(range(1, 102))


def test_an_old_comment_edited_meanwhile_doubles_none() -> None:
    edited = comment(1, updated_at="2026-02-01T00:00:00Z")
    table = Table([comment(number) for number in range(2, 102)], happens={1: lambda rows: rows.insert(0, edited)})
    assert listed(table) == list(range(2, 102))


def test_of_a_list_that_never_stays_what_was_found_is_taken_and_the_cursor_stays() -> None:
    new = itertools.count(60)

    def churn(rows: list[dict[str, object]]) -> None:
        rows.append(comment(next(new)))

    table = Table([comment(number) for number in range(1, 60)], happens=dict.fromkeys(range(1, 100), churn))
    with serving(table.handle) as forge, adapted(forge) as gitea:
        listing = gitea.comments(HOME, since=SINCE)
    assert {one.id for one in listing.comments} >= set(range(1, 60))
    assert listing.newest is None


def test_a_name_of_another_forge_keeps_no_other_comment_from_being_listed() -> None:
    stranger = comment(2, user={"id": 9, "login": "@alice@there.example"})
    assert listed(Table([comment(1), stranger, comment(3)])) == [1, 3]


@pytest.mark.parametrize(
    "other",
    [
        {"updated_at": "2026-01-02T00:00:00Z"},
        {"pull_request_url": "", "issue_url": "https://x/org/app/issues/7"},
        {"user": {"id": -1, "login": "Ghost"}},
        {"user": {"id": -2, "login": "gitea-actions"}},
        {"original_author": "somebody elsewhere"},
    ],
)
def test_what_is_nobodys_wish_is_left_out_and_counts_for_the_newest(other: dict[str, object]) -> None:
    table = Table([comment(1), comment(2, **other)])
    with serving(table.handle) as forge, adapted(forge) as gitea:
        listing = gitea.comments(HOME, since=SINCE)
    assert [one.id for one in listing.comments] == [1]
    assert listing.newest == other.get("updated_at", "2026-01-01T00:00:02Z")


def test_without_comments_there_is_no_newest() -> None:
    with serving(Table([]).handle) as forge, adapted(forge) as gitea:
        assert gitea.comments(HOME, since=SINCE).newest is None


def test_of_very_many_comments_the_first_are_taken_and_the_rest_next_time() -> None:
    rows = [comment(number) for number in range(1, LISTED_MOST * 2)]
    rows[0]["updated_at"] = "2026-03-01T00:00:00Z"  # an edited one must not lead beyond those that were not read
    with serving(Table(rows).handle) as forge, adapted(forge) as gitea:
        first = gitea.comments(HOME, since=SINCE)
        assert first.newest == first.comments[-1].created
        rest = [row for row in rows if str(row["updated_at"]) >= str(first.newest)]
        forge.handle = Table(rest).handle
        second = gitea.comments(HOME, since=str(first.newest))
    assert {one.id for one in (*first.comments, *second.comments)} == set(range(2, LISTED_MOST * 2))


LONG_AND_MANY = [LONG] * 40 + ["talk"] * 400
"""From the first of these on the list is read entry by entry."""


@pytest.mark.parametrize(
    ("bodies", "seconds", "more"),
    [
        (["talk"] * (LISTED_MOST + 200), 50, {}),
        ([LONG] * 40, 1, {}),
        (LONG_AND_MANY, 50, {}),
        (["talk"] * (PAGES_MOST * PAGE + 100), 50, {"pull_request_url": ""}),
    ],
    ids=["many", "long", "long and many", "under issues"],
)
def test_a_flood_within_a_minute_keeps_no_later_comment_from_being_found(
    tmp_path: Path, bodies: list[str], seconds: int, more: dict[str, object]
) -> None:
    """Each listing begins a minute before the last one's end: it must not be the same comments for ever."""
    many = len(bodies)
    flood = [comment(3600 + at * seconds // many, id=at + 1, body=body, **more) for at, body in enumerate(bodies)]
    assert found_of([*flood, comment(7200, id=many + 1), comment(7201, id=many + 2)], tmp_path) == [many + 1, many + 2]


def found_of(rows: list[dict[str, object]], folder: Path, *, cursor: str = SINCE, troubles: int = 0) -> list[int]:
    """Poll a forge that has these five times and more; return the comments that are in the inbox then."""
    with (
        contextlib.closing(Database(folder / "db")) as database,
        serving(Table(rows, heeds_since=True).handle) as forge,
        adapted(forge) as gitea,
    ):
        with database.writing() as tx:
            repositories.enrol(tx, replace(HOME, since=SINCE, cursor=cursor))
        poller = Poller(database, gitea, SystemClock())
        for _ in range(troubles):
            with pytest.raises(HostError, match="changed in org/app in the second 2026-01-01T02:00:00Z"):
                poller.step()
        for _ in range(5):
            poller.step()
        with database.reading() as tx:
            return [row["id"] for row in tx.all("SELECT id FROM comment ORDER BY id")]


ENTRIES_MOST = PAGES_MOST * PAGE


@pytest.mark.parametrize(
    ("bodies", "seconds"),
    [(["ü" * 30_000] * 50 + ["talk"] * 150, 20), (["talk"] * (ENTRIES_MOST + 100), 20)],
    ids=["long", "many"],
)
def test_old_comments_that_were_edited_keep_no_wish_from_being_found(
    tmp_path: Path, bodies: list[str], seconds: int
) -> None:
    """They are listed again, before all that is new: the cursor must not stay because none of them is."""
    old = [
        comment(at % 3600, id=at + 1, body=body, updated_at=later(7200 + at * seconds // len(bodies)))
        for at, body in enumerate(bodies)
    ]
    old.sort(key=lambda row: (str(row["created_at"]), str(row["id"])))
    wish = comment(7230, id=len(bodies) + 1)
    assert found_of([*old, wish], tmp_path, cursor=later(7260)) == [wish["id"]]


def test_a_second_of_which_nobody_can_list_all_is_told_of_and_stepped_over(tmp_path: Path) -> None:
    old = [comment(9, id=number, updated_at=later(7200)) for number in range(1, ENTRIES_MOST + 100)]
    wish = comment(7230, id=ENTRIES_MOST + 100)
    assert found_of([*old, wish], tmp_path, cursor=later(7260), troubles=1) == [wish["id"]]


def test_pages_that_are_too_long_are_read_entry_by_entry() -> None:
    rows = [comment(number, body=LONG if number in (60, 61, 62, 63) else "!testme") for number in range(1, 81)]
    assert listed(Table(rows)) == list(range(1, 81))


def test_a_comment_that_nobody_can_read_hides_no_other() -> None:
    rows = [comment(number, body=LONG * 5 if number == 10 else "!testme") for number in range(1, 13)]
    assert listed(Table(rows)) == [number for number in range(1, 13) if number != 10]


def test_our_comment_is_found_also_where_others_wrote_too_much() -> None:
    ours = comment(9, user={"id": 3, "login": "bot"}, body="<!-- x -->")
    elsewhere = {**ours, "id": 8, "pull_request_url": "https://x/org/app/pulls/8"}
    rows = [*(comment(number, body=LONG) for number in range(1, 6)), elsewhere, ours]
    with serving(Table(rows).handle) as forge, adapted(forge) as gitea:
        found = gitea.own_comments(HOME, 7, marker="<!-- x -->", myself=MYSELF)
    assert [one.id for one in found] == [9]


def test_our_comment_is_found_also_where_much_was_written_elsewhere() -> None:
    """What is read entry by entry is not what a list may be long of."""
    ours = comment(400, user={"id": 3, "login": "bot"}, body="<!-- x -->")
    long = [comment(number, body="ü" * 35_000) for number in range(1, 42)]
    short = [comment(number, pull_request_url="https://x/org/app/pulls/8") for number in range(42, 302)]
    with serving(Table([*long, *short, ours]).handle) as forge, adapted(forge) as gitea:
        found = gitea.own_comments(HOME, 7, marker="<!-- x -->", myself=MYSELF)
    assert [one.id for one in found] == [400]


@pytest.mark.parametrize("most", [50, 20])
def test_behind_a_page_that_is_too_long_whole_pages_are_read_again(most: int) -> None:
    table = Table([comment(number, body=LONG if number < 6 else "!testme") for number in range(1, 221)], most=most)
    assert listed(table) == list(range(1, 221))
    assert most < PAGE or table.answers <= 2 * (1 + PAGE + 4)


def test_a_list_that_never_ends_is_no_answer() -> None:
    def endless(_: FakeForge, connection: socket.socket) -> None:
        row = {"id": 1, "context": "c", "status": "pending", "target_url": "u"}
        connection.sendall(answer("200 OK", json.dumps([row] * PAGE).encode()))

    with serving(endless) as forge, adapted(forge) as gitea, pytest.raises(ForgeUnavailable, match="pages"):
        gitea.shows_status(HOME, STATUS)


def test_a_timeline_that_is_too_long_to_be_read_says_nothing() -> None:
    """The newest push may be in what was not read."""
    pushes = [{**GOOD_PUSH, "id": number} for number in range(1, 4)]
    with serving(Table(pushes, totals=False).handle) as forge, adapted(forge) as gitea:
        assert gitea.last_push(HOME, PULL) == SINCE
        forge.handle = Table([*pushes, {**GOOD_PUSH, "type": "comment", "body": LONG * 5}], totals=False).handle
        assert gitea.last_push(HOME, PULL) is None


def test_a_timeline_is_read_behind_rows_that_cannot_be_shown() -> None:
    rows = [{**GOOD_PUSH, "id": 1}, *[None] * 60, {**GOOD_PUSH, "id": 2, "created_at": "2026-01-01T05:00:00Z"}]
    with serving(Table(rows, totals=False).handle) as forge, adapted(forge) as gitea:
        assert gitea.last_push(HOME, PULL) == "2026-01-01T05:00:00Z"


def test_a_push_behind_a_comment_is_not_before_it_though_it_was_in_the_same_second() -> None:
    with serving(Table([{**GOOD_PUSH, "id": 7}], totals=False).handle) as forge, adapted(forge) as gitea:
        assert gitea.last_push(HOME, PULL, before=8) == SINCE
        assert gitea.last_push(HOME, PULL, before=6) is None


OLD, NEW = "a" * 40, "b" * 40
"""Heads before the one that the pull request has now."""


def push(number: int, *commits: str, forced: bool = False) -> dict[str, object]:
    """Return a push as the timeline has it."""
    body = json.dumps({"is_force_push": forced, "commit_ids": commits})
    return {**GOOD_PUSH, "id": number, "body": body}


@pytest.mark.parametrize(
    ("rows", "was"),
    [
        ([push(6, OLD)], True),
        ([push(6, OLD), push(9, SHA)], True),
        ([push(6, OLD), push(9, NEW), push(10, SHA)], True),
        ([push(9, SHA), push(10, OLD, SHA, forced=True)], True),
        ([push(6, NEW), push(9, OLD), push(10, SHA)], False),
        ([push(6, OLD), push(9, OLD), push(10, SHA)], False),
        ([push(6, NEW), push(9, NEW, OLD, forced=True), push(10, SHA)], False),
        ([push(6, OLD), push(9), push(10, SHA)], False),
        ([push(6, OLD), {**push(9), "body": "{}"}], False),
        ([push(6, NEW)], False),
        ([push(6, NEW), push(9, NEW, "c" * 40)], False),
        ([], False),
    ],
    ids=[
        *("the timeline lags", "one push since", "two", "forced"),
        *("pushed since", "pushed again since", "forced since", "some push since", "an odd one since"),
        *("not named yet", "nor the head", "no push"),
    ],
)
def test_what_was_the_head_before_a_comment(rows: list[Any], *, was: bool) -> None:
    with serving(Table(rows, totals=False).handle) as forge, adapted(forge) as gitea:
        assert gitea.was_head(HOME, PULL, OLD, before=8) is was


def test_of_a_timeline_that_is_too_long_nobody_knows_what_was_the_head() -> None:
    rows = [push(6, OLD), {**GOOD_PUSH, "type": "comment", "body": LONG * 5}]
    with serving(Table(rows, totals=False).handle) as forge, adapted(forge) as gitea:
        assert gitea.was_head(HOME, PULL, OLD, before=8) is False


@pytest.mark.parametrize(
    "body", ["{}", '{"commit_ids": []}', '{"commit_ids": null}', json.dumps({"commit_ids": [SHA, "f" * 40]})]
)
def test_a_push_that_does_not_name_the_head_is_of_nobody_knows_when(body: str) -> None:
    rows = [GOOD_PUSH, {**GOOD_PUSH, "id": 7, "body": body}]
    with serving(Table(rows, totals=False).handle) as forge, adapted(forge) as gitea:
        assert gitea.last_push(HOME, PULL) is None
