"""The only place that remembers what health checks said: swarm soon removes a container whose check failed."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from dataclasses import dataclass, field

from recipeci.host.container import Health
from recipeci.host.docker import Swarm
from recipeci.host.stackstate import StackState, Task
from recipeci.run.settled import OVER_STATES

BEFORE_SETTLED = frozenset({"starting", "running"})


def masked(state: StackState, mask: Callable[[str], str]) -> StackState:
    """Return a look without secrets in what health checks said, which is cut when it is told."""
    tasks = (
        dataclasses.replace(task, health=dataclasses.replace(task.health, output=mask(task.health.output)))
        for task in state.tasks
    )
    return dataclasses.replace(state, tasks=tuple(tasks))


@dataclass(frozen=True)
class HealthWatch:
    """Looks at the containers of one deploy during the wait for it."""

    swarm: Swarm
    _last: dict[str, Health] = field(default_factory=dict)
    _over: set[str] = field(default_factory=set)
    """Tasks that were asked about after their end: nothing of them changes any more."""

    def looked(self, state: StackState, *, since: float) -> StackState:
        """Return the look with the health of the tasks that were made since then (epoch seconds)."""
        for task in state.tasks:
            if task.container and task.created >= since and self._is_worth_it(task):
                self._ask(task)
        tasks = (dataclasses.replace(task, health=self._last.get(task.id, task.health)) for task in state.tasks)
        return dataclasses.replace(state, tasks=tuple(tasks))

    def _is_worth_it(self, task: Task) -> bool:
        """Say whether a look can say more than the one before."""
        return task.state in BEFORE_SETTLED or (task.state in OVER_STATES and task.id not in self._over)

    def _ask(self, task: Task) -> None:
        found = self.swarm.health(task.container)
        if found.check:  # of a container that is gone we keep what was seen before
            self._last[task.id] = found
        if task.state in OVER_STATES:
            self._over.add(task.id)
