"""The only place that takes comments out of the inbox: it asks the forge, has `decide` decide, and stores what follows.

Nothing is cached: who may write is asked for each comment anew. What the forge does not answer is asked again later.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass, field, replace

from recipeci.errors import HostError
from recipeci.host.clock import Clock
from recipeci.service import backoff, command, ending
from recipeci.service.abreast import Abreast
from recipeci.service.decide import Decision, Facts, Ignore, Refuse, Start, Stop, decide
from recipeci.service.forge import Forge, ForgeUnavailable, Gone
from recipeci.service.model import Command, Comment, Permission, Repository, Test, User
from recipeci.service.store import Database, Transaction, inbox, outbox, repositories, requests

log = logging.getLogger(__name__)


@dataclass
class Deciding:
    """Decides about comments; one for a process, used by one thread.

    Attributes:
        database: where comments wait and requests begin.
        forge: whom to ask.
        clock: the time.
        url: our own address, for links.
        whoami: our own user, once the forge has said who that is.
        longest: seconds between two attempts, at most, if the forge wants no more.
        abreast: what is decided at once.
    """

    database: Database
    forge: Forge
    clock: Clock
    url: str
    whoami: User | None = None
    longest: float = backoff.LONGEST_SECONDS
    abreast: Abreast = field(default_factory=lambda: Abreast("deciding"))

    def step(self) -> None:
        """Decide about every comment whose time has come: those of a pull request one after the other."""
        self.abreast.each(
            self._due, self._decide_or_postpone, subject=lambda comment: (comment.repository, comment.pull)
        )

    def _due(self) -> tuple[Comment, ...]:
        with self.database.reading() as tx:
            return inbox.due(tx, now=self.clock.epoch())

    def _decide_or_postpone(self, comment: Comment) -> None:
        try:
            self._decide(comment)
        except HostError as e:
            self._postpone(comment, e)

    def _decide(self, comment: Comment) -> None:
        found = command.find(comment.body)
        if found is None:
            return self._store(comment, lambda _: Ignore("there is no command in it"))
        repository = self._home(comment)
        try:
            facts = self._facts(comment, found, repository)
        except Gone as e:
            missing = e.message
            return self._store(comment, lambda _: Ignore(missing), seen=repository)
        return self._store(
            comment,
            lambda tx: decide(comment, found, repository=repository, facts=_with_queue(tx, comment, facts)),
            seen=repository,
        )

    def _home(self, comment: Comment) -> Repository:
        """Return the comment's repository as the forge shows it now."""
        with self.database.reading() as tx:
            known = repositories.find(tx, comment.repository)
        if known is None or not known.is_enrolled:
            raise HostError(f"repository {comment.repository} is not enrolled any more")
        return self.forge.repository_by_number(comment.repository).of(known)

    def _facts(self, comment: Comment, found: Command, repository: Repository) -> Facts:
        """Ask the forge; raises Gone if there is no such pull request.

        Of a comment whose author may start nothing no more is asked: strangers must not keep us busy.
        """
        if self.whoami is None:
            self.whoami = self.forge.myself()
        named, permission = self._who(repository, comment.author.login)
        pull = self.forge.pull(repository, comment.pull)
        if not permission.may_write:
            return Facts(self.whoami, named, permission, pull, author=Permission.NONE, last_push=None)
        facts = Facts(
            myself=self.whoami,
            named=named,
            permission=permission,
            pull=pull,
            author=permission if pull.author == named else self._of_author(repository, pull.author),
            last_push=None,
        )
        unnamed = isinstance(found, Test) and found.sha is None
        return self._of_head(facts, comment, repository) if unnamed else facts

    def _of_head(self, facts: Facts, comment: Comment, repository: Repository) -> Facts:
        """Add when the head was pushed; if the timeline tells of another one, the head has moved since we asked."""
        if comment.head not in (None, facts.pull.head):
            return self._of_event(facts, comment, repository)
        last_push = self.forge.last_push(repository, facts.pull, before=comment.id)
        if last_push is not None:
            return replace(facts, last_push=last_push)
        moved = replace(facts, pull=self.forge.pull(repository, comment.pull))
        return self._of_event(moved, comment, repository)

    def _of_event(self, facts: Facts, comment: Comment, repository: Repository) -> Facts:
        """Add whether what the event names was the head then, if it is not now: it is made after the comment."""
        if comment.head is None or comment.head == facts.pull.head:
            return facts
        was_head = self.forge.was_head(repository, facts.pull, comment.head, before=comment.id)
        return replace(facts, was_head=was_head)

    def _who(self, repository: Repository, login: str) -> tuple[User | None, Permission]:
        """Return who has this name now, and what that user may do."""
        try:
            permitted = self.forge.permission(repository, login)
        except Gone:
            return None, Permission.NONE
        return permitted.user, permitted.permission

    def _of_author(self, repository: Repository, author: User) -> Permission:
        """Return what a pull request's author may do, by number and name as of a commenter."""
        named, permission = self._who(repository, author.login)
        return permission if named is not None and named.id == author.id else Permission.NONE

    def _store(
        self, comment: Comment, judge: Callable[[Transaction], Decision], *, seen: Repository | None = None
    ) -> None:
        """Decide, and store what follows, in one transaction with what else is queued.

        `seen` is the comment's repository as the forge shows it now.
        """
        now = self.clock.epoch()
        with self.database.writing() as tx:
            decision = judge(tx)
            if not inbox.decided(tx, comment, decision=_words(decision), cancels=isinstance(decision, Stop)):
                return
            if seen is not None:
                repositories.seen(tx, seen.id, full_name=seen.full_name, private=seen.private, clone_url=seen.clone_url)
            self._follow(tx, comment, decision, now=now)
        log.info("%s: %s", comment, _words(decision))

    def _follow(self, tx: Transaction, comment: Comment, decision: Decision, *, now: float) -> None:
        """Store what a decision brings about."""
        where = {"repository": comment.repository, "pull": comment.pull}
        match decision:
            case Start():
                self._start(tx, comment, decision, now=now)
            case Stop(numbers, answer):
                for number in numbers:
                    requests.cancel(tx, number, why=f"cancelled by {comment.author.login}")
                outbox.answer(tx, answer, **where, now=now)
            case Refuse(answer, once):
                if not once or outbox.said_once(tx, **where):
                    outbox.answer(tx, answer, **where, now=now)
            case Ignore():
                pass

    def _start(self, tx: Transaction, comment: Comment, decision: Start, *, now: float) -> None:
        """Open a request, and give those their ends that it makes needless: older ones, or itself."""
        new = ending.begin(
            tx,
            decision.asked,
            repository=comment.repository,
            comment=comment.id,
            asked_by=comment.author.login,
            url=self.url,
            now=now,
            replaces=decision.replaces,
        )
        if decision.outdated_by is not None:
            ending.outdate(tx, new, by=decision.outdated_by, url=self.url, now=now)

    def _postpone(self, comment: Comment, error: HostError) -> None:
        """Ask again later; a comment that the forge has said nothing about for a day is given up, and shown as that."""
        now = self.clock.epoch()
        wanted = error.retry_after if isinstance(error, ForgeUnavailable) else 0.0
        with self.database.writing() as tx:
            tried = inbox.attempts(tx, comment)
            if backoff.is_over(inbox.failed(tx, comment, now=now), now=now, tried=tried):
                inbox.given_up(tx, comment, why=error.message, now=now)
            else:
                pause = backoff.delay(tried, retry_after=wanted, longest=self.longest)
                inbox.postponed(tx, comment, due=now + pause, why=error.message)
        log.warning("%s: %s", comment, error.message)


