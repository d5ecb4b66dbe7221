"""The only place where tests of the data canary deploy stacks, in a cell of their own, and wait for them."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass, field

import yaml
from recipeci.host.archive import Archive
from recipeci.host.archived import Container
from recipeci.host.clock import SystemClock, until
from recipeci.host.docker import Swarm
from recipeci.recipe.compose import Compose
from recipeci.run import settled

from lab import cells
from lab.cells import LabCell

SECONDS = 240.0
DONE = "/script-done"
"""In a container: its script has come to its end, which is not before its task runs but some time after."""
Json = dict[str, object]


def service(script: str = "", *, volumes: tuple[object, ...] = (), **more: object) -> Json:
    """Return a service that runs a script and then waits; one with a script is there once that has ended."""
    healthy = {"test": ["CMD", "test", "-e", DONE], "interval": "1s", "timeout": "60s", "retries": int(SECONDS)}
    return {
        "image": cells.IMAGE,
        "entrypoint": ["/bin/sh", "-c", f"{script}\ntouch {DONE}\nexec sleep 10000"],
        **({"healthcheck": healthy} if script else {}),
        "init": True,
        "stop_grace_period": "1s",
        "volumes": list(volumes),
        **more,
    }


@dataclass
class Stack:
    """One stack in a cell."""

    lab: LabCell
    swarm: Swarm
    name: str
    clock: SystemClock = field(default_factory=SystemClock)

    @property
    def archive(self) -> Archive:
        return Archive(self.swarm)

    def deploy(self, services: Json, *, volumes: Json | None = None) -> Compose:
        """Deploy, drop what is no longer named, and wait until all is settled."""
        file = self.lab.cell.spec.shared / f"{self.name}.yml"
        file.write_text(yaml.safe_dump({"version": "3.8", "services": services, "volumes": volumes or {}}))
        compose = Compose.parse(self.lab.docker("stack", "config", "-c", str(file)).out)
        since = self.clock.epoch()
        self.lab.docker("stack", "deploy", "--detach=true", "--prune", "-c", str(file), self.name)
        expected = settled.Expected(
            services=frozenset(f"{self.name}_{name}" for name in compose.services),
            ending=frozenset(f"{self.name}_{name}" for name, one in compose.services.items() if one.ends),
            since=since,
        )
        until(
            lambda: settled.judge(self.swarm.stack(self.name), expected),
            lambda judged: judged.settled,
            what=f"stack {self.name}",
            clock=self.clock,
            timeout=SECONDS,
            failed=lambda judged: judged.hopeless or None,
            describe=lambda judged: judged.summary,
        )
        return compose

    def container(self, name: str) -> Container:
        """Return the one container of a service that runs."""
        (found,) = [c for c in self.archive.containers(self.name) if c.service == f"{self.name}_{name}" and c.running]
        return found

    def sh(self, name: str, script: str) -> str:
        """Run a shell script in a service's container."""
        return self.lab.docker("exec", self.container(name).id, "/bin/sh", "-c", script).out


@contextlib.contextmanager
def cell_with_swarm() -> Iterator[tuple[LabCell, Swarm]]:
    """Make a cell without waiting for its proxy: nothing here is asked by HTTP."""
    with cells.bench() as made, made.running() as cell:
        swarm = Swarm(cell.socket)
        try:
            yield LabCell(cell, made.programs), swarm
        finally:
            swarm.close()
