"""The only place for the engine without a server: a queue in the bridge's own database, for `recipeci work`."""

from __future__ import annotations

from dataclasses import dataclass

from recipeci.host.clock import Clock
from recipeci.service.engines import EngineUnavailable
from recipeci.service.model import Job, JobState, Sighting
from recipeci.service.store import Database, jobs

LEASE_SECONDS = 30.0
"""A worker that said nothing for so long has lost its job. It speaks every BEAT_SECONDS."""
BEAT_SECONDS = 3.0
LOST = "the worker that ran it is gone"


@dataclass
class Watch:
    """One running job's last beat, and when we first saw that it was the last."""

    beat: int
    since: float


class Embedded:
    """The queue in the database.

    A lease is judged by what is observed here, on this process's monotonic clock: a beat that does not change. No time
    is compared with another process's, so neither a clock that jumps nor a restart gives a job away.
    """

    name = "embedded"

    def __init__(self, database: Database, *, clock: Clock, lease: float = LEASE_SECONDS) -> None:
        """Take the database that workers use too."""
        self._database = database
        self._clock = clock
        self._lease = lease
        self._watched: dict[str, Watch] = {}

    def submit(self, job: Job) -> None:
        """See Engine.submit."""
        with self._database.writing() as tx:
            jobs.put(tx, job, now=self._clock.epoch())

    def state(self, key: str) -> Sighting | None:
        """See Engine.state; a job whose lease is over is lost from here on."""
        with self._database.reading() as tx:
            seen, beats = jobs.sighting(tx, key), jobs.beats(tx)
        if seen is None or seen.state is not JobState.RUNNING:
            self._watched.pop(key, None)
            return seen
        if not self._is_over(key, beats[key]):
            return seen
        with self._database.writing() as tx:
            jobs.lost(tx, key, beat=beats[key], why=LOST, now=self._clock.epoch())
            return jobs.sighting(tx, key)

    def withdraw(self, key: str) -> bool:
        """See Engine.withdraw."""
        with self._database.writing() as tx:
            seen = jobs.sighting(tx, key)
            return jobs.withdraw(tx, key, now=self._clock.epoch()) or (
                seen is not None and seen.state is JobState.WITHDRAWN
            )

    def cancel(self, key: str, *, why: str) -> None:
        """See Engine.cancel."""
        with self._database.writing() as tx:
            jobs.cancel(tx, key, why=why, now=self._clock.epoch())

    def link(self, key: str) -> str | None:  # noqa: ARG002 - the interface's
        """See Engine.link: there is no page but ours."""
        return None

    def waiting_for(self) -> str:
        """See Engine.waiting_for; a slot that is free for a moment is no news for those behind its next job."""
        if not (slots := self._slots()):
            return "no worker has been seen lately"
        with self._database.reading() as tx:
            return jobs.NO_SLOT if jobs.unfinished(tx) > slots else ""

    def check(self) -> None:
        """See Engine.check."""
        if not self._slots():
            raise EngineUnavailable(f"no worker was seen within the last {self._lease:.0f} s: start `recipeci work`")

    def _slots(self) -> int:
        """Return the slots of workers seen within a lease, and not in the future: a clock may have been set back."""
        with self._database.reading() as tx:
            workers = jobs.workers(tx)
        return sum(row["slots"] for row in workers if abs(self._clock.epoch() - row["seen"]) < self._lease)

    def _is_over(self, key: str, beat: int) -> bool:
        """Note a beat; say whether it has been the same for a whole lease."""
        now = self._clock.monotonic()
        watch = self._watched.setdefault(key, Watch(beat, now))
        if watch.beat != beat:
            self._watched[key] = Watch(beat, now)
            return False
        return now - watch.since > self._lease
