"""The only place that reads and writes the embedded engine's jobs, their logs, and which workers there are.

Whoever takes a job gets a fence with it. All that he writes of it is written under that fence, and counts only as long
as the job is his: a worker that slept through its own death changes nothing.
"""

from __future__ import annotations

import dataclasses
import json
import logging
import secrets
from dataclasses import dataclass

from recipeci.errors import UsageError
from recipeci.service.model import KEY, Asked, Job, JobState, Result, Sighting
from recipeci.service.store import requests
from recipeci.service.store.database import Row, Transaction

LOG_CHARACTERS = 400_000
"""Of what a run prints so much is kept for the page; run.log has all of it."""
WITHHELD = "[withheld: a secret was found in what this run left, or nobody has looked for one]\n"
NO_SLOT = "every slot is taken"
"""Why a job waits where that is as it should be: whoever looks at the queue is told, and no alert is made of it."""
WORDS = 500
"""Characters of what is said about a job that cannot be read."""


@dataclass(frozen=True)
class Taken:
    """A job in the hands of a worker, with the fence under which it writes."""

    key: str
    repository: int
    asked: Asked
    fence: str


def put(tx: Transaction, job: Job, *, now: float) -> None:
    """Queue a job; once a key is known, nothing happens."""
    tx.change(
        "INSERT INTO job (key, repository, asked, queued) VALUES (?, ?, ?, ?) ON CONFLICT (key) DO NOTHING",
        job.key,
        job.repository,
        requests.as_json(job.asked),
        now,
    )


def any_waits(tx: Transaction) -> bool:
    """Say whether a job waits for a worker."""
    return tx.one("SELECT 1 FROM job WHERE state = 'queued' LIMIT 1") is not None


def take(tx: Transaction, *, worker: str, forge: str, now: float) -> Taken | None:
    """Give the next job to a worker that tests the repositories of one forge, None if none waits.

    A pull request's before a sweep's, for which nobody waits. Fair between repositories: first those of which least
    runs now, then the one whose last start is longest ago.
    A job that cannot be read has ended by that, whatever it holds instead: it must not keep those behind it.
    """
    row = tx.one(
        """SELECT rowid, CAST(key AS BLOB) AS key, repository, CAST(asked AS BLOB) AS asked
           FROM job WHERE state = 'queued' ORDER BY
             iif(json_valid(asked), json_extract(asked, '$.pull') IS NULL, 0),
             (SELECT count(*) FROM job AS other WHERE other.state = 'running' AND other.repository = job.repository),
             (SELECT coalesce(max(started), 0) FROM job AS other WHERE other.repository = job.repository),
             queued, rowid LIMIT 1"""
    )
    if row is None:
        return None
    fence = secrets.token_hex(16)
    tx.change(
        "UPDATE job SET state = 'running', worker = ?, fence = ?, started = ? WHERE rowid = ? AND state = 'queued'",
        worker,
        fence,
        now,
        row["rowid"],
    )
    try:
        return _read(row, fence=fence, forge=forge)
    except Exception as e:  # noqa: BLE001 - another process wrote it: it must not be able to end us
        result = Result(UsageError.exit_code, error=f"the job cannot be read: {e}"[:WORDS])
        logging.getLogger(__name__).warning("job %r: %s", row["key"].decode("utf-8", "replace"), result.error)
        tx.change(
            "UPDATE job SET state = 'ended', result = ?, ended = ? WHERE rowid = ? AND fence = ?",
            json.dumps(dataclasses.asdict(result)),
            now,
            row["rowid"],
            fence,
        )
        return None


def _read(row: Row, *, fence: str, forge: str) -> Taken:
    """Return a job that was taken, checked: its key becomes part of the name of a folder of root's."""
    key = row["key"].decode("utf-8")
    if not KEY.match(key):
        raise UsageError(f"{key!r} is not the key of a job")
    asked = requests.from_json(row["asked"].decode("utf-8")).at(forge)
    return Taken(key, int(row["repository"]), asked, fence)


def beat(tx: Transaction, taken: Taken) -> bool:
    """Say that the worker lives; False if the job is no longer its own."""
    return (
        tx.change("UPDATE job SET beat = beat + 1 WHERE key = ? AND fence = ? AND state = 'running'", *_ours(taken))
        == 1
    )


def cancelled(tx: Transaction, taken: Taken) -> str | None:
    """Return why the job is to be ended, None if it is not."""
    found = tx.value("SELECT cancel FROM job WHERE key = ? AND fence = ? AND state = 'running'", *_ours(taken))
    return None if found is None else str(found)


def say(tx: Transaction, taken: Taken, text: str) -> bool:
    """Add to the job's log; False if the job is no longer the worker's own."""
    if tx.one("SELECT 1 FROM job WHERE key = ? AND fence = ? AND state = 'running'", *_ours(taken)) is None:
        return False
    text = text.replace("\0", "\\x00")  # SQLite counts a text's characters up to the first of these
    kept = int(tx.value("SELECT coalesce(sum(length(text)), 0) FROM log WHERE job = ?", taken.key))
    if kept < LOG_CHARACTERS:
        text = (
            text
            if kept + len(text) <= LOG_CHARACTERS
            else f"{text[: LOG_CHARACTERS - kept]}\n[… the rest is in run.log]\n"
        )
        tx.change(
            "INSERT INTO log (job, part, text) SELECT ?, coalesce(max(part), 0) + 1, ? FROM log WHERE job = ?",
            taken.key,
            text,
            taken.key,
        )
    return True


def finish(tx: Transaction, taken: Taken, result: Result, *, now: float) -> bool:
    """Bring a job's result; False if the job is no longer the worker's own: then it counts for nothing."""
    return _end(tx, result, *_ours(taken), now=now)


