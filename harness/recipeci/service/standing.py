"""The only place that says how the bridge stands: each thing that it needs, and what an operator must look at.

`/healthz`, the queue's page and the metrics show the same. What is told to strangers names no private repository.
"""

from __future__ import annotations

import datetime
import re
import threading
from dataclasses import dataclass, replace
from typing import Any

from recipeci.errors import HostError
from recipeci.host.clock import Clock
from recipeci.service.health import Health
from recipeci.service.store import Database, overview
from recipeci.service.store.overview import Alert

ABOUT_PRIVATE = "something of a private repository waits too long or was given up"
WITHHELD = "it is about a private repository: see the log of serve"
KEPT_SECONDS = 1.0
"""One answer of the disk is good for so long: whoever asks again and again must not keep it busy."""


@dataclass(frozen=True)
class Need:
    """One thing that the bridge needs.

    Attributes:
        name: of the thing.
        is_well: whether it answers.
        since: when it last did, seconds since 1970; None: never since the bridge was started.
        why: its last trouble, empty if there was none since it answered.
    """

    name: str
    is_well: bool
    since: float | None
    why: str


@dataclass(frozen=True)
class Standing:
    """How the bridge stands. `alerts` is None where they cannot be read."""

    needs: tuple[Need, ...]
    alerts: tuple[Alert, ...] | None

    @property
    def is_well(self) -> bool:
        """Whether everything answers; an alert is for people to look at, and stops nothing."""
        return all(need.is_well for need in self.needs)


class Standings:
    """Says how the bridge stands; used by all threads of the web server."""

    def __init__(self, *, database: Database, health: Health, clock: Clock, show_private: bool) -> None:
        """Take what is asked; the database file is known from here on, so that another one in its place is seen."""
        self._database = database
        self._health = health
        self._clock = clock
        self._show_private = show_private
        self._lock = threading.Lock()
        self._inode = _inode(database)
        self._written: tuple[float, str] | None = None
        self._wrote_at: float | None = None

    def now(self) -> Standing:
        """Return how it stands now."""
        trouble = self._write_trouble()
        database = Need("database", not trouble, self._wrote_at, trouble)
        try:
            with self._database.reading() as tx:
                alerts = overview.alerts(tx, now=self._clock.epoch())
                words = frozenset() if self._show_private else overview.private_words(tx)
        except HostError as e:
            unread = Need("database", is_well=False, since=self._wrote_at, why=trouble or self._words(e))
            return Standing((*self._parts(None), unread), None)
        return Standing((*self._parts(words), database), tuple(self._told(alert) for alert in alerts))

    def _parts(self, private: frozenset[str] | None) -> tuple[Need, ...]:
        """Return what the loops know; None: it is not known which words are private, so none is told."""
        now = self._clock.epoch()
        return tuple(
            Need(
                part.name,
                part.is_well,
                None if part.answered_ago is None else now - part.answered_ago,
                _withheld(part.trouble, private) or _silent(part.answered_ago, is_well=part.is_well),
            )
            for part in self._health.parts()
        )

    def _told(self, alert: Alert) -> Alert:
        """Return an alert as strangers may see it."""
        if self._show_private or not alert.is_private:
            return alert
        return replace(alert, what=ABOUT_PRIVATE, repository="", why=WITHHELD)

    def _write_trouble(self) -> str:
        """Write to the database; return what is wrong, empty if it was written."""
        with self._lock:
            now = self._clock.monotonic()
            if self._written is None or now - self._written[0] >= KEPT_SECONDS:
                self._written = (now, self._write())
            return self._written[1]

    def _write(self) -> str:
        if _inode(self._database) != self._inode:
            return f"the file {self._database.path.name} was removed or replaced while it was open"
        try:
            with self._database.writing() as tx:
                overview.touch(tx)
        except HostError as e:
            return self._words(e)
        self._wrote_at = self._clock.epoch()
        return ""

    def _words(self, error: HostError) -> str:
        """Return an error without the folder that the database is in: strangers read this."""
        return error.message.replace(str(self._database.path), self._database.path.name)


def as_json(standing: Standing, *, version: str) -> dict[str, Any]:
    """Return what `/healthz` answers."""
    return {
        "status": "well" if standing.is_well else "ill",
        "version": version,
        "parts": [
            {"name": need.name, "well": need.is_well, "last_answer": iso(need.since), "why": need.why}
            for need in standing.needs
        ],
        "alerts": None
        if standing.alerts is None
        else [
            {"what": alert.what, "repository": alert.repository, "since": iso(alert.since), "why": alert.why}
            for alert in standing.alerts
        ],
    }


def iso(seconds: float | None) -> str | None:
    """Return seconds since 1970 as ISO 8601 in UTC, to the second."""
    if seconds is None:
        return None
    moment = datetime.datetime.fromtimestamp(seconds, datetime.UTC)
    return moment.isoformat(timespec="seconds").replace("+00:00", "Z")


def _silent(ago: float | None, *, is_well: bool) -> str:
    """Say why something is not well that has told no trouble."""
    if is_well:
        return ""
    return "it has never answered" if ago is None else f"it has not answered for {ago:.0f} s"


def _withheld(why: str, private: frozenset[str] | None) -> str:
    """Return a reason, or that it is withheld: one that holds a private repository's name is told to nobody."""
    if not why or private == frozenset():
        return why
    if private is None or any(re.search(rf"(?<!\w){re.escape(word)}(?!\w)", why, re.IGNORECASE) for word in private):
        return WITHHELD
    return why


def _inode(database: Database) -> tuple[int, int] | None:
    """Return which file it is, None if there is none."""
    try:
        found = database.path.stat()
    except OSError:
        return None
    return found.st_dev, found.st_ino
