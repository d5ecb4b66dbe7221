"""recipe.discovery: what authors brought, and what becomes of it."""

from __future__ import annotations

from pathlib import Path

import pytest
from recipeci.errors import UsageError
from recipeci.model import LeftOut
from recipeci.recipe.discovery import NEVER_READ, NOT_ALLOWED, NOT_YET, of_repository, overlay


def lay(folder: Path, **files: str) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for name, text in files.items():
        (folder / f"{name}.py").write_text(text, encoding="utf-8")


def test_there_need_be_no_overlays(tmp_path: Path) -> None:
    assert overlay(None, recipe="x").left_out == ()
    assert overlay(tmp_path, recipe="x").left_out == ()


def test_a_folder_of_overlays_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="there is no such folder of overlays"):
        overlay(tmp_path / "no", recipe="x")


def test_everything_of_an_overlay_is_named_until_suites_are_run(tmp_path: Path) -> None:
    folder = tmp_path / "x"
    lay(folder, test_install="", test_upgrade="import nothing_of_this\n", ops="", shared="not a suite")
    lay(folder / "custom" / "deep", test_a="", b_test="", data="")
    (folder / "recipe.yml").write_text("{}")
    found = overlay(tmp_path, recipe="x")
    assert found.folder == folder
    wanted = ["test_install.py", "test_upgrade.py", "custom/deep/b_test.py", "custom/deep/test_a.py", "ops.py"]
    assert found.left_out == tuple(LeftOut(str(folder / name), NOT_YET) for name in wanted)


def test_other_recipes_overlays_are_not_looked_at(tmp_path: Path) -> None:
    lay(tmp_path / "other", test_instal="broken (")
    assert overlay(tmp_path, recipe="x").left_out == ()


def test_a_test_file_of_no_tier_would_never_run(tmp_path: Path) -> None:
    lay(tmp_path / "x", test_instal="")
    with pytest.raises(UsageError, match=r"test_instal\.py is the test file of no tier") as caught:
        overlay(tmp_path, recipe="x")
    assert caught.value.hint == "did you mean test_install.py?"


def test_a_test_file_far_from_any_tier(tmp_path: Path) -> None:
    lay(tmp_path / "x", test_zzz="")
    with pytest.raises(UsageError) as caught:
        overlay(tmp_path, recipe="x")
    assert "custom/" in caught.value.hint


@pytest.mark.parametrize("where", ["", "custom"])
def test_a_syntax_error_in_our_overlay_is_the_operators(tmp_path: Path, where: str) -> None:
    lay(tmp_path / "x" / where, test_install="x = 1\ndef broken(:\n")
    with pytest.raises(UsageError, match=r"test_install\.py:2: "):
        overlay(tmp_path, recipe="x")


def test_nothing_of_an_overlay_is_run(tmp_path: Path) -> None:
    mark = tmp_path / "mark"
    lay(tmp_path / "x", test_install=f"open({str(mark)!r}, 'w')\n", ops=f"open({str(mark)!r}, 'w')\n")
    overlay(tmp_path, recipe="x")
    assert not mark.exists()


def test_what_the_recipes_repository_brings_is_named_with_the_reason() -> None:
    paths = ["tests/test_install.py", "tests/custom/test_a.py", "tests/ops.py", "tests/install_steps.sh"]
    ordinary = ["compose.yml", "abra.sh", "tests.md", "docs/tests/x.py", "config/recipe.yml.tmpl", "a/b/recipe.yml"]
    found = of_repository([*ordinary, *paths, "recipe.yml", "tests/recipe.yml"])
    assert found == (
        LeftOut("recipe.yml", NEVER_READ),
        LeftOut("tests/custom/test_a.py", NOT_ALLOWED),
        LeftOut("tests/install_steps.sh", NOT_ALLOWED),
        LeftOut("tests/ops.py", NOT_ALLOWED),
        LeftOut("tests/recipe.yml", NEVER_READ),
        LeftOut("tests/test_install.py", NOT_ALLOWED),
    )


def test_an_ordinary_repository_brings_nothing() -> None:
    assert of_repository(["compose.yml", ".env.sample", "README.md"]) == ()
