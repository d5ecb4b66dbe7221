"""host.git: every kind of source, and what is none."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest
from recipeci.errors import CommandFailed, UsageError
from recipeci.host.command import Completed, LocalRunner
from recipeci.host.git import clone, source_of
from recipeci.host.gitcall import Source

from recipe_git.made import ENV, FORGE, Made, cloned, runner


def test_a_folder_with_a_working_tree(made: Made, tmp_path: Path) -> None:
    before = made.snapshot()
    found = cloned(made, tmp_path / "clone")
    assert str(found.newest) == made.git("rev-parse", "HEAD")
    assert found.head() == found.newest
    assert made.snapshot() == before, "the source was written"


def test_a_bare_repository(made: Made, tmp_path: Path) -> None:
    made.git("clone", "--quiet", "--bare", ".", str(tmp_path / "bare"))
    found = cloned(made, tmp_path / "clone", given=str(tmp_path / "bare"))
    assert str(found.newest) == made.git("rev-parse", "HEAD")
    assert [tag.name for tag in found.tags()] == ["1.0.0+1"]


@pytest.mark.parametrize("start", ["file://", "file:", "file://localhost"])
def test_a_file_url_with_a_space_in_it(made: Made, tmp_path: Path, start: str) -> None:
    (tmp_path / "a b").symlink_to(made.folder)
    found = cloned(made, tmp_path / "clone", given=f"{start}{tmp_path}/a%20b")
    assert str(found.newest) == made.git("rev-parse", "HEAD")


def test_a_worktree_and_a_detached_head(made: Made, tmp_path: Path) -> None:
    made.git("worktree", "add", "--quiet", "--detach", str(tmp_path / "tree"))
    side = Made(tmp_path / "tree")
    side.write("new", "x")
    wanted = side.commit("on no branch")
    assert cloned(side, tmp_path / "clone").newest == wanted


def test_nothing_of_the_source_is_shared_with_the_clone(made: Made, tmp_path: Path) -> None:
    found = cloned(made, tmp_path / "clone")
    assert not (found.folder / ".git/objects/info/alternates").exists()
    objects = [path for path in (found.folder / ".git/objects").rglob("*") if path.is_file()]
    assert objects
    assert all(path.stat().st_nlink == 1 for path in objects), "a hard link into the source"


def test_the_clone_looks_as_any_clone_does(made: Made, tmp_path: Path) -> None:
    found = Made(cloned(made, tmp_path / "clone").folder)
    assert found.git("config", "remote.origin.url") == str(made.folder)
    assert found.git("config", "remote.origin.fetch") == "+refs/heads/*:refs/remotes/origin/*"
    assert found.git("config", "branch.main.merge") == "refs/heads/main"
    assert "tagopt" not in found.git("config", "--list").lower()


class OfSomebodyElse(LocalRunner):
    """Runs git such that it takes every folder for somebody else's: by the switch of git's own tests, without root."""

    def run(self, argv: Sequence[str], *, env: Mapping[str, str] | None = None, **options: Any) -> Completed:  # noqa: ANN401
        return super().run(argv, env={**(env or {}), "GIT_TEST_ASSUME_DIFFERENT_OWNER": "1"}, **options)


def assert_cloned_where_git_refuses(made: Made, tmp_path: Path, *, by: LocalRunner) -> None:
    with pytest.raises(CommandFailed, match=r"safe\.directory"):  # the control: git itself refuses
        by.run(["git", "clone", "--no-local", str(made.folder), str(tmp_path / "no")], timeout=120, env=ENV)
    found = clone(by, source_of(str(made.folder), recipe="x", forge=FORGE), tmp_path / "clone")
    assert [tag.name for tag in found.tags()] == ["1.0.0+1"]


def test_a_folder_that_git_takes_for_somebody_elses(made: Made, tmp_path: Path) -> None:
    assert_cloned_where_git_refuses(made, tmp_path, by=OfSomebodyElse())


@pytest.mark.cell  # only root can give a folder away
def test_a_folder_that_belongs_to_somebody_else(made: Made, tmp_path: Path) -> None:
    for path in [made.folder, *made.folder.rglob("*")]:
        os.lchown(path, 12345, 12345)
    assert_cloned_where_git_refuses(made, tmp_path, by=runner)


def test_the_forge_may_be_a_folder_too(made: Made, tmp_path: Path) -> None:
    assert source_of(None, recipe="recipe", forge=str(tmp_path)) == Source(
        str(made.folder), local=True, recipe="recipe"
    )
    made.git("clone", "--quiet", "--bare", ".", str(tmp_path / "other.git"))
    assert source_of(None, recipe="other", forge=f"file://{tmp_path}").where == str(tmp_path / "other.git")
    with pytest.raises(UsageError, match="has no recipe 'third'"):
        source_of(None, recipe="third", forge=str(tmp_path))


def test_without_a_source_it_is_the_forges() -> None:
    found = source_of(None, recipe="custom-html", forge="https://forge.invalid/org/")
    assert found == Source("https://forge.invalid/org/custom-html.git", local=False, recipe="custom-html")


@pytest.mark.parametrize(
    ("given", "sentence"),
    [
        ("/no/such/folder", "there is no such folder"),
        ("no-such-folder", "there is no such folder"),
        ("-oProxyCommand=x", "there is no such folder"),
        ("file://other.host/x", "a file: URL of another host"),
        ("http://forge.invalid/x", "http: is not a protocol"),
        ("http://127.0.0.1.forge.invalid/x", "http: is not a protocol"),
        ("ftp://127.0.0.1/x", "ftp: is not a protocol"),
        ("ssh://git@forge.invalid/x", "ssh: is not a protocol"),
        ("ext::sh -c id", "there is no such folder"),
        ("ext://sh", "ext: is not a protocol"),
        ("git@forge.invalid:org/x.git", "by ssh is not supported"),
        ("~nosuchuser/x", "^~nosuchuser/x: no home folder is known for its ~"),
        ("x" * 300, "^x{100}…: File name too long"),
        (f"file:///{'x' * 300}", "^/x{99}…: File name too long"),
        ("file:///a%00b", r"^'/a\\x00b': a path has no NUL in it"),
        ("file:~a%00b/x", r"^'~a\\x00b/x': no home folder is known for its ~"),
        ("file://[x", "is no URL"),
        (f"git@forge.invalid:{'x' * 300}", "by ssh is not supported"),
        ("https://", "names no host"),
        ("https://forge.invalid/a b", "names no host"),
        ("https://[::1", "is no URL"),
    ],
)
def test_what_is_no_source(given: str, sentence: str) -> None:
    with pytest.raises(UsageError, match=sentence) as caught:
        source_of(given, recipe="x", forge=FORGE)
    assert caught.value.hint


def test_a_password_in_a_url_is_refused_and_not_repeated() -> None:
    with pytest.raises(UsageError, match="user name or password") as caught:
        source_of("https://me:hunter2@forge.invalid/x", recipe="x", forge=FORGE)
    assert "hunter2" not in caught.value.message


def test_a_folder_that_is_no_repository(tmp_path: Path) -> None:
    (tmp_path / "plain").mkdir()
    with pytest.raises(UsageError, match="plain is no git repository"):
        clone(runner, source_of(str(tmp_path / "plain"), recipe="x", forge=FORGE), tmp_path / "clone")


def test_a_repository_without_a_commit(tmp_path: Path) -> None:
    empty = Made(tmp_path / "empty")
    empty.folder.mkdir()
    empty.git("init", "--quiet")
    with pytest.raises(UsageError, match="has no commit on its default branch"):
        cloned(empty, tmp_path / "clone")


def test_a_shallow_repository_is_refused_since_its_versions_may_lack(made: Made, tmp_path: Path) -> None:
    made.commit("second")
    made.git("clone", "--quiet", "--depth=1", f"file://{made.folder}", str(tmp_path / "shallow"))
    with pytest.raises(UsageError, match="only a part of its history") as caught:
        cloned(made, tmp_path / "clone", given=str(tmp_path / "shallow"))
    assert "--unshallow" in caught.value.hint
