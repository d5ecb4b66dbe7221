"""run.deployment: in which order one look at the stack is asked for, learned from, masked and told."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import cast

import pytest
from recipeci.host.abra import Abra
from recipeci.host.clock import SystemClock
from recipeci.host.clone import Clone
from recipeci.host.container import Health
from recipeci.host.docker import Swarm
from recipeci.host.stackstate import StackState
from recipeci.redact import Redactor
from recipeci.run.deployment import Deployed, Deployment
from recipeci.run.environment import Environment

from unit.builders import DEPLOYED, STACK, compose, expected, failed, look, service, task, waiting
from unit.plans import HEAD, plan

PASSPHRASE = "correct horse battery staple nine"
SETTLED = Deployed(look(service(), task()), DEPLOYED, compose(), HEAD, expected())


@dataclass
class Crashing(Swarm):
    """A swarm whose app crashes again and again, and whose health check prints a secret each time."""

    says: str

    def stack(self, name: str) -> StackState:
        assert name == STACK
        return look(service(), *(failed(number, container=f"c{number}") for number in (1, 2, 3)), waiting())

    def health(self, container: str) -> Health:
        return Health(f"curl x  # in {container}", self.says, 7, is_bad=True)

    def logs(self, service_id: str, **_: object) -> str:
        return f"no log of {service_id}"


def deployment(folder: Path, swarm: Swarm, *, looked: Callable[[StackState], None], redactor: Redactor) -> Deployment:
    """Return an app of which nothing is done but to look at it."""
    return Deployment(
        domain="a1b2c3.ci.test",
        stack=STACK,
        plan=plan(),
        clone=cast("Clone", None),
        abra=cast("Abra", None),
        swarm=swarm,
        environment=cast("Environment", None),
        clock=SystemClock(),
        note=print,
        scratch=folder,
        images=frozenset(),
        looked=looked,
        mask=redactor.mask,
    )


@pytest.mark.parametrize("padding", [0, 290], ids=["whole", "where it is cut"])
def test_a_secret_that_a_look_teaches_is_masked_in_what_the_same_look_tells(tmp_path: Path, padding: int) -> None:
    """The only copy of it may be in a task that is gone at the next look."""
    redactor = Redactor()
    heard: list[StackState] = []

    def learn(state: StackState) -> None:
        heard.append(state)
        redactor.add("passphrase", PASSPHRASE)

    says = f"{'x' * padding} {PASSPHRASE} is wrong"
    app = deployment(tmp_path, Crashing(says), looked=learn, redactor=redactor)
    told = app.unsettled_since(SETTLED)
    assert "3 times" in told
    assert "curl x" in told, "what the check said is told, or nothing is shown here"
    assert not [word for word in PASSPHRASE.split() if word in told]
    assert [len(state.tasks) for state in heard] == [4], "each look is heard of once"
