"""The only place that knows which of what the bridge stands on has answered lately, for `/healthz` and metrics."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from dataclasses import dataclass

from recipeci.host.clock import Clock

LATELY_SECONDS = 120.0
MISSED = 3
"""What is asked so seldom that LATELY_SECONDS are too short for it must have answered one of so many times."""


@dataclass(frozen=True)
class Part:
    """One thing that the bridge stands on: seconds since it answered (None: never), and its last trouble since then.

    `lately`: how long ago the last answer may be.
    """

    name: str
    answered_ago: float | None
    trouble: str
    lately: float = LATELY_SECONDS

    @property
    def is_well(self) -> bool:
        """Whether it answered lately."""
        return self.answered_ago is not None and self.answered_ago < self.lately


class Health:
    """What answered when; used by all threads."""

    def __init__(self, names: tuple[str, ...], *, clock: Clock, every: Mapping[str, float] | None = None) -> None:
        """Take the names of all parts: one that never answers must be missed; `every`: seconds between two askings."""
        self._clock = clock
        self._lock = threading.Lock()
        self._answered: dict[str, float | None] = dict.fromkeys(names)
        self._lately = {name: max(LATELY_SECONDS, MISSED * (every or {}).get(name, 0.0)) for name in names}
        self._trouble: dict[str, str] = {}

    def answered(self, name: str) -> None:
        """Note that it did."""
        with self._lock:
            self._answered[name] = self._clock.monotonic()
            self._trouble.pop(name, None)

    def failed(self, name: str, why: str) -> None:
        """Note that it did not."""
        with self._lock:
            self._trouble[name] = why

    def parts(self) -> tuple[Part, ...]:
        """Return what is known of each."""
        now = self._clock.monotonic()
        with self._lock:
            return tuple(
                Part(
                    name,
                    None if moment is None else now - moment,
                    self._trouble.get(name, ""),
                    self._lately[name],
                )
                for name, moment in self._answered.items()
            )
