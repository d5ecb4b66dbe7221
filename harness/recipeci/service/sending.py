"""The only place that brings about on the forge what the outbox holds: each effect once, however often we die at it.

That an effect is tried is stored before it is tried. After that only the forge knows whether it came through, and it is
asked before anything is done again. What we stopped waiting for may come through even later, beside what was done again
or over what is newer: so the forge is looked at some more times, and put right.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass, field

from recipeci.host.clock import Clock
from recipeci.service import backoff, card
from recipeci.service.abreast import Abreast
from recipeci.service.forge import Forge, ForgeRefused, ForgeUnavailable, Gone, OwnComment
from recipeci.service.model import Card, Repository, Status, User
from recipeci.service.store import Database, Transaction, outbox, repositories, requests
from recipeci.service.store.outbox import Effect

log = logging.getLogger(__name__)


@dataclass
class Sending:
    """Sends what is due; one for a process, used by one thread.

    Attributes:
        database: where the outbox is.
        forge: where it is sent.
        clock: the time.
        url: our own address, for links.
        whoami: our own user, once the forge has said who that is.
        quiet_until: before this moment (monotonic) the forge wants to be left alone.
        longest: seconds between two attempts, at most, if the forge wants no more.
        abreast: what is sent at once.
    """

    database: Database
    forge: Forge
    clock: Clock
    url: str
    whoami: User | None = None
    quiet_until: float = 0.0
    longest: float = backoff.LONGEST_SECONDS
    abreast: Abreast = field(default_factory=lambda: Abreast("sending"))

    def step(self) -> None:
        """Send everything whose time has come: of each subject one after the other, and several subjects abreast."""
        self.abreast.each(self._due, self._send, subject=lambda effect: effect.subject)

    def _due(self) -> tuple[Effect, ...]:
        if self.clock.monotonic() < self.quiet_until:
            return ()
        with self.database.reading() as tx:
            return outbox.due(tx, now=self.clock.epoch())

    def _send(self, effect: Effect) -> None:
        """Bring one effect about, or note when to try again."""
        if self.clock.monotonic() < self.quiet_until:
            return
        with self.database.writing() as tx:
            home = repositories.find(tx, effect.repository)
            if home is None or not outbox.begun(tx, effect, now=self.clock.epoch()):
                return
        try:
            self._do(effect, home)
        except ForgeUnavailable as e:
            self.quiet_until = max(self.quiet_until, self.clock.monotonic() + e.retry_after)
            self._postpone(effect, e.message, retry_after=e.retry_after)
        except ForgeRefused as e:
            # It may be mended: a token that lost its rights gets them back, a repository is unlocked.
            self._postpone(effect, e.message, retry_after=self.longest)
        else:
            with self.database.writing() as tx:
                if effect.is_look:
                    outbox.looked(tx, effect, now=self.clock.epoch())
                else:
                    outbox.sent(tx, effect)

    def _do(self, effect: Effect, known: Repository) -> None:
        """Ask by the repository's number what it is called: the name that we know may be another one's by now."""
        home = self.forge.repository_by_number(known.id).of(known)
        if effect.pull is not None:
            (self._look_at_comments if effect.is_look else self._show)(effect.pull, home)
        elif effect.is_look:
            self._look_at_status(effect.subject, home)
        elif effect.status is not None:
            self._set(effect.status, home, in_doubt=effect.tried > 0)

    def _set(self, status: Status, home: Repository, *, in_doubt: bool) -> None:
        """Set a commit status, once."""
        if in_doubt and self.forge.shows_status(home, status):
            return
        self.forge.set_status(home, status)

    def _look_at_status(self, subject: str, home: Repository) -> None:
        """Set the status once more that a commit is to have, if one came through over it that we no longer awaited."""
        with self.database.reading() as tx:
            wanted = outbox.shown(tx, subject)
        if wanted is not None:
            self._set(wanted, home, in_doubt=True)

    def _look_at_comments(self, pull: int, home: Repository) -> None:
        """Leave one comment of ours, with the text that it is to have: others came through too late."""
        ours = self._ours(pull, home)
        with self.database.reading() as tx:
            body = card.render(_told(tx, pull, home), url=self.url)
            known = outbox.comment_of(tx, repository=home.id, pull=pull)
        if [(one.id, one.body) for one in ours] == [(known, body)]:
            return
        self._show(pull, home)
        with self.database.reading() as tx:
            known = outbox.comment_of(tx, repository=home.id, pull=pull)
        for one in ours:
            if one.id != known:
                self.forge.remove_comment(home, one.id)

    def _show(self, pull: int, home: Repository) -> None:
        """Bring the one comment under a pull request up to date: edited, found again, or made."""
        with self.database.reading() as tx:
            body = card.render(_told(tx, pull, home), url=self.url)
            number = outbox.comment_of(tx, repository=home.id, pull=pull)
        if number is not None:
            try:
                return self.forge.edit_comment(home, number, body)
            except Gone:
                log.info("our comment %d under %s#%d is gone: another one is made", number, home.full_name, pull)
        return self._found_or_made(pull, home, body)

    def _found_or_made(self, pull: int, home: Repository, body: str) -> None:
        """Take up our comment again if there is one that we do not know of, else make one."""
        found = self._ours(pull, home)
        if found:
            number = found[0].id
            self.forge.edit_comment(home, number, body)
        else:
            number = self.forge.make_comment(home, pull, body)
        with self.database.writing() as tx:
            outbox.comment_is(tx, number, repository=home.id, pull=pull)

    def _ours(self, pull: int, home: Repository) -> tuple[OwnComment, ...]:
        if self.whoami is None:
            self.whoami = self.forge.myself()
        return self.forge.own_comments(home, pull, marker=card.MARKER, myself=self.whoami)

    def _postpone(self, effect: Effect, why: str, *, retry_after: float) -> None:
        """Try again later; after a day of trying in vain the operator is told instead."""
        now = self.clock.epoch()
        tried = backoff.GIVEN_UP_TRIES if effect.is_look else effect.tried + 1  # a look counts none
        with self.database.writing() as tx:
            if backoff.is_over(outbox.failed(tx, effect, now=now), now=now, tried=tried):
                outbox.given_up(tx, effect, now=now, why=why)
            else:
                pause = backoff.delay(effect.tried, retry_after=retry_after, longest=self.longest)
                outbox.postponed(tx, effect, due=now + pause, now=now, why=why)
        log.warning("%s: %s", effect.subject, why)


def _told(tx: Transaction, pull: int, home: Repository) -> Card:
    """Return what the comment is to tell now."""
    of_pull = requests.of_pull(tx, repository=home.id, pull=pull)
    waiting = requests.waiting(tx, of_pull[0].id) if of_pull else ""
    return Card(home, pull, of_pull, outbox.answer_of(tx, repository=home.id, pull=pull), waiting)