def let_go(tx: Transaction, taken: Taken, *, why: str, now: float) -> bool:
    """Give up a job whose run was ended without a result; False if it is no longer the worker's own."""
    changed = tx.change(
        "UPDATE job SET state = 'lost', reason = ?, ended = ? WHERE key = ? AND fence = ? AND state = 'running'",
        why,
        now,
        *_ours(taken),
    )
    return changed == 1


def withdraw(tx: Transaction, key: str, *, now: float) -> bool:
    """Take a job back that has not begun, for good; False if it has, or was never put."""
    changed = tx.change("UPDATE job SET state = 'withdrawn', ended = ? WHERE key = ? AND state = 'queued'", now, key)
    return changed == 1


def cancel(tx: Transaction, key: str, *, why: str, now: float) -> None:
    """Have a job ended: at once where it waits, by its worker where it runs."""
    if not withdraw(tx, key, now=now):
        tx.change("UPDATE job SET cancel = coalesce(cancel, ?) WHERE key = ? AND state = 'running'", why, key)


def lost(tx: Transaction, key: str, *, beat: int, why: str, now: float) -> bool:
    """Take a running job from a worker that has not said anything since this beat; False if it has, or has ended.

    Nobody looks for secrets in what its run has printed: that is withheld.
    """
    changed = tx.change(
        "UPDATE job SET state = 'lost', reason = ?, ended = ? WHERE key = ? AND beat = ? AND state = 'running'",
        why,
        now,
        key,
        beat,
    )
    if changed:
        withhold_log(tx, key)
    return changed == 1


def abandoned(tx: Transaction, *, worker: str, why: str, now: float) -> int:
    """Take all running jobs from a worker of which is known that its processes are gone; return how many.

    Nobody looks for secrets in what their runs have printed: that is withheld.
    """
    for row in tx.all("SELECT key FROM job WHERE worker = ? AND state = 'running'", worker):
        withhold_log(tx, row["key"])
    return tx.change(
        "UPDATE job SET state = 'lost', reason = ?, ended = ? WHERE worker = ? AND state = 'running'", why, now, worker
    )


def beats(tx: Transaction) -> dict[str, int]:
    """Return the running jobs' keys with their beats."""
    return {row["key"]: row["beat"] for row in tx.all("SELECT key, beat FROM job WHERE state = 'running'")}


def unfinished(tx: Transaction) -> int:
    """Return how many jobs are queued or running."""
    return int(tx.value("SELECT count(*) FROM job WHERE state IN ('queued', 'running')"))


def sighting(tx: Transaction, key: str) -> Sighting | None:
    """Return what is known of a job, None if it was never put."""
    row = tx.one("SELECT state, result, reason FROM job WHERE key = ?", key)
    if row is None:
        return None
    result = None if row["result"] is None else Result(**json.loads(row["result"]))
    return Sighting(JobState(row["state"]), result, row["reason"])


def log(tx: Transaction, key: str, *, after: int = 0) -> tuple[int, str]:
    """Return what a run has printed after a part, and the number of the last part."""
    rows = tx.all("SELECT part, text FROM log WHERE job = ? AND part > ? ORDER BY part", key, after)
    return (rows[-1]["part"] if rows else after), "".join(row["text"] for row in rows)


def withhold_log(tx: Transaction, key: str) -> None:
    """Leave nothing of a job's log but a sentence, if anything was printed at all."""
    if tx.change("DELETE FROM log WHERE job = ?", key):
        tx.change("INSERT INTO log (job, part, text) VALUES (?, 1, ?)", key, WITHHELD)


def worker_seen(tx: Transaction, name: str, *, slots: int, version: str, now: float) -> None:
    """Note that a worker is there."""
    tx.change(
        """INSERT INTO worker (name, slots, version, seen) VALUES (?, ?, ?, ?) ON CONFLICT (name) DO UPDATE
           SET slots = excluded.slots, version = excluded.version, seen = excluded.seen""",
        name,
        slots,
        version,
        now,
    )


def workers(tx: Transaction) -> tuple[Row, ...]:
    """Return the workers ever seen: name, slots, version, seen."""
    return tuple(tx.all("SELECT * FROM worker ORDER BY name"))


def forget(tx: Transaction, *, before: float) -> int:
    """Remove what is large or many of requests that ended before a time; return how many parts of logs it was.

    That a request was there stays, with its end, and that a comment was decided: a webhook that somebody sends again
    must still be known. So does what a host has brought and nobody has read yet: the bridge may have been away so long.
    """
    unread = "(SELECT id || '.' || attempts FROM request WHERE state = 'open')"
    ended = f"SELECT key FROM job WHERE ended < ? AND key NOT IN {unread}"  # noqa: S608 - ours
    parts = tx.change(f"DELETE FROM log WHERE job IN ({ended})", before)  # noqa: S608
    tx.change(f"DELETE FROM job WHERE key IN ({ended})", before)  # noqa: S608
    tx.change("UPDATE request SET report = NULL WHERE state = 'final' AND ended < ?", before)
    tx.change("DELETE FROM outbox WHERE state IN ('sent', 'overtaken') AND status IS NOT NULL AND created < ?", before)
    tx.change("UPDATE comment SET body = '' WHERE state <> 'new' AND received < ?", before)
    return parts


def _ours(taken: Taken) -> tuple[str, str]:
    """Return what every statement of a worker's is bound by."""
    return taken.key, taken.fence


def _end(tx: Transaction, result: Result, key: str, fence: str, *, now: float) -> bool:
    changed = tx.change(
        "UPDATE job SET state = 'ended', result = ?, ended = ? WHERE key = ? AND fence = ? AND state = 'running'",
        json.dumps(dataclasses.asdict(result)),
        now,
        key,
        fence,
    )
    return changed == 1
