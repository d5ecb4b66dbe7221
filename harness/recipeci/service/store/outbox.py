"""The only place that reads and writes the outbox: what is to be made of the forge, a row before it is tried."""

from __future__ import annotations

import dataclasses
import json
from dataclasses import dataclass

from recipeci.service import backoff
from recipeci.service.model import Status
from recipeci.service.store.database import Row, Transaction

LOOK_SECONDS = (20.0, 120.0, 900.0)
"""How long after an attempt in doubt the forge is looked at: behind a proxy a request can wait longer than we do."""


@dataclass(frozen=True)
class Effect:
    """One row: a commit status, or that the comment under a pull request is to be brought up to date.

    `tried` counts the attempts that were begun before: after the first one nobody knows whether it came through.
    `is_look`: it was done, and it is to be seen whether an attempt before that came through later.
    """

    id: int
    repository: int
    subject: str
    pull: int | None
    request: int | None
    status: Status | None
    """None: it is about the comment, which is written from what is known when it is sent."""
    version: int
    tried: int
    created: float
    is_look: bool = False


def status(tx: Transaction, wanted: Status, *, repository: int, request: int, final: bool, now: float) -> None:
    """Have a commit status set; of a request there is one that says `pending` and one that is final, at most."""
    key = f"status:{request}:{'final' if final else 'pending'}"
    _status(tx, key, wanted, repository=repository, request=request, now=now)


def pending_again(tx: Transaction, wanted: Status, *, repository: int, request: int, after: int, now: float) -> None:
    """Have a request's pending status set once more, after the final one of another request for the same commit."""
    key = f"status:{request}:pending:after:{after}"
    _status(tx, key, wanted, repository=repository, request=request, now=now)


def _status(tx: Transaction, key: str, wanted: Status, *, repository: int, request: int, now: float) -> None:
    tx.change(
        """INSERT INTO outbox (key, subject, repository, request, status, due, created) VALUES (?, ?, ?, ?, ?, ?, ?)
           ON CONFLICT (key) DO NOTHING""",
        key,
        f"status:{repository}:{wanted.sha}",
        repository,
        request,
        json.dumps(dataclasses.asdict(wanted)),
        now,
        now,
    )


def card(tx: Transaction, *, repository: int, pull: int, now: float) -> None:
    """Have the comment under a pull request brought up to date; news are tried for as long as any, whatever waited."""
    tx.change("INSERT INTO card (repository, pull) VALUES (?, ?) ON CONFLICT DO NOTHING", repository, pull)
    key = f"card:{repository}:{pull}"
    tx.change(
        """INSERT INTO outbox (key, subject, repository, pull, due, created) VALUES (?, ?, ?, ?, ?, ?)
           ON CONFLICT (key) DO UPDATE SET
               version = version + 1,
               created = iif(state = 'waiting', created, excluded.created),
               failed = NULL,
               due = iif(state = 'waiting', due, excluded.due),
               tried = iif(state = 'waiting', tried, 0),
               state = 'waiting'""",
        key,
        key,
        repository,
        pull,
        now,
        now,
    )


def due(tx: Transaction, *, now: float) -> tuple[Effect, ...]:
    """Return what is to be done now: of each subject the oldest that waits, if its time has come.

    Where nothing waits it is looked at again, if an attempt may have come through later than we waited for it. A time
    that is further away than any pause was stored by a clock that has been set back since.
    """
    rows = tx.all(
        """SELECT * FROM outbox WHERE state = 'waiting' AND (due <= ? OR due > ?)
           AND id = (SELECT min(o.id) FROM outbox AS o WHERE o.subject = outbox.subject AND o.state = 'waiting')
           ORDER BY due, id""",
        now,
        now + backoff.MOST_SECONDS,
    )
    looks = tx.all(
        """SELECT * FROM outbox WHERE id IN (SELECT max(id) FROM outbox WHERE look <= ? OR look > ? GROUP BY subject)
           AND NOT EXISTS (SELECT 1 FROM outbox AS o WHERE o.subject = outbox.subject AND o.state = 'waiting')
           ORDER BY look, id""",
        now,
        now + backoff.MOST_SECONDS,
    )
    return (*(_effect(row) for row in rows), *(_effect(row, is_look=True) for row in looks))


def begun(tx: Transaction, effect: Effect, *, now: float) -> bool:
    """Note that it is tried now: nobody can be sure from here on that it was not done. False: no longer wanted."""
    if effect.is_look:
        return tx.one("SELECT 1 FROM outbox WHERE id = ? AND look IS NOT NULL", effect.id) is not None
    changed = tx.change(
        """UPDATE outbox SET tried = tried + 1, doubted = iif(tried > 0, ?, doubted), look = iif(tried > 0, ?, look)
           WHERE id = ? AND state = 'waiting'""",
        now,
        now + LOOK_SECONDS[0],
        effect.id,
    )
    return changed == 1


def sent(tx: Transaction, effect: Effect) -> None:
    """Note that the forge has it; what was changed meanwhile goes on waiting. A later look begins its day anew."""
    tx.change(
        """UPDATE outbox SET state = iif(version = ?, 'sent', state), tried = iif(version = ?, tried, 0), error = '',
               failed = NULL
           WHERE id = ? AND state = 'waiting'""",
        effect.version,
        effect.version,
        effect.id,
    )


def shown(tx: Transaction, subject: str) -> Status | None:
    """Return the status that was set last of a commit, None if none was."""
    found = tx.value("SELECT status FROM outbox WHERE subject = ? AND state = 'sent' ORDER BY id DESC LIMIT 1", subject)
    return None if found is None else Status(**json.loads(found))


