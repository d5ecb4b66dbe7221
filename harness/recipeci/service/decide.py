"""The only place that decides what follows from a comment: who may, which commit, and what is told. Pure.

It fails closed: whatever the forge did not say in so many words counts as no.
"""

from __future__ import annotations

import datetime
from dataclasses import dataclass

from recipeci.errors import UsageError
from recipeci.model import FULL_SHA, Tier
from recipeci.service.model import (
    Asked,
    Cancel,
    Command,
    Comment,
    End,
    Help,
    Permission,
    Pull,
    Repository,
    Request,
    Test,
    Unknown,
    User,
)

MARGIN = datetime.timedelta(seconds=1)
"""The forge's times are whole seconds: by polling, a push must be older than the comment by so much."""
QUEUE_MOST = 500
"""More requests are not taken: whoever floods us must not fill the disk."""
FORMS = (
    ("!testme", "tests the pull request's head"),
    ("!testme <40 hex digits>", "tests this commit, which must be the head"),
    (
        "!testme --stages install,upgrade",
        f"only these of {', '.join(tier.value for tier in Tier)}; also behind a commit",
    ),
    ("!testme cancel", "ends what is queued or running here"),
    ("!testme help", "this list"),
)
KNOWN = "\n".join(f"- `{form}`: {what}" for form, what in FORMS)


@dataclass(frozen=True)
class Facts:
    """What the forge said now, and what is queued.

    Attributes:
        myself: our own user.
        named: who has the commenter's name now; None: nobody.
        permission: what that user may do.
        pull: the pull request now.
        author: what the pull request's author may do.
        last_push: when its head was pushed, ISO 8601 UTC; None: not known, so it may be later than any comment.
        was_head: whether the commit that the event names was the head when the comment was made, if it is not the head
            any more; False: not known.
        requests: the open requests of this pull request.
        newer: the request of the newest comment under it, if that is newer than this one.
        cancelled_by: the newest comment under it that cancels, if that is newer than this one.
        queued: how many requests are open altogether, but for a sweep's: it has one a repository, and can wait.
        asked_for_maintainer: whether "needs a maintainer" was said here before.
    """

    myself: User
    named: User | None
    permission: Permission
    pull: Pull
    author: Permission
    last_push: str | None
    was_head: bool = False
    requests: tuple[Request, ...] = ()
    newer: Request | None = None
    cancelled_by: int | None = None
    queued: int = 0
    asked_for_maintainer: bool = False


@dataclass(frozen=True)
class Start:
    """A run of this; the requests of `replaces` have not begun, and need not.

    `outdated_by`: the request of a newer comment that reached us first. Then nothing runs: this one ends at once.
    """

    asked: Asked
    replaces: tuple[int, ...] = ()
    outdated_by: int | None = None


@dataclass(frozen=True)
class Stop:
    """These requests are to be cancelled, and what was asked for before and reaches us later."""

    requests: tuple[int, ...]
    answer: str


@dataclass(frozen=True)
class Refuse:
    """Nothing runs, and the comment says why. `once`: not if it was said before."""

    answer: str
    once: bool = False


@dataclass(frozen=True)
class Ignore:
    """Nothing runs and nobody is told; the reason is for the operator."""

    reason: str


Decision = Start | Stop | Refuse | Ignore


def decide(comment: Comment, command: Command, *, repository: Repository, facts: Facts) -> Decision:
    """Return what follows from a comment with a command, made under a pull request of an enrolled repository."""
    if (repository.id, facts.pull.number) != (comment.repository, comment.pull):
        return Ignore("the forge's answer is about another pull request")
    if stranger := _stranger(comment, facts):
        return stranger
    match command:
        case Help():
            return Refuse(f"What can be said here:\n\n{KNOWN}")
        case Unknown(wrong):
            return Refuse(f"{wrong}. What can be said here:\n\n{KNOWN}")
        case Cancel():
            return _stop(comment, facts)
        case Test():
            return _test(comment, command, repository=repository, facts=facts)


