"""host.temporary: a folder of our own, which whoever comes next finds if its maker was killed."""

from __future__ import annotations

import ast
import os
from pathlib import Path

import pytest
from recipeci.host import temporary
from recipeci.host.command import LocalRunner
from recipeci.host.temporary import PREFIX, SYSTEM

from unit.nobody import NEEDS_ROOT
from unit.processes import folder_of, line, started, tell
from unit.test_layers import HARNESS, imports_of

MAKER = """
import sys
from pathlib import Path
from recipeci.host import temporary
with temporary.folder(Path(sys.argv[1])) as own:
    (own / "clone").mkdir()
    print(own, flush=True)
    sys.stdin.readline()
print("done", flush=True)
"""


def killed(above: Path) -> Path:
    """Return the folder of a maker that was killed."""
    with started(MAKER, str(above)) as maker:
        folder = folder_of(maker)
        maker.kill()
        maker.wait()
    return folder


def test_a_folder_is_ours_alone_and_goes_with_all_that_is_in_it(tmp_path: Path) -> None:
    before = os.umask(0)
    try:
        with temporary.folder(tmp_path) as own:
            assert own.stat().st_mode & 0o777 == 0o700
            (own / "a").mkdir()
            (own / "a" / "b").touch()
    finally:
        os.umask(before)
    assert list(tmp_path.iterdir()) == []


def test_it_goes_whatever_ends_the_block(tmp_path: Path) -> None:
    with pytest.raises(ZeroDivisionError), temporary.folder(tmp_path):
        raise ZeroDivisionError
    assert list(tmp_path.iterdir()) == []


def test_what_a_killed_maker_left_is_removed_and_named(tmp_path: Path) -> None:
    left = killed(tmp_path)
    assert (left / "clone").is_dir()
    assert temporary.clear(tmp_path) == (left,)
    assert list(tmp_path.iterdir()) == []
    assert temporary.clear(tmp_path) == ()


def test_the_next_maker_removes_it_too(tmp_path: Path) -> None:
    left = killed(tmp_path)
    with temporary.folder(tmp_path) as own:
        assert list(tmp_path.iterdir()) == [own]
    assert not left.exists()


def test_a_maker_that_is_alive_keeps_its_folder(tmp_path: Path) -> None:
    with started(MAKER, str(tmp_path)) as maker:
        own = folder_of(maker)
        assert temporary.clear(tmp_path) == ()
        assert (own / "clone").is_dir()
        tell(maker, "go")
        assert line(maker) == "done"
    assert list(tmp_path.iterdir()) == []


def test_a_tree_that_is_too_deep_for_python_goes(tmp_path: Path) -> None:
    left = killed(tmp_path)
    LocalRunner().run(["mkdir", "-p", "/".join(["d"] * 1700)], timeout=10, cwd=left)
    assert temporary.clear(tmp_path) == (left,)
    assert not left.exists()


@pytest.mark.parametrize("name", ["mine", f"{PREFIX}file"])
def test_what_is_no_temporary_folder_stays(tmp_path: Path, name: str) -> None:
    (tmp_path / name).touch()
    assert temporary.clear(tmp_path) == ()
    assert (tmp_path / name).exists()


@NEEDS_ROOT
def test_another_users_stays(tmp_path: Path) -> None:
    theirs = tmp_path / f"{PREFIX}theirs"
    theirs.mkdir()
    os.chown(theirs, 65534, 65534)
    assert temporary.clear(tmp_path) == ()
    assert theirs.exists()


def test_a_link_of_that_name_leads_nowhere(tmp_path: Path) -> None:
    (tmp_path / "mine").mkdir()
    link = tmp_path / f"{PREFIX}link"
    link.symlink_to(tmp_path / "mine")
    assert temporary.clear(tmp_path) == ()
    assert (tmp_path / "mine").is_dir()


def test_what_is_no_runs_is_in_the_cache_folder_or_where_that_would_be(tmp_path: Path) -> None:
    for cache in (tmp_path, tmp_path / "a" / "cache"):
        with temporary.near(cache) as own:
            assert own.parent == tmp_path
    assert temporary.places(tmp_path / "a" / "cache")[0] == tmp_path


def test_where_nothing_can_be_made_it_is_in_the_systems_folder() -> None:
    """The kernel's own file systems take no folder, as another user's cache takes none of ours."""
    for cache in (None, Path("/proc/recipeci")):
        with temporary.near(cache) as own:
            assert own.parent == SYSTEM
        assert SYSTEM in temporary.places(cache)


def test_a_folder_that_cannot_be_made_anywhere_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(OSError, match="none"), temporary.folder(tmp_path / "none"):
        pass


def test_no_other_module_makes_temporary_folders_or_files() -> None:
    imports = imports_of(HARNESS / "recipeci")
    assert [module for module, names in imports.items() if "tempfile" in names] == ["host.temporary"]


def test_no_other_module_names_the_systems_folder() -> None:
    """But the cell's own root, whose /tmp goes with it."""
    named = {
        str(file.relative_to(HARNESS / "recipeci"))
        for file in (HARNESS / "recipeci").rglob("*.py")
        for node in ast.walk(ast.parse(file.read_text()))
        if isinstance(node, ast.Constant) and str(node.value).startswith((str(SYSTEM), "/var/tmp"))  # noqa: S108
    }
    assert named == {"host/temporary.py", "host/cell/rootfs.py"}
