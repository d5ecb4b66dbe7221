"""The only place that runs the service's loops: each step when the database has changed, and every so often anyway."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from dataclasses import dataclass

from recipeci.errors import RecipeCIError
from recipeci.host.clock import Clock
from recipeci.service.health import Health
from recipeci.service.store import Database

log = logging.getLogger(__name__)
LOOK_SECONDS = 0.02
"""How often the database is asked whether it has changed: a few microseconds each time."""
AFTER_TROUBLE_SECONDS = 1.0


@dataclass(frozen=True)
class Loop:
    """One thread's work: `step` is called again and again, alone.

    Attributes:
        name: for the log and the health.
        step: does what is to be done now, and returns.
        every: seconds after which it is called although nothing has changed.
        on_change: whether a change of the database is a reason to call it.
    """

    name: str
    step: Callable[[], None]
    every: float
    on_change: bool = True


class Loops:
    """Runs loops in threads until `stop`."""

    def __init__(self, loops: tuple[Loop, ...], *, database: Database, health: Health, clock: Clock) -> None:
        """Take what is to run; nothing runs yet."""
        self._database = database
        self._health = health
        self._clock = clock
        self._stopping = threading.Event()
        self._said: dict[str, str] = {}
        self._threads = [threading.Thread(target=self._run, args=(loop,), name=loop.name) for loop in loops]

    def start(self) -> None:
        """Start the threads."""
        for thread in self._threads:
            thread.start()

    def stop(self) -> None:
        """Have each end after its step, and wait for that."""
        self._stopping.set()
        for thread in self._threads:
            thread.join()

    def _run(self, loop: Loop) -> None:
        while not self._stopping.is_set():
            seen, began = self._version(), self._clock.monotonic()
            pause = self._step(loop)
            while not self._stopping.wait(max(pause, LOOK_SECONDS)):
                pause = 0.0
                if self._clock.monotonic() - began >= loop.every or (loop.on_change and self._version() != seen):
                    break

    def _step(self, loop: Loop) -> float:
        """Do one step; return how long to wait at least. No error ends the loop, and none is lost."""
        try:
            loop.step()
        except RecipeCIError as e:
            why = e.message
            self._say(loop.name, why)
        except Exception as e:  # the thread's door: what is not ours is a bug, and the bridge lives on
            log.exception("%s: a bug of recipeci", loop.name)
            why = f"a bug of recipeci: {type(e).__name__}, see the log"
        else:
            self._said.pop(loop.name, None)
            self._health.answered(loop.name)
            return 0.0
        self._health.failed(loop.name, why)
        return AFTER_TROUBLE_SECONDS

    def _say(self, name: str, why: str) -> None:
        """Log a trouble once as long as it stays the same: what else the log has must be found."""
        if self._said.get(name) != why:
            self._said[name] = why
            log.warning("%s: %s", name, why)

    def _version(self) -> int:
        """Return what the database's changes are told by; 0 where it cannot be asked, which the step will say."""
        try:
            return self._database.changes()
        except Exception:  # noqa: BLE001 - as above
            return 0
