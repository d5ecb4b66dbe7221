"""The only place that asks a swarm what it runs: Docker's API, its answers as frozen values of `stackstate`.

What happened is read here, never from a program's words.
"""

from __future__ import annotations

import datetime
from collections.abc import Callable, Collection, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from recipeci.errors import HostError
from recipeci.host.container import Health, health, last_lines
from recipeci.host.stackstate import Json, StackState, stack_state
from recipeci.model import ImageUsed, Leftover, Program

if TYPE_CHECKING:
    import docker

STACK_LABEL = "com.docker.stack.namespace"
SERVICE_LABEL = "com.docker.swarm.service.name"
BUILT_IN_NETWORKS = frozenset({"bridge", "host", "none", "ingress", "docker_gwbridge"})
API_SECONDS = 60


class Swarm:
    """A swarm's manager by its Docker socket."""

    def __init__(self, socket: Path) -> None:
        """Connect when it is first asked; the API version is negotiated."""
        self.socket = socket
        self._client: docker.APIClient | None = None

    @property
    def api(self) -> docker.APIClient:
        """The low-level client, for adapters that make what this one only looks at."""
        import docker  # noqa: PLC0415 - 0.2 s that --help need not pay

        if self._client is None:
            self._client = docker.APIClient(base_url=f"unix://{self.socket}", version="auto", timeout=API_SECONDS)
            self._client.trust_env = False  # a proxy is not for a socket; to look for one is a third of each call
        return self._client

    def close(self) -> None:
        """Close the connection."""
        if self._client is not None:
            self._client.close()
            self._client = None

    def program(self) -> Program:
        """Return the engine's name and version."""
        version = self._ask("version")
        return Program("Docker", str(version["Version"]).partition("+")[0])

    def stack(self, name: str) -> StackState:
        """Return the services and tasks of a stack, in one look."""
        label = {"label": f"{STACK_LABEL}={name}"}
        services = self._ask("services", filters=label)
        tasks = self._ask("tasks", filters=label)
        return stack_state(services, tasks, seen=_now())

    def logs(self, service_id: str, *, tasks: Collection[str], lines: int = 20) -> str:
        """Return the last lines that these tasks of a service wrote, stdout and stderr together, in their order."""
        raw = self._ask(
            "service_logs",
            service=service_id,
            stdout=True,
            stderr=True,
            tail=lines,  # of each task
            follow=False,
            timestamps=True,
            details=True,
        )
        text = b"".join(raw) if not isinstance(raw, bytes) else raw
        return last_lines(text.decode(errors="backslashreplace"), tasks=tasks, lines=lines)

    def health(self, container: str) -> Health:
        """Return what a container's health check said last; nothing if there is no such container or check."""
        import docker.errors  # noqa: PLC0415

        try:
            return health(self._ask("inspect_container", container=container))
        except docker.errors.NotFound:
            return Health()

    def pid(self, container: str) -> int:
        """Return the number of a container's first process, in the daemon's own count; 0 if it does not run."""
        import docker.errors  # noqa: PLC0415

        try:
            return int(self._ask("inspect_container", container=container)["State"]["Pid"])
        except docker.errors.NotFound:
            return 0

    def objects(self) -> frozenset[Leftover]:
        """Return all that a deployment can leave: services, containers, volumes, networks, secrets, configs.

        Docker's own networks are left out. Containers of a service are named by the service and their id.
        """
        return frozenset(
            [
                *_named("service", self._ask("services"), _spec_name),
                *_named("container", self._ask("containers", all=True), _container_name),
                *_named("volume", self._ask("volumes")["Volumes"] or [], _name),
                *(n for n in _named("network", self._ask("networks"), _name) if n.name not in BUILT_IN_NETWORKS),
                *_named("secret", self._ask("secrets"), _spec_name),
                *_named("config", self._ask("configs"), _spec_name),
            ]
        )

    def of_stack(self, name: str) -> tuple[Leftover, ...]:
        """Return the services, containers and networks that carry a stack's label."""
        label = {"label": f"{STACK_LABEL}={name}"}
        return (
            *_named("service", self._ask("services", filters=label), _spec_name),
            *_named("container", self._ask("containers", all=True, filters=label), _container_name),
            *_named("network", self._ask("networks", filters=label), _name),
        )

    def networks(self, stack: str) -> tuple[str, ...]:
        """Return the ids of the networks that carry a stack's label."""
        found = self._ask("networks", filters={"label": f"{STACK_LABEL}={stack}"})
        return tuple(str(network["Id"]) for network in found)

    def images(self, refs: Sequence[str]) -> tuple[ImageUsed, ...]:
        """Return the id of each image; an image that is not there has an empty one."""
        return tuple(ImageUsed(ref, self._image_id(ref)) for ref in refs)

    def _image_id(self, ref: str) -> str:
        import docker.errors  # noqa: PLC0415

        try:
            return str(self._ask("inspect_image", image=ref)["Id"])
        except docker.errors.ImageNotFound:
            return ""

    def _ask(self, call: str, **options: object) -> Any:  # noqa: ANN401 - Docker's JSON
        """Ask once, by the name of the client's method; a daemon that cannot be reached is the host's fault."""
        import docker.errors  # noqa: PLC0415
        import requests  # noqa: PLC0415

        try:
            return getattr(self.api, call)(**options)
        except (requests.RequestException, docker.errors.DockerException) as e:
            if isinstance(e, docker.errors.NotFound):
                raise
            msg = f"Docker at {self.socket} does not answer: {e}"
            raise HostError(msg, hint="run.log has the end of the cell's log") from e


def _now() -> float:
    return datetime.datetime.now(datetime.UTC).timestamp()


def _named(kind: str, raw: Sequence[Json], name: Callable[[Json], str]) -> Iterator[Leftover]:
    return (Leftover(kind, name(item)) for item in raw)


def _spec_name(raw: Json) -> str:
    return str(raw["Spec"]["Name"])


def _name(raw: Json) -> str:
    return str(raw["Name"])


def _container_name(raw: Json) -> str:
    service = (raw.get("Labels") or {}).get(SERVICE_LABEL, "")
    return f"{service}/{raw['Id'][:12]}" if service else str(raw["Names"][0]).lstrip("/")
