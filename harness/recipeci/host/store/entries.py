"""The only place that knows what an images.yml means: its entries, what each is made from, and the digest of that."""

from __future__ import annotations

import hashlib
import json
import os
import re
import stat
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from recipeci import schemas
from recipeci.errors import UsageError
from recipeci.host.store.reference import Reference
from recipeci.host.store.saved import HINT, Saved

FILE = "images.yml"
SCHEME = 1
"""Part of every digest: a change in how images are made (store/debian, store/build) is a new number here."""
WAYS = {"mmdebstrap", "build", "archive"}
FROM = re.compile(r"FROM\s+(?:--\S+\s+)*(\S+)(?:\s+AS\s+(\S+))?\s*\Z", re.IGNORECASE)
COPY_FROM = re.compile(r"(?:COPY|ADD)\s+(?:--\S+\s+)*?--from=(\S+)", re.IGNORECASE)
ARG = re.compile(r"ARG\s+(\w+)(?:=(\S*))?", re.IGNORECASE)
VARIABLE = re.compile(r"\$(?:\{(\w+)\}|(\w+))")


@dataclass(frozen=True)
class Debian:
    """A base system of Debian's packages; with `programs_only` these are unpacked, and nothing else is there."""

    suite: str
    include: tuple[str, ...] = ()
    programs_only: bool = False


@dataclass(frozen=True)
class Build:
    """A folder with a Dockerfile, after its prepare script (if any) has run in a copy."""

    folder: Path
    args: Mapping[str, str] = field(default_factory=dict)
    prepare: Path | None = None

    @property
    def bases(self) -> tuple[Reference, ...]:
        """The images that its Dockerfile starts from or copies from, without scratch and its own stages."""
        return bases((self.folder / "Dockerfile").read_text(encoding="utf-8"), self.args)


@dataclass(frozen=True)
class Entry:
    """One image that can be made here."""

    image: Reference
    made_from: Debian | Build | Saved


@dataclass(frozen=True)
class Entries:
    """All entries of one images.yml, in its order."""

    entries: tuple[Entry, ...] = ()

    def get(self, image: Reference) -> Entry | None:
        """Return the entry of that name."""
        return next((entry for entry in self.entries if entry.image.key == image.key), None)

    def needed(self, images: Sequence[Reference]) -> tuple[Entry, ...]:
        """Return the entries that these images need, bases first."""
        wanted = {image.key for image in images}
        for entry in reversed(self.entries):
            if entry.image.key in wanted and isinstance(entry.made_from, Build):
                wanted |= {base.key for base in entry.made_from.bases}
        return tuple(entry for entry in self.entries if entry.image.key in wanted)


def read(folder: Path) -> Entries:
    """Read FOLDER/images.yml.

    Raises UsageError with the file and the place for a wrong key, a name that is there twice, a folder or script that
    is not there or lies outside, and a FROM that names a later entry.
    """
    file = folder / FILE
    data = schemas.load_yaml(file, "images")
    entries = Entries(
        tuple(_entry(item, folder, where=f"{file}: images[{i}]") for i, item in enumerate(data["images"]))
    )
    _check_order(entries, where=str(file))
    return entries


