"""The only place that ends what waits for a pull request that was closed since: nobody wants it any more.

No webhook tells us of that: each pull request for which something waits is asked for now and then.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass

from recipeci.errors import HostError
from recipeci.service.forge import Forge, Gone
from recipeci.service.model import Request
from recipeci.service.store import Database, repositories, requests

log = logging.getLogger(__name__)
CLOSED = "its pull request was closed"


@dataclass
class Closing:
    """Looks at the pull requests for which something waits; one for a process, used by one thread.

    Attributes:
        database: where requests are.
        forge: whom to ask.
    """

    database: Database
    forge: Forge

    def step(self) -> None:
        """Look at each once; raises the first HostError once all were tried."""
        with self.database.reading() as tx:
            waiting = requests.still_open(tx)
        troubles = []
        for repository, pull in sorted({place for request in waiting if (place := _place(request)) is not None}):
            try:
                if self._is_closed(repository, pull):
                    self._cancel(frozenset(r.id for r in waiting if _place(r) == (repository, pull)))
            except Gone as e:  # it goes on: a forge that says so of what is there must not end anything
                log.warning("pull request %d of repository %d: %s", pull, repository, e.message)
            except HostError as e:
                troubles.append(e)
        if troubles:
            raise troubles[0]

    def _is_closed(self, number: int, pull: int) -> bool:
        """Ask by the repository's number: its name may be another one's by now."""
        with self.database.reading() as tx:
            known = repositories.find(tx, number)
        if known is None:
            return False
        return not self.forge.pull(self.forge.repository_by_number(number).of(known), pull).is_open

    def _cancel(self, numbers: frozenset[int]) -> None:
        """Have what has not begun end; what runs goes on, as its verdict may still be read.

        What was asked for after the forge was may be for a pull request that is open again.
        """
        with self.database.writing() as tx:
            waiting = (request.id for request in requests.still_open(tx) if _place(request) is not None)
            for number in numbers.intersection(waiting):
                if requests.cancel(tx, number, why=CLOSED):
                    log.info("run %d: %s", number, CLOSED)


def _place(request: Request) -> tuple[int, int] | None:
    """Return where a request waits for its turn, None if it does not wait or has no pull request."""
    if request.is_running or request.cancel is not None or request.asked.pull is None:
        return None
    return request.repository, request.asked.pull