def _stranger(comment: Comment, facts: Facts) -> Decision | None:
    """Return what becomes of a comment whose author may not start runs, None if he may."""
    if comment.author.id == facts.myself.id:
        return Ignore("it is our own comment")
    if facts.named is None or facts.named.id != comment.author.id:
        return Ignore(f"the name of user {comment.author.id} is not that user's any more")
    if facts.permission.may_write:
        return None
    if facts.asked_for_maintainer or not facts.pull.is_open:
        return Ignore(f"user {comment.author.id} has no write permission")
    return Refuse("This needs a maintainer: someone with write permission here can comment `!testme`.", once=True)


def _stop(comment: Comment, facts: Facts) -> Decision:
    """Return what is to end: what was asked for before this was said, also where a later wish reached us first."""
    numbers = tuple(request.id for request in facts.requests if (request.comment or 0) < comment.id)
    if not numbers:
        return Stop((), "Nothing is queued or running here.")
    return Stop(numbers, f"Cancelled: {', '.join(f'run {number}' for number in numbers)}.")


def _test(comment: Comment, command: Test, *, repository: Repository, facts: Facts) -> Decision:
    """Return the run that is asked for, or why there is none."""
    pull = facts.pull
    if nothing := _nothing(facts):
        return nothing
    if why := _no_sha(comment, command, facts):
        return Refuse(f"{why} {_offer(pull, command)}")
    sha = command.sha or comment.head or pull.head
    try:
        asked = Asked(
            recipe=repository.recipe,
            sha=sha,
            stages=command.stages,
            clone_url=repository.clone_url,
            head_url=pull.head_url,
            pull=pull.number,
        )
    except UsageError as e:
        return Ignore(f"the forge's answer cannot be used: {e.message}")
    if facts.newer is not None and _outdates(facts.newer, asked):
        return Start(asked, outdated_by=facts.newer.id)
    return Start(asked, tuple(request.id for request in facts.requests if not request.is_running))


def _nothing(facts: Facts) -> Decision | None:
    """Return what becomes of a wish for any run at all, None if a run may follow."""
    if facts.cancelled_by is not None:
        return Ignore(f"comment {facts.cancelled_by}, which is newer, cancels it")
    if not facts.pull.is_open:
        return Refuse("This pull request is closed: nothing of it is tested.")
    if facts.queued >= QUEUE_MOST:
        return Refuse(f"The queue is full ({facts.queued} requests). Try again later.")
    return None


def _outdates(newer: Request, asked: Asked) -> bool:
    """Say whether nobody waits for this any more; a commit's verdict is not hidden by the end of one that never ran."""
    has_verdict = newer.end in (End.PASS, End.FAIL, End.UNVERIFIED)
    return not (has_verdict and newer.asked.sha == asked.sha)


def _no_sha(comment: Comment, command: Test, facts: Facts) -> str:
    """Say why it is not known which commit the commenter has seen; empty if it is (DESIGN §10, threats T6, T7)."""
    pull = facts.pull
    if command.sha is not None:
        return "" if command.sha == pull.head else f"`{command.sha}` is not the head of this pull request now."
    if not facts.author.may_write:
        return "Its author has no write permission here, so the commit must be named."
    unsure = "It is not certain which commit was the head when you commented."
    if comment.head not in (None, pull.head):
        return "" if facts.was_head else unsure
    if facts.last_push is None:
        return unsure
    if comment.head is None:
        return unsure if _pushed_after(facts.last_push, comment.created, margin=MARGIN) else ""
    # The event is made after the comment: a push between the two is in it.
    pushed_since = _pushed_after(facts.last_push, comment.created, margin=datetime.timedelta())
    return "The head was pushed after you commented." if pushed_since else ""


def _offer(pull: Pull, command: Test) -> str:
    """Return the line that names the head as it is now, and asks for what was asked for."""
    if not FULL_SHA.match(pull.head):
        return "Look at the changes again, and comment `!testme <40 hex digits>`."
    stages = "" if command.stages == tuple(Tier) else f" --stages {','.join(command.stages)}"
    return f"If you have looked at the newest changes, comment:\n\n```\n!testme {pull.head}{stages}\n```"


def _pushed_after(push: str, comment: str, *, margin: datetime.timedelta) -> bool:
    """Say whether a push was later than a comment less the margin; times that cannot be compared count as that."""
    try:
        return datetime.datetime.fromisoformat(push) > datetime.datetime.fromisoformat(comment) - margin
    except (ValueError, TypeError):
        return True
