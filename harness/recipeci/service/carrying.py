"""The only place where a job becomes a run: one child process, watched to its end, and what it left brought back.

All that is written of the job is written under its fence. Who has lost that ends the run and brings nothing.
"""

from __future__ import annotations

import enum
import logging
import os
import shlex
import signal
import sys
import threading
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

import recipeci
from recipeci.errors import HostError
from recipeci.host import command
from recipeci.host.clock import Clock
from recipeci.host.command import BASE_ENV, Started
from recipeci.service import leavings
from recipeci.service.engines.embedded import BEAT_SECONDS, LEASE_SECONDS
from recipeci.service.leavings import Tail
from recipeci.service.model import Result
from recipeci.service.setup import Work
from recipeci.service.store import Database, Transaction, jobs
from recipeci.service.store.jobs import Taken

log = logging.getLogger(__name__)
T = TypeVar("T")
PROGRAM = (sys.executable, "-m", "recipeci", "run")
PACKAGES = Path(recipeci.__file__).resolve().parents[1]
LOOK_SECONDS = 0.1
SAY_SECONDS = 1.0
"""What a run prints is brought to the page so often, at most."""
STOP_SECONDS = 270.0
"""A run that was told to end and has not by then is killed: its teardown hangs. The janitor removes what is left. Less
than `following.GRACE_SECONDS`, after which nobody waits for what it brings."""
SIGNALLED = 128
"""A program that a signal ended has this and the signal's number as its code, as a shell says it."""
CUT_SHORT = frozenset(SIGNALLED + number for number in (signal.SIGINT, signal.SIGTERM, signal.SIGKILL))
"""The codes of a run that was ended; another says that it had come to its own end before it was told."""
STOPPED = "the worker was stopped"


class Why(enum.Enum):
    """Why a run is ended before its time."""

    CANCELLED = "it was cancelled"
    STOPPED = STOPPED
    LOST = "the job was given to somebody else"


@dataclass(frozen=True)
class Bench:
    """What the slots of a worker share.

    Attributes:
        work: what the operator set up.
        database: where jobs are.
        clock: the time.
        program: what a run is started by, before its options.
        beat: seconds between two signs of life.
        stopping: set once the worker is to end.
    """

    work: Work
    database: Database
    clock: Clock
    stopping: threading.Event
    program: tuple[str, ...] = PROGRAM
    beat: float = BEAT_SECONDS

    def arguments(self, taken: Taken, *, out: Path) -> tuple[str, ...]:
        """Return the command line of a job's run; what it was asked for is checked already (model.Asked)."""
        asked, work = taken.asked, self.work
        options = {
            "--recipe": asked.recipe,
            "--source": asked.clone_url,
            "--code-source": asked.head_url or "none",
            "--ref": asked.sha,
            "--stages": ",".join(asked.stages),
            "--out": str(out),
            "--pr": None if asked.pull is None else str(asked.pull),
            "--config": None if work.config is None else str(work.config),
            "--clone-credential": None if work.credential is None else str(work.credential),
        }
        given = [word for option, value in options.items() if value is not None for word in (option, value)]
        return (*self.program, *given)

    def environment(self) -> Mapping[str, str]:
        """Return all of a run's environment: none of ours but what is named. It is of the same package as we are."""
        return {**BASE_ENV, **self.work.environment, "PYTHONPATH": str(PACKAGES)}


