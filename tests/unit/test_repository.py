"""lab.repository: recipe repositories made from folders, always with the same shas."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from lab import repository
from recipeci.host.command import LocalRunner

LAB = Path(__file__).parents[1] / "lab" / "recipes"
CANARIES = Path(__file__).parents[1] / "canaries"
RECIPES = sorted(file.parent for folder in (LAB, CANARIES) for file in folder.glob("*/history.yml"))
runner = LocalRunner()


def git(path: Path, *arguments: str) -> str:
    return runner.run(["git", *arguments], timeout=30, cwd=path).out.strip()


def recipe(folder: Path, history: str) -> Path:
    """Write a recipe of one file that says `hello`, with the given history."""
    (folder / "first").mkdir()
    (folder / "first" / "greeting").write_text("hello\n")
    (folder / "history.yml").write_text("about: a test\nsteps:\n" + history)
    return folder


FIRST = "  - {message: one, lay: [first], tag: 1.0.0+1.0.0}\n"


def test_the_same_folder_gives_the_same_shas(tmp_path: Path) -> None:
    built = [repository.build(LAB / "custom-html", tmp_path / name).commits for name in ("one", "two")]
    assert built[0] == built[1]
    assert len(built[0]) == 3


@pytest.mark.parametrize("bare", [False, True])
def test_custom_html_has_two_annotated_tags_and_a_head_that_has_none(tmp_path: Path, *, bare: bool) -> None:
    built = repository.build(LAB / "custom-html", tmp_path / "r", bare=bare)
    listed = git(built.path, "for-each-ref", "--format=%(refname:short) %(objecttype)", "refs/tags").splitlines()
    assert listed == ["0.9.0+1.22.1 tag", "1.0.0+1.22.1 tag"]
    assert git(built.path, "rev-parse", "1.0.0+1.22.1^{commit}") == built.tags["1.0.0+1.22.1"] == built.commits[1]
    assert git(built.path, "rev-parse", "HEAD", "main").split() == [built.head] * 2
    assert git(built.path, "rev-parse", "--is-bare-repository") == str(bare).lower()
    assert "nginx:1.26.3" in git(built.path, "show", "HEAD:compose.yml")


@pytest.mark.parametrize("folder", RECIPES, ids=lambda folder: folder.name)
def test_each_recipe_of_the_lab_can_be_made(tmp_path: Path, folder: Path) -> None:
    built = repository.build(folder, tmp_path / "r")
    assert git(built.path, "status", "--porcelain") == ""
    assert git(built.path, "rev-list", "--count", "HEAD") == str(len(built.commits))


def test_a_step_starts_from_the_tree_of_the_one_before(tmp_path: Path) -> None:
    (tmp_path / "second").mkdir()
    (tmp_path / "second" / "more").write_text("more\n")
    folder = recipe(tmp_path, FIRST + "  - {message: two, lay: [second]}\n  - {message: three, remove: [greeting]}\n")
    built = repository.build(folder, tmp_path / "r")
    names = [git(built.path, "ls-tree", "--name-only", commit).split() for commit in built.commits]
    assert names == [["greeting"], ["greeting", "more"], ["more"]]


def test_a_change_that_leaves_size_and_times_as_they_were_is_committed(tmp_path: Path) -> None:
    """Folders out of one checkout have files of the same second, which git would take for unchanged."""
    folder = recipe(tmp_path, FIRST + "  - {message: two, lay: [second]}\n")
    (folder / "second").mkdir()
    (folder / "second" / "greeting").write_text("HELLO\n")
    for name in ("first", "second"):
        os.utime(folder / name / "greeting", (1_000_000_000, 1_000_000_000))
    built = repository.build(folder, tmp_path / "r")
    assert [git(built.path, "show", f"{commit}:greeting") for commit in built.commits] == ["hello", "HELLO"]


def test_a_lightweight_tag_is_one(tmp_path: Path) -> None:
    folder = recipe(tmp_path, "  - {message: one, lay: [first], lightweight: 1.0.0+1.0.0}\n")
    built = repository.build(folder, tmp_path / "r")
    assert git(built.path, "cat-file", "-t", "1.0.0+1.0.0") == "commit"


@pytest.mark.parametrize(("old", "times"), [("goodbye", 0), ("l", 2)])
def test_an_edit_that_does_not_match_exactly_once_is_refused(tmp_path: Path, old: str, times: int) -> None:
    folder = recipe(tmp_path, FIRST + f"  - {{message: two, edit: [{{in: greeting, old: {old}, new: x}}]}}\n")
    with pytest.raises(ValueError, match=f"greeting: '{old}' is there {times} times, not once"):
        repository.build(folder, tmp_path / "r")


@pytest.mark.parametrize(
    ("step", "sentence"),
    [
        ("{message: one, lay: [first], tags: 1.0.0+1.0.0}", "history.yml: unknown: tags; known: edit"),
        ("{message: one, lay: [nowhere]}", "history.yml: no such folder: .*/nowhere"),
        ("{message: one}", "history.yml: step 'one' changes nothing"),
        ("{lay: [first]}", "history.yml: 'message'"),
    ],
)
def test_a_history_with_a_mistake_is_refused_by_name(tmp_path: Path, step: str, sentence: str) -> None:
    with pytest.raises(ValueError, match=sentence):
        repository.read(recipe(tmp_path, f"  - {step}\n"))


def test_the_program_prints_the_head(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    repository.main([str(LAB / "custom-html"), str(tmp_path / "r"), "--bare"])
    assert capsys.readouterr().out.strip() == git(tmp_path / "r", "rev-parse", "main")
