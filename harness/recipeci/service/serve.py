"""The only place that puts the bridge together: the web server, the loops behind it, and the lock that there is one."""

from __future__ import annotations

import contextlib
import logging
from collections.abc import Iterator

from recipeci.errors import HostError
from recipeci.host.clock import Clock
from recipeci.service import backoff
from recipeci.service.abreast import Abreast
from recipeci.service.alone import alone
from recipeci.service.closing import Closing
from recipeci.service.deciding import Deciding
from recipeci.service.engines import Engine
from recipeci.service.following import Following
from recipeci.service.forge import Forge
from recipeci.service.health import Health
from recipeci.service.loops import Loop, Loops
from recipeci.service.poller import Poller
from recipeci.service.sending import Sending
from recipeci.service.setup import Bridge
from recipeci.service.store import Database

log = logging.getLogger(__name__)
OFTEN_SECONDS = 1.0
"""Postponed work is looked for so often."""
CHECK_SECONDS = 30.0
ENGINE_SECONDS = 3.0
"""Whoever starts a worker wants to see at once that it is there."""
PATIENCE_SECONDS = 0.1
"""What came meanwhile is begun beside whatever takes longer."""
LOOPS = ("deciding", "following", "sending", "poller", "closing", "forge", "engine")


@contextlib.contextmanager
def running(
    bridge: Bridge,
    *,
    database: Database,
    forge: Forge,
    engine: Engine,
    clock: Clock,
    longest: float = backoff.LONGEST_SECONDS,
) -> Iterator[Health]:
    """Run the loops until the end of the block; give what they know of the bridge's health.

    `longest`: seconds between two attempts at what the forge did not do, at most.

    Raises:
        HostError: another `serve` uses the database.
    """
    health = Health(LOOPS, clock=clock, every=dict.fromkeys(("poller", "closing"), bridge.poll_seconds))
    own = [Abreast(name, patience=PATIENCE_SECONDS) for name in ("deciding", "sending")]
    deciding = Deciding(database, forge, clock, bridge.url, longest=longest, abreast=own[0])
    sending = Sending(database, forge, clock, bridge.url, longest=longest, abreast=own[1])
    taken = HostError(f"another recipeci serve uses {bridge.database}", hint="stop that one first")
    with alone(bridge.database, "serve", taken=taken):
        steps = (Loop("deciding", deciding.step, OFTEN_SECONDS), Loop("sending", sending.step, OFTEN_SECONDS))
        others = _loops(bridge, database=database, forge=forge, engine=engine, clock=clock)
        loops = Loops((*steps, *others), database=database, health=health, clock=clock)
        loops.start()
        try:
            yield health
        finally:
            loops.stop()
            for abreast in own:
                abreast.close()


def _loops(bridge: Bridge, *, database: Database, forge: Forge, engine: Engine, clock: Clock) -> tuple[Loop, ...]:
    """Return what the bridge does besides, each in a thread of its own."""
    following = Following(
        database,
        engine,
        clock,
        bridge.url,
        deadline=bridge.deadline_seconds,
        builtin_is_final=bridge.builtin_is_final,
    )
    return (
        Loop("following", following.step, OFTEN_SECONDS),
        Loop("poller", Poller(database, forge, clock).step, bridge.poll_seconds, on_change=False),
        Loop("closing", Closing(database, forge).step, bridge.poll_seconds, on_change=False),
        Loop("forge", lambda: _answers(forge), CHECK_SECONDS, on_change=False),
        Loop("engine", engine.check, ENGINE_SECONDS, on_change=False),
    )


def _answers(forge: Forge) -> None:
    forge.myself()
