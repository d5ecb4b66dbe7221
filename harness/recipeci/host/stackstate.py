"""The only place that says how Docker's lists of services and tasks are read: frozen values of a stack. Pure."""

from __future__ import annotations

import datetime
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from recipeci.host.container import NO_HEALTH, Health

WHERE_OR_HOW = frozenset({"Placement", "Runtime"})
"""Keys of a task template that say nothing about what runs."""

Json = Mapping[str, Any]


@dataclass(frozen=True)
class Update:
    """A service's UpdateStatus: its state (empty if it was never updated), when it began (epoch), its message."""

    state: str = ""
    started: float = 0.0
    message: str = ""


@dataclass(frozen=True)
class Service:
    """One service of a stack as its spec says."""

    id: str
    name: str
    image: str
    labels: Mapping[str, str]
    template: Json
    """The task template: what runs. Tasks of the current spec carry the same."""
    spec_version: int
    update: Update
    endpoint: Json
    """The endpoint spec, ports above all: it is no part of the template, yet swarm replaces tasks for it."""
    replicas: int | None
    """Desired tasks, of a job the completions; None for one task a node."""
    mode: str
    restart_condition: str
    renews: bool = False
    """Whether tasks of this spec are others than those of the spec before it: swarm then owes an update."""
    previous_image: str = ""
    """The image of the spec before this one; Docker keeps none after a rollback."""


@dataclass(frozen=True)
class Task:
    """One task: where it is, where it should be, and since when (epoch seconds)."""

    id: str
    service_id: str
    slot: str
    state: str
    desired: str
    error: str
    exit_code: int | None
    container: str
    created: float
    since: float
    template: Json
    health: Health = NO_HEALTH
    """Of its container, if somebody looked: the API's list of tasks does not say."""


@dataclass(frozen=True)
class StackState:
    """All services and tasks of a stack, seen at one time (epoch seconds)."""

    services: tuple[Service, ...]
    tasks: tuple[Task, ...]
    seen: float

    def service(self, name: str) -> Service | None:
        """Return the service of that full name, if the stack has it."""
        return next((service for service in self.services if service.name == name), None)

    def tasks_of(self, service: Service) -> tuple[Task, ...]:
        """Return a service's tasks, the oldest first."""
        return tuple(sorted((t for t in self.tasks if t.service_id == service.id), key=lambda t: t.created))


def epoch(text: str) -> float:
    """Return Docker's RFC 3339 time (up to nanoseconds) as epoch seconds; 0 for none."""
    if not text or text.startswith("0001-"):
        return 0.0
    whole, _, fraction = text.rstrip("Z").partition(".")
    moment = datetime.datetime.fromisoformat(whole).replace(tzinfo=datetime.UTC)
    return moment.timestamp() + (float(f"0.{fraction}") if fraction else 0.0)


def stack_state(services: Sequence[Json], tasks: Sequence[Json], *, seen: float) -> StackState:
    """Return what Docker's lists of services and tasks say; `seen` is when they were asked for (epoch seconds)."""
    return StackState(tuple(_service(s) for s in services), tuple(_task(t) for t in tasks), seen)


def same_template(one: Json, other: Json) -> bool:
    """Say whether what runs is the same in two task templates, whatever the order of their keys.

    The API says `Runtime: container` of every service and leaves it out of every task. `Placement` says where a task
    may run: swarm keeps one whose node is still allowed, and the task its old placement (Docker 26.1.5).
    """
    return _comparable(one) == _comparable(other)


def same_tasks(one: Service, other: Service) -> bool:
    """Say whether two specs of a service are carried out by the same tasks: same template, same endpoint."""
    return same_template(one.template, other.template) and one.endpoint == other.endpoint


def _comparable(template: Json) -> str:
    return json.dumps({key: value for key, value in template.items() if key not in WHERE_OR_HOW}, sort_keys=True)


def _service(raw: Json) -> Service:
    spec, previous = raw["Spec"], raw.get("PreviousSpec") or {}
    template = spec["TaskTemplate"]
    mode, detail = next(iter(spec["Mode"].items()))
    return Service(
        id=raw["ID"],
        name=spec["Name"],
        image=_image(template),
        labels=dict(spec.get("Labels") or {}),
        template=template,
        spec_version=raw["Version"]["Index"],
        update=_update(raw.get("UpdateStatus") or {}),
        endpoint=spec.get("EndpointSpec") or {},
        replicas=_replicas(mode, detail or {}),
        mode=mode,
        restart_condition=(template.get("RestartPolicy") or {}).get("Condition") or "any",
        renews=bool(previous) and _carried_out(previous) != _carried_out(spec),
        previous_image=_image(previous.get("TaskTemplate") or {}),
    )


def _carried_out(spec: Json) -> tuple[str, Json]:
    return _comparable(spec["TaskTemplate"]), spec.get("EndpointSpec") or {}


def _replicas(mode: str, detail: Json) -> int | None:
    """Return how many tasks are wanted, None for one a node; where the spec says nothing, Docker takes one."""
    key = {"Replicated": "Replicas", "ReplicatedJob": "TotalCompletions"}.get(mode)
    return int(detail.get(key, 1)) if key else None


def _update(raw: Json) -> Update:
    return Update(raw.get("State", ""), epoch(raw.get("StartedAt", "")), raw.get("Message", ""))


def _image(template: Json) -> str:
    """Return the image as the compose file names it: without the digest that the client resolved."""
    return str((template.get("ContainerSpec") or {}).get("Image", "")).partition("@")[0]


def _task(raw: Json) -> Task:
    status = raw["Status"]
    container = status.get("ContainerStatus") or {}
    return Task(
        id=raw["ID"],
        service_id=raw.get("ServiceID", ""),
        slot=str(raw.get("Slot") or raw.get("NodeID", "")),
        state=status["State"],
        desired=raw["DesiredState"],
        error=status.get("Err", ""),
        exit_code=container.get("ExitCode"),
        container=container.get("ContainerID", ""),
        created=epoch(raw["CreatedAt"]),
        since=epoch(status.get("Timestamp", "")),
        template=raw["Spec"],
    )
