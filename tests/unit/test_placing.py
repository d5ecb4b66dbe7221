"""run.placing against real git: what a child finds of each source's files, and what it does not."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

import pytest
from recipeci.errors import RecipeInvalid
from recipeci.host.clone import Clone
from recipeci.host.command import LocalRunner
from recipeci.host.git import clone, source_of
from recipeci.model import AuthorFile
from recipeci.run.placing import Placing

ENV = {"PATH": os.defpath, "HOME": "/nonexistent", "GIT_CONFIG_NOSYSTEM": "1"} | {
    f"GIT_{who}_{what}": "maker@test" for who in ("AUTHOR", "COMMITTER") for what in ("NAME", "EMAIL")
}
BINARY = bytes(range(256)) * 4096


def repository(folder: Path, files: Mapping[str, bytes], links: Mapping[str, str] | None = None) -> Clone:
    """Make a recipe with these files, and clone it."""
    source = folder / "recipe"
    for name, data in files.items():
        (source / name).parent.mkdir(parents=True, exist_ok=True)
        (source / name).write_bytes(data)
    for name, target in (links or {}).items():
        (source / name).symlink_to(target)

    def git(*args: str) -> None:
        LocalRunner().run(["git", "-C", str(source), *args], timeout=30, env=ENV)

    git("init", "--quiet", "-b", "main")
    git("add", "--all")
    git("commit", "--quiet", "-m", "recipe")
    return clone(LocalRunner(), source_of(str(source), recipe="x", forge="https://forge.invalid"), folder / "clone")


def placing(tmp_path: Path, found: Clone, *, overlay: Path | None = None, secrets: tuple[bytes, ...] = ()) -> Placing:
    return Placing(tmp_path / "placed", overlay=overlay, secrets=secrets, clone=found, target=found.newest)


def laid_down(root: Path) -> set[str]:
    return {str(path.relative_to(root)) for path in root.rglob("*") if path.is_symlink() or path.is_file()}


def test_a_repositorys_tests_come_from_the_commit_whatever_the_working_tree_holds(tmp_path: Path) -> None:
    files = {"compose.yml": b"", "tests/test_install.py": b"right", "tests/custom/data.bin": BINARY}
    found = repository(tmp_path, files)
    found.checkout(found.newest)
    (found.folder / "tests" / "test_install.py").write_text("wrong")
    placed = placing(tmp_path, found).placed(AuthorFile("repo", Path("tests/test_install.py")))
    assert (placed.source, placed.name, placed.origin) == ("repo", "tests/test_install.py", "tests")
    assert placed.file.read_bytes() == b"right"
    assert (placed.root / "custom" / "data.bin").read_bytes() == BINARY
    assert laid_down(placed.root) == {"test_install.py", "custom/data.bin"}
    assert laid_down(placed.root.parent) == {"tests/test_install.py", "tests/custom/data.bin"}
    assert found.head() == found.newest
    assert found.changes() == ("tests/test_install.py",)  # neither the working tree nor its index was touched


def test_links_that_leave_the_recipe_are_not_laid_down(tmp_path: Path) -> None:
    links = {"tests/out": "/etc/passwd", "tests/up": "../../x", "tests/beside": "ops.py"}
    found = repository(tmp_path, {"tests/ops.py": b"code"}, links)
    placed = placing(tmp_path, found).placed(AuthorFile("repo", Path("tests/ops.py")))
    assert laid_down(placed.root) == {"ops.py", "beside"}
    assert (placed.root / "beside").read_bytes() == b"code"


def test_an_overlay_comes_without_recipe_yml_and_the_files_of_its_secrets(tmp_path: Path) -> None:
    overlay = tmp_path / "overlays" / "x"
    for name, text in {
        "recipe.yml": "secrets: {}",
        "test_install.py": "code",
        "cert.pem": "private",
        "custom/test_a.py": "more",
        "custom/__pycache__/test_a.pyc": "",
        "data.sql": "select 1",
    }.items():
        (overlay / name).parent.mkdir(parents=True, exist_ok=True)
        (overlay / name).write_text(text)
    place = placing(tmp_path, repository(tmp_path, {"a": b""}), overlay=overlay, secrets=(b"private",))
    placed = place.placed(AuthorFile("recipeci", overlay / "custom" / "test_a.py"))
    assert laid_down(placed.root) == {"test_install.py", "custom/test_a.py", "data.sql"}
    assert placed.name == str(overlay / "custom" / "test_a.py")
    assert placed.original(f"{placed.file}:1") == f"{placed.name}:1"


def test_every_user_can_read_and_nobody_can_write_whatever_the_umask(tmp_path: Path) -> None:
    before = os.umask(0o077)
    try:
        found = repository(tmp_path, {"tests/a.py": b"", "tests/custom/b.py": b""})
        placed = placing(tmp_path, found).placed(AuthorFile("repo", Path("tests/a.py")))
    finally:
        os.umask(before)
    folders = [tmp_path / "placed", placed.root.parent, placed.root, placed.root / "custom"]
    assert {path.stat().st_mode & 0o777 for path in folders} == {0o755}
    assert {path.stat().st_mode & 0o777 for path in placed.root.rglob("*.py")} == {0o644}


def test_what_an_earlier_attempt_left_is_gone(tmp_path: Path) -> None:
    found = repository(tmp_path, {"tests/a.py": b""})
    old = tmp_path / "placed" / "repo" / "tests" / "conftest.py"
    old.parent.mkdir(parents=True)
    old.write_text("of another attempt")
    placed = placing(tmp_path, found).placed(AuthorFile("repo", Path("tests/a.py")))
    assert laid_down(placed.root) == {"a.py"}


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    place = placing(tmp_path, repository(tmp_path, {"tests/a.py": b""}))
    with pytest.raises(RecipeInvalid, match=r"tests/b\.py is not among the files of repo"):
        place.placed(AuthorFile("repo", Path("tests/b.py")))


def test_the_generic_suites_are_where_the_package_is(tmp_path: Path) -> None:
    from recipeci.author import generic  # noqa: PLC0415 - only here

    file = Path(generic.__file__).with_name("test_install.py")
    placed = placing(tmp_path, repository(tmp_path, {"a": b""})).placed(AuthorFile("generic", file))
    assert (placed.file, placed.root, placed.name) == (file, file.parent, "test_install.py")
    assert not (tmp_path / "placed").exists()
