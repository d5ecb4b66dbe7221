"""host.clone: files of a commit, checkouts, and what lint reads of a recipe."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from recipeci.errors import RecipeInvalid
from recipeci.model import Commit
from recipeci.recipe.lint import of_files
from recipeci.run.linting import recipe_tree

from recipe_git.made import ENV, Made, cloned, runner


def test_a_file_is_read_to_the_byte(made: Made, tmp_path: Path) -> None:
    texts = {"a": "no end of line", "b": "one\n", "c": "", "d": "ä\r\n\n\n", "e": "\n", "folder/with space": "x\ny"}
    for name, text in texts.items():
        (made.folder / name).parent.mkdir(exist_ok=True)
        (made.folder / name).write_bytes(text.encode())
    commit = made.commit("files")
    found = cloned(made, tmp_path / "clone")
    assert {name: found.read(commit, name) for name in texts} == texts


def test_what_cannot_be_read(made: Made, tmp_path: Path) -> None:
    made.write("folder/file", "x")
    made.write("large", "x" * (256 * 1024 + 1))
    commit = made.commit("files")
    found = cloned(made, tmp_path / "clone")
    for path, sentence in {
        "absent": "absent is not in",
        "folder": "is no file",
        "large": "larger than 256 KiB",
        "../x": "is no path",
        "folder/../../x": "is no path",
        "/etc/passwd": "is no path",
        "a\nb": "is no path",
    }.items():
        with pytest.raises(RecipeInvalid, match=sentence):
            found.read(commit, path)


def test_links_are_followed_inside_the_tree_only(made: Made, tmp_path: Path) -> None:
    made.write("folder/real", "real")
    links = {"inside": "folder/real", "folder/up": "../compose.yml", "out": "/etc/passwd", "up": "../../etc/passwd"}
    links |= {"dangling": "nowhere", "loop": "loop", "git": ".git/config", "folder/exact": ".."}
    for name, target in links.items():
        (made.folder / name).symlink_to(target)
    commit = made.commit("links")
    found = cloned(made, tmp_path / "clone")
    assert found.read(commit, "inside") == "real"
    assert found.read(commit, "folder/up") == "version: '3.8'\n"
    for name in ("out", "up", "dangling", "loop", "git"):
        with pytest.raises(RecipeInvalid):
            found.read(commit, name)
    entries = {entry.path: entry for entry in found.tree(commit)}
    assert {name for name, entry in entries.items() if entry.leaves_tree} == {"out", "up", "git", "loop"}
    assert entries["out"].leads_to == "/etc/passwd"
    assert entries["compose.yml"].mode == "100644"


def test_a_link_that_leaves_the_tree_is_not_checked_out(made: Made, tmp_path: Path) -> None:
    (made.folder / ".env.sample").symlink_to("/etc/hostname")
    commit = made.commit("link")
    found = cloned(made, tmp_path / "clone")
    with pytest.raises(RecipeInvalid, match=r"\.env\.sample is a link that leaves the recipe: /etc/hostname"):
        found.checkout(commit)
    assert not (found.folder / ".env.sample").is_symlink()


def test_two_links_that_leave_the_tree_only_together_are_not_checked_out(made: Made, tmp_path: Path) -> None:
    deep, up = "/".join(["d"] * 30), "/".join([".."] * 29)
    (tmp_path / "host.env").write_text("HOST_TOKEN=a-secret-of-the-host")
    (made.folder / deep).mkdir(parents=True)
    (made.folder / deep / "L").symlink_to(f"../{up}")
    (made.folder / deep / "M").symlink_to(f"L/{up}{tmp_path}/host.env")
    commit = made.commit("links")
    found = cloned(made, tmp_path / "clone")
    assert [entry.path for entry in found.tree(commit) if entry.leaves_tree] == [f"{deep}/M"]
    with pytest.raises(RecipeInvalid, match=r"d/M is a link that leaves the recipe: L/\.\./"):
        found.checkout(commit)
    assert not (found.folder / "d").exists()
    assert of_files(recipe_tree(found, commit))[0].startswith(f"{deep}/M is a link that leaves the recipe: L/../")


def test_a_link_whose_name_or_target_git_can_show_otherwise_is_judged_as_it_is(made: Made, tmp_path: Path) -> None:
    (made.folder / "a/b").mkdir(parents=True)
    (made.folder / "a/b/up\n").symlink_to("../..")
    (made.folder / "a/b/M").symlink_to("up\n/../x")
    (made.folder / "a/b/N").symlink_to("up\n")
    (made.folder / "a/b/P").symlink_to("N/../x")
    (made.folder / "a/b/O").symlink_to(os.fsdecode(b"up\xff"))
    commit = made.commit("links")
    entries = cloned(made, tmp_path / "clone").tree(commit)
    assert [entry.path for entry in entries if entry.leaves_tree] == ["a/b/M", "a/b/O", "a/b/P"]
    assert {entry.path: entry.leads_to for entry in entries}["a/b/N"] == "up\n"


def test_a_link_through_a_link_inside_the_tree_is_checked_out(made: Made, tmp_path: Path) -> None:
    made.write("folder/below/real", "real")
    (made.folder / "way").symlink_to("folder/below")
    (made.folder / "through").symlink_to("way/real")
    (made.folder / "above").symlink_to("way/../below/real")
    commit = made.commit("links")
    found = cloned(made, tmp_path / "clone")
    found.checkout(commit)
    assert {(found.folder / name).read_text() for name in ("through", "above")} == {"real"}


def test_a_submodule_is_not_checked_out(made: Made, tmp_path: Path) -> None:
    made.git("-c", "protocol.file.allow=always", "submodule", "--quiet", "add", str(made.folder), "sub")
    commit = made.commit("submodule")
    found = cloned(made, tmp_path / "clone")
    assert not (found.folder / "sub").exists()
    with pytest.raises(RecipeInvalid, match="sub is a submodule"):
        found.checkout(commit)


def test_checkout_moves_over_what_another_program_left(made: Made, tmp_path: Path) -> None:
    first = Commit(made.git("rev-parse", "HEAD"))
    made.write("new", "tracked")
    second = made.commit("second")
    found = cloned(made, tmp_path / "clone")
    found.checkout(first)
    (found.folder / "new").write_text("left by somebody, tracked in the next commit")
    (found.folder / "compose.yml").write_text("edited")
    assert set(found.changes()) == {"new", "compose.yml"}
    found.checkout(second)
    assert (found.folder / "new").read_text() == "tracked"
    assert found.changes() == ()
    assert found.head() == second


def test_head_says_where_another_program_moved_it(made: Made, tmp_path: Path) -> None:
    first = Commit(made.git("rev-parse", "HEAD"))
    second = made.commit("second")
    found = cloned(made, tmp_path / "clone")
    found.checkout(second)
    Made(found.folder).git("checkout", "--quiet", "1.0.0+1")
    assert found.head() == first


def test_lint_reads_the_sample_and_the_compose_files_that_it_names(made: Made, tmp_path: Path) -> None:
    made.write(
        ".env.sample", "COMPOSE_FILE=compose.yml\nCOMPOSE_FILE=$COMPOSE_FILE:sub/compose.db.yml:compose.gone.yml\n"
    )
    made.write("sub/compose.db.yml", "services: {}\n")
    made.write("large-and-not-asked-for", "x" * 300_000)
    commit = made.commit("sample")
    tree = recipe_tree(cloned(made, tmp_path / "clone"), commit)
    assert tree.paths == {".env.sample", "compose.yml", "sub/compose.db.yml", "large-and-not-asked-for"}
    assert set(tree.texts) == {".env.sample", "compose.yml", "sub/compose.db.yml"}
    assert of_files(tree) == (".env.sample: COMPOSE_FILE names compose.gone.yml, which is not in the recipe",)


def test_a_sample_that_leads_out_of_the_tree_is_a_finding_and_is_not_read(made: Made, tmp_path: Path) -> None:
    (made.folder / ".env.sample").symlink_to("/etc/hostname")
    commit = made.commit("link")
    tree = recipe_tree(cloned(made, tmp_path / "clone"), commit)
    assert ".env.sample" not in tree.texts
    assert of_files(tree) == (
        ".env.sample is a link that leaves the recipe: /etc/hostname",
        ".env.sample is missing: abra makes an app's env from it",
    )


def test_a_tree_that_is_too_large_to_be_a_recipes_is_refused(made: Made, tmp_path: Path) -> None:
    blob = made.git("rev-parse", "HEAD:compose.yml")
    rows = "".join(f"100644 {blob}\t{'long-' * 20}{number}\n" for number in range(9000))
    index = {**ENV, "GIT_INDEX_FILE": str(tmp_path / "index")}
    at = made.folder
    runner.run(["git", "update-index", "--index-info"], timeout=30, env=index, cwd=at, stdin=rows.encode())
    tree = runner.run(["git", "write-tree"], timeout=30, env=index, cwd=at).out.strip()
    made.git("update-ref", "refs/heads/main", made.git("commit-tree", tree, "-m", "many"))
    found = cloned(made, tmp_path / "clone")
    with pytest.raises(RecipeInvalid, match="has too many files to be a recipe's"):
        found.checkout(found.newest)
