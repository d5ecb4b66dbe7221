"""The only place that puts together what has things run: `work`, and `sweep` once."""

from __future__ import annotations

import contextlib
import os
import shlex
import signal
import sys

from recipeci import parsing
from recipeci.errors import HostError, Interrupted
from recipeci.host.clock import SystemClock
from recipeci.host.command import LocalRunner
from recipeci.model import Settings
from recipeci.report import text
from recipeci.run import janitor, workspace
from recipeci.service import stopping, worker
from recipeci.service import sweep as sweeps
from recipeci.service.setup import Bridge, Work
from recipeci.service.store import Database
from recipeci.service_log import logged

CLOCK = SystemClock()
SIGNALLED = 128


def work(work: Work, settings: Settings) -> int:
    """Work until it is told to end.

    Raises:
        UsageError: only the built-in abra is there, and its verdicts do not count; the cache folder's path is too long,
            or another user's; or the database is none of ours.
        HostError: it is not root, or another process has the worker's name.
    """
    runner = LocalRunner()
    worker.refuse_long(work)
    worker.refuse_builtin(settings, runner=runner)
    if os.geteuid() != 0:
        command = shlex.join([os.path.abspath(sys.argv[0]), *sys.argv[1:]])  # noqa: PTH100 - not resolved
        raise HostError("a worker's runs make swarms of their own, which needs root", hint=f"sudo {command}")
    worker.refuse_shared(work)
    workspace.cache_folder(settings)

    def tidy() -> tuple[str, ...]:
        return janitor.clean(settings, runner=runner, clock=CLOCK)

    with logged(), contextlib.closing(Database(work.database)) as database, stopping.told() as stop:
        worker.Worker(work, database=database, clock=CLOCK, tidy=tidy).run(stop.wait)
    return 0


def sweep(bridge: Bridge, settings: Settings) -> int:
    """Sweep; return 0 if all ran and nothing turned red, 1 if something did, 3 if not all ran.

    Raises:
        HostError: another sweep goes on.
        Interrupted: it was told to end.
    """
    runner = LocalRunner()
    with contextlib.closing(Database(bridge.database)) as database, sweeps.alone(bridge.database):
        one = sweeps.Sweep(
            bridge,
            database,
            CLOCK,
            lambda repository: sweeps.newest_of(repository, runner=runner, settings=settings, bridge=bridge),
            lambda line: parsing.say(text.clean(f"{line}\n")),
        )
        candidates = one.candidates()  # nothing is asked for yet: a signal may end it anywhere
        with stopping.told() as stop:
            code = one.run(candidates, stop.wait)
        if code is None:
            raise Interrupted(
                "the sweep was stopped, and what had not ended is cancelled",
                code=SIGNALLED + (stop.signal or signal.SIGTERM),
            )
        return code
