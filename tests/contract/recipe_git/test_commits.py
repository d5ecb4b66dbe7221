"""host.clone: the tags and commits of a clone, and those that it must ask for."""

from __future__ import annotations

from pathlib import Path

import pytest
from recipeci.errors import RecipeInvalid, UsageError
from recipeci.model import Commit, Tag

from recipe_git.made import Made, cloned


def test_tags_have_their_commit_and_their_kind(made: Made, tmp_path: Path) -> None:
    second = made.commit("second")
    made.git("tag", "1.1.0+2")
    made.git("tag", "-a", "nested", "1.0.0+1", "-m", "a tag of a tag")
    made.git("tag", "-a", "of-a-tree", "HEAD^{tree}", "-m", "no commit")
    made.git("checkout", "--quiet", "--orphan", "side")
    aside = made.commit("on a branch that nobody merged")
    made.git("tag", "-a", "0.9.0+1", "-m", "x")
    made.git("checkout", "--quiet", "main")
    made.git("branch", "--quiet", "-D", "side")
    found = cloned(made, tmp_path / "clone")
    first = Commit(made.git("rev-parse", "1.0.0+1^{commit}"))
    assert set(found.tags()) == {
        Tag("1.0.0+1", first, annotated=True),
        Tag("1.1.0+2", second, annotated=False),
        Tag("nested", first, annotated=True),
        Tag("0.9.0+1", aside, annotated=True),
    }
    assert set(found.reachable_tags(second)) == {"1.0.0+1", "1.1.0+2", "nested"}
    assert set(found.reachable_tags(first)) == {"1.0.0+1", "nested"}


def test_a_recipe_without_tags(made: Made, tmp_path: Path) -> None:
    made.git("tag", "-d", "1.0.0+1")
    found = cloned(made, tmp_path / "clone")
    assert found.tags() == ()
    assert found.reachable_tags(found.newest) == ()


def test_a_commit_that_no_branch_holds_is_asked_for_by_its_sha(made: Made, tmp_path: Path) -> None:
    made.git("checkout", "--quiet", "--detach")
    made.write("of-the-pull-request", "x")
    wanted = made.commit("pull request")
    made.git("update-ref", "refs/pull/7/head", str(wanted))
    made.git("checkout", "--quiet", "main")
    found = cloned(made, tmp_path / "clone")
    with pytest.raises(RecipeInvalid):  # the control: the clone alone does not have it
        found.read(wanted, "of-the-pull-request")
    found.get(wanted)
    found.checkout(wanted)
    assert found.head() == wanted
    assert (found.folder / "of-the-pull-request").read_text() == "x"


def test_a_sha_that_is_not_there(made: Made, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=f"has no commit {'e' * 40}"):
        cloned(made, tmp_path / "clone").get(Commit("e" * 40))


def test_a_source_that_is_gone_is_not_said_to_lack_the_commit(made: Made, tmp_path: Path) -> None:
    found = cloned(made, tmp_path / "clone")
    made.folder.rename(tmp_path / "moved")
    with pytest.raises(UsageError, match="is no git repository"):
        found.get(Commit("e" * 40))


def test_a_sha_that_is_no_commits(made: Made, tmp_path: Path) -> None:
    tree = Commit(made.git("rev-parse", "HEAD^{tree}"))
    with pytest.raises(UsageError, match="no commit"):
        cloned(made, tmp_path / "clone").get(tree)


def test_branches_and_short_shas_are_found_for_the_hint(made: Made, tmp_path: Path) -> None:
    found = cloned(made, tmp_path / "clone")
    assert found.branch("main") == found.newest
    assert found.branch("no-such") is None
    assert found.branch("a b\n..") is None
    assert found.starting_with(str(found.newest)[:7]) == (found.newest,)
    assert found.starting_with("0000000") == ()
    tree = made.git("rev-parse", "HEAD^{tree}")
    assert found.starting_with(tree[:10]) == ()
