"""host.clone: uncommitted work of a folder as a commit of the clone."""

from __future__ import annotations

from pathlib import Path

import pytest
from recipeci.errors import UsageError

from recipe_git.made import Made, cloned


def test_uncommitted_work_becomes_a_commit_of_the_clone_alone(made: Made, tmp_path: Path) -> None:
    made.write(".gitignore", "*.log\n")
    made.write("goes", "x")
    made.commit("second")
    made.write("compose.yml", "edited\n")
    made.write("new/file", "new\n")
    made.write("staged", "staged\n")
    made.git("add", "staged")
    made.write("noise.log", "ignored")
    made.write(".git/info/exclude", "private\n")
    made.write("private", "ignored here only")
    (made.folder / "goes").unlink()
    before = made.snapshot()
    found = cloned(made, tmp_path / "clone")
    assert set(found.uncommitted_paths()) == {"compose.yml", "new/file", "staged", "goes"}
    commit = found.uncommitted()
    assert made.snapshot() == before, "the source was written"
    assert commit != found.newest
    assert {entry.path for entry in found.tree(commit)} == {".gitignore", "compose.yml", "new/file", "staged"}
    assert found.read(commit, "compose.yml") == "edited\n"
    found.checkout(commit)
    assert found.changes() == ()
    assert Made(found.folder).git("rev-parse", "HEAD^") == str(found.newest)
    assert Made(found.folder).git("log", "-1", "--format=%an %ae %cn %ce") == " ".join(
        ["recipeci recipeci@localhost"] * 2
    )


def test_a_tracked_file_that_is_ignored_too_stays(made: Made, tmp_path: Path) -> None:
    made.write("kept.log", "one")
    made.commit("tracked")
    made.write(".gitignore", "*.log\n")
    made.write("kept.log", "two")
    found = cloned(made, tmp_path / "clone")
    assert found.read(found.uncommitted(), "kept.log") == "two"


def test_the_same_work_gives_the_same_commit(made: Made, tmp_path: Path) -> None:
    made.write("compose.yml", "edited\n")
    shas = {cloned(made, tmp_path / name).uncommitted() for name in ("one", "two")}
    assert len(shas) == 1
    made.write("compose.yml", "edited again\n")
    assert cloned(made, tmp_path / "three").uncommitted() not in shas


def test_no_uncommitted_work_is_head_itself(made: Made, tmp_path: Path) -> None:
    found = cloned(made, tmp_path / "clone")
    assert found.uncommitted() == found.newest
    assert found.uncommitted_paths() == ()


def test_uncommitted_work_of_a_worktree(made: Made, tmp_path: Path) -> None:
    made.git("worktree", "add", "--quiet", "-b", "side", str(tmp_path / "tree"))
    side = Made(tmp_path / "tree")
    side.write("compose.yml", "edited\n")
    found = cloned(side, tmp_path / "clone")
    assert found.read(found.uncommitted(), "compose.yml") == "edited\n"


def test_uncommitted_work_runs_nothing_of_the_source(made: Made, tmp_path: Path) -> None:
    mark = tmp_path / "mark"
    made.write(".gitattributes", "* filter=evil\n")
    made.write("compose.yml", "edited\n")
    for key in ("core.fsmonitor", "filter.evil.clean"):
        made.git("config", key, f"touch {mark}; cat")
    found = cloned(made, tmp_path / "clone")
    found.uncommitted()
    found.uncommitted_paths()
    assert not mark.exists()


def test_a_bare_repository_has_no_uncommitted_work(made: Made, tmp_path: Path) -> None:
    made.git("clone", "--quiet", "--bare", ".", str(tmp_path / "bare"))
    with pytest.raises(UsageError, match="has no working tree"):
        cloned(made, tmp_path / "clone", given=str(tmp_path / "bare")).uncommitted()
    assert cloned(made, tmp_path / "again", given=str(tmp_path / "bare")).uncommitted_paths() == ()


def test_work_that_git_cannot_add_is_said_in_gits_words(made: Made, tmp_path: Path) -> None:
    (made.folder / "embedded").mkdir()
    Made(made.folder / "embedded").git("init", "--quiet")
    with pytest.raises(UsageError, match="cannot be taken: 'embedded/' does not have a commit checked out"):
        cloned(made, tmp_path / "clone").uncommitted()
