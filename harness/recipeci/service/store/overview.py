"""The only place that reads the tables for whoever watches: the queue, what is wrong, and how much there is.

A request's report is read only where it is shown: it can be large, and a list of requests needs none of it.
"""

from __future__ import annotations

from dataclasses import dataclass

from recipeci.service.model import End
from recipeci.service.store import jobs
from recipeci.service.store.database import Row, Transaction

LATE_SECONDS = 300.0
"""What has waited longer than this for the forge, or for a host, is told."""
TOLD_SECONDS = 8 * 24 * 3600.0
"""What was given up is told for a week: it was made up to a day before that."""
LATELY = 200
"""Among so many of the newest requests the ones that ended last are looked for."""
LINE = """SELECT request.id, request.recipe, pull, sweep, sha, asked_by, attempts, running, waiting, cancel,
    replaced_by, request.created, started, ended, outcome, reason, full_name, private
    FROM request JOIN repository ON repository.id = request.repository"""


@dataclass(frozen=True)
class Line:
    """One request as a list shows it, with whose it is."""

    id: int
    repository: str
    is_private: bool
    recipe: str
    pull: int | None
    sweep: int | None
    sha: str
    asked_by: str
    attempts: int
    is_running: bool
    waiting: str
    cancel: str | None
    replaced_by: int | None
    created: float
    started: float | None
    ended: float | None
    end: End | None
    reason: str


@dataclass(frozen=True)
class Alert:
    """Something that an operator must look at: `what` is a sentence of ours, `why` the words of whoever refused.

    Attributes:
        what: what is wrong; it names numbers alone.
        repository: whose it is.
        is_private: whether strangers may not know of it.
        since: seconds since 1970.
        why: the last error; of a private repository never to be shown.
    """

    what: str
    repository: str
    is_private: bool
    since: float
    why: str


@dataclass(frozen=True)
class Counts:
    """How much there is, of all repositories together.

    Attributes:
        queued: open requests that do not run.
        running: open requests that run.
        ended: how many requests ended how; each End is there.
        undecided: comments that wait for a decision.
        unsent: effects that wait for the forge.
        oldest_unsent: when the oldest of these was stored; None: none waits.
        given_up: comments and effects given up within the last days.
    """

    queued: int
    running: int
    ended: dict[End, int]
    undecided: int
    unsent: int
    oldest_unsent: float | None
    given_up: int


def still_open(tx: Transaction) -> tuple[Line, ...]:
    """Return the open requests, oldest first."""
    return tuple(_line(row) for row in tx.all(f"{LINE} WHERE request.state = 'open' ORDER BY request.id"))


def ended_last(tx: Transaction, *, most: int) -> tuple[Line, ...]:
    """Return the requests that ended last, newest first."""
    rows = tx.all(f"{LINE} WHERE request.state = 'final' ORDER BY request.id DESC LIMIT ?", LATELY)
    newest = sorted((_line(row) for row in rows), key=lambda line: line.ended or 0.0, reverse=True)
    return tuple(newest[:most])


def of_sweep(tx: Transaction, sweep: int) -> tuple[Line, ...]:
    """Return the requests of a sweep, in the order in which they were asked for."""
    return tuple(_line(row) for row in tx.all(f"{LINE} WHERE sweep = ? ORDER BY request.id", sweep))


def line(tx: Transaction, number: int) -> Line | None:
    """Return one request."""
    row = tx.one(f"{LINE} WHERE request.id = ?", number)
    return None if row is None else _line(row)


def private_words(tx: Transaction) -> frozenset[str]:
    """Return the words that only private repositories are known by: names of owners, repositories and recipes."""
    words: dict[bool, set[str]] = {False: set(), True: set()}
    for row in tx.all("SELECT full_name, recipe, private FROM repository"):
        words[bool(row["private"])].update((*row["full_name"].split("/"), row["recipe"]))
    return frozenset(words[True] - words[False])


def counts(tx: Transaction, *, now: float) -> Counts:
    """Return how much there is."""
    by_end = {row["outcome"]: row["n"] for row in tx.all(_OUTCOMES)}
    by_running = {row["running"]: row["n"] for row in tx.all(_OPEN)}
    unsent = tx.one("SELECT count(*) AS n, min(created) AS oldest FROM outbox WHERE state = 'waiting'")
    return Counts(
        queued=by_running.get(0, 0),
        running=by_running.get(1, 0),
        ended={end: by_end.get(end.value, 0) for end in End},
        undecided=int(tx.value("SELECT count(*) FROM comment WHERE state = 'new'")),
        unsent=unsent["n"] if unsent else 0,
        oldest_unsent=unsent["oldest"] if unsent else None,
        given_up=int(tx.value(_GIVEN_UP, now - TOLD_SECONDS, now - TOLD_SECONDS)),
    )


