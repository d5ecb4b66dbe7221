"""The only place that carries open requests to an engine and brings their ends back (rules B of the engines' facts).

The row comes first: an attempt is counted before the engine is asked, so after a crash the engine is asked by key what
became of it. A key is run at most once; what its host lost is attempted once more under another key.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass, field, replace

from recipeci.errors import HostError
from recipeci.host.clock import Clock
from recipeci.service import ending, judging
from recipeci.service.engines import Engine, EngineUnavailable
from recipeci.service.judging import Judgement
from recipeci.service.model import End, Job, JobState, Request, Sighting
from recipeci.service.store import Database, outbox, requests

log = logging.getLogger(__name__)
ATTEMPTS = 2
GRACE_SECONDS = 300.0
"""How long a cancelled run may take for its teardown before its host is taken for lost."""
TOO_LONG = "it took longer than"
BUSY = "an earlier run of this pull request goes on"


@dataclass
class Following:
    """Follows the open requests; one for a process, used by one thread.

    Attributes:
        database: where requests are.
        engine: what carries them to a host.
        clock: the time.
        url: our own address, for links.
        deadline: seconds that a run may take, whatever its engine thinks.
        builtin_is_final: whether the built-in abra's verdict may become a commit status.
        began: of each running job when it began, and
        told: of each that is to end when the engine was told so first; both on this process's monotonic clock.
    """

    database: Database
    engine: Engine
    clock: Clock
    url: str
    deadline: float
    builtin_is_final: bool
    began: dict[str, float] = field(default_factory=dict)
    told: dict[str, float] = field(default_factory=dict)

    def step(self) -> None:
        """Look at every open request once, oldest first: of a pull request only one is given to the engine.

        What nobody has thought of at one of them is raised at the end: those behind it are looked at before.
        """
        with self.database.reading() as tx:
            still_open = requests.still_open(tx)
        self._forget({request.key for request in still_open})
        busy: set[tuple[int, int]] = set()
        bugs: list[Exception] = []
        for request in still_open:
            place = None if request.asked.pull is None else (request.repository, request.asked.pull)
            try:
                goes_on = self._advance(request, held=place in busy)
            except EngineUnavailable as e:
                log.warning("run %d: %s", request.id, e.message)
                self._waits(request, "the engine does not answer")
                goes_on = request.attempts > 0
            except HostError:
                raise  # the database's, which is the same for all
            except Exception as e:  # noqa: BLE001 - raised below
                log.warning("run %d: %s: %s", request.id, type(e).__name__, e)
                bugs.append(e)
                goes_on = request.attempts > 0
            if goes_on and place is not None:
                busy.add(place)
        if bugs:
            raise bugs[0]

    def _forget(self, still_open: set[str]) -> None:
        """Keep no time of a job that nobody follows any more."""
        for times in (self.began, self.told):
            for key in times.keys() - still_open:
                del times[key]

    def _advance(self, request: Request, *, held: bool) -> bool:
        """Take a request as far as it goes now; return whether the engine has it and it has not ended."""
        if request.attempts == 0:
            return self._first(request, held=held)
        if not self._is_submitted(request):
            return self._submit(request)
        if self._replaced(request):
            return False
        if request.cancel is not None:
            self.engine.cancel(request.key, why=request.cancel)
            self.told.setdefault(request.key, self.clock.monotonic())
        return self._seen(request, self.engine.state(request.key))

    def _first(self, request: Request, *, held: bool) -> bool:
        """Give a request to the engine for the first time, unless it is no longer wanted or has to wait."""
        if self._unwanted(request):
            return False
        if held:
            self._waits(request, BUSY)
            return False
        return self._attempt(request)

    def _attempt(self, request: Request) -> bool:
        """Count an attempt, and only then give it to the engine."""
        with self.database.writing() as tx:
            if not requests.attempt(tx, request.id, after=request.attempts):
                return False
            counted = requests.find(tx, request.id)
        return counted is not None and self._submit(counted)

    def _submit(self, request: Request) -> bool:
        """Have the engine know the attempt: it may know it already, if we died after telling it."""
        if self.engine.state(request.key) is None:
            if self._unwanted(request):
                return False
            self.engine.submit(Job(request.key, request.repository, request.asked))
        with self.database.writing() as tx:
            requests.submitted(tx, request.id, attempt=request.attempts)
        return True

    def _unwanted(self, request: Request) -> bool:
        """End a request that the engine does not have, if it was cancelled or another one took its place."""
        with self.database.reading() as tx:
            new = requests.replaced_by(tx, request.id)
        if request.cancel is not None:
            return self._end(request, Judgement(End.CANCELLED, request.cancel))
        return new is not None and self._end(request, ending.superseded(new))

    def _replaced(self, request: Request) -> bool:
        """Take back a request whose place another one took, if it has not begun."""
        if request.is_running:
            return False
        with self.database.reading() as tx:
            new = requests.replaced_by(tx, request.id)
        return new is not None and self.engine.withdraw(request.key) and self._end(request, ending.superseded(new))

    def _seen(self, request: Request, seen: Sighting | None) -> bool:
        """Follow what the engine says; return whether the request goes on."""
        state = JobState.LOST if seen is None else seen.state
        match state:
            case JobState.QUEUED:
                self._waits(request, self.engine.waiting_for())
                return True
            case JobState.RUNNING:
                return self._runs(request)
            case JobState.WITHDRAWN:
                return not self._end(request, Judgement(End.CANCELLED, request.cancel or "withdrawn from the queue"))
            case JobState.LOST:
                return self._lost(request, "the engine forgot it" if seen is None else seen.reason)
            case JobState.ENDED:
                return self._ended(request, seen)

    def _runs(self, request: Request) -> bool:
        """Note that it runs; one that runs for too long is cancelled, and one that does not end by that is given up."""
        now, ours = self.clock.epoch(), self.clock.monotonic()
        with self.database.writing() as tx:
            if requests.begun(tx, request.id, now=now) and request.asked.pull is not None:
                outbox.card(tx, repository=request.repository, pull=request.asked.pull, now=now)
        # The wall clock is believed once, for what was before our time: it may jump, and the run would go on untold.
        began = self.began.setdefault(request.key, ours - max(0.0, now - (request.started or now)))
        if request.cancel is not None and ours - self.told.get(request.key, ours) > GRACE_SECONDS:
            why = f"its host is lost: it was still running {GRACE_SECONDS:.0f} s after it was told to end"
            return not self._end(request, Judgement(End.ERROR, why))
        if ours - began > self.deadline:
            with self.database.writing() as tx:
                requests.cancel(tx, request.id, why=f"{TOO_LONG} {self.deadline:.0f} s")
        return True

    def _lost(self, request: Request, why: str) -> bool:
        """Attempt a request once more whose host is gone."""
        if request.cancel is not None:
            return not self._end(request, Judgement(End.CANCELLED, request.cancel))
        if request.attempts >= ATTEMPTS:
            return not self._end(request, Judgement(End.ERROR, f"given up after {ATTEMPTS} attempts: {why}"))
        log.warning("run %d: attempt %d is lost: %s", request.id, request.attempts, why)
        return self._attempt(request)

    def _ended(self, request: Request, seen: Sighting | None) -> bool:
        """End a request by what its host brought."""
        if seen is None or seen.result is None:
            return not self._end(request, Judgement(End.ERROR, "the engine says that it ended, and brought no result"))
        judgement = judging.judge(
            seen.result, request.asked, cancel=request.cancel, builtin_is_final=self.builtin_is_final
        )
        return not self._end(request, judgement)

    def _end(self, request: Request, judgement: Judgement) -> bool:
        """Give a request its end; True, also if it had one. One that took too long was cancelled by nobody."""
        if judgement.end is End.CANCELLED and judgement.reason.startswith(TOO_LONG):
            judgement = replace(judgement, end=End.ERROR)
        with self.database.writing() as tx:
            ending.end(tx, request.id, judgement, url=self.url, now=self.clock.epoch())
        log.info("run %d: %s: %s", request.id, judgement.end, judgement.reason)
        return True

    def _waits(self, request: Request, why: str) -> None:
        """Note why a request does not begin, and have it shown if that is news."""
        with self.database.reading() as tx:
            if requests.waiting(tx, request.id) == why:
                return
        with self.database.writing() as tx:
            if requests.waits(tx, request.id, why=why) and request.asked.pull is not None:
                outbox.card(tx, repository=request.repository, pull=request.asked.pull, now=self.clock.epoch())

    def _is_submitted(self, request: Request) -> bool:
        with self.database.reading() as tx:
            return requests.is_submitted(tx, request.id)
