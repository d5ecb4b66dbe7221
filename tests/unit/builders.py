"""Services, tasks and looks as a real swarm has them: an honest default for each, to be varied by a case."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from recipeci.host.stackstate import Service, StackState, Task, Update
from recipeci.recipe.compose import Compose, ComposeService
from recipeci.run.settled import Expected

STACK = "a1b2c3_ci_test"
DEPLOYED = 1000.0
"""When the deploy under test began; what was there before is older."""
NOW = DEPLOYED + 60
IMAGE, OLD_IMAGE = "nginx:1.26.3", "nginx:1.22.1"
COMPLETED = Update("completed", DEPLOYED + 1, "update completed")
Json = Mapping[str, Any]


def template(image: str = IMAGE, *, env: Iterable[str] = (), **more: object) -> Json:
    """Return a task template as the API has it for a service."""
    container = {"Image": image, "Labels": {"com.docker.stack.namespace": STACK}, "Env": list(env), "Init": True}
    return {
        "ContainerSpec": container,
        "Resources": {},
        "Placement": {},
        "Networks": [{"Target": "z2raaszb8jf7j2t6lxjg5knjf", "Aliases": ["app"]}],
        "ForceUpdate": 0,
        "Runtime": "container",
        **more,
    }


OLD_TEMPLATE = template(OLD_IMAGE)


def service(name: str = "app", **fields: Any) -> Service:  # noqa: ANN401 - any field
    """Return a service of one replica that was deployed once."""
    spec = fields.get("template", template())
    defaults: dict[str, Any] = {
        "id": f"id-{name}",
        "name": f"{STACK}_{name}",
        "image": spec["ContainerSpec"]["Image"],
        "labels": {},
        "template": spec,
        "spec_version": 10,
        "update": Update(),
        "endpoint": {"Mode": "vip"},
        "replicas": 1,
        "mode": "Replicated",
        "restart_condition": "any",
    }
    return Service(**(defaults | fields))


def upgraded(name: str = "app", **fields: Any) -> Service:  # noqa: ANN401 - any field
    """Return a service whose update to its present spec is completed."""
    return service(name, **({"update": COMPLETED, "renews": True, "previous_image": OLD_IMAGE} | fields))


def task(name: str = "app", **fields: Any) -> Task:  # noqa: ANN401 - any field
    """Return a task of a service that has run since 10 s after the deploy; its spec has no Runtime, as the API's."""
    spec = fields.pop("template", template())
    defaults: dict[str, Any] = {
        "id": f"task-{name}",
        "service_id": f"id-{name}",
        "slot": "1",
        "state": "running",
        "desired": "running",
        "error": "",
        "exit_code": 0,
        "container": "67a8e4d9032c",
        "created": DEPLOYED + 2,
        "since": DEPLOYED + 10,
        "template": {key: value for key, value in spec.items() if key != "Runtime"},
    }
    return Task(**(defaults | fields))


def old_task(name: str = "app", **fields: Any) -> Task:  # noqa: ANN401 - any field
    """Return the task that ran before the deploy and was stopped by it."""
    stopped: dict[str, Any] = {
        "id": f"old-{name}",
        "state": "shutdown",
        "desired": "shutdown",
        "exit_code": 143,
        "created": DEPLOYED - 100,
        "since": DEPLOYED + 5,
        "template": OLD_TEMPLATE,
    }
    return task(name, **(stopped | fields))


def failed(number: int, **fields: Any) -> Task:  # noqa: ANN401 - any field
    """Return the nth try of a slot that failed, and that swarm follows by another."""
    crash: dict[str, Any] = {
        "id": f"try-{number}",
        "state": "failed",
        "desired": "shutdown",
        "error": "task: non-zero exit (7)",
        "exit_code": 7,
        "created": DEPLOYED + 6 * number,
        "since": DEPLOYED + 6 * number + 1,
    }
    return task(**(crash | fields))


def waiting(number: int = 9, **fields: Any) -> Task:  # noqa: ANN401 - any field
    """Return the try that waits for the restart delay."""
    ready: dict[str, Any] = {"id": "waiting", "state": "ready", "desired": "ready", "created": DEPLOYED + 6 * number}
    return task(**(ready | fields))


def look(*things: Service | Task, seen: float = NOW) -> StackState:
    """Return one look at a stack."""
    services = tuple(one for one in things if isinstance(one, Service))
    return StackState(services, tuple(one for one in things if isinstance(one, Task)), seen)


def expected(*names: str, ending: Iterable[str] = ()) -> Expected:
    """Return what the deploy must become: these services (`app` if none is named)."""
    return Expected(
        services=frozenset(f"{STACK}_{name}" for name in names or ("app",)),
        ending=frozenset(f"{STACK}_{name}" for name in ending),
        since=DEPLOYED,
    )


def compose(**services: ComposeService) -> Compose:
    """Return a compose file of these services (`app` if none is given)."""
    return Compose(services or {"app": declared()})


def declared(name: str = "app", **fields: Any) -> ComposeService:  # noqa: ANN401 - any field
    """Return a service as the compose file declares it."""
    return ComposeService(**({"name": name, "image": IMAGE} | fields))
