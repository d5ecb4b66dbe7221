"""The only place that reads the time and waits: one loop for everything that takes a while to come true."""

from __future__ import annotations

import datetime
import logging
import threading
import time
from typing import TYPE_CHECKING, Protocol, TypeVar

from recipeci.errors import WaitFailed

if TYPE_CHECKING:
    from collections.abc import Callable

log = logging.getLogger(__name__)
T = TypeVar("T")


class Clock(Protocol):
    """What the time is, and how to let some pass."""

    def monotonic(self) -> float:
        """Return seconds from an arbitrary start, never going back."""

    def now(self) -> str:
        """Return the time as ISO 8601 in UTC, to the second."""

    def epoch(self) -> float:
        """Return seconds since 1970: the scale of Docker's timestamps."""

    def sleep(self, seconds: float) -> None:
        """Let time pass."""


class SystemClock:
    """The machine's clock."""

    def __init__(self, *, wake: threading.Event | None = None) -> None:
        """Take an event that ends a sleep early: Docker's events wake a wait for containers."""
        self._wake = wake

    def monotonic(self) -> float:
        """See Clock.monotonic."""
        return time.monotonic()

    def now(self) -> str:
        """See Clock.now."""
        return datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds").replace("+00:00", "Z")

    def epoch(self) -> float:
        """See Clock.epoch."""
        return time.time()

    def sleep(self, seconds: float) -> None:
        """See Clock.sleep."""
        if self._wake is None:
            time.sleep(seconds)
        elif self._wake.wait(seconds):
            self._wake.clear()


def never(_: object) -> str | None:
    """Say that no observation is hopeless."""
    return None


def until(
    observe: Callable[[], T],
    ready: Callable[[T], bool],
    *,
    what: str,
    clock: Clock,
    timeout: float,
    failed: Callable[[T], str | None] = never,
    describe: Callable[[T], str] = str,
    delay: float = 0.25,
    successes: int = 3,
) -> T:
    """Observe until `ready` holds `successes` times in a row; return the last observation.

    That the time is over is judged by an observation that began after it: we may have been put to sleep in between.

    Args:
        observe: looks at the world once.
        ready: judges what was seen.
        what: what is waited for, for the log and the error.
        clock: the time.
        timeout: seconds; at least one observation is made whatever it is.
        failed: gives the reason why an observation is hopeless, which ends the wait at once, else None.
        describe: the observation in a few words; only its changes are logged.
        delay: seconds between observations.
        successes: how often in a row.

    Raises:
        WaitFailed: hopeless, or the time is over; the last observation is in it.
    """
    deadline = clock.monotonic() + timeout
    row, said = 0, ""
    while True:
        is_over = clock.monotonic() >= deadline
        seen = observe()
        if (now := describe(seen)) != said:
            log.debug("%s: %s", what, said := now)
        if reason := failed(seen):
            raise WaitFailed(what, reason=reason, last=said)
        row = row + 1 if ready(seen) else 0
        if row >= successes:
            return seen
        if is_over:
            raise WaitFailed(what, reason=f"not within {timeout:.0f} s", last=said)
        clock.sleep(delay)
