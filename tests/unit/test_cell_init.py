"""The steps of a cell's first process that need no namespace."""

from __future__ import annotations

import os
import stat
import sys
from pathlib import Path

import pytest
from recipeci.errors import CommandFailed
from recipeci.host.cell import init, vipd
from recipeci.host.command import LocalRunner

from unit.processes import SECONDS


@pytest.fixture
def builder(tmp_path: Path) -> init.Builder:
    return init.Builder(root=str(tmp_path), empty="/empty", env={"PATH": "/usr/bin:/bin"})


def test_parents_of_a_folder_are_open_to_all_and_it_has_its_own_mode(builder: init.Builder, tmp_path: Path) -> None:
    builder.do("folder", "/a/b", "710")
    assert stat.S_IMODE((tmp_path / "a").stat().st_mode) == 0o755
    assert stat.S_IMODE((tmp_path / "a/b").stat().st_mode) == 0o710


def test_targets_are_in_the_new_root_however_they_are_written(builder: init.Builder, tmp_path: Path) -> None:
    builder.do("text", "//etc/x", "1")
    assert (tmp_path / "etc/x").read_text() == "1"


def test_a_single_file_of_the_host_is_shown_as_a_copy_with_its_mode(builder: init.Builder, tmp_path: Path) -> None:
    source = tmp_path / "abra"
    source.write_text("x")
    source.chmod(0o755)
    builder.do("show", str(source), "/root/.local/bin/abra")
    copy = tmp_path / "root/.local/bin/abra"
    assert copy.stat().st_mode == source.stat().st_mode
    assert copy.stat().st_ino != source.stat().st_ino


def test_a_program_that_fails_is_an_error_that_names_it(builder: init.Builder) -> None:
    builder.do("run", "/bin/true")
    with pytest.raises(OSError, match="/bin/false ended with 1"):
        builder.do("run", "/bin/false")


@pytest.mark.parametrize(("path", "written"), [("/a", "/a"), ("/a:b,c", "/a\\:b\\,c"), ("/a\\b", "/a\\\\b")])
def test_a_path_is_written_as_overlayfs_reads_it(path: str, written: str) -> None:
    assert init._escaped(path) == written


@pytest.mark.parametrize(
    ("parent", "said"), [(1, "its starter is gone"), (os.getpid(), "FileNotFoundError")], ids=["gone", "alive"]
)
def test_nothing_is_built_when_the_starter_is_gone(tmp_path: Path, parent: int, said: str) -> None:
    argv = [sys.executable, "-I", "-S", init.__file__, str(tmp_path / "no-plan"), str(parent)]
    with pytest.raises(CommandFailed) as failed:
        LocalRunner().run(argv, timeout=SECONDS)
    assert said in failed.value.err


@pytest.mark.parametrize("program", [init, vipd])
def test_what_runs_inside_needs_nothing_but_the_standard_library(program: object, tmp_path: Path) -> None:
    """It is run with -I -S: no package of ours and none of anybody else's is there."""
    source = Path(str(vars(program)["__file__"]))
    (tmp_path / source.name).write_text(source.read_text())
    code = f"import sys; sys.path.insert(0, {str(tmp_path)!r}); import {source.stem}; print('loaded')"
    assert LocalRunner().run([sys.executable, "-I", "-S", "-c", code], timeout=SECONDS).out == "loaded\n"
    with pytest.raises(Exception, match="ModuleNotFoundError"):
        LocalRunner().run([sys.executable, "-I", "-S", "-c", "import recipeci"], timeout=SECONDS)
