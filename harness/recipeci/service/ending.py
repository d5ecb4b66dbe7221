"""The only place that gives requests their beginning and their end, each with what the forge is to show of it.

One transaction holds both: what is told is exactly what is so, whatever dies in between. Of a commit's statuses the
newest is the one that people see: the end of one request must not be it while another one goes on.
"""

from __future__ import annotations

from collections.abc import Iterable

from recipeci.service import statuses
from recipeci.service.judging import Judgement
from recipeci.service.model import Asked, End
from recipeci.service.store import Transaction, outbox, repositories, requests


def begin(
    tx: Transaction,
    asked: Asked,
    *,
    repository: int,
    url: str,
    now: float,
    comment: int | None = None,
    sweep: int | None = None,
    asked_by: str = "",
    replaces: Iterable[int] = (),
) -> int:
    """Open a request, and have its pending status and its comment shown; return its number.

    It takes the place of those of `replaces`, as far as they have not begun.
    """
    number = requests.open_one(
        tx, asked, repository=repository, comment=comment, sweep=sweep, asked_by=asked_by, now=now
    )
    for old in replaces:
        _replace(tx, old, new=number, url=url, now=now)
    home, request = repositories.find(tx, repository), requests.find(tx, number)
    if asked.pull is not None and home is not None and request is not None:
        wanted = statuses.pending(request, url=url)
        outbox.status(tx, wanted, repository=repository, request=number, final=False, now=now)
        outbox.answer(tx, "", repository=repository, pull=asked.pull, now=now)
    return number


def outdate(tx: Transaction, number: int, *, by: int, url: str, now: float) -> None:
    """End a request whose comment reached us after the one of a newer request."""
    requests.replace(tx, number, new=by)
    end(tx, number, superseded(by), url=url, now=now)


def _replace(tx: Transaction, old: int, *, new: int, url: str, now: float) -> None:
    """Have a newer request take the place of one that has not begun: at once if no engine was told of it."""
    requests.replace(tx, old, new=new)
    request = requests.find(tx, old)
    if request is not None and request.attempts == 0 and _end(tx, old, superseded(new), url=url, now=now):
        _say_again(tx, old, but=new, url=url, now=now)


def superseded(new: int) -> Judgement:
    """Return the end of a request whose place another one took."""
    return Judgement(End.SUPERSEDED, f"superseded by run {new}")


def end(tx: Transaction, number: int, judgement: Judgement, *, url: str, now: float) -> bool:
    """Give a request its one end, and have that shown; False if it has one already, and then nothing is changed."""
    if not _end(tx, number, judgement, url=url, now=now):
        return False
    _say_again(tx, number, url=url, now=now)
    return True


def _end(tx: Transaction, number: int, judgement: Judgement, *, url: str, now: float) -> bool:
    if not requests.ended(tx, number, judgement.end, reason=judgement.reason, report=judgement.report, now=now):
        return False
    request = requests.find(tx, number)
    home = None if request is None else repositories.find(tx, request.repository)
    if request is not None and home is not None and request.asked.pull is not None:
        wanted = statuses.final(request, url=url)
        outbox.overtaken(tx, request=number)
        outbox.status(tx, wanted, repository=home.id, request=number, final=True, now=now)
        outbox.card(tx, repository=home.id, pull=request.asked.pull, now=now)
    return True


def _say_again(tx: Transaction, ended: int, *, url: str, now: float, but: int | None = None) -> None:
    """Have the commit show what goes on for it, and not the end of another request.

    `but` is said afterwards anyway.
    """
    request = requests.find(tx, ended)
    home = None if request is None else repositories.find(tx, request.repository)
    if request is None or home is None or request.asked.pull is None:
        return
    other = requests.open_of_sha(tx, repository=home.id, sha=request.asked.sha)
    if other is not None and other.id != but:
        wanted = statuses.pending(other, url=url)
        outbox.pending_again(tx, wanted, repository=home.id, request=other.id, after=ended, now=now)
