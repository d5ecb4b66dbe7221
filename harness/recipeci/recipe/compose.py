"""The only place that reads a compose file as `docker stack config` resolved it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from recipeci.recipe import dockeryaml
from recipeci.recipe.rawcompose import Json, mapping, pairs, part, seconds


@dataclass(frozen=True)
class Update:
    """How Docker updates a service, with Docker's defaults; `monitor` in seconds."""

    failure_action: str = "pause"
    order: str = "stop-first"
    monitor: float = 5.0


@dataclass(frozen=True)
class Healthcheck:
    """A health check of the compose file's; times in seconds, Docker's defaults."""

    test: tuple[str, ...]
    interval: float = 30.0
    timeout: float = 30.0
    retries: int = 3
    start_period: float = 0.0


@dataclass(frozen=True)
class Mount:
    """One mount: `kind` (`volume`, `bind`, `tmpfs` …), the key of a named volume or a host path, where it is seen."""

    kind: str
    source: str
    target: str
    read_only: bool = False


@dataclass(frozen=True)
class Used:
    """A secret or a config that a service uses: its key, and the path in the container (empty: Docker's default)."""

    source: str
    target: str


@dataclass(frozen=True)
class Port:
    """A published port; `published` is 0 if Docker chooses."""

    target: int
    published: int = 0
    protocol: str = "tcp"
    mode: str = "ingress"


@dataclass(frozen=True)
class ComposeService:
    """One service. `labels` are the deployment's, which Traefik, abra and the backup bot read."""

    name: str
    image: str
    labels: Mapping[str, str] = field(default_factory=dict)
    environment: Mapping[str, str] = field(default_factory=dict)
    mode: str = "replicated"
    replicas: int = 1
    update: Update = Update()
    restart_condition: str = "any"
    healthcheck: Healthcheck | None = None
    mounts: tuple[Mount, ...] = ()
    networks: tuple[str, ...] = ()
    secrets: tuple[Used, ...] = ()
    configs: tuple[Used, ...] = ()
    ports: tuple[Port, ...] = ()

    @property
    def ends(self) -> bool:
        """Whether the service is not meant to keep running: a job, one that is never restarted, or no replicas."""
        return self.mode.endswith("-job") or self.restart_condition == "none" or self.replicas == 0

    @property
    def has_healthcheck(self) -> bool:
        """Whether the compose file gives a health check; its image may have one of its own."""
        return self.healthcheck is not None

    @property
    def is_routed(self) -> bool:
        """Whether Traefik routes to it."""
        return self.labels.get("traefik.enable", "").lower() == "true"


@dataclass(frozen=True)
class Resource:
    """A volume, network, secret or config of the stack: its key, its own name if it has one, whether it is external."""

    key: str
    given_name: str = ""
    external: bool = False
    driver: str = ""
    driver_opts: Mapping[str, str] = field(default_factory=dict)
    file: str = ""

    def name(self, stack: str) -> str:
        """Return the name that Docker knows it by."""
        return self.given_name or (self.key if self.external else f"{stack}_{self.key}")


@dataclass(frozen=True)
class Compose:
    """A stack as it will be deployed: services and resources by the names that the compose file gives them."""

    services: Mapping[str, ComposeService]
    volumes: Mapping[str, Resource] = field(default_factory=dict)
    networks: Mapping[str, Resource] = field(default_factory=dict)
    secrets: Mapping[str, Resource] = field(default_factory=dict)
    configs: Mapping[str, Resource] = field(default_factory=dict)

    @classmethod
    def parse(cls, text: str) -> Compose:
        """Read what `docker stack config` printed.

        Raises RecipeInvalid if it is no stack.
        """
        data = mapping(text, where="the resolved compose file", read=dockeryaml.printed)
        return cls(
            services={name: _service(name, spec) for name, spec in part(data, "services").items()},
            volumes=_resources(data, "volumes"),
            networks=_resources(data, "networks"),
            secrets=_resources(data, "secrets"),
            configs=_resources(data, "configs"),
        )

    @property
    def images(self) -> tuple[str, ...]:
        """The images by their references, each once, in the services' order."""
        return tuple(dict.fromkeys(service.image for service in self.services.values()))


def _service(name: str, spec: Json) -> ComposeService:
    """Read one service."""
    deploy = part(spec, "deploy")
    mode = str(deploy.get("mode", "replicated"))
    return ComposeService(
        name=name,
        image=str(spec.get("image", "")),
        labels=dict(pairs(deploy.get("labels"))),
        environment=dict(pairs(spec.get("environment"))),
        mode=mode,
        replicas=int(deploy.get("replicas", 1)),
        update=_update(part(deploy, "update_config")),
        restart_condition=str(part(deploy, "restart_policy").get("condition", "any")),
        healthcheck=_healthcheck(part(spec, "healthcheck")),
        mounts=tuple(_mount(one) for one in spec.get("volumes") or ()),
        networks=tuple(spec.get("networks") or ()),
        secrets=tuple(_used(one) for one in spec.get("secrets") or ()),
        configs=tuple(_used(one) for one in spec.get("configs") or ()),
        ports=tuple(_port(one) for one in spec.get("ports") or ()),
    )


def _update(spec: Json) -> Update:
    """Read `update_config`."""
    return Update(
        failure_action=str(spec.get("failure_action", Update.failure_action)),
        order=str(spec.get("order", Update.order)),
        monitor=seconds(str(spec["monitor"])) if "monitor" in spec else Update.monitor,
    )


def _healthcheck(spec: Json) -> Healthcheck | None:
    """Read `healthcheck`; None if there is none or it is switched off."""
    test = spec.get("test") or ()
    parts = tuple(map(str, test)) if isinstance(test, list) else ("CMD-SHELL", str(test))
    if spec.get("disable") or not test or parts == ("NONE",):
        return None
    times = {key: seconds(str(spec[key])) for key in ("interval", "timeout", "start_period") if key in spec}
    return Healthcheck(test=parts, retries=int(spec.get("retries", Healthcheck.retries)), **times)


def _mount(spec: Json) -> Mount:
    """Read one entry of `volumes`, in Docker's long form."""
    source, target = str(spec.get("source", "")), str(spec["target"])
    return Mount(str(spec["type"]), source, target, read_only=bool(spec.get("read_only")))


def _used(spec: Json) -> Used:
    """Read one entry of `secrets` or `configs`."""
    return Used(str(spec["source"]), str(spec.get("target", "")))


def _port(spec: Json) -> Port:
    """Read one entry of `ports`."""
    return Port(
        target=int(spec["target"]),
        published=int(spec.get("published", 0)),
        protocol=str(spec.get("protocol", Port.protocol)),
        mode=str(spec.get("mode", Port.mode)),
    )


def _resources(data: Json, kind: str) -> dict[str, Resource]:
    """Read one kind of the stack's resources."""
    return {key: _resource(key, spec or {}) for key, spec in part(data, kind).items()}


def _resource(key: str, spec: Json) -> Resource:
    """Read one resource."""
    return Resource(
        key=key,
        given_name=str(spec.get("name") or ""),
        external=bool(spec.get("external")),
        driver=str(spec.get("driver") or ""),
        driver_opts=dict(pairs(spec.get("driver_opts"))),
        file=str(spec.get("file") or ""),
    )
