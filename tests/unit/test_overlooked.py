"""recipe.overlooked: what nothing of a run would use is refused, and what tests import or read is not."""

from __future__ import annotations

from pathlib import Path

import pytest
from recipeci.errors import UsageError
from recipeci.recipe.discovery import of_operator

TEST = "def test_a(app): ...\n"
HOOKS = "def pre_backup(app): ...\n"


def lay(folder: Path, files: dict[str, str]) -> Path:
    for name, text in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text, encoding="utf-8")
    return folder


def refused(folder: Path, files: dict[str, str]) -> tuple[str, str]:
    """Return why an overlay is refused, and what to do."""
    with pytest.raises(UsageError) as caught:
        of_operator(lay(folder, files))
    return caught.value.message.replace(f"{folder}/", ""), caught.value.hint.replace(f"{folder}/", "")


# --- test files where none are looked for


@pytest.mark.parametrize(
    ("file", "hint"),
    [
        ("costum/test_pages.py", "did you mean custom/?"),
        ("Custom/pages_test.py", "did you mean custom/?"),
        ("costum/deep/test_install.py", "did you mean custom/?"),
        ("suites/test_pages.py", "tests of no tier go to custom/"),
        ("tests/test_install.py", "it is run as test_install.py"),
    ],
)
def test_a_test_file_in_an_unknown_folder_would_never_run(tmp_path: Path, file: str, hint: str) -> None:
    beside = {"test_install.py": TEST, "custom/test_b.py": TEST}
    assert refused(tmp_path, {**beside, file: TEST}) == (f"{file} is a test file that no tier runs", hint)


def test_custom_tests_behind_a_link_to_a_folder_would_never_run(tmp_path: Path) -> None:
    lay(tmp_path / "shared", {"test_a.py": TEST})
    overlay = lay(tmp_path / "x", {"custom/test_b.py": TEST})
    (overlay / "custom" / "more").symlink_to(tmp_path / "shared")
    said = "custom/more/test_a.py is never run: more is a link to a folder"
    assert refused(overlay, {}) == (said, "copy the folder")


# --- tests and hooks in files that nothing asks for them


@pytest.mark.parametrize(
    ("file", "hint"),
    [
        ("install.py", "did you mean test_install.py?"),
        ("tests_upgrad.py", "did you mean test_upgrade.py?"),
        ("pages.py", "did you mean custom/test_pages.py?"),
        ("custom/pages.py", "did you mean custom/test_pages.py?"),
        ("costum/pages.py", "did you mean custom/test_pages.py?"),
    ],
)
@pytest.mark.parametrize(
    "text", [TEST, "async def test_a(app): ...\n", "class TestA:\n    def test_a(self, app): ...\n"]
)
def test_tests_in_what_is_no_test_file_would_never_run(tmp_path: Path, file: str, text: str, hint: str) -> None:
    said, next_step = refused(tmp_path, {file: f"x = 1\n{text}"})
    assert said.startswith(f"{file}:2: ")
    assert said.endswith(f"is never run: {Path(file).name} is no test file, and no other file imports it")
    assert next_step == hint


@pytest.mark.parametrize("file", ["hooks.py", "hooks/ops.py", "custom/ops.py", "test_backup.py", "custom/test_a.py"])
def test_a_hook_outside_of_ops_would_never_be_called(tmp_path: Path, file: str) -> None:
    said = f"{file}:1: pre_backup is never called: ops.py has no such hook"
    assert refused(tmp_path, {file: HOOKS}) == (said, "hooks belong into ops.py")


def test_a_hook_that_only_a_test_could_have_imported_would_never_be_called(tmp_path: Path) -> None:
    files = {"ops.py": HOOKS, "seeds.py": "PAGE = 1\ndef pre_restore(app): ...\n", "test_restore.py": "import seeds\n"}
    assert refused(tmp_path, files)[0] == "seeds.py:2: pre_restore is never called: ops.py has no such hook"


# --- known files in the wrong place, or with nearly their names


@pytest.mark.parametrize("file", ["data/recipe.yml", "custom/install_steps.sh"])
def test_a_known_file_in_another_folder_is_never_read(tmp_path: Path, file: str) -> None:
    assert refused(tmp_path, {file: "{}"}) == (f"{file} is never read", f"it is read as {Path(file).name}")


@pytest.mark.parametrize(
    ("file", "meant"),
    [
        ("recipe.yaml", "recipe.yml"),
        ("Recipe.yml", "recipe.yml"),
        ("recipes.yml", "recipe.yml"),
        ("install-steps.sh", "install_steps.sh"),
        ("instal_steps.sh", "install_steps.sh"),
    ],
)
def test_nearly_the_name_of_a_known_file_is_never_read(tmp_path: Path, file: str, meant: str) -> None:
    assert refused(tmp_path, {file: "{}"}) == (f"{file} is never read", f"did you mean {meant}?")


# --- what tests may import and read


@pytest.mark.parametrize(
    "files",
    [
        {"README.md": "", "cert.pem": "", "seed.sh": "", "users.yml": "", "recipe.yml~": "", "recipe.yml": "{}"},
        {"support/pages.py": "def page(app): ...\n", "support/data/pages.json": "{}"},
        {"support/old.py": "print 'of another Python'\n", "custom/data/recipes.yml": ""},
        {"shared.py": TEST, "custom/test_a.py": "from shared import *\n"},
        {"support/__init__.py": TEST, "custom/test_a.py": "def test_b(app):\n    from support import test_a\n"},
        {"support/test_data.py": "", "test_install.py": "from support import test_data\n"},
        {"support/pages.py": "class TestPage:\n    url = '/'\n", "test_install.py": "import support.pages\n"},
        {"custom/conftest.py": "import pytest\n\n@pytest.fixture\ndef test_user(app): ...\n"},
        {"ops.py": "from seeds import pre_backup\n", "seeds.py": HOOKS},
        {"ops.py": "from seeds.all import *\n", "seeds/all.py": "from seeds.deep import *\n", "seeds/deep.py": HOOKS},
        {".git/hooks/test_a.py": TEST, ".venv/lib/recipe.yml": "", "__pycache__/test_a.py": TEST},
    ],
)
def test_what_tests_import_and_read_stays_where_it_is(tmp_path: Path, files: dict[str, str]) -> None:
    of_operator(lay(tmp_path, files))


def test_a_link_among_the_custom_tests_may_lead_to_what_they_read(tmp_path: Path) -> None:
    lay(tmp_path / "data", {"page.html": "", "shared.py": ""})
    overlay = lay(tmp_path / "x", {"custom/test_a.py": TEST})
    (overlay / "custom" / "data").symlink_to(tmp_path / "data")
    (overlay / "custom" / "page.html").symlink_to(tmp_path / "data" / "page.html")
    of_operator(overlay)


def test_our_own_overlays_are_used_as_they_are() -> None:
    for overlay in (Path(__file__).parents[1] / "recipes").iterdir():
        of_operator(overlay)
