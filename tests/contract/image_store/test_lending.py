"""A second dockerd runs containers from layers that the store lent it."""

from __future__ import annotations

from pathlib import Path

import pytest
from recipeci.errors import HostError
from recipeci.host.engine import DockerPrograms

from image_store import tiny
from image_store.conftest import MakeStore

pytestmark = pytest.mark.cell
LOOK = ["sh", "-c", "ls /deleted /dir /other 2>&1; cat /version"]


@pytest.fixture
def marked(make_store: MakeStore, images: tiny.Images) -> str:
    """An image whose upper layer deletes and replaces what lower ones have."""
    images.add("marked:1", tiny.MARKED, name="marked")
    make_store().ensure(["tiny:1", "marked:1"], images=images.folder, say=print)
    return "marked:1"


def test_a_container_of_lent_layers_sees_what_the_store_built(
    make_store: MakeStore, images: tiny.Images, programs: DockerPrograms, tmp_path: Path
) -> None:
    store = make_store()
    store.ensure(["tiny:1"], images=images.folder, say=print)
    with store.lend(["tiny:1", "docker.io/tiny:1"], data_root=tmp_path / "data") as lending:
        assert tiny.run_borrowed(programs, tmp_path / "data", lending.mounts, image="tiny:1") == "version 1\n"
        assert [image.ref for image in lending.images] == ["tiny:1", "docker.io/tiny:1"]
        assert lending.images[0].id.startswith("sha256:")
        assert len(lending.mounts) == 2  # COPY and RUN: all of the image came by mounts


def test_what_a_marked_layer_deleted_stays_deleted(
    make_store: MakeStore, marked: str, programs: DockerPrograms, tmp_path: Path
) -> None:
    with make_store().lend(["tiny:1", marked], data_root=tmp_path / "data") as lending:
        out = tiny.run_borrowed(programs, tmp_path / "data", lending.mounts, image=marked, command=LOOK)
        assert len(lending.mounts) == 3  # the two of tiny:1 and the one that only adds
    assert out.split("\n") == ["ls: /deleted: No such file or directory", "/dir:", "new", "", "/other:", "kept", *END]


END = ["version 1", ""]


def test_without_the_note_a_mounted_layer_would_bring_back_what_it_deleted(
    make_store: MakeStore, marked: str, programs: DockerPrograms, tmp_path: Path
) -> None:
    """The control of the test above: the notes are what keeps such a layer from being mounted."""
    for note in (tmp_path / "store" / "marks").iterdir():
        note.write_text("plain")
    with make_store().lend([marked], data_root=tmp_path / "data") as lending:
        out = tiny.run_borrowed(programs, tmp_path / "data", lending.mounts, image=marked, command=LOOK)
    assert out.split("\n") == ["/deleted", "", "/dir:", "new", "old", "", "/other:", "kept", *END]


def test_lost_notes_are_made_again(make_store: MakeStore, marked: str, tmp_path: Path) -> None:
    notes = {note.name: note.read_text() for note in (tmp_path / "store" / "marks").iterdir()}
    for name in notes:
        (tmp_path / "store" / "marks" / name).unlink()
    with make_store().lend(["tiny:1", marked], data_root=tmp_path / "data"):
        pass
    assert {note.name: note.read_text() for note in (tmp_path / "store" / "marks").iterdir()} == notes
    assert sorted(notes.values()) == ["marked", "plain", "plain", "plain"]


def test_an_image_that_the_store_lacks_cannot_be_lent(make_store: MakeStore, tmp_path: Path) -> None:
    with (
        pytest.raises(HostError, match="image unavailable: the image store does not have nothing:1"),
        make_store().lend(["nothing:1"], data_root=tmp_path / "data"),
    ):
        pass
    assert not (tmp_path / "data").exists()


def test_a_run_is_lent_the_image_that_it_was_given_though_another_run_has_moved_the_name(
    make_store: MakeStore, images: tiny.Images, tmp_path: Path
) -> None:
    ours = make_store()
    ours.ensure(["tiny:1"], images=images.folder, say=print)
    images.entries[0]["args"]["VERSION"] = "2"
    images.write()
    other = make_store()
    other.ensure(["tiny:1"], images=images.folder, say=print)
    with ours.lend(["tiny:1"], data_root=tmp_path / "a") as a, other.lend(["tiny:1"], data_root=tmp_path / "b") as b:
        assert a.images[0].id != b.images[0].id
