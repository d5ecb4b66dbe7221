"""Which layers hide something of those below; the marks are made as the kernel and dockerd make them."""

from __future__ import annotations

import os
import stat
from collections.abc import Callable
from pathlib import Path

import pytest
from recipeci.host.store.marks import is_marked

pytestmark = pytest.mark.cell


def whiteout(path: Path) -> None:
    os.mknod(path, stat.S_IFCHR | 0o600, os.makedev(0, 0))


def opaque(path: Path) -> None:
    path.mkdir(parents=True)
    os.setxattr(path, "trusted.overlay.opaque", b"y")


def device(path: Path) -> None:
    os.mknod(path, stat.S_IFCHR | 0o600, os.makedev(1, 3))


def folder(path: Path) -> None:
    path.mkdir()
    os.setxattr(path, "trusted.overlay.impure", b"y")


def link(path: Path) -> None:
    path.symlink_to("/nowhere")


@pytest.mark.parametrize(
    ("upper", "marked"),
    [(whiteout, True), (opaque, True), (device, False), (folder, False), (link, False), (Path.touch, False)],
)
def test_a_layer_is_marked_if_it_hides_what_a_lower_one_has(
    tmp_path: Path, upper: Callable[[Path], None], *, marked: bool
) -> None:
    low, middle, top = (tmp_path / name for name in ("low", "middle", "top"))
    (low / "etc" / "x").mkdir(parents=True)
    middle.mkdir()
    (top / "etc").mkdir(parents=True)
    upper(top / "etc" / "x")
    assert is_marked(top, [low, middle]) is marked
    assert is_marked(top, [middle]) is False  # nothing is there to be hidden


def test_a_mark_deep_in_a_new_folder_counts_by_its_own_path(tmp_path: Path) -> None:
    (tmp_path / "low" / "usr").mkdir(parents=True)
    opaque(tmp_path / "top" / "usr" / "share" / "new")
    assert not is_marked(tmp_path / "top", [tmp_path / "low"])
    (tmp_path / "low" / "usr" / "share" / "new").mkdir(parents=True)
    assert is_marked(tmp_path / "top", [tmp_path / "low"])


def test_a_hidden_link_that_leads_nowhere_is_there(tmp_path: Path) -> None:
    (tmp_path / "low").mkdir()
    (tmp_path / "top").mkdir()
    (tmp_path / "low" / "x").symlink_to("/nowhere")
    whiteout(tmp_path / "top" / "x")
    assert is_marked(tmp_path / "top", [tmp_path / "low"])
