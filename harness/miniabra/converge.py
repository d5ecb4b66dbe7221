"""The only place that waits for a deployment the way abra does: impatient, 50 seconds unless a label says otherwise."""

from __future__ import annotations

import re
from dataclasses import dataclass

from miniabra import command
from miniabra.docker import Docker
from miniabra.errors import Fatal

DEFAULT_SECONDS = 50
MOVING = frozenset({"updating", "rollback_started"})
UNDONE = frozenset({"paused", "rollback_paused", "rollback_completed"})


@dataclass(frozen=True)
class Snapshot:
    """How the services of a stack stand at one moment."""

    replicas: dict[str, str]
    updates: dict[str, str]

    @property
    def is_ready(self) -> bool:
        """Every wanted task runs and no update is under way; a one-shot service never gets there (facts abra §4)."""
        full = all(_is_full(count) for count in self.replicas.values())
        return full and not MOVING & set(self.updates.values())


def wait_for(stack: str, docker: Docker, *, seconds: float = DEFAULT_SECONDS) -> None:
    """Wait until a stack has converged.

    Raises Fatal if an update was undone, or the time is over though the stack may converge later (facts A-07).
    """

    def ready() -> bool:
        seen = observe(stack, docker)
        if undone := sorted(name for name, state in seen.updates.items() if state in UNDONE):
            raise Fatal(f"deploy failed: {', '.join(undone)}: {seen.updates[undone[0]]}")
        return seen.is_ready

    if not command.wait(ready, seconds=seconds):
        raise Fatal(f"deploy timed out after {seconds:.0f} seconds")


def observe(stack: str, docker: Docker) -> Snapshot:
    """Look at a stack once."""
    replicas = docker.replicas(stack)
    return Snapshot(replicas, docker.update_states(tuple(replicas)))


def _is_full(count: str) -> bool:
    found = re.fullmatch(r"(\d+)/(\d+)", count)
    return found is not None and found[1] == found[2]
