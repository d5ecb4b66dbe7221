"""The only place that reads labels: which stacks are saved, what of their volumes, and which hooks there are."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import PurePosixPath
from typing import Any

STACK_LABEL = "com.docker.stack.namespace"
VOLUMES = PurePosixPath("/var/lib/docker/volumes")
SWITCH = "backupbot.backup"
OF_A_VOLUME = "backupbot.backup.volumes."
PRE, POST = "backupbot.backup.pre-hook", "backupbot.backup.post-hook"
RESTORE_PRE, RESTORE_POST = "backupbot.restore.pre-hook", "backupbot.restore.post-hook"


@dataclass(frozen=True)
class Service:
    """One service of the swarm: its name, its stack, its labels and the names of the volumes that it mounts."""

    name: str
    stack: str
    labels: Mapping[str, str]
    volumes: tuple[str, ...] = ()

    @property
    def is_enabled(self) -> bool:
        """Whether it has the switch."""
        return self.labels.get(SWITCH, "").strip().lower() == "true"


@dataclass(frozen=True)
class Stack:
    """A stack that is saved: what of each volume (by Docker's name; no paths: all of it), and its services."""

    name: str
    volumes: Mapping[str, tuple[str, ...]]
    services: tuple[Service, ...] = field(default=())

    def paths(self, only: Sequence[str] = ()) -> tuple[PurePosixPath, ...]:
        """Return the absolute paths that are saved, of the volumes in `only` (by either name) or of all.

        A path that leads out of its volume is none.
        """
        found: list[PurePosixPath] = []
        for volume, paths in self.volumes.items():
            root = VOLUMES / volume / "_data"
            if not only or volume in only or key_of(volume, stack=self.name) in only:
                found += [root / path for path in paths if _is_within(PurePosixPath(path))] if paths else [root]
        return tuple(found)

    def hooks(self, label: str) -> tuple[tuple[str, str], ...]:
        """Return service and command of each hook of a kind, by the services' names."""
        return tuple((service.name, service.labels[label]) for service in self.services if service.labels.get(label))


def services(raw: Sequence[Mapping[str, Any]]) -> tuple[Service, ...]:
    """Read Docker's list of services, by name; those of no stack are left out."""
    found = [_service(one["Spec"]) for one in raw]
    return tuple(sorted((one for one in found if one.stack), key=lambda service: service.name))


def stacks(every: Sequence[Service], *, wanted: str) -> tuple[Stack, ...]:
    """Return the stacks that are saved: those of which a service has the switch.

    `wanted` is a stack's name or an app's domain; all if it is empty.
    """
    by_stack: dict[str, list[Service]] = {}
    for service in every:
        by_stack.setdefault(service.stack, []).append(service)
    names = [name for name in by_stack if not wanted or name in {wanted, wanted.replace(".", "_")}]
    return tuple(_stack(name, by_stack[name]) for name in names if any(s.is_enabled for s in by_stack[name]))


def key_of(volume: str, *, stack: str) -> str:
    """Return the compose file's key of a volume."""
    return volume.removeprefix(f"{stack}_")


def _is_within(path: PurePosixPath) -> bool:
    return not path.is_absolute() and ".." not in path.parts


def _service(spec: Mapping[str, Any]) -> Service:
    labels = spec.get("Labels") or {}
    mounts = spec["TaskTemplate"].get("ContainerSpec", {}).get("Mounts") or ()
    volumes = tuple(mount["Source"] for mount in mounts if mount.get("Type") == "volume" and mount.get("Source"))
    return Service(str(spec["Name"]), labels.get(STACK_LABEL, ""), labels, volumes)


def _stack(name: str, members: Sequence[Service]) -> Stack:
    """Put the labels of all services of a stack together: any of them may speak of any volume."""
    labels = {key: value.strip() for service in members for key, value in service.labels.items()}
    volumes: dict[str, tuple[str, ...]] = {}
    for volume in (volume for service in members for volume in service.volumes):
        label = f"{OF_A_VOLUME}{key_of(volume, stack=name)}"
        if labels.get(label, "").lower() != "false":
            paths = labels.get(f"{label}.path", "").split(",")
            volumes[volume] = tuple(path.strip() for path in paths if path.strip())
    return Stack(name, volumes, tuple(members))
