"""recipe.discovery: what authors brought, and what becomes of it."""

from __future__ import annotations

from pathlib import Path

import pytest
from recipeci.errors import UsageError
from recipeci.model import AuthorFile, LeftOut, Tier
from recipeci.recipe.discovery import (
    NEVER_READ,
    NO_FILE,
    OF_NO_TIER,
    Brought,
    is_custom_suite,
    of_operator,
    of_repository,
    overlay_folder,
)

REFUSAL = "not allowed: why"


def lay(folder: Path, **files: str) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    for name, text in files.items():
        (folder / f"{name}.py").write_text(text, encoding="utf-8")
    return folder


def ours(path: Path) -> AuthorFile:
    return AuthorFile("recipeci", path)


def theirs(path: str) -> AuthorFile:
    return AuthorFile("repo", Path(path))


# --- the operator's overlay


def test_there_need_be_no_overlays(tmp_path: Path) -> None:
    for overlays in (None, tmp_path):
        assert of_operator(overlay_folder(overlays, recipe="x")) == Brought()


def test_a_folder_of_overlays_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="there is no such folder of overlays"):
        overlay_folder(tmp_path / "no", recipe="x")


def test_everything_of_an_overlay_is_used(tmp_path: Path) -> None:
    folder = lay(tmp_path / "x", test_install="", test_upgrade="import nothing_of_this\n", ops="", shared="no suite")
    lay(folder / "custom" / "deep", test_a="", b_test="", data="")
    (folder / "recipe.yml").write_text("{}")
    (folder / "install_steps.sh").write_text("true\n")
    assert of_operator(overlay_folder(tmp_path, recipe="x")) == Brought(
        suites={
            Tier.INSTALL: (ours(folder / "test_install.py"),),
            Tier.UPGRADE: (ours(folder / "test_upgrade.py"),),
            Tier.CUSTOM: (ours(folder / "custom/deep/b_test.py"), ours(folder / "custom/deep/test_a.py")),
        },
        hooks=(ours(folder / "ops.py"),),
        install_steps=(ours(folder / "install_steps.sh"),),
    )


def test_other_recipes_overlays_are_not_looked_at(tmp_path: Path) -> None:
    lay(tmp_path / "other", test_instal="broken (")
    assert of_operator(overlay_folder(tmp_path, recipe="x")) == Brought()


def test_a_test_file_of_no_tier_would_never_run(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"test_instal\.py is the test file of no tier") as caught:
        of_operator(lay(tmp_path, test_instal=""))
    assert caught.value.hint == "did you mean test_install.py?"


def test_a_test_file_of_the_other_form_would_never_run_either(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"upgrade_test\.py is the test file of no tier") as caught:
        of_operator(lay(tmp_path, upgrade_test=""))
    assert caught.value.hint == "did you mean test_upgrade.py?"


def test_a_test_file_far_from_any_tier(tmp_path: Path) -> None:
    with pytest.raises(UsageError) as caught:
        of_operator(lay(tmp_path, test_zzz=""))
    assert "custom/" in caught.value.hint


@pytest.mark.parametrize("kind", ["def", "async def"])
def test_a_hook_of_no_op_would_never_run(tmp_path: Path, kind: str) -> None:
    with pytest.raises(UsageError, match=r"ops\.py:2: pre_upgrad is the hook of no op") as caught:
        of_operator(lay(tmp_path, ops=f"def pre_backup(app): ...\n{kind} pre_upgrad(app): ...\n"))
    assert caught.value.hint == "hooks: pre_deploy, pre_upgrade, pre_backup, pre_restore"


def test_an_async_hook_would_never_run(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"ops\.py:2: pre_backup is `async`: nothing of it would be run") as caught:
        of_operator(lay(tmp_path, ops="async def seed(app): ...\nasync def pre_backup(app): ...\n"))
    assert caught.value.hint == "def pre_backup(app)"


def test_a_file_of_hooks_without_a_hook_would_do_nothing(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"ops\.py has no hook") as caught:
        of_operator(lay(tmp_path, ops="def seed(app): ...\n"))
    assert caught.value.hint == "hooks: pre_deploy, pre_upgrade, pre_backup, pre_restore"


@pytest.mark.parametrize(
    "text", ["from seeds import pre_backup\ndef seed(app): ...\n", "from seeds import *\ndef f(): ...\n", ""]
)
def test_hooks_may_be_imported(tmp_path: Path, text: str) -> None:
    assert [file.path.name for file in of_operator(lay(tmp_path, ops=text)).hooks] == ["ops.py"]


