"""The only place that says how the double's API fails, and how often: by chance, from a seed."""

from __future__ import annotations

import enum
import random
import threading
from collections.abc import Mapping


class Fault(enum.StrEnum):
    """One way to fail. AFTER: what was asked for was done, and only the answer is lost."""

    ERROR = "error"
    ERROR_AFTER = "error after"
    PAGE = "page"
    """502 with a page for people, as a proxy before the forge gives."""
    BUSY = "busy"
    """429 with Retry-After."""
    CUT = "cut"
    """The connection ends without an answer."""
    CUT_AFTER = "cut after"
    HALF_AFTER = "half after"
    """The connection ends in the middle of the answer."""
    SILENCE = "silence"
    """No answer comes for as long as anybody waits."""
    SILENCE_AFTER = "silence after"
    LATE = "late"
    """No answer comes, and what was asked for is done when nobody waits for it any more."""

    @property
    def is_after(self) -> bool:
        """Whether it was done."""
        return self.value.endswith("after")


EVERY_FIFTH: Mapping[Fault, float] = {
    Fault.ERROR: 0.045,
    Fault.ERROR_AFTER: 0.025,
    Fault.PAGE: 0.02,
    Fault.BUSY: 0.02,
    Fault.CUT: 0.02,
    Fault.CUT_AFTER: 0.03,
    Fault.HALF_AFTER: 0.02,
    Fault.SILENCE: 0.005,
    Fault.SILENCE_AFTER: 0.015,
}
"""A fifth of all answers."""


class Faults:
    """Says of each request how it fails, if it does; `count` has how often each was."""

    def __init__(self, *, seed: int) -> None:
        """Begin without any."""
        self._random = random.Random(seed)  # noqa: S311 - chance that can be had again
        self._lock = threading.Lock()
        self._rates: Mapping[Fault, float] = {}
        self.count: dict[str, int] = {}
        self.asked = 0

    def set(self, rates: Mapping[Fault, float]) -> None:
        """Fail so often from now on."""
        with self._lock:
            self._rates = dict(rates)

    def next(self) -> Fault | None:
        """Return how the next request fails; None: it does not."""
        with self._lock:
            self.asked += 1
            drawn = self._random.random()
            for fault, rate in self._rates.items():
                if drawn < rate:
                    self.count[fault] = self.count.get(fault, 0) + 1
                    return fault
                drawn -= rate
        return None

    def retry_after(self) -> str:
        """Return how long a busy forge wants to be left alone: most often it is no second."""
        with self._lock:
            return self._random.choice(("0", "0", "0", "1"))
