"""host.git and sources that are too large: what is fetched has a limit, and what is checked out."""

from __future__ import annotations

import random
from pathlib import Path

import pytest
from recipeci.errors import HostError, RecipeInvalid
from recipeci.host.clone import Clone
from recipeci.host.git import clone, source_of

from recipe_git.forges import forge_of
from recipe_git.made import FORGE, Made, runner

LIMIT = 1_000_000
"""More than what git writes besides, less than what `add_large` adds."""


def within(made: Made, into: Path) -> Clone:
    return clone(runner, source_of(str(made.folder), recipe="recipe", forge=FORGE), into, most_bytes=LIMIT)


def add_large(made: Made, *, files: int = 1) -> None:
    """Add 2 MB that cannot be compressed, in one file or in several that are each smaller than the limit."""
    noise = random.Random(1)  # noqa: S311 - the same bytes each time
    for number in range(files):
        (made.folder / f"large{number}").write_bytes(noise.randbytes(2 * LIMIT // files))


def size_of(folder: Path) -> int:
    return sum(file.stat().st_size for file in folder.rglob("*") if file.is_file())


def test_a_folder_that_is_too_large_is_not_cloned(made: Made, tmp_path: Path) -> None:
    within(made, tmp_path / "before")  # the control: it is the size
    add_large(made)
    made.commit("large")
    with pytest.raises(HostError, match=r"recipe is larger than 0\.001 GB and was not fetched") as caught:
        within(made, tmp_path / "clone")
    assert caught.value.exit_code == 3
    assert "source: max_gb" in caught.value.hint
    assert not (tmp_path / "clone").exists()


def test_a_forge_that_sends_too_much_is_hung_up_on(made: Made, tmp_path: Path) -> None:
    add_large(made)
    made.commit("large")
    made.git("clone", "--quiet", "--mirror", ".", str(tmp_path / "forge" / "recipe.git"))
    with forge_of(tmp_path / "forge") as forge:
        source = source_of(None, recipe="recipe", forge=forge)
        with pytest.raises(HostError, match=r"recipe\.git is larger than 0\.001 GB and was not fetched"):
            clone(runner, source, tmp_path / "clone", most_bytes=LIMIT)
    assert not (tmp_path / "clone").exists()


@pytest.mark.parametrize("files", [1, 8])  # git would write a few small ones one by one
def test_a_tag_that_brings_too_much(made: Made, tmp_path: Path, files: int) -> None:
    made.git("checkout", "--quiet", "--orphan", "aside")
    add_large(made, files=files)
    made.commit("large")
    made.git("tag", "2.0.0+1")
    made.git("checkout", "--quiet", "main")
    made.git("branch", "--quiet", "-D", "aside")
    with pytest.raises(HostError, match=r"larger than 0\.001 GB"):
        within(made, tmp_path / "clone")
    assert size_of(tmp_path / "clone") < 1.5 * LIMIT


def test_a_commit_that_brings_too_much(made: Made, tmp_path: Path) -> None:
    found = within(made, tmp_path / "clone")
    made.git("checkout", "--quiet", "--detach")
    add_large(made)
    wanted = made.commit("large")
    with pytest.raises(HostError, match=r"larger than 0\.001 GB"):
        found.get(wanted)


def test_what_is_small_on_its_way_and_large_on_the_disk_is_not_checked_out(made: Made, tmp_path: Path) -> None:
    for name in ("a", "b"):  # each for itself is small enough
        (made.folder / name).write_bytes(bytes(LIMIT * 6 // 10))
    commit = made.commit("zeros")
    found = within(made, tmp_path / "clone")
    with pytest.raises(RecipeInvalid, match=rf"the files of {commit} take more than 0\.001 GB"):
        found.checkout(commit)
    assert size_of(found.folder) < LIMIT // 10
