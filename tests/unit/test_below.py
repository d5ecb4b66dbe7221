"""What the harness touches below a folder that a cell can write: nothing that a planted link leads to."""

from __future__ import annotations

import os
import socket
from collections.abc import Callable
from pathlib import Path

import pytest
from recipeci.errors import OpFailed
from recipeci.host.below import Below

Act = Callable[[Below, Path], object]
ACTS: dict[str, Act] = {
    "read": lambda below, path: below.read(path),
    "read, inner links": lambda below, path: below.read(path, inner_links=True),
    "write": lambda below, path: below.write(path, b"ours"),
    "make_folder": lambda below, path: below.make_folder(path, mode=0o755),
    "own_folder": lambda below, path: below.own_folder(path, owner=os.getuid()).__enter__(),
    "remove_tree": lambda below, path: below.remove_tree(path),
}


@pytest.fixture
def outside(tmp_path: Path) -> Path:
    """A folder of the host's with one file, `victim`."""
    folder = tmp_path / "outside"
    folder.mkdir()
    (folder / "victim").write_text("the host's")
    return folder


@pytest.fixture
def below(tmp_path: Path) -> Below:
    root = tmp_path / "shared"
    (root / "folder").mkdir(parents=True)
    (root / "folder" / "plain").write_text("plain")
    return Below(root)


def everything(folder: Path) -> list[tuple[str, int, str]]:
    """What is in a folder: names, modes, texts."""
    found = sorted(folder.rglob("*"))
    return [(str(path), path.stat().st_mode, path.read_text() if path.is_file() else "") for path in found]


@pytest.mark.parametrize("act", ACTS.values(), ids=ACTS)
def test_a_folder_on_the_way_that_became_a_link_is_refused(below: Below, outside: Path, act: Act) -> None:
    (below.root / "way").symlink_to(outside)
    before = everything(outside)
    with pytest.raises(OpFailed, match=r"^way.* leads elsewhere"):
        act(below, below.root / "way" / "victim")
    assert everything(outside) == before


@pytest.mark.parametrize("way", ["..", "folder/../.."])
def test_a_path_that_climbs_out_is_refused(below: Below, outside: Path, way: str) -> None:
    with pytest.raises(OpFailed, match="leads elsewhere"):
        below.read(below.root / way / outside.name / "victim")


def test_a_file_that_became_a_link_is_not_read(below: Below, outside: Path) -> None:
    (below.root / "file").symlink_to(outside / "victim")
    with pytest.raises(OpFailed, match="put a link in its way"):
        below.read(below.root / "file")
    assert not below.is_file(below.root / "file")


def test_a_file_that_became_a_link_is_replaced_and_what_it_leads_to_stays(below: Below, outside: Path) -> None:
    (below.root / "file").symlink_to(outside / "victim")
    below.write(below.root / "file", b"ours", mode=0o640)
    assert (outside / "victim").read_text() == "the host's"
    assert (below.root / "file").read_text() == "ours"
    assert (below.root / "file").lstat().st_mode & 0o7777 == 0o640
    assert sorted(path.name for path in below.root.iterdir()) == ["file", "folder"]


def test_a_pipe_does_not_hold_the_reader(below: Below) -> None:
    os.mkfifo(below.root / "pipe")
    with pytest.raises(OpFailed, match="no plain file"):
        below.read(below.root / "pipe")


def test_a_file_without_end_is_not_read_to_its_end(below: Below) -> None:
    assert below.read(below.root / "folder" / "plain", at_most=5) == b"plain"
    with pytest.raises(OpFailed, match="larger than 4 bytes"):
        below.read(below.root / "folder" / "plain", at_most=4)


def test_what_is_not_there_is_not_there(below: Below) -> None:
    with pytest.raises(FileNotFoundError):
        below.read(below.root / "none")
    assert not below.is_file(below.root / "none" / "none")
    assert not below.is_file(below.root / "folder")
    assert below.is_file(below.root / "folder" / "plain")
    below.remove_tree(below.root / "none" / "none")


def test_a_link_that_stays_below_is_followed_where_that_is_asked_for(below: Below) -> None:
    (below.root / "link").symlink_to("folder/plain")
    assert below.read(below.root / "link", inner_links=True) == b"plain"
    assert below.is_file(below.root / "link", inner_links=True)
    with pytest.raises(OpFailed):
        below.read(below.root / "link")


def test_a_folder_of_a_users_own_goes_with_what_is_in_it(below: Below) -> None:
    with below.own_folder(below.root / "folder", owner=os.getuid()) as mine:
        assert mine.stat().st_mode & 0o777 == 0o700
        (mine / "deep").mkdir()
        (mine / "deep" / "file").write_text("x")
    assert [path.name for path in (below.root / "folder").iterdir()] == ["plain"]


def test_a_folder_gets_its_mode_whatever_the_umask_is(below: Below) -> None:
    before = os.umask(0o077)
    try:
        for _ in range(2):
            below.make_folder(below.root / "new", mode=0o755)
    finally:
        os.umask(before)
    assert (below.root / "new").stat().st_mode & 0o777 == 0o755


def test_a_tree_is_removed_and_what_links_in_it_lead_to_stays(below: Below, outside: Path) -> None:
    (below.root / "folder" / "link").symlink_to(outside)
    below.remove_tree(below.root / "folder")
    assert not (below.root / "folder").exists()
    assert (outside / "victim").read_text() == "the host's"


def test_a_folder_where_a_file_was_is_told_and_nothing_of_ours_is_left_in_it(below: Below) -> None:
    (below.root / "file" / "deep").mkdir(parents=True)
    for act in (lambda: below.write(below.root / "file", b"ours"), lambda: below.read(below.root / "file")):
        with pytest.raises(OpFailed, match="something in the cell replaced it"):
            act()
    assert sorted(path.name for path in below.root.iterdir()) == ["file", "folder"]


def test_a_file_where_a_folder_was_is_told(below: Below) -> None:
    with pytest.raises(OpFailed, match="of another kind now"):
        below.read(below.root / "folder" / "plain" / "below")
    assert not below.is_file(below.root / "folder" / "plain" / "below")


def test_a_held_socket_is_connected_to_whatever_is_put_in_its_place(below: Below, outside: Path) -> None:
    with socket.socket(socket.AF_UNIX) as ours, socket.socket(socket.AF_UNIX) as other:
        for listening, path in ((ours, below.root / "s"), (other, outside / "s")):
            listening.bind(str(path))
            listening.listen()
        with below.held_socket(below.root / "s") as held:
            (below.root / "s").unlink()
            (below.root / "s").symlink_to(outside / "s")
            assert is_heard(ours, at=held)
            assert is_heard(other, at=below.root / "s"), "control: the path itself leads to the other one"


def is_heard(listening: socket.socket, *, at: Path) -> bool:
    """Say whether what is listening gets the connection that is made to a path."""
    listening.settimeout(0)
    with socket.socket(socket.AF_UNIX) as client:
        client.connect(str(at))
        try:
            listening.accept()[0].close()
        except BlockingIOError:
            return False
    return True


def test_what_is_no_socket_is_not_held(below: Below) -> None:
    with pytest.raises(OpFailed, match="no socket any more"), below.held_socket(below.root / "folder" / "plain"):
        raise AssertionError
