"""The only place that works: takes jobs from the queue, a thread a slot, and has each carried out (`carrying.py`).

One process has a worker's name at a time; so whoever begins under it knows that the runs of the one before are gone:
the kernel ends a run with the thread that started it.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Iterable
from pathlib import Path

import recipeci
from recipeci.errors import HostError, UsageError
from recipeci.host.abra import choose
from recipeci.host.clock import Clock
from recipeci.host.command import LocalRunner, Runner
from recipeci.model import Settings
from recipeci.run import workspace
from recipeci.service import leavings
from recipeci.service.alone import alone
from recipeci.service.carrying import PROGRAM, Bench, Carrying
from recipeci.service.engines.embedded import BEAT_SECONDS
from recipeci.service.setup import Work
from recipeci.service.store import Database, jobs
from recipeci.service.store.jobs import Taken

log = logging.getLogger(__name__)
LOOK_SECONDS = 0.02
"""An idle slot asks so often whether the database has changed: a few microseconds each time."""
AFTER_TROUBLE_SECONDS = 1.0
TIDY_SECONDS = 3600.0
DAY = 86_400.0
REMOVE_SECONDS = 300.0
LONGEST_JOB = "99999999.2-0123abcd"
BEGAN_ANEW = "its worker was killed"


def refuse_builtin(settings: Settings, *, runner: Runner) -> None:
    """Refuse to work with the built-in abra unless the operator says that its verdicts count.

    Raises:
        UsageError: they do not, or the abra of the settings is none.
    """
    abra = choose(None, settings.abra, runner=runner, path=settings.search_path, cache=settings.cache).program
    if abra.built_in and not settings.builtin_abra_is_final:
        msg = "there is no abra, and a worker does not use the built-in one: its verdicts would not count"
        raise UsageError(msg, hint="install abra, or set `abra: {builtin_is_final: true}`")


def refuse_long(work: Work) -> None:
    """Refuse a cache folder in which no run's sockets would have room: each of them would say so, one by one.

    Raises:
        UsageError: its path is too long.
    """
    over = len(bytes(work.runs / LONGEST_JOB / leavings.OUT / "swarm/run/docker.sock")) - workspace.SOCKET_BYTES
    if over > 0:
        msg = f"{work.runs} is {over} bytes too long for the path of a socket in a run's folder"
        raise UsageError(msg, hint="set `cache` in the settings to a shorter path")


def refuse_shared(work: Work) -> None:
    """Refuse a cache folder that the database's user could put another in the place of: root writes into it.

    Raises:
        UsageError: it is below a folder of that user's.
    """
    user = work.database.parent.stat().st_uid
    above = [folder for folder in (work.runs, *work.runs.parents) if folder.exists()]
    theirs = [folder for folder in above if folder.stat().st_uid == user != 0]
    if theirs:
        msg = f"the cache folder is below {theirs[0]}, which is the database's user's, who could exchange it"
        raise UsageError(msg, hint="set `cache` in the settings to a folder of root's")


class Worker:
    """Works until it is told to stop; one for a process."""

    def __init__(
        self,
        work: Work,
        *,
        database: Database,
        clock: Clock,
        program: tuple[str, ...] = PROGRAM,
        beat: float = BEAT_SECONDS,
        tidy: Callable[[], Iterable[str]] = tuple,
    ) -> None:
        """Take what the operator set up.

        Args:
            work: the same.
            database: where jobs are.
            clock: the time.
            program: what a run is started by, before its options.
            beat: seconds between two signs of life.
            tidy: removes what killed runs left on the host, and says what it did; called now and then.
        """
        self._work = work
        self._database = database
        self._clock = clock
        self._tidy = tidy
        self._bench = Bench(work, database, clock, threading.Event(), program, beat)
        self._failure: BaseException | None = None

    def run(self, stop: Callable[[float], bool]) -> None:
        """Work until `stop`, which waits so many seconds at most, says so; then end what runs, its teardown done.

        Raises:
            HostError: another process has this worker's name.
        """
        database, name = self._work.database, self._work.name
        hint = "stop that one first, or give this one another name: `work: {name: …}`"
        taken = HostError(f"another recipeci work named {name} uses {database}", hint=hint)
        with alone(database, f"work-{name}", taken=taken):
            self._begin()
            self._work_until(stop)
        if self._failure is not None:
            raise self._failure

    def _begin(self) -> None:
        """Give up what was running under our name: nobody runs it any more."""
        with self._database.writing() as tx:
            lost = jobs.abandoned(tx, worker=self._work.name, why=BEGAN_ANEW, now=self._clock.epoch())
        self._work.runs.mkdir(parents=True, exist_ok=True, mode=0o700)
        log.info(
            "worker %s: slots: %d%s", self._work.name, self._work.slots, f", {lost} jobs were lost" if lost else ""
        )

    def _work_until(self, stop: Callable[[float], bool]) -> None:
        names = [f"slot {number + 1}" for number in range(self._work.slots)]
        threads = [threading.Thread(target=self._guarded, args=(self._slot,), name=name) for name in names]
        threads.append(threading.Thread(target=self._guarded, args=(self._tidying,), name="tidy"))
        try:
            for thread in threads:
                thread.start()
            while self._failure is None:
                self._seen()
                if stop(self._bench.beat):
                    break
        finally:
            log.info("worker %s: stopping, what runs is ended and torn down", self._work.name)
            self._bench.stopping.set()
            for thread in threads:
                thread.join()

    def _slot(self) -> None:
        """Carry out one job after the other."""
        while not self._bench.stopping.is_set():
            if taken := self._next():
                Carrying(taken, self._bench).to_its_end()

    def _tidying(self) -> None:
        """Remove what nobody needs, at once and then every so often."""
        self._tidied()
        while not self._bench.stopping.wait(TIDY_SECONDS):
            self._tidied()

    def _guarded(self, work: Callable[[], None]) -> None:
        """Do a thread's work; a bug ends the whole worker, for whoever started it to see."""
        try:
            work()
        except BaseException as e:  # the thread's door: raised again in the main thread
            log.exception("%s: a bug of recipeci", threading.current_thread().name)
            self._failure = self._failure or e
            self._bench.stopping.set()

    def _next(self) -> Taken | None:
        """Take a job if one waits, else wait for a change of the database."""
        try:
            seen = self._database.changes()
            with self._database.reading() as tx:
                waits = jobs.any_waits(tx)
            if waits:
                with self._database.writing() as tx:
                    return jobs.take(tx, worker=self._work.name, forge=self._work.forge, now=self._clock.epoch())
            while self._database.changes() == seen and not self._bench.stopping.wait(LOOK_SECONDS):
                pass
        except HostError as e:
            log.warning("worker %s: %s", self._work.name, e.message)
            self._bench.stopping.wait(AFTER_TROUBLE_SECONDS)
        return None

    def _seen(self) -> None:
        """Say that the worker is there."""
        work = self._work
        try:
            with self._database.writing() as tx:
                jobs.worker_seen(tx, work.name, slots=work.slots, version=recipeci.__version__, now=self._clock.epoch())
        except HostError as e:
            log.warning("worker %s: %s", work.name, e.message)

    def _tidied(self) -> None:
        """Remove what is too old, and what killed runs left; trouble with that keeps nobody from working."""
        try:
            for line in self._tidy():
                log.info("%s", line)
            if self._work.keep_days:
                self._forget(before=self._clock.epoch() - self._work.keep_days * DAY)
        except HostError as e:
            log.warning("worker %s: %s", self._work.name, e.message)

    def _forget(self, *, before: float) -> None:
        """Remove the logs and the folders of jobs that ended before a time."""
        with self._database.writing() as tx:
            jobs.forget(tx, before=before)
        for folder in _old(self._work.runs, before=before):
            LocalRunner().run(["rm", "-rf", "--one-file-system", "--", str(folder)], timeout=REMOVE_SECONDS)


def _old(runs: Path, *, before: float) -> list[Path]:
    """Return the folders of jobs in which nothing was made since a time."""
    if not runs.is_dir():
        return []
    return [folder for folder in sorted(runs.iterdir()) if folder.is_dir() and folder.stat().st_mtime < before]
