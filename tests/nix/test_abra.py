"""abra: the release of its authors is taken by its hash, and another file than that is refused."""

from __future__ import annotations

import base64
import hashlib
import io
import re
import tarfile
from pathlib import Path

import pytest

from nix.flake import SYSTEM, Flake

ABRA = f"packages.{SYSTEM}.abra"
FORGE = '"https://git.coopcloud.tech/coop-cloud/abra/releases/download/'


def release(folder: Path, *, version: str, said: str) -> str:
    """Write a release of a program that says something, where the forge would have it; return its hash."""
    program = f"#!/bin/sh\necho {said}\n".encode()
    entry = tarfile.TarInfo("abra")
    entry.size, entry.mode = len(program), 0o755
    file = folder / version / f"abra_{version}_linux_amd64.tar.gz"
    file.parent.mkdir(exist_ok=True)
    with tarfile.open(file, "w:gz") as archive:
        archive.addfile(entry, io.BytesIO(program))
    return f"sha256-{base64.b64encode(hashlib.sha256(file.read_bytes()).digest()).decode()}"


@pytest.fixture
def forge(tmp_path: Path) -> Path:
    """A folder in the place of the forge, which this machine may not reach."""
    folder = tmp_path / "forge"
    folder.mkdir()
    return folder


@pytest.fixture
def pinned(copy: Flake, forge: Path) -> Flake:
    """The flake with a nixpkgs whose abra is too old, and with the hash of a release that is there."""
    text = (copy.folder / "nix" / "abra.nix").read_text()
    version = re.findall(r'version = "([^"]+)"', text)[0]
    copy.change("nix/abra.nix", old=FORGE, new=f'"file://{forge}/')
    copy.change("nix/abra.nix", old='(abra.version or "0")', new='"0"')
    of_x86 = re.findall(r'arch = "amd64";\s*hash = "([^"]+)"', text)[0]
    copy.change("nix/abra.nix", old=of_x86, new=release(forge, version=version, said="abra"))
    return copy


def test_the_release_with_the_pinned_hash_is_abra(pinned: Flake) -> None:
    assert pinned.run("abra").out == "abra\n"


def test_another_file_than_the_pinned_one_is_refused(pinned: Flake, forge: Path) -> None:
    (old,) = forge.glob("*")
    other = release(forge, version=old.name, said="something else")

    said = pinned.refusal("build", "--no-link", pinned.ref(ABRA))

    assert "hash mismatch" in said
    assert other in said
