"""The only place that says what pages show of requests: of a private repository a number and how it stands, no more.

Pure. The templates get nothing but these values, so a page cannot show what is not here.
"""

from __future__ import annotations

import datetime
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from urllib.parse import quote

from recipeci.service.essentials import Essentials, essentials
from recipeci.service.model import Repository, Request
from recipeci.service.standing import Standing
from recipeci.service.store.overview import Line

LOG_CHARACTERS = 100_000
"""Of a longer log the page shows the end; the text has all of it."""
MINUTE, HOUR, DAY = 60, 3600, 86400
QUEUED, RUNNING = "queued", "running"


@dataclass(frozen=True)
class Moment:
    """A time as pages show it: for machines, for people, and how long ago it was."""

    iso: str
    utc: str
    ago: str


@dataclass(frozen=True)
class Row:
    """A request in a list. Of a hidden one only `number` and `state` are there."""

    number: int
    state: str
    is_hidden: bool = False
    recipe: str = ""
    where: str = ""
    who: str = ""
    sha: str = ""
    why: str = ""
    when: Moment | None = None
    took: str = ""


@dataclass(frozen=True)
class Trouble:
    """Something that an operator must look at: what it is, whose, since when, and what was said of it."""

    what: str
    repository: str
    since: Moment | None
    why: str


@dataclass(frozen=True)
class Log:
    """What a run printed, without the first `cut` characters; `attempt` and `part` say where the rest begins."""

    attempt: int
    part: int
    text: str
    cut: int


@dataclass(frozen=True)
class Page:
    """A request's page. Of a hidden one only `number`, `state` and `has_ended` are there."""

    number: int
    state: str
    has_ended: bool
    is_hidden: bool = False
    title: str = ""
    facts: tuple[tuple[str, str], ...] = ()
    times: tuple[tuple[str, Moment], ...] = ()
    pull_url: str = ""
    reason: str = ""
    waiting: str = ""
    essentials: Essentials | None = None
    has_report: bool = False
    log: Log | None = None


def is_hidden(line: Line, *, show_private: bool) -> bool:
    """Say whether strangers may not see what a request's repository holds."""
    return line.is_private and not show_private


def rows(lines: Sequence[Line], *, show_private: bool, now: float) -> tuple[Row, ...]:
    """Return requests as a list shows them."""
    return tuple(_row(line, show_private=show_private, now=now) for line in lines)


def state(line: Line) -> str:
    """Return how a request stands, in a word."""
    if line.end is not None:
        return line.end.value
    return RUNNING if line.is_running else QUEUED


def troubles(stands: Standing, *, now: float) -> tuple[Trouble, ...]:
    """Return what does not answer, and what an operator must look at."""
    ill = [need for need in stands.needs if not need.is_well]
    silent = [Trouble(f"{need.name} does not answer", "", _maybe(need.since, now=now), need.why) for need in ill]
    if stands.alerts is None:
        return (*silent, Trouble("the alerts cannot be read", "", None, ""))
    told = [Trouble(a.what, a.repository, moment(a.since, now=now), a.why) for a in stands.alerts]
    return (*silent, *told)


def page(
    request: Request,
    home: Repository,
    line: Line,
    *,
    log: Log,
    forge: str,
    show_private: bool,
    now: float,
) -> Page:
    """Return the page of a request; `line` is the same request as a list has it."""
    if is_hidden(line, show_private=show_private):
        return Page(line.id, state(line), has_ended=line.end is not None, is_hidden=True)
    return Page(
        number=line.id,
        state=state(line),
        has_ended=line.end is not None,
        title=f"{home.recipe} at {request.asked.sha[:8]}",
        facts=tuple(_facts(request, home, who=_who(line))),
        times=tuple(_times(request, now=now)),
        pull_url=_pull_url(request, home, forge=forge),
        reason=request.reason,
        waiting="" if line.end else _waiting(line),
        essentials=None if request.report is None else essentials(request.report),
        has_report=request.report is not None,
        log=log,
    )


def log(attempt: int, part: int, text: str) -> Log:
    """Return a log's end."""
    cut = max(0, len(text) - LOG_CHARACTERS)
    return Log(attempt, part, text[cut:], cut)


def moment(seconds: float, *, now: float) -> Moment:
    """Return a time as pages show it."""
    found = datetime.datetime.fromtimestamp(seconds, datetime.UTC).replace(microsecond=0)
    return Moment(found.isoformat().replace("+00:00", "Z"), f"{found:%Y-%m-%d %H:%M:%S} UTC", ago(now - seconds))


def ago(seconds: float) -> str:
    """Return how long ago something was; what is yet to come, by a clock that jumped, is now."""
    if seconds < 1:
        return "now"
    if seconds < DAY:
        return f"{took(seconds).split(' and ')[0]} ago"
    days = int(seconds // DAY)
    return f"{days} day{'s' if days > 1 else ''} ago"


def took(seconds: float) -> str:
    """Return how long something took."""
    whole = max(0, int(seconds))
    if whole < MINUTE:
        return f"{whole} s"
    if whole < HOUR:
        return _both(f"{whole // MINUTE} min", whole % MINUTE, "s")
    return _both(f"{whole // HOUR} h", whole % HOUR // MINUTE, "min")


def _row(line: Line, *, show_private: bool, now: float) -> Row:
    if is_hidden(line, show_private=show_private):
        return Row(line.id, state(line), is_hidden=True)
    since = line.ended or line.started or line.created
    return Row(
        number=line.id,
        state=state(line),
        recipe=line.recipe,
        where=line.repository + ("" if line.pull is None else f"#{line.pull}"),
        who=_who(line),
        sha=line.sha[:8],
        why=line.reason if line.end else _waiting(line),
        when=moment(since, now=now),
        took="" if line.started is None or line.ended is None else took(line.ended - line.started),
    )


def _who(line: Line) -> str:
    return line.asked_by if line.sweep is None else f"sweep {line.sweep}"


def _waiting(line: Line) -> str:
    """Say why an open request has not ended, as far as anybody said."""
    if line.cancel is not None:
        return f"it is being ended: {line.cancel}"
    if line.replaced_by is not None:
        return f"run {line.replaced_by} is to take its place"
    return line.waiting


def _facts(request: Request, home: Repository, *, who: str) -> Iterator[tuple[str, str]]:
    yield "repository", home.full_name
    if request.asked.pull is not None:
        yield "pull request", str(request.asked.pull)
    yield "asked by", who
    yield "commit", request.asked.sha
    yield "stages", ", ".join(stage.value for stage in request.asked.stages)
    if request.attempts > 1:
        yield "attempt", str(request.attempts)


def _times(request: Request, *, now: float) -> Iterator[tuple[str, Moment]]:
    yield "asked", moment(request.created, now=now)
    if request.started is not None:
        yield "begun", moment(request.started, now=now)
    if request.ended is not None:
        yield "ended", moment(request.ended, now=now)


def _pull_url(request: Request, home: Repository, *, forge: str) -> str:
    """Return where the forge shows the pull request; a name from elsewhere is never more than parts of its path."""
    if request.asked.pull is None:
        return ""
    return f"{forge}/{quote(home.full_name)}/pulls/{request.asked.pull}"


def _maybe(seconds: float | None, *, now: float) -> Moment | None:
    return None if seconds is None else moment(seconds, now=now)


def _both(large: str, rest: int, unit: str) -> str:
    return f"{large} and {rest} {unit}" if rest else large
