"""The only place that says where the data canary writes its markers, and why it writes none somewhere. Pure.

A marker goes into what holds data, as the tasks that run see it: (service, mount path), then the directory there that
the backup labels promise, or the mount's root. Never into a database's own directory: an engine may refuse to start
over a file that it does not know.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import PurePosixPath

from recipeci.host.archived import Container, Folder, Kind, Mounted, NotThere, Other
from recipeci.model import Canary, Outcome
from recipeci.recipe.compose import Compose, ComposeService
from recipeci.recipe.coverage import Coverage

ANONYMOUS_DIGITS = 64
"""Docker names an anonymous volume by so many hex digits."""
DATABASE_PATHS = frozenset(
    {
        "/var/lib/postgresql",
        "/var/lib/postgresql/data",
        "/bitnami/postgresql",
        "/bitnami/postgresql/data",
        "/var/lib/mysql",
        "/bitnami/mysql",
        "/bitnami/mysql/data",
        "/bitnami/mariadb",
        "/bitnami/mariadb/data",
        "/data/db",
        "/data/configdb",
        "/bitnami/mongodb",
        "/var/lib/redis",
        "/var/lib/valkey",
        "/var/lib/clickhouse",
        "/var/lib/cassandra",
        "/opt/couchdb/data",
        "/usr/share/elasticsearch/data",
        "/usr/share/opensearch/data",
    }
)
"""Where images of databases keep their files."""
KEY_VALUE_IMAGES = ("redis", "valkey", "keydb", "dragonfly", "memcached")
KEY_VALUE_PATH = "/data"
KEY_VALUE_ONLY = frozenset({"/var/lib/redis", "/var/lib/valkey"})
"""Paths at which only a key-value store keeps its files."""
DATABASE_FILES = frozenset({"PG_VERSION", "ibdata1", "dump.rdb", "appendonly.aof", "appendonlydir", "WiredTiger"})
"""What the directory of PostgreSQL, MySQL or MariaDB, Redis or Valkey, MongoDB has in it."""
FOREIGN = "the app keeps no foreign files"
READ_ONLY = "mounted read-only"


@dataclass(frozen=True)
class Place:
    """One directory that may take a marker: of which volume, mounted where, and whether the labels promise it.

    `mount` is the mount's path in the container, `folder` the directory relative to it, empty for its root.
    """

    service: str
    mount: str
    folder: str
    volume: str
    promised: bool = False

    @property
    def key(self) -> tuple[str, str, str]:
        """What it is called by: the same before and after an op."""
        return self.service, self.mount, self.folder

    @property
    def path(self) -> PurePosixPath:
        """The directory in the container."""
        return PurePosixPath(self.mount, self.folder)

    def row(self, outcome: Outcome, reason: str = "") -> Canary:
        """Return its row of the report."""
        return Canary(self.service, str(self.path), volume_words(self.volume), outcome, reason)

    def without_marker(self, why: str) -> Canary:
        """Return its row for the case that it takes no marker."""
        return self.row(Outcome.SKIP, f"not canaried: {why}")


@dataclass(frozen=True)
class Spot:
    """One mount that may take markers: in its promised directories, or in its root."""

    root: Place
    """Promised itself where the labels promise the whole volume."""
    folders: tuple[Place, ...]
    """What the labels promise below it; whether these are directories only the container can tell."""
    declared: ComposeService


@dataclass(frozen=True)
class Spots:
    """All mounts of what runs: those that may take markers with the container to ask, and rows for all others."""

    spots: tuple[Spot, ...]
    rows: tuple[Canary, ...]
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class Look:
    """What a stack is and what runs of it; `skip` is `canary.skip` of recipe.yml, reasons by `service:/path`."""

    stack: str
    compose: Compose
    coverage: Coverage
    containers: Sequence[Container]
    skip: Mapping[str, str] = field(default_factory=dict)

    def running(self, service: str) -> Container | None:
        """Return a service's container: of the lowest slot the newest one that runs."""
        name = f"{self.stack}_{service}"
        found = [one for one in self.containers if one.service == name and one.running]
        slot = min((one.slot for one in found), key=_slot_order, default="")
        return max((one for one in found if one.slot == slot), key=lambda one: one.created, default=None)

    def volume(self, place: Place) -> str | None:
        """Return what the running task has at a place's mount: a volume's name or a kind of mount; None for nothing."""
        container = self.running(place.service)
        mounts = container.mounts if container else ()
        found = (one.volume or f"a mount of type {one.kind}" for one in mounts if _plain(one.target) == place.mount)
        return next(found, None)


def spots(look: Look) -> Spots:
    """Return where markers may go, and a row for each mount that takes none."""
    found: list[Spot] = []
    rows: list[Canary] = []
    for name, declared in look.compose.services.items():
        container = look.running(name)
        if container is None:
            rows.extend(_not_running(declared, look))
            continue
        for mount in sorted(container.mounts, key=lambda one: one.target):
            place = Place(name, _plain(mount.target), "", mount.volume)
            if why := _unmarkable(mount, place, look):
                rows.append(place.without_marker(why))
            else:
                spot, hidden = _spot(place, declared, container, look)
                found.append(spot)
                rows.extend(hidden)
    keys = {f"{spot.root.service}:{spot.root.mount}" for spot in found} | {f"{row.service}:{row.path}" for row in rows}
    unused = sorted(key for key in look.skip if _plain_key(key) not in keys)
    notes = tuple(f"recipe.yml: canary.skip: {key} is no mount of what runs" for key in unused)
    return Spots(tuple(found), tuple(rows), notes)