@dataclass
class Carrying:
    """One job in a worker's hands; used by one thread, which must live as long as the run."""

    taken: Taken
    bench: Bench
    why: Why | None = None
    """Why the run is being ended, once it is."""
    _asked: float = 0.0
    _is_ours: bool = True
    _cancelled: bool = False
    _beaten: float = float("-inf")
    _said: float = float("-inf")
    _seen: int = -1
    _unsaid: str = ""
    """What was read of its output and could not be stored."""

    def to_its_end(self) -> None:
        """Start the run, watch it, and bring back what it left."""
        folder = self.bench.work.runs / f"{self.taken.key}-{self.taken.fence[:8]}"
        tail = Tail(folder / leavings.OUTPUT)
        try:
            process = self._started(folder, tail)
        except (OSError, HostError) as e:
            self._failed(f"the run cannot be started: {e.strerror if isinstance(e, OSError) else e.message}")
            return
        try:
            self._watch_and_bring(process, folder, tail)
        except OSError as e:  # of this job's files: the other slots go on
            self._failed(f"what the run printed cannot be read: {e.strerror}")

    def _watch_and_bring(self, process: Started, folder: Path, tail: Tail) -> None:
        try:
            self._watch(process, tail)
        finally:
            code = command.end(process)
        log.info("job %s: ended with %d%s", self.taken.key, code, f": {self.why.value}" if self.why else "")
        self._bring(folder, tail, code if code >= 0 else SIGNALLED - code)

    def _started(self, folder: Path, tail: Tail) -> Started:
        folder.mkdir(mode=0o700)
        argv = self.bench.arguments(self.taken, out=folder / leavings.OUT)
        log.info("job %s: %s", self.taken.key, shlex.join(argv[len(self.bench.program) :]))
        return command.start(argv, output=tail.file, env=self.bench.environment())

    def _failed(self, why: str) -> None:
        log.error("job %s: %s", self.taken.key, why)
        result = Result(HostError.exit_code, error=why)
        self._surely(lambda tx: self._ended(tx, result, shown=False))

    def _watch(self, process: Started, tail: Tail) -> None:
        """Tell that we live and what the run prints, until it has ended; end it if there is a reason to."""
        while not command.ends_within(process, LOOK_SECONDS):
            self._tell(tail)
            if self.why is None and (why := self._reason()) is not None:
                log.info("job %s: %s: its run is told to end", self.taken.key, why.value)
                self.why, self._asked = why, self._now()
                os.kill(process.pid, signal.SIGINT)  # it is not reaped yet, so the number is its own
            if self.why is not None and self._now() - self._asked > STOP_SECONDS:
                log.error("job %s: its run did not end within %.0f s and is killed", self.taken.key, STOP_SECONDS)
                return

    def _reason(self) -> Why | None:
        """Return why the run is to be ended now."""
        if not self._is_ours:
            return Why.LOST
        if self._is_cancelled():
            return Why.CANCELLED
        return Why.STOPPED if self.bench.stopping.is_set() else None

    def _is_cancelled(self) -> bool:
        """Whether somebody wants its end; asked again when anything in the database has changed."""
        try:
            changes = self.bench.database.changes()
            if changes != self._seen:
                with self.bench.database.reading() as tx:
                    self._cancelled = jobs.cancelled(tx, self.taken) is not None
                self._seen = changes
        except HostError as e:
            log.warning("job %s: %s", self.taken.key, e.message)
        return self._cancelled

    def _tell(self, tail: Tail) -> None:
        """Say that we live, and what the run has printed, if it is time to."""
        now = self._now()
        if self._is_ours and now - self._beaten >= self.bench.beat:
            self._beaten = now
            self._is_ours = self._tried(lambda tx: jobs.beat(tx, self.taken)) is not False
        if self._is_ours and now - self._said >= SAY_SECONDS and (told := self._unsaid or tail.more()):
            self._said = now
            self._unsaid = told if self._tried(lambda tx: jobs.say(tx, self.taken, told)) is None else ""

    def _bring(self, folder: Path, tail: Tail, code: int) -> None:
        """Bring what the run left, or give the job up: whether that counts the fence decides."""
        is_cut_short = self.why is not None and code in CUT_SHORT
        left = leavings.of_run(folder)
        if is_cut_short and self.why is Why.STOPPED:
            counts = self._surely(lambda tx: self._let_go(tx, shown=left.is_clean))
        else:
            cancelled = is_cut_short and self.why is Why.CANCELLED
            result = Result(code, left.report, cancelled=cancelled, error=left.error)
            rest = (self._unsaid, *tail.rest())  # read once, however often it is stored
            counts = self._surely(lambda tx: self._ended(tx, result, rest, shown=left.is_clean))
        if not counts:
            log.warning("job %s: it is no longer ours: what its run left counts for nothing", self.taken.key)

    def _let_go(self, tx: Transaction, *, shown: bool) -> bool:
        """Give the job up; what its run has printed stays if somebody has looked at it."""
        if not jobs.let_go(tx, self.taken, why=STOPPED, now=self.bench.clock.epoch()):
            return False
        if not shown:
            jobs.withhold_log(tx, self.taken.key)
        return True

    def _ended(self, tx: Transaction, result: Result, rest: Iterable[str] = (), *, shown: bool) -> bool:
        """Store the result and the rest of the log, or why there is none."""
        for told in rest:
            jobs.say(tx, self.taken, told)
        if not jobs.finish(tx, self.taken, result, now=self.bench.clock.epoch()):
            return False
        if not shown:
            jobs.withhold_log(tx, self.taken.key)
        return True

    def _tried(self, do: Callable[[Transaction], T]) -> T | None:
        """Write; None if the database cannot be written now, which is no reason to end a run."""
        try:
            with self.bench.database.writing() as tx:
                return do(tx)
        except HostError as e:
            log.warning("job %s: %s", self.taken.key, e.message)
            return None

    def _surely(self, do: Callable[[Transaction], bool]) -> bool:
        """Write, again and again for as long as a lease lasts: after that nobody would believe us."""
        until = self._now() + LEASE_SECONDS
        while (done := self._tried(do)) is None and self._now() < until:
            self.bench.clock.sleep(1.0)
        return done is True

    def _now(self) -> float:
        return self.bench.clock.monotonic()
