"""recipe.allowlist: whose code may run. Whatever is not exactly on the list must not."""

from __future__ import annotations

from pathlib import Path

import pytest
from recipeci.errors import UsageError
from recipeci.recipe.allowlist import Allowlist, normal, read, refuse_inside

FORGE = "https://forge.test/recipes"
HERE = f"{FORGE}/x.git"


def listed(tmp_path: Path, text: str, *, forge: str = FORGE, local_code: bool = False) -> Allowlist:
    file = tmp_path / "allowlist"
    file.write_text(text)
    return read(file, forge=forge, local_code=local_code)


def refused(allowed: Allowlist, *, recipe: str = "x", source: str = HERE, local: bool = False) -> str:
    return allowed.refusal(recipe=recipe, source=source, local=local)


# --- the list


def test_lines_comments_and_blank_lines(tmp_path: Path) -> None:
    text = f"""
# the operator's
x                            # on the default forge
\ty  https://other.test:8443/a/y.git/

z {FORGE}/z#no-comment
"""
    with pytest.raises(UsageError, match="no-comment"):
        listed(tmp_path, text)
    found = listed(tmp_path, text.replace("#no-comment", ""))
    assert found.entries == {
        ("x", "https://forge.test/recipes/x"),
        ("y", "https://other.test:8443/a/y"),
        ("z", "https://forge.test/recipes/z"),
    }


@pytest.mark.parametrize("text", ["", "\n\n", "# x\n   # y\n"])
def test_an_empty_list_allows_nothing_and_says_so(tmp_path: Path, text: str) -> None:
    for allowed in (listed(tmp_path, text), Allowlist()):
        said = refused(allowed)
        assert (
            said == f"not allowed: recipe x from source {HERE} is not on the allowlist (there is none, or it is empty)"
        )


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("X", "'X' is not a recipe name"),
        ("*", "'*' is not a recipe name"),
        ("x/y", "'x/y' is not a recipe name"),
        ("\ufeffx", "'\\ufeffx' is not a recipe name"),
        ("x,y", "'x,y' is not a recipe name"),
        ("x y z", "3 words"),
        ("x y", "'y' is not the https:// address of a repository"),
        ("x /srv/x", "'/srv/x' is not the https:// address"),
        ("x file:///srv/x", "is not the https:// address"),
        ("x ssh://forge.test/x", "is not the https:// address"),
        ("x https://", "'https://' is not the https:// address"),
        ("x https://forge.test:port/x", "is not the https:// address"),
        ("x https://[::1/x", "is not the https:// address"),
        ("x https://forge.test/x?a=b", "is not the https:// address"),
        ("x https://för.ge/x", "is not the https:// address"),
        ("x https://me:hunter2@forge.test/x", "a source with a user name or password in it"),
    ],
)
def test_a_bad_line_is_one_sentence_with_its_number(tmp_path: Path, line: str, said: str) -> None:
    with pytest.raises(UsageError) as caught:
        listed(tmp_path, f"# first\n\n{line}\n")
    assert caught.value.message.startswith(f"the allowlist {tmp_path}/allowlist, line 3: ")
    assert said in caught.value.message
    assert "hunter2" not in caught.value.message
    assert caught.value.hint == "a line is `RECIPE` or `RECIPE https://…`"


def test_a_list_that_was_named_must_be_there_and_be_text(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"the allowlist .*nowhere: No such file"):
        read(tmp_path / "nowhere", forge=FORGE, local_code=False)
    with pytest.raises(UsageError, match="Is a directory"):
        read(tmp_path, forge=FORGE, local_code=False)
    (tmp_path / "bytes").write_bytes(b"x\xff\n")
    with pytest.raises(UsageError, match="is no text in UTF-8"):
        read(tmp_path / "bytes", forge=FORGE, local_code=False)


# --- the gate


@pytest.mark.parametrize(
    "source",
    [
        "https://forge.test/recipes/x",
        "https://forge.test/recipes/x/",
        "https://forge.test/recipes/x.git",
        "https://forge.test/recipes/x.git/",
        "HTTPS://Forge.Test/recipes/x",
        "https://forge.test:443/recipes/x.git",
    ],
)
def test_the_same_source_in_other_words(tmp_path: Path, source: str) -> None:
    assert refused(listed(tmp_path, "x\n"), source=source) == ""
    assert refused(listed(tmp_path, f"x {source}\n")) == ""


