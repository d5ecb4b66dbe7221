"""The only place that knows what Docker's archive API sends and takes: stats, tars, and what is mounted where. Pure."""

from __future__ import annotations

import contextlib
import enum
import io
import tarfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Any

from recipeci.errors import HostError
from recipeci.host.docker import SERVICE_LABEL

TASK_NAME_LABEL = "com.docker.swarm.task.name"
GO_FOLDER, GO_LINK, GO_SPECIAL = 1 << 31, 1 << 27, (1 << 26) | (1 << 25) | (1 << 24) | (1 << 21) | (1 << 19)
"""Bits of Go's file mode, which Docker's stat has."""

Json = Mapping[str, Any]


class Kind(enum.StrEnum):
    """What is at a path."""

    FILE = "a file"
    FOLDER = "a folder"
    LINK = "a symbolic link"
    SPECIAL = "neither a file nor a folder"


@dataclass(frozen=True)
class NotThere:
    """Nothing is at the path, of a container that is there."""


@dataclass(frozen=True)
class Other:
    """Something else than what was looked for is at the path, or a file that is larger than it may be."""

    kind: Kind


@dataclass(frozen=True)
class File:
    """A file with its content; `mode` without the bits of its type, `mtime` in epoch seconds."""

    content: bytes
    uid: int
    gid: int
    mode: int
    mtime: int


@dataclass(frozen=True)
class Folder:
    """A folder: its owner, and which of the names that were looked for are in it."""

    uid: int
    gid: int
    names: frozenset[str] = frozenset()


@dataclass(frozen=True)
class NewFile:
    """A file to be written: its name in a folder, and all that it will have."""

    name: str
    content: bytes
    uid: int
    gid: int
    mtime: int
    mode: int = 0o644


@dataclass(frozen=True)
class Mounted:
    """One mount of a container: `volume` is the volume's name, empty for a mount of another kind."""

    kind: str
    volume: str
    target: str
    writable: bool


@dataclass(frozen=True)
class Container:
    """One container of a service: its task's slot, and whether it runs; `created` in epoch seconds."""

    id: str
    service: str
    slot: str
    running: bool
    created: int
    mounts: tuple[Mounted, ...]


def container(raw: Json) -> Container:
    """Return one entry of Docker's list of containers."""
    labels = raw.get("Labels") or {}
    mounts = (
        Mounted(one["Type"], one.get("Name") or "", one["Destination"], writable=bool(one["RW"]))
        for one in raw.get("Mounts") or ()
    )
    return Container(
        id=raw["Id"],
        service=labels.get(SERVICE_LABEL, ""),
        slot=labels.get(TASK_NAME_LABEL, "").removeprefix(labels.get(SERVICE_LABEL, "") + ".").partition(".")[0],
        running=raw["State"] == "running",
        created=int(raw["Created"]),
        mounts=tuple(mounts),
    )


def kind(stat: Json) -> Kind:
    """Return what Docker's stat of a path says that it is."""
    mode = int(stat["mode"])
    if mode & GO_FOLDER:
        return Kind.FOLDER
    if mode & GO_LINK:
        return Kind.LINK
    return Kind.SPECIAL if mode & GO_SPECIAL else Kind.FILE


def file(body: bytes) -> File:
    """Return the file that a tar holds."""
    try:
        with _opened(body) as tar:
            entry = tar.next()
            held = tar.extractfile(entry) if entry and entry.isreg() else None
            content = held.read() if held else None
    except tarfile.TarError as e:
        raise HostError(f"Docker's tar of a file ends early: {e}") from e
    if entry is None or content is None:
        raise HostError("Docker's tar of a file holds no file")
    return File(content, entry.uid, entry.gid, entry.mode & 0o7777, int(entry.mtime))


def listing(body: bytes) -> tuple[int, int, frozenset[str]]:
    """Return the owner of the folder that a tar begins with, and what is in it as far as the tar goes."""
    names: set[str] = set()
    with _opened(body) as tar:
        first = tar.next()
        if first is None:
            raise HostError("Docker's tar of a folder is empty")
        with contextlib.suppress(tarfile.ReadError):  # only its beginning was taken
            while entry := tar.next():
                names.update(PurePosixPath(entry.name).parts[1:2])
    return first.uid, first.gid, frozenset(names)


def _opened(body: bytes) -> tarfile.TarFile:
    try:
        return tarfile.open(fileobj=io.BytesIO(body), mode="r:")
    except tarfile.TarError as e:
        raise HostError(f"what Docker sent is no tar: {e}") from e


def tar_of(files: Sequence[NewFile]) -> bytes:
    """Return an uncompressed tar of files."""
    made = io.BytesIO()
    with tarfile.open(fileobj=made, mode="w:", format=tarfile.PAX_FORMAT) as tar:
        for file in files:
            entry = tarfile.TarInfo(file.name)
            entry.size, entry.mode, entry.mtime = len(file.content), file.mode, file.mtime
            entry.uid, entry.gid = file.uid, file.gid
            tar.addfile(entry, io.BytesIO(file.content))
    return made.getvalue()


def self_link(name: str) -> bytes:
    """Return a tar of one hard link to itself."""
    made = io.BytesIO()
    with tarfile.open(fileobj=made, mode="w:", format=tarfile.PAX_FORMAT) as tar:
        entry = tarfile.TarInfo(name)
        entry.type, entry.linkname = tarfile.LNKTYPE, name
        tar.addfile(entry)
    return made.getvalue()
