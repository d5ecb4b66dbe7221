"""The only place that says what a stack's backup labels promise, as backup-bot-two 2.4 is understood to read them."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from pathlib import PurePosixPath

from recipeci.recipe.compose import Compose, ComposeService, Mount

PREFIX = "backupbot."
SWITCH = "backupbot.backup"
OF_A_VOLUME = "backupbot.backup.volumes."
V1 = {"backupbot.backup.path", "backupbot.restore"}
"""Of the first generation; today's bot does not read them (facts D-04)."""
HOOKS = {
    "pre": "backupbot.backup.pre-hook",
    "post": "backupbot.backup.post-hook",
    "restore_pre": "backupbot.restore.pre-hook",
    "restore_post": "backupbot.restore.post-hook",
}
LOCAL_DRIVERS = {"", "local"}


@dataclass(frozen=True)
class Promise:
    """What a snapshot must hold of one mount of a named volume: these paths, or all of it if there are none.

    `service` is the short name of the service whose task mounts it, `mount` where, `volume` the compose file's key.
    """

    service: str
    mount: str
    volume: str
    paths: tuple[str, ...] = ()
    """Relative to the volume's root, as the label says them."""


@dataclass(frozen=True)
class Hooks:
    """The commands that run in a service's container around a backup and a restore; empty if there is none."""

    service: str
    pre: str = ""
    post: str = ""
    restore_pre: str = ""
    restore_post: str = ""

    @property
    def is_empty(self) -> bool:
        """Whether there is no command."""
        return not any(getattr(self, name) for name in HOOKS)


@dataclass(frozen=True)
class Coverage:
    """What is promised: nothing where the stack is not enabled, and nothing where it has no volumes.

    `findings` are sentences about labels that the bot ignores, and about promises that cannot hold; `notes` are about
    what holds only by one reading of the labels.
    """

    enabled: bool
    promises: tuple[Promise, ...] = ()
    excluded: tuple[str, ...] = ()
    hooks: tuple[Hooks, ...] = ()
    findings: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class _Limits:
    """What the labels of all services say of volumes: the paths of each that is limited, and which are left out."""

    paths: Mapping[str, tuple[str, ...]]
    excluded: frozenset[str]


def coverage(compose: Compose) -> Coverage:
    """Read the labels of a resolved compose file: the switch of any service counts for the whole stack.

    Every named volume of an enabled stack is promised, unless `backupbot.backup.volumes.<key>` is false; `….path`
    limits it to paths (facts abra §6.1). One promise a mount: a volume that two services mount is promised to both.
    """
    enabled = any(_is_true(service.labels.get(SWITCH, "")) for service in compose.services.values())
    limits = _limits(compose)
    findings = tuple(dict.fromkeys(_findings(compose, limits, enabled=enabled)))
    if not enabled:
        return Coverage(enabled=False, findings=findings)
    every = (_hooks(service) for service in compose.services.values())
    return Coverage(
        enabled=True,
        promises=tuple(_promises(compose, limits)),
        excluded=tuple(sorted(limits.excluded & _mounted(compose))),
        hooks=tuple(hooks for hooks in every if not hooks.is_empty),
        findings=findings,
        notes=tuple(dict.fromkeys(_notes(compose, limits))),
    )


def unsaved(compose: Compose, seen: Coverage, *, undeclared: Collection[str]) -> tuple[str, ...]:
    """Return a sentence for each volume that no backup holds though nobody said so.

    `undeclared` are the volumes that need none by recipe.yml; one that a label leaves out was left out on purpose.
    """
    if seen.enabled:
        return ()
    named = [(service, mount) for service, mount in _mounts(compose) if _is_named(mount) and not mount.read_only]
    return tuple(
        f"{service.name}: {mount.target}: the volume {mount.source} is in no backup: "
        "label it, or say why in recipe.yml (backup.undeclared)"
        for service, mount in named
        if mount.source not in undeclared
    )


def _promises(compose: Compose, limits: _Limits) -> Iterator[Promise]:
    for service, mount in _mounts(compose):
        if _is_named(mount) and mount.source not in limits.excluded:
            yield Promise(service.name, mount.target, mount.source, limits.paths.get(mount.source, ()))


def _limits(compose: Compose) -> _Limits:
    paths: dict[str, tuple[str, ...]] = {}
    excluded = set()
    for _, key, value in _labels(compose):
        volume, is_path = _of_volume(key)
        if volume and is_path:
            paths[volume] = _split(value)
        elif volume and value.lower() == "false":
            excluded.add(volume)
    return _Limits(paths, frozenset(excluded))


