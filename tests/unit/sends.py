"""What tests of service.sending share: requests that begin and end, and what the outbox says of them."""

from __future__ import annotations

import dataclasses

import pytest
from recipeci.model import Tier
from recipeci.service import ending
from recipeci.service.forge import ForgeUnavailable
from recipeci.service.judging import Judgement
from recipeci.service.model import Asked, End
from recipeci.service.sending import Sending

from unit.bridge import HOME, SHA, URL, Scene

LOST = ForgeUnavailable("no answer came")
ASKED = Asked("web", SHA, tuple(Tier), HOME.clone_url, HOME.clone_url, pull=5)


def again(bridge: Scene) -> Sending:
    """Return the loop of a process that has just begun."""
    return Sending(bridge.database, bridge.forge, bridge.clock, URL)


def begin(bridge: Scene, *, pull: int = 5) -> int:
    asked = dataclasses.replace(ASKED, pull=pull)
    with bridge.database.writing() as tx:
        return ending.begin(tx, asked, repository=HOME.id, url=URL, now=bridge.clock.epoch())


def end(bridge: Scene, number: int, outcome: End = End.PASS, reason: str = "pass") -> None:
    with bridge.database.writing() as tx:
        ending.end(tx, number, Judgement(outcome, reason), url=URL, now=bridge.clock.epoch())


def outbox_of(bridge: Scene) -> dict[str, str]:
    return dict(bridge.rows("SELECT key, state FROM outbox ORDER BY id"))


def states(bridge: Scene) -> list[tuple[str, str]]:
    return [(status.target_url.removeprefix(URL), status.state) for status in bridge.forge.statuses]


def until_sent(bridge: Scene, sending: Sending, *, most: int = 20) -> None:
    """Let time pass until nothing waits."""
    for _ in range(most):
        sending.step()
        if "waiting" not in outbox_of(bridge).values():
            return
        bridge.clock.seconds += 61
    left = bridge.rows("SELECT key, state, error FROM outbox")
    pytest.fail(f"never sent: {left}")
