"""The interface of what carries a queued run to a host (DESIGN §10); one module an engine.

The bridge's promises hold with each, because it asks little of them: a key is run at most once, what is said of a job
is said by its key, and an end is an end.
"""

from __future__ import annotations

from typing import Protocol

from recipeci.errors import HostError
from recipeci.service.model import Job, Sighting


class EngineUnavailable(HostError):
    """The engine did not answer, or not in a way that says whether it did what it was asked: ask again later."""


class Engine(Protocol):
    """Carries jobs to hosts. Every method may raise EngineUnavailable, and may be called again with the same job."""

    name: str

    def submit(self, job: Job) -> None:
        """Have a job run. A key that the engine knows is not run again, whatever became of it."""

    def state(self, key: str) -> Sighting | None:
        """Return what is known of a job; None: the engine answers, and was never given this key."""

    def withdraw(self, key: str) -> bool:
        """Take back a job that has not begun: True if it has not, and never will; False if it has begun or ended."""

    def cancel(self, key: str, *, why: str) -> None:
        """Ask for a job's end; `state` says whether it has come. What runs is ended as by Ctrl-C, its teardown done."""

    def link(self, key: str) -> str | None:
        """Return where the engine itself shows a job; None: only our own page does."""

    def waiting_for(self) -> str:
        """Return why queued jobs do not begin (`no host`), empty if they do."""

    def check(self) -> None:
        """Raise EngineUnavailable if it does not answer now, or if there is no host that could take a job."""