def alerts(tx: Transaction, *, now: float) -> tuple[Alert, ...]:
    """Return what an operator must look at, oldest first."""
    told = (
        *(_alert(row, f"{_effect(row)} was given up") for row in tx.all(_EFFECTS_GIVEN_UP, now - TOLD_SECONDS)),
        *(_alert(row, f"{_effect(row)} still waits") for row in tx.all(_EFFECT_LATE, now - LATE_SECONDS)),
        *(_alert(row, f"{_comment(row)} was given up") for row in tx.all(_COMMENTS_GIVEN_UP, now - TOLD_SECONDS)),
        *(_alert(row, f"the forge does not have repository {row['id']} any more") for row in tx.all(_GONE)),
        *(
            _alert(row, f"{_comment(row)} still waits")
            for row in tx.all(_COMMENT_LATE, now - LATE_SECONDS, now + LATE_SECONDS)
        ),
        *(
            _alert(row, f"run {row['id']} waits for a host")
            for row in tx.all(_HOST_LATE, jobs.NO_SLOT, now - LATE_SECONDS)
        ),
    )
    return tuple(sorted(told, key=lambda alert: alert.since))


def touch(tx: Transaction) -> None:
    """Write a page that says what it said before: at the transaction's end it is on the disk, or there is an error."""
    version = int(tx.value("PRAGMA user_version"))
    tx.change(f"PRAGMA user_version = {version}")


_OUTCOMES = "SELECT outcome, count(*) AS n FROM request WHERE state = 'final' GROUP BY outcome"
_OPEN = "SELECT running, count(*) AS n FROM request WHERE state = 'open' GROUP BY running"
_GIVEN_UP = """SELECT (SELECT count(*) FROM outbox WHERE state = 'given up' AND given_up > ?)
    + (SELECT count(*) FROM comment WHERE state = 'given up' AND given_up > ?)"""
_EFFECT = """SELECT outbox.pull, outbox.request, outbox.created AS since, outbox.error AS why, full_name, private
    FROM outbox JOIN repository ON repository.id = outbox.repository"""
_EFFECTS_GIVEN_UP = f"{_EFFECT} WHERE outbox.state = 'given up' AND outbox.given_up > ? ORDER BY outbox.id LIMIT 50"
_EFFECT_LATE = f"{_EFFECT} WHERE outbox.state = 'waiting' AND outbox.created < ? ORDER BY outbox.created LIMIT 1"
_GONE = """SELECT id, gone AS since, 'recipeci enroll --remove ' || full_name AS why, full_name, private
    FROM repository WHERE gone IS NOT NULL AND enrolled = 1 ORDER BY gone LIMIT 50"""
_COMMENT = """SELECT comment.id, comment.pull, received AS since, decision AS why, full_name, private
    FROM comment JOIN repository ON repository.id = comment.repository"""
_COMMENTS_GIVEN_UP = f"{_COMMENT} WHERE comment.state = 'given up' AND given_up > ? ORDER BY given_up LIMIT 50"
# One that came in the future has waited too: the clock was set back since.
_COMMENT_LATE = f"{_COMMENT} WHERE comment.state = 'new' AND received NOT BETWEEN ? AND ? ORDER BY received LIMIT 1"
_HOST_LATE = """SELECT request.id, request.created AS since, waiting AS why, full_name, private
    FROM request JOIN repository ON repository.id = request.repository
    WHERE state = 'open' AND running = 0 AND submitted = 1 AND waiting NOT IN ('', ?) AND created < ?
    ORDER BY request.id LIMIT 1"""


def _effect(row: Row) -> str:
    """Return what an effect would have shown on the forge."""
    if row["request"] is not None:
        return f"the commit status of run {row['request']}"
    return f"the comment under pull request {row['pull']}"


def _comment(row: Row) -> str:
    return f"comment {row['id']} under pull request {row['pull']}"


def _alert(row: Row, what: str) -> Alert:
    return Alert(what, row["full_name"], bool(row["private"]), row["since"], row["why"])


def _line(row: Row) -> Line:
    return Line(
        id=row["id"],
        repository=row["full_name"],
        is_private=bool(row["private"]),
        recipe=row["recipe"],
        pull=row["pull"],
        sweep=row["sweep"],
        sha=row["sha"],
        asked_by=row["asked_by"],
        attempts=row["attempts"],
        is_running=bool(row["running"]),
        waiting=row["waiting"],
        cancel=row["cancel"],
        replaced_by=row["replaced_by"],
        created=row["created"],
        started=row["started"],
        ended=row["ended"],
        end=None if row["outcome"] is None else End(row["outcome"]),
        reason=row["reason"],
    )
