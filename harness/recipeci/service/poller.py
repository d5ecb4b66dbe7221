"""The only place that lists comments: it finds what was said while we were down, or where no webhook reaches us."""

from __future__ import annotations

import datetime
import logging
from dataclasses import dataclass, field

from recipeci.errors import HostError
from recipeci.host.clock import Clock
from recipeci.service import intake, moments
from recipeci.service.forge import Forge, Gone, Listing
from recipeci.service.model import Comment, Repository
from recipeci.service.store import Database, repositories

log = logging.getLogger(__name__)
OVERLAP = datetime.timedelta(seconds=60)
"""Listed again each time: a comment may be stored by the forge after one that is newer. The inbox knows what it has."""


@dataclass
class Poller:
    """Lists the comments of all enrolled repositories since the last time; one for a process, used by one thread.

    Attributes:
        database: where the inbox and the cursors are.
        forge: whom to ask.
        clock: the time.
    """

    database: Database
    forge: Forge
    clock: Clock
    _talk: dict[int, frozenset[tuple[int, int]]] = field(default_factory=dict)
    """Of each repository's last listing what had no command in it: nobody stores that, and it is listed again."""

    def step(self) -> None:
        """List them all; raises the first HostError once all were tried: one repository's trouble is not another's."""
        with self.database.reading() as tx:
            enrolled, removed = repositories.enrolled(tx), repositories.removed(tx)
        troubles = []
        for repository in (*enrolled, *removed):
            try:
                self._look_at(repository)
            except HostError as e:
                log.warning("%s: %s", repository.full_name, e.message)
                troubles.append(e)
        if troubles:
            raise troubles[0]

    def _look_at(self, known: Repository) -> None:
        """Follow what a repository is called now, and who may see it; list its comments if it is enrolled.

        It is asked for by its number: its name may be another one's by now. One that was removed is looked at because
        its pages stay. One that the forge does not have any more is shown to nobody; that is no trouble of the
        bridge's, but something for the operator to look at.
        """
        try:
            found = self.forge.repository_by_number(known.id)
        except Gone as e:
            log.warning("%s: %s", known.full_name, e.message)
            with self.database.writing() as tx:
                repositories.gone(tx, known.id, now=self.clock.epoch())
            return
        repository = found.of(known)
        if repository != known or known.is_gone:
            with self.database.writing() as tx:
                repositories.seen(
                    tx, found.id, full_name=found.full_name, private=found.private, clone_url=found.clone_url
                )
        if known.is_enrolled:
            self._list(repository)

    def _list(self, repository: Repository) -> None:
        """Take in what was said since the last time."""
        listing = self.forge.comments(repository, since=moments.moved(repository.cursor, -OVERLAP))
        known, talk = self._talk.get(repository.id, frozenset()), set()
        for comment in listing.comments:
            if (said := (comment.id, hash(comment.body))) in known or self._take(comment) == intake.TALK:
                talk.add(said)
        self._talk[repository.id] = frozenset(talk)
        self._listed(repository, listing)

    def _take(self, comment: Comment) -> str:
        """Take a comment in; return what became of it."""
        result = intake.take(self.database, comment, clock=self.clock)
        if result == intake.TAKEN:
            log.info("%s was found by listing", comment)
        return result

    def _listed(self, repository: Repository, listing: Listing) -> None:
        """Note up to when comments were listed.

        That is not after now: the forge's clock may have been ahead, and be set right. Where a listing was cut the next
        one begins just there: from a minute before, or from now, it might be the same comments for ever.

        Raises:
            HostError: some were left out.
        """
        if listing.newest is not None:
            cut, now = listing.is_cut, self.clock.now()
            cursor = moments.moved(listing.newest, OVERLAP) if cut else min(listing.newest, now)
            with self.database.writing() as tx:
                repositories.listed(tx, repository.id, cursor=cursor)
        if listing.skipped is not None:
            msg = f"more was changed in {repository.full_name} in the second {listing.skipped} than can be listed"
            raise HostError(msg, hint="a command of that second of which no webhook told must be given again")