@pytest.mark.parametrize(
    "source",
    [
        "https://forge.test/someone/x.git",
        "https://forge.test/recipes/x2",
        "https://forge.test/recipes/X",
        "https://forge.test/recipes/x.git.git",
        "https://forge.test/recipes/x/.git",
        "https://forge.test/recipes/x/y",
        "https://forge.test/recipes/../someone/x",
        "https://forge.test//recipes/x",
        "https://forge.test/recipes/x?y",
        "https://forge.test/recipes/x#y",
        "https://forge.test/recipes/%78",
        "https://forge.test/recipes/x\u00a0",
        "https://forge.test/recipes/x\n",
        "https://forge.test.evil.test/recipes/x",
        "https://forge.test./recipes/x",
        "https://evil.test/https://forge.test/recipes/x",
        "https://forge.test@evil.test/recipes/x",
        "https://me@forge.test/recipes/x",
        "https://evil.test\\@forge.test/recipes/x",
        "https://forge.tes\u212a/recipes/x",
        "https://forge.test:8443/recipes/x",
        "http://forge.test/recipes/x",
        "http://forge.test:443/recipes/x",
        "ssh://forge.test/recipes/x",
        "forge.test:recipes/x",
        "/forge.test/recipes/x",
        "x",
        " ",
    ],
)
def test_another_source_of_an_allowed_recipe_is_refused(tmp_path: Path, source: str) -> None:
    said = refused(listed(tmp_path, "x\n"), source=source)
    assert said.startswith(f"not allowed: recipe x from source {source} is not on the allowlist")
    assert said.endswith(", which has it from https://forge.test/recipes/x")


@pytest.mark.parametrize("recipe", ["y", "xx", "X", "x ", "", "*"])
def test_another_recipe_of_an_allowed_source_is_refused(tmp_path: Path, recipe: str) -> None:
    allowed = listed(tmp_path, f"x\nz {HERE}\n")
    assert refused(allowed, recipe=recipe).startswith("not allowed: ")
    assert refused(allowed, recipe="z") == ""


def test_a_folder_needs_its_own_permission_whatever_is_on_the_list(tmp_path: Path) -> None:
    text = "x\nx https://forge.test/srv/x\n"
    said = "not allowed: code from a folder runs only with --allow-local-code"
    assert refused(listed(tmp_path, text), source="/srv/x", local=True) == said
    assert refused(listed(tmp_path, text), source=HERE, local=True) == said
    assert refused(listed(tmp_path, "", local_code=True), source="/srv/x", local=True) == ""
    assert refused(Allowlist(local_code=True), source="/srv/x", local=True) == ""


def test_the_permission_of_folders_allows_no_other_source() -> None:
    assert refused(Allowlist(local_code=True)).startswith("not allowed: recipe x from source https://")


def test_an_unknown_source_is_refused(tmp_path: Path) -> None:
    allowed = listed(tmp_path, "x\n", local_code=True)
    for local in (True, False):
        assert refused(allowed, source="", local=local) == "not allowed: the source of recipe x is not known"


@pytest.mark.parametrize("forge", ["/srv/forge", "file:///srv/forge", "", "ssh://forge.test"])
def test_a_default_forge_that_is_no_web_address_allows_nothing_by_name_alone(tmp_path: Path, forge: str) -> None:
    with pytest.raises(UsageError, match=r"line 1: '.*x' is not the https:// address of a repository"):
        listed(tmp_path, "x\n", forge=forge)


@pytest.mark.parametrize("source", ["/srv/x", "x", "ssh://forge.test/x", "https://me@forge.test/x"])
def test_what_has_no_normal_form_is_on_no_list_not_even_on_one_with_nothing_for_a_source(source: str) -> None:
    assert refused(Allowlist(frozenset({("x", "")})), source=source)


@pytest.mark.parametrize("url", ["https://[::1]/x", "https://[::1]:8443/x", "http://127.0.0.1:3000/x"])
def test_addresses_of_loopback_have_their_own_form(url: str) -> None:
    assert normal(url) == normal(f"{url}.git") == url


# --- where the list may be


def test_a_list_in_the_tree_under_test_is_refused_however_it_is_reached(tmp_path: Path) -> None:
    tree, other = tmp_path / "tree", tmp_path / "other"
    for folder in (tree / "deep", other):
        folder.mkdir(parents=True)
    for file in (tree / "list", tree / "deep" / "list", other / "list"):
        file.touch()
    (other / "to_file").symlink_to(tree / "list")
    (other / "to_tree").symlink_to(tree)
    (tree / "to_other").symlink_to(other)
    (tree / "to_list").symlink_to(other / "list")
    inside = ["tree/list", "tree/deep/list", "tree/none", "other/to_file", "other/to_tree/list", "other/../tree/list"]
    for path in (*inside, "tree/to_other/list", "tree/to_list", "other/to_tree/to_list"):
        for where in (tree, other / "to_tree"):
            with pytest.raises(UsageError, match="the repository under test, which must not allow itself"):
                refuse_inside(tmp_path / path, where)
    for path in ("other/list", "list", "tree/../other/list", "treelist"):
        refuse_inside(tmp_path / path, tree)
