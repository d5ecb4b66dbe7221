"""host.store.saved: what an archive of an image must hold."""

from __future__ import annotations

import io
import json
import tarfile
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest
from recipeci.errors import UsageError
from recipeci.host.store.reference import Reference
from recipeci.host.store.saved import Saved

IMAGE = Reference.parse("nginx:1.26.3")


def archive(file: Path, *, mode: str = "w", images: Sequence[Sequence[str] | None] = (["nginx:1.26.3"],)) -> Saved:
    """Write an archive whose manifest has these images, each by its names."""
    manifest = json.dumps([{"Config": "c.json", "RepoTags": names, "Layers": []} for names in images]).encode()
    with tarfile.open(file, mode) as tar:  # type: ignore[call-overload] # a mode that a test names
        entry = tarfile.TarInfo("manifest.json")
        entry.size = len(manifest)
        tar.addfile(entry, io.BytesIO(manifest))
    return Saved(file)


@pytest.mark.parametrize("mode", ["w", "w:gz", "w:bz2", "w:xz"])
def test_one_image_of_the_name_fits_however_it_is_packed(tmp_path: Path, mode: str) -> None:
    saved = archive(tmp_path / "a.tar", mode=mode)
    assert saved.looks_right
    saved.check(IMAGE)


@pytest.mark.parametrize("names", [None, [], ["docker.io/library/nginx:1.26.3"]])
def test_an_image_without_a_name_gets_one_and_a_full_name_is_the_same(tmp_path: Path, names: list[str] | None) -> None:
    archive(tmp_path / "a.tar", images=[names]).check(IMAGE)


@pytest.mark.parametrize(
    ("images", "sentence"),
    [
        ([], "holds 0 images, and one is needed"),
        ([["nginx:1.26.3"], ["nginx:1.22.1"]], "holds 2 images, and one is needed"),
        ([["nginx:1.22.1"]], "holds nginx:1.22.1, not nginx:1.26.3"),
        ([["nginx:1.26.3", "nginx:latest"]], "holds nginx:1.26.3, nginx:latest, not nginx:1.26.3"),
    ],
)
def test_what_would_take_another_images_name_is_refused(tmp_path: Path, images: list[list[str]], sentence: str) -> None:
    with pytest.raises(UsageError, match=f"a.tar {sentence}") as caught:
        archive(tmp_path / "a.tar", images=images).check(IMAGE)
    assert caught.value.hint


def no_manifest(file: Path) -> None:
    tarfile.open(file, "w").close()


def half(file: Path) -> None:
    whole = archive(file, mode="w:gz").file.read_bytes()
    file.write_bytes(whole[: len(whole) // 2])


def no_json(file: Path) -> None:
    with tarfile.open(file, "w") as tar:
        tar.addfile(tarfile.TarInfo("manifest.json"), io.BytesIO())


@pytest.mark.parametrize("write", [no_manifest, half, no_json])
def test_what_is_no_image_or_half_of_one_is_refused(tmp_path: Path, write: Callable[[Path], None]) -> None:
    write(tmp_path / "a.tar")
    with pytest.raises(UsageError, match=r"a\.tar (has no manifest|cannot be read)"):
        Saved(tmp_path / "a.tar").check(IMAGE)


def test_a_stub_of_an_archive_is_seen_without_reading_it(tmp_path: Path) -> None:
    (tmp_path / "script").write_text("#!/bin/sh\nexit 127\n")
    assert not Saved(tmp_path / "script").looks_right
    assert not Saved(tmp_path).looks_right
    assert not Saved(tmp_path / "none").looks_right