def looked(tx: Transaction, effect: Effect, *, now: float) -> None:
    """Note that the forge shows what it is to show, and when to look next: less and less often, and then no more."""
    doubted = float(tx.value("SELECT max(doubted) FROM outbox WHERE subject = ?", effect.subject) or 0.0)
    tx.change("UPDATE outbox SET look = NULL WHERE subject = ?", effect.subject)
    for moment in (doubted + seconds for seconds in LOOK_SECONDS):
        if moment > now:
            tx.change("UPDATE outbox SET doubted = ?, look = ?, failed = NULL WHERE id = ?", doubted, moment, effect.id)
            return


def overtaken(tx: Transaction, *, request: int) -> None:
    """Note that a request's `pending` need not be said any more: its final status is to follow."""
    tx.change(
        "UPDATE outbox SET state = 'overtaken' WHERE request = ? AND key <> ? AND state = 'waiting' AND tried = 0",
        request,
        f"status:{request}:final",
    )


def failed(tx: Transaction, effect: Effect, *, now: float) -> float:
    """Return when it was tried in vain for the first time, which is noted if it is now."""
    tx.change("UPDATE outbox SET failed = coalesce(failed, ?) WHERE id = ?", now, effect.id)
    return float(tx.value("SELECT failed FROM outbox WHERE id = ?", effect.id))


def postponed(tx: Transaction, effect: Effect, *, due: float, now: float, why: str) -> None:
    """Note that it could not be done, and when to try again."""
    if effect.is_look:  # what was put right by it is in doubt in its turn
        tx.change("UPDATE outbox SET doubted = ?, look = ? WHERE id = ? AND look IS NOT NULL", now, due, effect.id)
    else:
        tx.change("UPDATE outbox SET due = ?, error = ? WHERE id = ? AND state = 'waiting'", due, why, effect.id)


def given_up(tx: Transaction, effect: Effect, *, now: float, why: str) -> None:
    """Note that it will not be done."""
    if effect.is_look:
        tx.change("UPDATE outbox SET look = NULL WHERE subject = ?", effect.subject)
    tx.change(
        "UPDATE outbox SET state = 'given up', given_up = ?, error = ? WHERE id = ? AND state = 'waiting'",
        now,
        why,
        effect.id,
    )


def ends_that_wait(tx: Transaction, *, repository: int) -> tuple[int, ...]:
    """Return the requests of a repository whose final status is to be set yet."""
    rows = tx.all(
        """SELECT request FROM outbox
           WHERE repository = ? AND state = 'waiting' AND key = 'status:' || request || ':final' ORDER BY request""",
        repository,
    )
    return tuple(int(row["request"]) for row in rows)


def dropped(tx: Transaction, *, repository: int) -> None:
    """Note that nothing more will be made of a repository of the forge."""
    tx.change("UPDATE outbox SET look = NULL WHERE repository = ?", repository)
    tx.change(
        "UPDATE outbox SET state = 'overtaken' WHERE repository = ? AND state IN ('waiting', 'given up')", repository
    )


def comment_of(tx: Transaction, *, repository: int, pull: int) -> int | None:
    """Return the number of our comment under a pull request, None if we do not know of one."""
    found = tx.value("SELECT comment FROM card WHERE repository = ? AND pull = ?", repository, pull)
    return None if found is None else int(found)


def comment_is(tx: Transaction, number: int | None, *, repository: int, pull: int) -> None:
    """Note the number of our comment under a pull request; None: it is gone."""
    tx.change("UPDATE card SET comment = ? WHERE repository = ? AND pull = ?", number, repository, pull)


def answer(tx: Transaction, words: str, *, repository: int, pull: int, now: float) -> None:
    """Have an answer shown in the comment under a pull request, in the place of the one before; empty: none."""
    tx.change("INSERT INTO card (repository, pull) VALUES (?, ?) ON CONFLICT DO NOTHING", repository, pull)
    tx.change("UPDATE card SET answer = ? WHERE repository = ? AND pull = ?", words, repository, pull)
    card(tx, repository=repository, pull=pull, now=now)


def answer_of(tx: Transaction, *, repository: int, pull: int) -> str:
    """Return the answer to be shown under a pull request, empty if there is none."""
    return str(tx.value("SELECT answer FROM card WHERE repository = ? AND pull = ?", repository, pull) or "")


def said_once(tx: Transaction, *, repository: int, pull: int) -> bool:
    """Note that a maintainer was asked for under this pull request; False if that was said before."""
    tx.change("INSERT INTO card (repository, pull) VALUES (?, ?) ON CONFLICT DO NOTHING", repository, pull)
    changed = tx.change(
        "UPDATE card SET needs_maintainer = 1 WHERE repository = ? AND pull = ? AND needs_maintainer = 0",
        repository,
        pull,
    )
    return changed == 1


def maintainer_was_asked_for(tx: Transaction, *, repository: int, pull: int) -> bool:
    """Say whether a maintainer was asked for under this pull request."""
    return bool(tx.value("SELECT needs_maintainer FROM card WHERE repository = ? AND pull = ?", repository, pull))


def _effect(row: Row, *, is_look: bool = False) -> Effect:
    return Effect(
        id=row["id"],
        repository=row["repository"],
        subject=row["subject"],
        pull=row["pull"],
        request=row["request"],
        status=None if row["status"] is None else Status(**json.loads(row["status"])),
        version=row["version"],
        tried=row["tried"],
        created=row["created"],
        is_look=is_look,
    )
