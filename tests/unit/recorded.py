"""Recorded answers of a real swarm (data/swarm/README.md) as the values that judges get."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from recipeci.host.stackstate import StackState, stack_state
from recipeci.recipe.compose import Compose
from recipeci.run import settled
from recipeci.run.identity import Evidence

FOLDER = Path(__file__).with_name("data") / "swarm"
SHA = "4f0c1a2b" * 5
Json = Mapping[str, Any]


@dataclass(frozen=True)
class Deploy:
    """One deploy of a recording: when (epoch seconds), and what."""

    at: float
    compose: Compose


@dataclass(frozen=True)
class Recording:
    """All looks at one stack while it was deployed once or more often."""

    stack: str
    deploys: tuple[Deploy, ...]
    looks: tuple[StackState, ...]

    def after(self, number: int) -> tuple[StackState, ...]:
        """Return the looks between a deploy and the next one."""
        ends = [deploy.at for deploy in self.deploys[1:]] + [float("inf")]
        return tuple(look for look in self.looks if self.deploys[number].at <= look.seen < ends[number])

    def expected(self, number: int) -> settled.Expected:
        """Return what a deploy must become, as the run says it."""
        services = self.deploys[number].compose.services
        return settled.Expected(
            services=frozenset(f"{self.stack}_{name}" for name in services),
            ending=frozenset(f"{self.stack}_{name}" for name, service in services.items() if service.ends),
            since=self.deploys[number].at,
        )

    def judged(self, number: int) -> tuple[settled.Judgement, ...]:
        """Return what each look after a deploy is judged to be."""
        return tuple(settled.judge(look, self.expected(number)) for look in self.after(number))

    def upgrade(self, *, look: int = -1, head: str = SHA) -> Evidence:
        """Return the evidence of the second deploy, by one look after it."""
        return Evidence(
            stack=self.stack,
            head=head,
            before=self.after(0)[-1],
            after=self.after(1)[look],
            since=self.deploys[1].at,
            compose=self.deploys[1].compose,
        )


def names() -> list[str]:
    """Return the names of all recordings."""
    return sorted(path.stem for path in FOLDER.glob("*.json"))


def recording(name: str) -> Recording:
    """Read one recording."""
    data = json.loads((FOLDER / f"{name}.json").read_text())
    return Recording(
        stack=data["stack"],
        deploys=tuple(Deploy(one["at"], Compose.parse(one["compose"])) for one in data["deploys"]),
        looks=tuple(_looks(data["looks"], data["specs"])),
    )


def _looks(rows: Sequence[Json], specs: Sequence[Json]) -> Iterator[StackState]:
    """Put each look together from what had changed since the one before."""
    services: dict[str, Json] = {}
    tasks: dict[str, Json] = {}
    for row in rows:
        services |= {one["ID"]: _whole(one, specs) for one in row.get("services", ())}
        tasks |= {one["ID"]: _whole(one, specs) for one in row.get("tasks", ())}
        for gone in row.get("gone", ()):
            services.pop(gone, None)
            tasks.pop(gone, None)
        yield stack_state(list(services.values()), list(tasks.values()), seen=row["seen"])


def _whole(one: Json, specs: Sequence[Json]) -> Json:
    """Put the specs back in."""
    return {key: specs[value] if key in {"Spec", "PreviousSpec"} else value for key, value in one.items()}
