"""The only place that reads and writes requests: wishes for runs, from the decision to the one end that each has."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Mapping
from typing import Any

from recipeci.model import Tier
from recipeci.service.model import Asked, End, Request, State
from recipeci.service.store.database import Row, Transaction

_IN_A_LINE = """SELECT id, repository, asked, state, created, comment, sweep, asked_by, attempts, running, cancel,
    started, ended, outcome, reason,
    iif(report IS NULL, NULL, json_object('verdict', json_extract(report, '$.verdict'),
        'label', json_extract(report, '$.label'), 'level', json_extract(report, '$.level'))) AS report
    FROM request WHERE id = ?"""
"""A request with that part of its report which a line about it tells (`card`)."""


def open_one(
    tx: Transaction,
    asked: Asked,
    *,
    repository: int,
    now: float,
    comment: int | None = None,
    sweep: int | None = None,
    asked_by: str = "",
) -> int:
    """Open a request; return its number. A comment has one at most (the table's key says so)."""
    return tx.insert(
        """INSERT INTO request (repository, comment, sweep, pull, recipe, sha, asked, asked_by, created)
           VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)""",
        repository,
        comment,
        sweep,
        asked.pull,
        asked.recipe,
        asked.sha,
        as_json(asked),
        asked_by,
        now,
    )


def find(tx: Transaction, number: int) -> Request | None:
    """Return a request by its number."""
    row = tx.one("SELECT * FROM request WHERE id = ?", number)
    return None if row is None else _request(row)


def still_open(tx: Transaction) -> tuple[Request, ...]:
    """Return the open ones, oldest first."""
    return tuple(_request(row) for row in tx.all("SELECT * FROM request WHERE state = 'open' ORDER BY id"))


def of_pull(tx: Transaction, *, repository: int, pull: int, most: int = 20) -> tuple[Request, ...]:
    """Return the requests of a pull request, newest first; one that came after a newer one stands behind that.

    Only the first has its whole report, which can be large: of the others there is what one line tells.
    """
    rows = tx.all(
        """SELECT id FROM request WHERE repository = ? AND pull = ?
           ORDER BY min(id, coalesce(replaced_by, id), coalesce((SELECT min(newer.id) FROM request AS newer
               WHERE newer.repository = request.repository AND newer.pull = request.pull
               AND newer.comment > request.comment), id)) DESC, id LIMIT ?""",
        repository,
        pull,
        most,
    )
    numbers = [row["id"] for row in rows]
    first = (find(tx, number) for number in numbers[:1])
    others = (tx.one(_IN_A_LINE, number) for number in numbers[1:])
    return (*filter(None, first), *(_request(row) for row in others if row is not None))


def newer(tx: Transaction, *, repository: int, pull: int, comment: int) -> Request | None:
    """Return the request of the newest comment under a pull request, if that is newer than this one."""
    row = tx.one(
        "SELECT * FROM request WHERE repository = ? AND pull = ? AND comment > ? ORDER BY comment DESC LIMIT 1",
        repository,
        pull,
        comment,
    )
    return None if row is None else _request(row)


def newest(tx: Transaction, *, most: int) -> tuple[Request, ...]:
    """Return the newest of all."""
    return tuple(_request(row) for row in tx.all("SELECT * FROM request ORDER BY id DESC LIMIT ?", most))


def replaced_by(tx: Transaction, old: int) -> int | None:
    """Return the request that is to take the place of an open one that has not begun."""
    found = tx.value("SELECT replaced_by FROM request WHERE id = ?", old)
    return None if found is None else int(found)


def open_of_sha(tx: Transaction, *, repository: int, sha: str) -> Request | None:
    """Return the newest open request for a commit that has a status there: a sweep's has none."""
    row = tx.one(
        """SELECT * FROM request WHERE repository = ? AND sha = ? AND state = 'open' AND pull IS NOT NULL
           ORDER BY id DESC LIMIT 1""",
        repository,
        sha,
    )
    return None if row is None else _request(row)


def replace(tx: Transaction, old: int, *, new: int) -> None:
    """Note that the request of a newer comment takes the place of an open one, unless it runs by then."""
    tx.change("UPDATE request SET replaced_by = ? WHERE id = ? AND state = 'open' AND running = 0", new, old)


def is_submitted(tx: Transaction, number: int) -> bool:
    """Say whether the engine is known to have the newest attempt."""
    return bool(tx.value("SELECT submitted FROM request WHERE id = ?", number))


def attempt(tx: Transaction, number: int, *, after: int) -> bool:
    """Begin another attempt: the row is there before the engine is asked. False if it is no longer wanted.

    It has all its time anew, whatever the one before it took.
    `after` is the number of attempts that the caller knows of: two of them cannot begin the same one.
    """
    changed = tx.change(
        """UPDATE request SET attempts = attempts + 1, submitted = 0, running = 0, started = NULL
           WHERE id = ? AND attempts = ? AND state = 'open'""",
        number,
        after,
    )
    return changed == 1


def submitted(tx: Transaction, number: int, *, attempt: int) -> None:
    """Note that the engine has it."""
    tx.change("UPDATE request SET submitted = 1 WHERE id = ? AND attempts = ? AND state = 'open'", number, attempt)


def begun(tx: Transaction, number: int, *, now: float) -> bool:
    """Note that it runs; False if that was known."""
    changed = tx.change(
        """UPDATE request SET running = 1, started = coalesce(started, ?), waiting = '', replaced_by = NULL
           WHERE id = ? AND running = 0 AND state = 'open'""",
        now,
        number,
    )
    return changed == 1


def waits(tx: Transaction, number: int, *, why: str) -> bool:
    """Note why it does not begin; False if that was known."""
    changed = tx.change(
        "UPDATE request SET waiting = ? WHERE id = ? AND waiting <> ? AND state = 'open'", why, number, why
    )
    return changed == 1


def waiting(tx: Transaction, number: int) -> str:
    """Return why it does not begin, empty if nobody has said."""
    return str(tx.value("SELECT waiting FROM request WHERE id = ?", number) or "")


def cancel(tx: Transaction, number: int, *, why: str) -> bool:
    """Note that it is to be cancelled; False if it has ended, or was cancelled before."""
    return (
        tx.change("UPDATE request SET cancel = ? WHERE id = ? AND state = 'open' AND cancel IS NULL", why, number) == 1
    )


def ended(
    tx: Transaction,
    number: int,
    end: End,
    *,
    now: float,
    reason: str = "",
    report: Mapping[str, Any] | None = None,
) -> bool:
    """Give a request its end; False if it has one, which is never changed."""
    changed = tx.change(
        """UPDATE request SET state = 'final', outcome = ?, reason = ?, report = ?, ended = ?, running = 0
           WHERE id = ? AND state = 'open'""",
        end.value,
        reason,
        None if report is None else json.dumps(report),
        now,
        number,
    )
    return changed == 1


def as_json(asked: Asked) -> str:
    """Return what a run is asked for as it is stored."""
    return json.dumps(dataclasses.asdict(asked) | {"stages": [stage.value for stage in asked.stages]})


def from_json(text: str) -> Asked:
    """Return what a run is asked for, checked again: between two processes stands a file.

    Raises:
        UsageError: it is not what we would have written.
    """
    data = json.loads(text)
    return Asked(**data | {"stages": tuple(Tier(stage) for stage in data["stages"])})


def _request(row: Row) -> Request:
    return Request(
        id=row["id"],
        repository=row["repository"],
        asked=from_json(row["asked"]),
        state=State(row["state"]),
        created=row["created"],
        comment=row["comment"],
        sweep=row["sweep"],
        asked_by=row["asked_by"],
        attempts=row["attempts"],
        is_running=bool(row["running"]),
        cancel=row["cancel"],
        started=row["started"],
        ended=row["ended"],
        end=None if row["outcome"] is None else End(row["outcome"]),
        reason=row["reason"],
        report=None if row["report"] is None else json.loads(row["report"]),
    )
