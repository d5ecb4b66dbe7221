"""The only place that puts together what speaks to the forge on its own: `serve`, and `enroll` once."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Iterator

from recipeci import parsing
from recipeci.errors import HostError
from recipeci.host.clock import SystemClock
from recipeci.report import text
from recipeci.service import enrol, stopping, web
from recipeci.service import serve as bridges
from recipeci.service.engines.embedded import Embedded
from recipeci.service.enrol import Enrolled
from recipeci.service.forge import ForgeUnavailable
from recipeci.service.gitea import Gitea
from recipeci.service.setup import Bridge
from recipeci.service.store import Database
from recipeci.service_log import logged

CLOCK = SystemClock()
LONG_SECONDS = 3600.0
SILENCE_SECONDS = 2.0
"""Whoever waits for longer is told for what."""


def serve(bridge: Bridge) -> int:
    """Run the bridge until it is told to end.

    Raises:
        UsageError: the database is none of ours, or of a newer recipeci.
        HostError: another one uses it, or the address cannot be listened at.
    """
    with (
        logged(bridge.token, *bridge.webhook_secrets),
        web.listener(bridge) as listener,  # before there is a database: whoever cannot listen has made none
        contextlib.closing(Database(bridge.database)) as database,
        Gitea(bridge.forge, bridge.token, clock=CLOCK) as forge,
        stopping.told() as stop,
        bridges.running(
            bridge, database=database, forge=forge, engine=Embedded(database, clock=CLOCK), clock=CLOCK
        ) as health,
        web.serve_pages(bridge, listener, database=database, health=health, clock=CLOCK),
    ):
        while not stop.wait(LONG_SECONDS):
            pass
    return 0


def enroll(name: str, recipe: str, bridge: Bridge, *, with_webhook: bool) -> None:
    """Enrol a repository, and say what came of it.

    Raises:
        UsageError: there is no such repository, or the token may not do all that is needed.
        HostError: the forge does not answer.
    """
    with waiting_is_said(bridge.forge), _asked_once(bridge), Gitea(bridge.forge, bridge.token, clock=CLOCK) as forge:
        wanted = enrol.wanted(name, recipe, forge=forge, with_webhook=with_webhook)
        with contextlib.closing(Database(bridge.database)) as database:  # what is refused has not made it
            done = enrol.enrol(wanted, bridge=bridge, database=database, forge=forge, clock=CLOCK)
    parsing.say(text.clean(f"{_outcome(done, bridge)}\n"))


def _outcome(done: Enrolled, bridge: Bridge) -> str:
    """Say what came of an enrolment; a recipe that it changed is not passed over."""
    home = done.repository
    what = "was enrolled before, and is up to date" if done.was else "is enrolled"
    instead = f" instead of {done.was}" if done.was not in ("", home.recipe) else ""
    how = f"webhook {done.webhook}, {bridge.webhook}" if done.webhook is not None else "no webhook: by polling alone"
    return f"{home.full_name} {what}: recipe {home.recipe}{instead}; {how}"


def remove(name: str, bridge: Bridge) -> None:
    """Remove a repository, and say what came of it.

    Raises:
        UsageError: it is not enrolled, or something of it goes on.
    """
    with (
        waiting_is_said(bridge.forge),
        contextlib.closing(Database(bridge.database)) as database,
        Gitea(bridge.forge, bridge.token, clock=CLOCK) as forge,
    ):
        done = enrol.remove(name, bridge=bridge, database=database, forge=forge)
    more = f"; its webhook could not be taken away: {done.trouble}" if done.trouble else ""
    parsing.say(text.clean(f"{done.repository.full_name} is not enrolled any more{more}\n"))


@contextlib.contextmanager
def _asked_once(bridge: Bridge) -> Iterator[None]:
    """Say what to do where the forge does not answer: here nobody asks again."""
    try:
        yield
    except ForgeUnavailable as e:
        hint = f"see that bridge.forge, {bridge.forge}, is its address and answers, then say this again"
        raise HostError(e.message, hint=hint) from e


@contextlib.contextmanager
def waiting_is_said(forge: str, *, after: float = SILENCE_SECONDS) -> Iterator[None]:
    """Say on stderr what is waited for, if the block takes longer than so many seconds."""
    timer = threading.Timer(after, parsing.say_aside, [f"waiting for {forge} to answer …\n"])
    timer.daemon = True
    timer.start()
    try:
        yield
    finally:
        timer.cancel()
