"""The only place that knows where the cells' backup bot comes from: a registry, or our package and a base for it."""

from __future__ import annotations

import hashlib
import importlib.metadata
import importlib.util
import os
import platform
import re
import shutil
from dataclasses import dataclass
from pathlib import Path

from recipeci.errors import HostError
from recipeci.host.store.build import Builder
from recipeci.host.store.entries import Build, Debian
from recipeci.host.store.reference import Reference

COOPCLOUD = "git.coopcloud.tech/coop-cloud/backup-bot-two:2.4.0"
"""What Co-op Cloud's own backup recipe deploys."""
NAME = "minibot"
HINT = "; ".join(
    [
        "three ways: let this machine reach a registry",
        "give --bot-image REF of an image that the store has or images.yml makes",
        "install mmdebstrap on a machine that has Debian's packages (`apt-get install mmdebstrap`)",
    ]
)
BASE = Debian("trixie", ("libpython3-stdlib", "python3-minimal", "restic"), programs_only=True)
VERSION = re.compile(r'^__version__ = "([^"]+)"', re.MULTILINE)
PROGRAM = """#!/usr/bin/python3 -I
import sys
sys.path.insert(0, "/usr/lib/minibot")
from minibot.cli import main
sys.exit(main())
"""
# As abra asks for it: `backup COMMAND` in the running container (facts abra §6.4).
DOCKERFILE = """COPY minibot /usr/lib/minibot/minibot
COPY backup /usr/bin/backup
ENTRYPOINT ["/usr/bin/backup"]
CMD ["serve"]
"""


@dataclass(frozen=True)
class Package:
    """Our bot as it lies beside our own package."""

    folder: Path
    version: str

    @property
    def image(self) -> Reference:
        """The name of the image made from it."""
        return Reference.parse(f"{NAME}:{self.version}")

    @property
    def files(self) -> tuple[Path, ...]:
        """What of it goes into the image."""
        return tuple(sorted(self.folder.rglob("*.py")))

    def made_from(self, base: str) -> str:
        """Return what changes when the image must be made anew: its base, any of its files, or how it is made."""
        digest = hashlib.sha256(f"{base}\n{PROGRAM}{DOCKERFILE}".encode())
        for file in self.files:
            digest.update(f"{file.relative_to(self.folder)}\n".encode() + file.read_bytes())
        return digest.hexdigest()


def has_debian(path: str) -> bool:
    """Return True if this machine has what makes base systems."""
    return shutil.which("mmdebstrap", path=path) is not None


def package(*, can_be_made: bool) -> Package:
    """Find our bot; raises HostError with the three ways if its image cannot be made here."""
    found = importlib.util.find_spec(NAME)
    if found is None or found.origin is None or not can_be_made:
        raise HostError("there is no backup bot for the cell: no registry answers", hint=HINT)
    source = Path(found.origin).resolve()
    version = VERSION.search(source.read_text(encoding="utf-8"))
    return Package(source.parent, version[1] if version else importlib.metadata.version("recipeci"))


def base_digest() -> str:
    """Return what the tar of Debian's packages is known by."""
    return hashlib.sha256(f"{BASE} {platform.machine()}".encode()).hexdigest()


def debian(folder: Path, builder: Builder) -> str:
    """Put Debian's packages into the folder and return the Dockerfile's words for them.

    Raises HostError if they cannot be had.
    """
    try:
        base = builder.tar(BASE, digest=base_digest())
    except HostError as error:
        raise HostError(f"there is no backup bot for the cell: {error.message}", hint=HINT) from error
    os.link(base, folder / "base.tar")
    return "FROM scratch\nADD base.tar /"


def write_folder(folder: Path, found: Package, *, base: str) -> Build:
    """Write what the image is built from into the folder; `base` is how its Dockerfile begins."""
    for file in found.files:
        copy = folder / NAME / file.relative_to(found.folder)
        copy.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(file, copy)
    (folder / "backup").write_text(PROGRAM, encoding="utf-8")
    (folder / "backup").chmod(0o755)
    (folder / "Dockerfile").write_text(f"{base}\n{DOCKERFILE}", encoding="utf-8")
    return Build(folder)
