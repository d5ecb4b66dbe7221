"""The only place for what an operator asks of the queue: what is in it, an end, once more. The bridge does the rest."""

from __future__ import annotations

import contextlib
import dataclasses
import datetime
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from recipeci.errors import UsageError
from recipeci.host.clock import SystemClock
from recipeci.report.text import one_line
from recipeci.service import ending
from recipeci.service.model import Request, State
from recipeci.service.store import Database, Transaction, jobs, overview, repositories, requests
from recipeci.service.store.overview import Line

OPERATOR = "the operator"
MINUTE, HOUR, DAY = 60, 3600, 86_400


@dataclass(frozen=True)
class Seen:
    """One worker that was ever seen, and how long ago."""

    name: str
    slots: int
    version: str
    seconds_ago: float


@dataclass(frozen=True)
class Queue:
    """The open requests, oldest first, and the workers; `now` is when that was so."""

    requests: tuple[Line, ...]
    workers: tuple[Seen, ...]
    now: float

    def lines(self) -> Iterator[str]:
        """Yield it for people."""
        for line in self.requests:
            state, since = _state(line), self.now - (line.started if line.is_running and line.started else line.created)
            yield f"{line.id:>5}  {state:<8} {_span(since):>7}  {_what(line)}"
        if not self.requests:
            yield "nothing is queued"
        for worker in self.workers:
            yield f"worker {worker.name}: slots: {worker.slots}, seen {_span(worker.seconds_ago)} ago"
        if not self.workers:
            yield "no worker was ever seen: recipeci work"

    def as_data(self) -> Mapping[str, Any]:
        """Return it for programs: docs/operating.md has the keys."""
        return {
            "requests": [_as_data(line) for line in self.requests],
            "workers": [dataclasses.asdict(worker) for worker in self.workers],
        }


def queue(database: Path) -> Queue:
    """Return what is queued and what runs."""
    now = SystemClock().epoch()
    with _opened(database) as opened, opened.reading() as tx:
        workers = [
            Seen(row["name"], row["slots"], row["version"], max(0.0, now - row["seen"])) for row in jobs.workers(tx)
        ]
        return Queue(overview.still_open(tx), tuple(workers), now)


def enrolled(database: Path) -> tuple[str, ...]:
    """Return the enrolled repositories, as `recipeci enroll` takes them."""
    with _opened(database) as opened, opened.reading() as tx:
        return tuple(f"{home.full_name}={home.recipe}" for home in repositories.enrolled(tx))


def cancel(database: Path, number: int) -> str:
    """Have a run ended; return what will come of that, in a sentence.

    Raises:
        UsageError: there is no such run, or it has ended.
    """
    with _opened(database) as opened, opened.writing() as tx:
        found = _found(tx, number)
        if found.state is State.FINAL:
            raise UsageError(f"run {number} has ended: {found.end}", hint="recipeci queue says what has not")
        if requests.cancel(tx, number, why=f"cancelled by {OPERATOR}"):
            return f"run {number} is being cancelled" + (", its teardown is done first" if found.is_running else "")
        return f"run {number} was being cancelled already: {found.cancel}"


def rerun(database: Path, number: int, *, url: str) -> int:
    """Queue the commit of a run that has ended once more; return the new run's number.

    It takes the place of what is queued for the same pull request, as a comment would.

    Raises:
        UsageError: there is no such run, or it has not ended; or its repository was removed.
    """
    with _opened(database) as opened, opened.writing() as tx:
        found = _found(tx, number)
        if found.state is not State.FINAL:
            raise UsageError(f"run {number} has not ended", hint=f"recipeci cancel {number} ends it")
        home = repositories.find(tx, found.repository)
        if home is None or not home.is_enrolled:
            raise UsageError(f"the repository of run {number} was removed", hint="recipeci enroll OWNER/REPO")
        waiting = [one.id for one in requests.still_open(tx) if _same_pull(one, found) and not one.is_running]
        return ending.begin(
            tx,
            found.asked,
            repository=found.repository,
            asked_by=OPERATOR,
            replaces=waiting,
            url=url,
            now=SystemClock().epoch(),
        )


@contextlib.contextmanager
def _opened(database: Path) -> Iterator[Database]:
    with contextlib.closing(Database(database)) as opened:
        yield opened


def _found(tx: Transaction, number: int) -> Request:
    found = requests.find(tx, number)
    if found is None:
        raise UsageError(f"there is no run {number}", hint="recipeci queue lists those that have not ended")
    return found


def _same_pull(one: Request, other: Request) -> bool:
    return other.asked.pull is not None and (one.repository, one.asked.pull) == (other.repository, other.asked.pull)


def _state(line: Line) -> str:
    return "running" if line.is_running else "queued"


def _what(line: Line) -> str:
    """Return what a request is of, and why it does not go on; words of others cannot move the cursor."""
    where = f"{line.repository}#{line.pull}" if line.pull is not None else line.repository
    why = f"being ended: {line.cancel}" if line.cancel else line.waiting
    more = f": {why}" if why else ""
    return one_line(f"{where} {line.sha[:8]} by {line.asked_by}{more}")


def _span(seconds: float) -> str:
    """Return how long something is, as people say it."""
    for size, name in ((DAY, "d"), (HOUR, "h"), (MINUTE, "min")):
        if seconds >= size:
            return f"{seconds // size:.0f} {name}"
    return f"{max(0.0, seconds):.0f} s"


def _as_data(line: Line) -> Mapping[str, Any]:
    """Return a request for programs."""
    return {
        "id": line.id,
        "repository": line.repository,
        "recipe": line.recipe,
        "pull": line.pull,
        "sweep": line.sweep,
        "sha": line.sha,
        "asked_by": line.asked_by,
        "state": _state(line),
        "attempts": line.attempts,
        "waiting": line.waiting,
        "cancel": line.cancel,
        "created": _iso(line.created),
        "started": None if line.started is None else _iso(line.started),
    }


def _iso(seconds: float) -> str:
    moment = datetime.datetime.fromtimestamp(seconds, datetime.UTC)
    return moment.isoformat(timespec="seconds").replace("+00:00", "Z")