def _hooks(service: ComposeService) -> Hooks:
    return Hooks(service.name, **{name: service.labels.get(key, "") for name, key in HOOKS.items()})


def _findings(compose: Compose, limits: _Limits, *, enabled: bool) -> Iterator[str]:
    yield from _of_labels(compose)
    if enabled:
        yield from _of_mounts(compose, limits)
        yield from _of_limits(limits)
    else:
        yield from _of_nothing_enabled(compose)


def _of_labels(compose: Compose) -> Iterator[str]:
    """Say which labels the bot does not read, and which say something impossible."""
    mounted = _mounted(compose)
    for service, key, value in _labels(compose):
        volume, is_path = _of_volume(key)
        if key in V1:
            yield f"{service.name}: the backup bot ignores {key}; it reads {OF_A_VOLUME}<volume>.path"
        elif volume and volume not in mounted:
            yield f"{service.name}: {key} names the volume {volume}, which no service mounts"
        elif volume and is_path:
            yield from (f"{service.name}: {key}: {problem}" for problem in _odd_paths(value))
        elif (volume or key == SWITCH) and value.lower() not in {"true", "false"}:
            yield f"{service.name}: {key} is {value!r}, neither true nor false"
        elif not volume and key != SWITCH and key not in HOOKS.values():
            yield f"{service.name}: the backup bot does not know the label {key}"


def _of_mounts(compose: Compose, limits: _Limits) -> Iterator[str]:
    """Say what of an enabled stack's data no bot sees."""
    for service, mount in _mounts(compose):
        where = f"{service.name}: {mount.target}"
        if mount.read_only:
            continue  # nothing is written there
        if mount.kind == "bind":
            yield f"{where} is a folder of the host, which is not in the backup"
        elif mount.kind == "volume" and not mount.source:
            yield f"{where} is an anonymous volume, which is not in the backup"
        elif _is_named(mount) and mount.source not in limits.excluded:
            resource = compose.volumes.get(mount.source)
            if resource is not None and resource.driver not in LOCAL_DRIVERS:
                yield f"{where} has the volume driver {resource.driver}, whose data the backup bot does not see"


def _of_limits(limits: _Limits) -> Iterator[str]:
    """Name what is both left out and limited."""
    for volume in sorted(limits.excluded & set(limits.paths)):
        yield f"the volume {volume} is both left out of the backup and limited to paths; it is left out"


def _notes(compose: Compose, limits: _Limits) -> Iterator[str]:
    """Name services with data and without a switch of their own: a bot may read it service by service (D-07)."""
    for service, mount in _mounts(compose):
        kept = _is_named(mount) and mount.source not in limits.excluded
        if kept and not _is_true(service.labels.get(SWITCH, "")):
            yield f"{service.name} has the volume {mount.source} and no label {SWITCH} of its own"


def _of_nothing_enabled(compose: Compose) -> Iterator[str]:
    """Name the labels that wait for a switch."""
    for service, key, _ in _labels(compose):
        if key in HOOKS.values() or _of_volume(key)[0]:
            yield f"{service.name}: {key} does nothing: no service of the stack has {SWITCH}=true"


def _odd_paths(value: str) -> Iterator[str]:
    if not value.strip():
        yield "names no path, so the whole volume is meant"
    for path in map(PurePosixPath, _split(value)):
        if path.is_absolute() or ".." in path.parts:
            yield f"{path} is not a path within the volume"


def _labels(compose: Compose) -> Iterator[tuple[ComposeService, str, str]]:
    for service in compose.services.values():
        for key, value in service.labels.items():
            if key.startswith(PREFIX):
                yield service, key, value.strip()


def _mounts(compose: Compose) -> Iterator[tuple[ComposeService, Mount]]:
    for service in compose.services.values():
        yield from ((service, mount) for mount in service.mounts)


def _mounted(compose: Compose) -> frozenset[str]:
    return frozenset(mount.source for _, mount in _mounts(compose) if _is_named(mount))


def _of_volume(key: str) -> tuple[str, bool]:
    """Return which volume a label is about (empty: none), and whether it says paths."""
    if not key.startswith(OF_A_VOLUME):
        return "", False
    name = key.removeprefix(OF_A_VOLUME)
    return name.removesuffix(".path"), name.endswith(".path")


def _split(value: str) -> tuple[str, ...]:
    return tuple(path.strip() for path in value.split(",") if path.strip())


def _is_named(mount: Mount) -> bool:
    return mount.kind == "volume" and bool(mount.source)


def _is_true(value: str) -> bool:
    return value.strip().lower() == "true"
