"""host.treelinks: where a link of a tree leads, judged from the tree alone."""

from __future__ import annotations

from collections.abc import Mapping

import pytest
from recipeci.host.treelinks import leaves

DEEP = "/".join(["d"] * 30)
UP = "/".join([".."] * 29)
TO_ROOT = {f"{DEEP}/L": f"../{UP}"}


@pytest.mark.parametrize(
    ("target", "links"),
    [
        ("/etc/passwd", {}),
        ("../../x", {}),
        ("..", {"a/m": "folder/way", "a/folder/way": "../../.."}),
        ("../../tree/x", {}),  # it comes back, if the tree's folder is called so
        (".git/config", {}),
        ("way/config", {"a/way": "../.git"}),
        ("m", {}),
        ("n", {"a/n": "m"}),
        ("way/..", {"a/way": "../a/way/x"}),
        ("way/../..", {"a/way": "../b"}),
        ("way/x", {"a/way": "/"}),
        ("/".join(["x"] * 3000), {}),
        (r"b\xff", {}),
        ("way", {r"a/way": r"\xff"}),
    ],
)
def test_a_link_that_leaves(target: str, links: Mapping[str, str]) -> None:
    assert leaves("a/m", {"a/m": target, **links})


@pytest.mark.parametrize(
    ("target", "links"),
    [
        ("x", {}),
        ("../x", {}),
        ("..", {}),
        (".", {}),
        ("./b//c/../x", {}),
        ("gone", {}),
        ("way/x", {"a/way": "../b"}),
        ("way/../x", {"a/way": "../b/c"}),
        ("../b/way/../../x", {"b/way": "deep/er"}),
        ("one", {"a/one": "two", "a/two": "../three", "three": "x"}),
        ("../.github/x", {}),
    ],
)
def test_a_link_that_stays(target: str, links: Mapping[str, str]) -> None:
    assert not leaves("a/m", {"a/m": target, **links})


def test_two_links_that_stay_by_their_letters_lead_out_together() -> None:
    links = {**TO_ROOT, f"{DEEP}/M": f"L/{UP}/host.env"}
    assert not leaves(f"{DEEP}/L", links)
    assert leaves(f"{DEEP}/M", links)


def test_a_name_that_is_not_shown_to_the_byte_leaves_itself() -> None:
    assert leaves(r"L\xff", {r"L\xff": "x"})


def test_a_file_that_lies_below_no_link_stays() -> None:
    assert not leaves("a/b", {"a/m": "/etc"})