def same_volume(place: Place, look: Look) -> Iterator[Place]:
    """Give the same directory at each other mount of its volume in what runs."""
    for name in look.compose.services:
        container = look.running(name)
        for mount in container.mounts if container else ():
            other = Place(name, _plain(mount.target), place.folder, mount.volume)
            if mount.volume == place.volume and other.key != place.key:
                yield other


def refusal(place: Place, seen: Folder | Other | NotThere, *, declared: ComposeService, coverage: Coverage) -> str:
    """Return why a directory takes no marker after a look at it, or nothing."""
    if isinstance(seen, NotThere):
        return f"{place.folder or place.mount} is promised and not there yet"
    if isinstance(seen, Other):
        return "only a single file is promised" if seen.kind is Kind.FILE else f"{seen.kind}"
    if seen.names & DATABASE_FILES or is_database(place, declared):
        only_dump = coverage.enabled and not place.promised
        return "only a dump is promised" if only_dump else "a database directory"
    return ""


def is_database(place: Place, declared: ComposeService) -> bool:
    """Say whether a directory is known to be a database's, by its path, its image or PGDATA, without a look into it."""
    path = str(place.path)
    data = declared.environment.get("PGDATA", "")
    return (
        path in DATABASE_PATHS
        or (path == KEY_VALUE_PATH and is_key_value(place, declared))
        or (bool(data) and place.path.is_relative_to(_plain(data)))
    )


def is_key_value(place: Place, declared: ComposeService) -> bool:
    """Say whether a place is a key-value store's by its image or path: in an anonymous volume that is a cache."""
    if place.mount in KEY_VALUE_ONLY:
        return True
    return declared.image.partition("@")[0].rpartition("/")[2].startswith(KEY_VALUE_IMAGES)


def volume_words(name: str) -> str:
    """Return a volume's name as people read it."""
    return f"anonymous {name[:12]}" if is_anonymous(name) else name


def is_anonymous(name: str) -> bool:
    """Say whether Docker made a volume's name."""
    return len(name) == ANONYMOUS_DIGITS and set(name) <= set("0123456789abcdef")


def _unmarkable(mount: Mounted, place: Place, look: Look) -> str:
    """Return why a mount takes no marker whatever is in it, or nothing."""
    skip = {_plain_key(key): reason for key, reason in look.skip.items()}
    if reason := skip.get(f"{place.service}:{place.mount}"):
        return f"{reason} (recipe.yml)"
    if mount.kind == "bind":
        return "a folder of the host"
    if mount.kind == "tmpfs" or _is_tmpfs_volume(mount, look):
        return "tmpfs"
    if mount.kind != "volume":
        return f"a mount of type {mount.kind}"
    return "" if mount.writable else READ_ONLY


def _is_tmpfs_volume(mount: Mounted, look: Look) -> bool:
    """Say whether a named volume is declared to be in memory: nothing in it is meant to stay."""
    return any(
        resource.name(look.stack) == mount.volume and resource.driver_opts.get("type") == "tmpfs"
        for resource in look.compose.volumes.values()
    )


def _spot(place: Place, declared: ComposeService, container: Container, look: Look) -> tuple[Spot, list[Canary]]:
    """Return a mount with the directories that are promised in it, and rows for those that another mount hides."""
    promised = [
        one for one in look.coverage.promises if (one.service, _plain(one.mount)) == (place.service, place.mount)
    ]
    whole = any(not one.paths for one in promised)
    inside = [_inside(path) for one in promised for path in one.paths]
    folders = [Place(place.service, place.mount, path, place.volume, promised=True) for path in inside if path]
    others = [_plain(one.target) for one in container.mounts if _plain(one.target) != place.mount]
    hidden = [one for one in folders if any(one.path.is_relative_to(over) for over in others if _below(over, place))]
    root = Place(place.service, place.mount, "", place.volume, promised=whole or "" in inside)
    open_ = tuple(dict.fromkeys(one for one in folders if one not in hidden))
    rows = [one.without_marker("another mount lies over it") for one in hidden]
    return Spot(root, () if root.promised else open_, declared), rows


def _below(path: str, place: Place) -> bool:
    return PurePosixPath(path).is_relative_to(place.mount)


def _inside(path: str) -> str | None:
    """Return a promised path relative to its volume's root, empty for the root; None if it leads out of it."""
    pure = PurePosixPath(path)
    if pure.is_absolute() or ".." in pure.parts:
        return None
    return "" if pure == PurePosixPath() else str(pure)


def _not_running(declared: ComposeService, look: Look) -> Iterator[Canary]:
    """Give a row for each volume of a service of which nothing runs."""
    for mount in declared.mounts:
        if mount.kind == "volume":
            resource = look.compose.volumes.get(mount.source)
            volume = resource.name(look.stack) if resource else mount.source
            yield Place(declared.name, _plain(mount.target), "", volume).without_marker("no running container")


def _slot_order(slot: str) -> tuple[int, str]:
    return (int(slot), "") if slot.isdecimal() else (0, slot)


def _plain(path: str) -> str:
    return str(PurePosixPath(path))


def _plain_key(key: str) -> str:
    service, _, path = key.partition(":")
    return f"{service}:{_plain(path)}"
