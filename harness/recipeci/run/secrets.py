"""The only place that learns the values of a run's secrets, so that they are masked: given ones, and generated ones.

A generated value is seen by nobody (abra's output is dropped); it is read from a running task that has it.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import PurePosixPath

from recipeci import schemas
from recipeci.host import taskfile
from recipeci.host.docker import Swarm
from recipeci.host.stackstate import Json, StackState
from recipeci.redact import Redactor
from recipeci.run.plan import Plan
from recipeci.run.source import Given
from recipeci.run.workspace import Workspace

log = logging.getLogger(__name__)
FOLDER = PurePosixPath("/run/secrets")
"""Where a secret is whose reference names a file without a folder."""
UP = frozenset({"starting", "running"})
"""States of a task that has a process; one with a health check is `starting` until it is healthy."""
LIMIT = 500 * 1024
"""Docker's own, in bytes (swarmkit's MaxSecretSize)."""


@dataclass(frozen=True)
class Reference:
    """One secret of a task: its full name, and the file that shows it in the container."""

    name: str
    path: PurePosixPath


def of_clone(redactor: Redactor, said: Given) -> None:
    """Mask what the source's host is shown, before anything is cloned."""
    if said.credential is not None:
        redactor.add("clone credential", said.credential.token)


def begin(redactor: Redactor, *, place: Workspace, plan: Plan) -> None:
    """Mask the values that recipe.yml gives, but not words that every report of this run has to hold."""
    names = [place.run_id, place.recipe, place.domain, place.stack, plan.target.commit.sha, plan.own_version]
    names += [plan.base.version, plan.base.commit.sha] if plan.base else []
    redactor.publish("\n".join([json.dumps(schemas.load("report")), *names]))
    for name, value in plan.meta.secrets.items():
        redactor.add(name, value)


@dataclass
class StackSecrets:
    """The secrets of one deployed stack."""

    stack: str
    swarm: Swarm
    init: int
    """The host's number of the cell's pid 1."""
    redactor: Redactor
    given: frozenset[str] = frozenset()
    """Keys whose values recipe.yml gives: they are known without a task."""
    learned: set[str] = field(default_factory=set)

    def learn(self, state: StackState) -> None:
        """Read from the running tasks what is not known yet; for every look: a task may be there only briefly."""
        for container, reference in self._unread(state):
            try:
                value = self._value(container, reference)
            except OSError as e:
                log.debug("secret %s cannot be read yet: %s", reference.name, e.strerror)
            else:
                self.learned.add(reference.name)
                self.redactor.add(self._short(reference.name), value)

    def list_unknown(self) -> None:
        """List the stack's secrets that no running task ever showed, before the stack is removed."""
        self.learn(self.swarm.stack(self.stack))
        names = {item.name for item in self.swarm.objects() if item.kind == "secret"} - self.learned
        for name in sorted(names):
            if name.startswith(f"{self.stack}_") and self._short(name).rpartition("_")[0] not in self.given:
                self.redactor.unknown(self._short(name), "no running task showed its value")

    def _unread(self, state: StackState) -> Iterator[tuple[str, Reference]]:
        for task in state.tasks:
            if task.state in UP and task.container:
                yield from ((task.container, one) for one in references(task.template) if one.name not in self.learned)

    def _value(self, container: str, reference: Reference) -> bytes:
        pid = self.swarm.pid(container)
        if not pid:
            raise ProcessLookupError(0, "its container has ended")
        return taskfile.read(reference.path, init=self.init, pid=pid, limit=LIMIT)

    def _short(self, name: str) -> str:
        return name.removeprefix(f"{self.stack}_")


def references(template: Json) -> tuple[Reference, ...]:
    """Return the secrets of a task template that are shown as files."""
    given = (template.get("ContainerSpec") or {}).get("Secrets") or ()
    return tuple(Reference(one["SecretName"], FOLDER / one["File"]["Name"]) for one in given if one.get("File"))
