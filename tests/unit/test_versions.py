"""recipe.versions: what is a version, and which is newer."""

from __future__ import annotations

import itertools
import random

import pytest
from recipeci.model import Commit, Tag
from recipeci.recipe.versions import Version, is_version, nearest, newest, own_version, published

ONE = Commit("1" * 40)

OLDEST_FIRST = [
    "0.1.0+1.0",
    "0.9.10+5.0.0",
    "0.10.0+4.0.0",
    "1.0.0-rc1+2.0.0",
    "1.0.0-rc2+2.0.0",
    "1.0.0-rc10+2.0.0",
    "1.0.0",
    "1.0.0+latest",
    "1.0.0+1.2.0-alpine",
    "1.0.0+1.10.0",
    "v1.0.1+0.0.1",
    "1.7.1+1.27.2",
    "1.7+1.27.3",
    "1.10.0+1.28.0",
    "1.13.0+1.31.1",
    "1+2",
    "2.0.1+1.0.6-social-amd64",
    "2.0.1+1.0.6-social-arm64",
    "2.0.2+v1.6.870-0",
    "2.0.2+v1.6.1000-0",
    "10.0.0+1",
]


def test_every_pair_is_in_abras_order() -> None:
    for older, newer in itertools.combinations(OLDEST_FIRST, 2):
        assert Version(older) < Version(newer), (older, newer)
        assert not Version(newer) < Version(older), (older, newer)


def test_any_shuffle_sorts_to_the_same_order() -> None:
    dice = random.Random(7)  # noqa: S311 - a shuffle, no secret
    for _ in range(50):
        names = dice.sample(OLDEST_FIRST, len(OLDEST_FIRST))
        assert [version.text for version in sorted(map(Version, names))] == OLDEST_FIRST


def test_two_texts_are_never_level() -> None:
    assert Version("1.0.0+1") != Version("v1.0.0+1")
    assert Version("1.0.0+1") < Version("v1.0.0+1")
    assert Version("1.0.0+01") < Version("1.0.0+1")


@pytest.mark.parametrize("text", ["1.2.0+3.4.5", "1.0.0+v1.6.870-0", "v2.0.0+1", "1", "1.2", "1.2.3-rc1", "0.0.0+x_y"])
def test_what_abra_takes_for_a_version(text: str) -> None:
    assert is_version(text)
    assert str(Version(text)) == text


@pytest.mark.parametrize(
    "text",
    [
        "",
        "main",
        "latest",
        "next",
        "+1.0",
        "1.0.0+",
        "1.0.0++1",
        "1.0.0+1+2",
        "1.2.3.4+5",
        "1..2+3",
        "-1.0.0",
        "1.0.0 +1",
        "1.0.0+1\n",
        "V1.0.0",
        "vv1.0.0",
        "2024-01-05",
        "20240105",
        "1234567",
        "4f0c1a2b",
        "1.0.0+../../x",
        "9" * 19,
    ],
)
def test_what_is_no_version(text: str) -> None:
    assert not is_version(text)
    with pytest.raises(ValueError, match="is no version"):
        Version(text)


def test_published_sorts_keeps_commit_and_kind_and_passes_over_other_tags() -> None:
    two = Commit("2" * 40)
    found = published(
        [Tag("1.10.0+1", two, annotated=False), Tag("backup", ONE, annotated=True), Tag("1.9.0+2", ONE, annotated=True)]
    )
    assert [(one.version.text, one.commit, one.annotated) for one in found] == [
        ("1.9.0+2", ONE, True),
        ("1.10.0+1", two, False),
    ]


def test_own_version_of_a_tagged_commit_is_its_newest_version_tag() -> None:
    own = own_version(tagged=["1.0.0+1", "stable", "1.1.0+1"], label="9.0.0+1", reachable=["5.0.0+1"])
    assert own == Version("1.1.0+1")


def test_own_version_of_an_untagged_commit_is_its_label() -> None:
    assert own_version(tagged=[], label="1.2.0+3", reachable=["5.0.0+1"]) == Version("1.2.0+3")


@pytest.mark.parametrize("label", ["", "${VERSION}", "latest"])
def test_without_a_usable_label_it_is_the_newest_tag_that_can_be_reached(label: str) -> None:
    assert own_version(tagged=["wip"], label=label, reachable=["1.9.0+1", "x", "1.10.0+1"]) == Version("1.10.0+1")


def test_nothing_says_a_version() -> None:
    assert own_version(tagged=[], label="", reachable=["wip"]) is None
    assert newest([]) is None


@pytest.mark.parametrize(
    ("wanted", "named"),
    [
        ("1.1.0+2.0", ["1.1.0+2.0.0"]),
        ("1.1.0", ["1.1.0+2.0.0"]),
        ("1.1.1+2.0.0", ["1.2.0+2.0.0", "1.1.0+2.0.0", "1.0.0+2.0.0"]),
        ("7", ["3.0.0+9", "1.2.0+2.0.0", "1.1.0+2.0.0"]),
    ],
)
def test_versions_that_are_named_to_who_asked_for_another(wanted: str, named: list[str]) -> None:
    versions = [Version(text) for text in ("1.0.0+2.0.0", "1.1.0+2.0.0", "1.2.0+2.0.0", "3.0.0+9")]
    assert [version.text for version in nearest(wanted, versions)] == named


def test_nothing_published_names_nothing() -> None:
    assert nearest("1.0.0", []) == ()


def test_digits_of_any_length_are_a_number() -> None:
    """Python reads 4300 of them, and a recipe's label may have more."""
    long = "9" * 5000
    assert Version(f"1.0.0+{long}") < Version(f"1.0.0+1{'0' * 5000}")
    assert Version("1.0.0+10") < Version(f"1.0.0+{long}")
    assert Version("1.0.0+9") < Version("1.0.0+010") < Version("1.0.0+11")