def _with_queue(tx: Transaction, comment: Comment, facts: Facts) -> Facts:
    """Add what is queued at this moment."""
    still_open = requests.still_open(tx)
    here = [r for r in still_open if (r.repository, r.asked.pull) == (comment.repository, comment.pull)]
    newer = requests.newer(tx, repository=comment.repository, pull=comment.pull, comment=comment.id)
    cancel = inbox.cancelled_by(tx, comment)
    said = outbox.maintainer_was_asked_for(tx, repository=comment.repository, pull=comment.pull)
    return replace(
        facts,
        requests=tuple(here),
        newer=newer,
        cancelled_by=cancel,
        queued=sum(r.sweep is None for r in still_open),
        asked_for_maintainer=said,
    )


def _words(decision: Decision) -> str:
    """Return a decision as it is kept for the operator."""
    match decision:
        case Start(asked, replaces, outdated_by):
            instead = f", replaces {', '.join(map(str, replaces))}" if replaces else ""
            return f"start {asked.sha}{instead}" + (f", outdated by {outdated_by}" if outdated_by else "")
        case Stop(numbers):
            return f"cancel {', '.join(map(str, numbers)) or 'nothing'}"
        case Refuse(answer):
            return f"refuse: {answer.splitlines()[0]}"
        case Ignore(reason):
            return f"ignore: {reason}"