@pytest.mark.parametrize("where", ["", "custom"])
@pytest.mark.parametrize("text", ["x = 1\ndef broken(:\n", "x = 1\nreturn\n"])
def test_a_syntax_error_in_our_overlay_is_the_operators(tmp_path: Path, where: str, text: str) -> None:
    lay(tmp_path / where, test_install=text)
    with pytest.raises(UsageError, match=r"test_install\.py:2: "):
        of_operator(tmp_path)


@pytest.mark.filterwarnings("default:assertion is always true")
@pytest.mark.parametrize("name", ["test_install", "ops", "custom/test_a"])
def test_an_assertion_in_our_overlay_that_is_always_true_is_the_operators(tmp_path: Path, name: str) -> None:
    (tmp_path / "custom").mkdir()
    lay(tmp_path, **{name: "def pre_backup(app):\n    assert (1 == 2, 'no')\n"})
    with pytest.raises(UsageError, match=r"\.py:2: assertion is always true"):
        of_operator(tmp_path)


def test_nothing_of_an_overlay_is_run(tmp_path: Path) -> None:
    mark = tmp_path / "mark"
    text = f"open({str(mark)!r}, 'w')\n"
    of_operator(lay(tmp_path / "x", test_install=text, ops=text, conftest=text))
    assert not mark.exists()


# --- the recipe's own repository

ORDINARY = [
    "compose.yml",
    "abra.sh",
    "tests.md",
    "docs/tests/x.py",
    "config/recipe.yml.tmpl",
    "a/b/recipe.yml",
    "ops.py",
]
CODE = ["tests/custom/deep/test_a.py", "tests/install_steps.sh", "tests/ops.py", "tests/test_install.py"]
BESIDE = ["tests/conftest.py", "tests/custom/conftest.py", "tests/custom/shared.py", "tests/data.json"]


def test_nothing_of_a_repository_is_used_that_is_not_allowed_and_all_of_its_code_is_named() -> None:
    found = of_repository([*ORDINARY, *CODE, *BESIDE, "recipe.yml", "tests/recipe.yml"], refusal=REFUSAL)
    named = [(file.path, file.reason) for file in found.left_out]
    code = sorted({*CODE, *BESIDE} - {"tests/data.json"})
    assert named == [
        ("recipe.yml", NEVER_READ),
        ("tests/recipe.yml", NEVER_READ),
        *((path, REFUSAL) for path in code),
    ]
    assert (found.suites, found.hooks, found.install_steps) == ({}, (), ())


def test_what_is_allowed_is_used_and_what_lies_beside_a_suite_is_the_suites() -> None:
    found = of_repository([*ORDINARY, *CODE, *BESIDE, "recipe.yml"], refusal="")
    assert found == Brought(
        suites={Tier.CUSTOM: (theirs(CODE[0]),), Tier.INSTALL: (theirs("tests/test_install.py"),)},
        hooks=(theirs("tests/ops.py"),),
        install_steps=(theirs("tests/install_steps.sh"),),
        left_out=(LeftOut("recipe.yml", NEVER_READ),),
    )


def test_an_allowed_suite_of_no_tier_is_named_and_is_no_error_of_the_callers() -> None:
    found = of_repository(["tests/test_instal.py", "tests/a_test.py", "tests/deep/test_install.py"], refusal="")
    assert found == Brought(left_out=tuple(LeftOut(f"tests/{n}.py", OF_NO_TIER) for n in ("a_test", "test_instal")))


def test_a_link_of_the_repository_is_no_file_of_its_wherever_it_leads() -> None:
    others = ["tests/test_install.py", "tests/ops.py", "docs/link.py"]
    found = of_repository(["tests/test_upgrade.py"], others=others, refusal="")
    assert found.left_out == (LeftOut("tests/ops.py", NO_FILE), LeftOut("tests/test_install.py", NO_FILE))
    assert found.hooks == ()
    assert list(found.suites) == [Tier.UPGRADE]


def test_an_ordinary_repository_brings_nothing() -> None:
    assert of_repository(ORDINARY, refusal="") == of_repository(ORDINARY, refusal=REFUSAL) == Brought()


@pytest.mark.parametrize(
    ("path", "is_custom"),
    [
        ("tests/custom/test_a.py", True),
        ("tests/custom/deep/a_test.py", True),
        ("tests/custom/conftest.py", False),
        ("tests/custom/test_a.txt", False),
        ("tests/test_a.py", False),
        ("custom/test_a.py", False),
    ],
)
def test_what_a_custom_test_is(path: str, is_custom: bool) -> None:  # noqa: FBT001 - parametrized
    assert is_custom_suite(path) is is_custom
