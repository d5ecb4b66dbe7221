"""abra: the release of its authors is taken by its hash, and another file than that is refused."""

from __future__ import annotations

import base64
import hashlib
import io
import re
import tarfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from lab.forge import serving

from nix.flake import SYSTEM, Flake

ABRA = f"packages.{SYSTEM}.abra"
ARCH = {"x86_64-linux": "amd64", "aarch64-linux": "arm64"}[SYSTEM]
FORGE = '"https://git.coopcloud.tech/coop-cloud/abra/releases/download/'


@dataclass(frozen=True)
class Forge:
    """Where releases are, as a folder and by HTTP."""

    folder: Path
    url: str

    def release(self, version: str, *, said: str) -> str:
        """Write a release of a program that says something; return its hash."""
        program = f"#!/bin/sh\necho {said}\n".encode()
        entry = tarfile.TarInfo("abra")
        entry.size, entry.mode = len(program), 0o755
        file = self.folder / version / f"abra_{version}_linux_{ARCH}.tar.gz"
        file.parent.mkdir(exist_ok=True)
        with tarfile.open(file, "w:gz") as archive:
            archive.addfile(entry, io.BytesIO(program))
        return f"sha256-{base64.b64encode(hashlib.sha256(file.read_bytes()).digest()).decode()}"


@pytest.fixture
def forge(tmp_path: Path) -> Iterator[Forge]:
    """A web server in the place of the forge, which this machine may not reach."""
    folder = tmp_path / "forge"
    folder.mkdir()
    with serving(folder) as url:
        yield Forge(folder, url)


@pytest.fixture
def pinned(copy: Flake, forge: Forge) -> Flake:
    """The flake with a nixpkgs whose abra is too old, and with the hash of a release that is there."""
    text = (copy.folder / "nix" / "abra.nix").read_text()
    version = re.findall(r'version = "([^"]+)"', text)[0]
    hash_ = re.findall(rf'arch = "{ARCH}";\s*hash = "([^"]+)"', text)[0]
    copy.change("nix/abra.nix", old=FORGE, new=f'"{forge.url}/')
    copy.change("nix/abra.nix", old='(abra.version or "0")', new='"0"')
    copy.change("nix/abra.nix", old=hash_, new=forge.release(version, said=f"abra of {forge.url}"))
    return copy


def test_the_release_with_the_pinned_hash_is_abra(pinned: Flake, forge: Forge) -> None:
    assert pinned.run("abra").out == f"abra of {forge.url}\n"


def test_another_file_than_the_pinned_one_is_refused(pinned: Flake, forge: Forge) -> None:
    (old,) = forge.folder.iterdir()
    other = forge.release(old.name, said="something else")

    said = pinned.refusal("build", "--no-link", pinned.ref(ABRA))

    assert "hash mismatch" in said
    assert other in said
