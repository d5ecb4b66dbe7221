"""Records a swarm's answers anew, from the deploys that a recording holds: `python -m unit.record_swarm SOCKET FILE…`.

For a swarm of one's own, of one node, with the images `bb:1` and `bb:2` (busybox, imported under both names) and an
overlay network `proxy`. What a newer Docker answers can then be read off as a diff of the data.
"""

from __future__ import annotations

import json
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from recipeci.host import engine
from recipeci.host.clock import SystemClock
from recipeci.host.command import PATH, LocalRunner
from recipeci.host.docker import STACK_LABEL, Swarm

Json = dict[str, Any]
BETWEEN_LOOKS = 0.12
LAST_SECONDS = 10.0
"""A recording is cut once all is decided: the swarm is watched a little longer."""
OF_A_TASK = ("ID", "CreatedAt", "Spec", "ServiceID", "Slot", "NodeID", "Status", "DesiredState")
OF_A_SERVICE = ("ID", "Version", "Spec", "PreviousSpec", "UpdateStatus")


@dataclass
class Recorder:
    """Deploys a stack as often as a recording did, and writes down what changed from look to look."""

    socket: Path
    stack: str
    clock: SystemClock = field(default_factory=SystemClock)
    specs: list[Json] = field(default_factory=list)
    known: dict[str, Json] = field(default_factory=dict)

    def recorded(self, deploys: Sequence[Json], *, end: float) -> Json:
        """Return the new recording."""
        swarm = Swarm(self.socket)
        rows: list[Json] = []
        made: list[Json] = []
        ends = [deploy["at"] for deploy in deploys[1:]] + [end + LAST_SECONDS]
        try:
            for deploy, following in zip(deploys, ends, strict=True):
                made.append({"at": round(self.clock.epoch(), 3), "compose": deploy["compose"]})
                self._docker("stack", "deploy", "-c", "-", self.stack, stdin=deploy["compose"].encode())
                rows.extend(self._looks(swarm, until=made[-1]["at"] + following - deploy["at"]))
            release = swarm.program().version
        finally:
            self._docker("stack", "rm", self.stack)
            swarm.close()
        return {"engine": release, "stack": self.stack, "deploys": made, "specs": self.specs, "looks": rows}

    def _looks(self, swarm: Swarm, *, until: float) -> Iterator[Json]:
        """Yield each look at which something is new, and the last one whatever it shows."""
        while self.clock.epoch() < until:
            if changed := self._look(swarm):
                yield {"seen": round(self.clock.epoch(), 3), **changed}
            self.clock.sleep(BETWEEN_LOOKS)
        yield {"seen": round(self.clock.epoch(), 3), **self._look(swarm)}

    def _look(self, swarm: Swarm) -> Json:
        api: Any = swarm.api  # untyped
        label = {"label": f"{STACK_LABEL}={self.stack}"}
        services = [self._part(one, OF_A_SERVICE) for one in api.services(filters=label)]
        tasks = [self._part(one, OF_A_TASK) for one in api.tasks(filters=label)]
        return self._changed(services, tasks)

    def _changed(self, services: Sequence[Json], tasks: Sequence[Json]) -> Json:
        """Return what is new since the look before, by kind; nothing if nothing is."""
        new = {
            "services": [one for one in services if self.known.get(one["ID"]) != one],
            "tasks": [one for one in tasks if self.known.get(one["ID"]) != one],
            "gone": sorted(self.known.keys() - {one["ID"] for one in (*services, *tasks)}),
        }
        self.known = {one["ID"]: one for one in (*services, *tasks)}
        return {kind: found for kind, found in new.items() if found}

    def _part(self, one: Mapping[str, Any], keys: Sequence[str]) -> Json:
        """Return what judges read of a service or task, with its specs as numbers."""
        part: Json = {key: self._number(one[key]) if key.endswith("Spec") else one[key] for key in keys if key in one}
        status = {key: value for key, value in part.get("Status", {}).items() if key != "PortStatus"}
        return part | ({"Status": status} if status else {})

    def _number(self, spec: Json) -> int:
        if spec not in self.specs:
            self.specs.append(spec)
        return self.specs.index(spec)

    def _docker(self, *arguments: str, stdin: bytes = b"") -> None:
        program = engine.find(None, path=PATH).docker
        with tempfile.TemporaryDirectory() as config:
            env = {"PATH": PATH, "DOCKER_HOST": f"unix://{self.socket}", "DOCKER_CONFIG": config}
            LocalRunner().run([str(program), *arguments], timeout=60, env=env, stdin=stdin)


def written(recording: Json) -> str:
    """Return a recording as text: one spec, one look, one deploy a line."""
    parts = [f'"{key}":{json.dumps(recording[key])}' for key in ("engine", "stack")]
    for key in ("deploys", "specs", "looks"):
        lines = ",\n".join(json.dumps(one, separators=(",", ":")) for one in recording[key])
        parts.append(f'"{key}":[\n{lines}\n]')
    return "{" + ",\n".join(parts) + "}\n"


def main(socket: str, *files: str) -> None:
    """Record each file anew, in its place."""
    for file in map(Path, files):
        old = json.loads(file.read_text())
        recorder = Recorder(Path(socket), old["stack"])
        file.write_text(written(recorder.recorded(old["deploys"], end=old["looks"][-1]["seen"])))


if __name__ == "__main__":
    main(*sys.argv[1:])