def digest(entry: Entry, *, bases: Mapping[str, str], machine: str) -> str:
    """Return 64 hex digits that change with anything that the image is made from.

    Args:
        entry: which.
        bases: for each image that its Dockerfile starts from: that entry's digest, or the image's id.
        machine: the processor's kind, `x86_64`.
    """
    made_from = entry.made_from
    if isinstance(made_from, Debian):
        parts: dict[str, Any] = {"suite": made_from.suite, "include": made_from.include}
    elif isinstance(made_from, Saved):
        parts = {"archive": made_from.digest}
    else:
        script = made_from.prepare.read_bytes() if made_from.prepare else b""
        parts = {
            "files": list(_files(made_from.folder)),
            "args": dict(made_from.args),
            "prepare": hashlib.sha256(script).hexdigest(),
            "bases": dict(bases),
        }
    text = json.dumps({"scheme": SCHEME, "machine": machine, **parts}, sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()


def bases(dockerfile: str, args: Mapping[str, str]) -> tuple[Reference, ...]:
    """Return the images that a Dockerfile names in FROM and COPY --from, with `args` put in.

    Raises UsageError for a name that is none.
    """
    values, stages, found = dict(args), set[str](), dict[str, Reference]()
    for line in _instructions(dockerfile):
        if arg := ARG.match(line):
            values.setdefault(arg[1], (arg[2] or "").strip("\"'"))
        image = FROM.match(line) or COPY_FROM.search(line)
        if image is None:
            continue
        name = VARIABLE.sub(lambda v: values.get(v[1] or v[2], ""), image[1])
        if name.lower() not in stages | {"scratch"} and not (image.re is COPY_FROM and name.isdigit()):
            found.setdefault(name, Reference.parse(name))
        if image.re is FROM and image[2]:
            stages.add(image[2].lower())
    return tuple(found.values())


def _instructions(dockerfile: str) -> Iterator[str]:
    """Yield a Dockerfile's instructions, each as one line, without comments."""
    lines = (line.strip() for line in dockerfile.splitlines())
    text = "\n".join(line for line in lines if line and not line.startswith("#"))
    yield from text.replace("\\\n", " ").splitlines()


def _entry(item: Mapping[str, Any], folder: Path, *, where: str) -> Entry:
    image = Reference.parse(item["image"])
    if len(WAYS & set(item)) != 1:
        raise UsageError(f"{where} ({image}): one of `mmdebstrap`, `build` and `archive` is needed")
    if image.digest:
        raise UsageError(f"{where}: {image} is named by a digest, which nothing made here can have")
    if "mmdebstrap" in item:
        base = item["mmdebstrap"]
        return Entry(image, Debian(base["suite"], tuple(sorted(base.get("include", [])))))
    if "archive" in item:
        return Entry(image, _saved(_inside(folder, item["archive"], where=where), where=where))
    build = _inside(folder, item["build"], where=where)
    if not (build / "Dockerfile").is_file():
        raise UsageError(f"{where}: {build}/Dockerfile is not there")
    prepare = _inside(folder, item["prepare"], where=where) if "prepare" in item else None
    if prepare is not None and not os.access(prepare, os.X_OK):
        raise UsageError(f"{where}: {prepare} cannot be executed", hint=f"chmod +x {prepare}")
    return Entry(image, Build(build, item.get("args", {}), prepare))


def _saved(file: Path, *, where: str) -> Saved:
    saved = Saved(file)
    if not saved.looks_right:
        raise UsageError(f"{where}: {file} is no archive of an image", hint=HINT)
    return saved


def _inside(folder: Path, name: str, *, where: str) -> Path:
    path = (folder / name).resolve()
    if not path.exists():
        raise UsageError(f"{where}: {folder / name} is not there")
    if folder.resolve() not in path.parents:
        raise UsageError(f"{where}: {name} lies outside {folder}")
    return path


def _check_order(entries: Entries, *, where: str) -> None:
    """Refuse a name that is there twice and a base that comes later (images are made from top to bottom)."""
    all_names = [entry.image.key for entry in entries.entries]
    for index, entry in enumerate(entries.entries):
        if entry.image.key in all_names[:index]:
            raise UsageError(f"{where}: images[{index}]: {entry.image} is there twice")
        named = entry.made_from.bases if isinstance(entry.made_from, Build) else ()
        if later := [base for base in named if base.key in all_names[index:]]:
            raise UsageError(f"{where}: images[{index}]: {entry.image} is FROM {later[0]}, which is not above it")


def _files(folder: Path) -> Iterator[tuple[str, int, str]]:
    """Yield (path, mode, content's hash or link's target) of all in a folder, in order."""
    for path in sorted(folder.rglob("*")):
        mode = path.lstat().st_mode
        if stat.S_ISLNK(mode):
            content = str(path.readlink())
        else:
            content = hashlib.sha256(path.read_bytes()).hexdigest() if path.is_file() else ""
        yield str(path.relative_to(folder)), mode, content
