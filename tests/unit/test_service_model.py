"""service.model: what a run is asked for holds nothing that a program could take for anything else (threats T13)."""

from __future__ import annotations

import itertools
from typing import Any

import pytest
from recipeci.errors import UsageError
from recipeci.model import Tier
from recipeci.service.model import Asked, Permission

GOOD: dict[str, Any] = {
    "recipe": "custom-html",
    "sha": "4f0c1a2b" * 5,
    "stages": tuple(Tier),
    "clone_url": "https://forge.test/r/custom-html.git",
    "head_url": "http://forge.test/alice/custom-html.git",
    "pull": 7,
}
BAD = (
    "",
    " ",
    "-",
    "--upload-pack=x",
    "-oProxyCommand=x",
    "..",
    "../x",
    "a/../b",
    "a b",
    "a\n",
    "a\x00",
    "a\u202e",
    "$(x)",
    "a;b",
)
MORE_BAD = (
    "`x`",
    "|x",
    "&x",
    "~",
    "*",
    "a\tb",
    "é",
    "\u2028",
    "ａ",
    "A" * 300,
    "%00",
    "\\",
    "'",
    '"',
    "<x>",
    "#",
    "!x",
    "\ud800",
)
WRAPPED = tuple(
    dict.fromkeys(around.format(bad) for bad, around in itertools.product(BAD + MORE_BAD, ("{}", "{}x", "x{}x")))
)


def made(**changes: Any) -> Asked:  # noqa: ANN401 - fields of Asked
    return Asked(**GOOD | changes)


def test_what_is_right_is_kept() -> None:
    asked = made()
    assert all(getattr(asked, name) == value for name, value in GOOD.items())
    assert made(head_url=None).head_url is None
    assert made(pull=None).pull is None


def is_name(text: str) -> bool:
    return text.isascii() and text.replace("-", "").isalnum() and text == text.lower() and text[:1] != "-"


@pytest.mark.parametrize("name", WRAPPED, ids=ascii)
def test_a_name_that_no_recipe_has_is_refused(name: str) -> None:
    if is_name(name) and len(name) <= 63:
        assert made(recipe=name).recipe == name
        return
    with pytest.raises(UsageError, match="is not a recipe name"):
        made(recipe=name)


@pytest.mark.parametrize(
    "sha",
    [*BAD, *MORE_BAD, "4f0c1a2b", "4F0C1A2B" * 5, "4f0c1a2b" * 5 + "\n", "4f0c1a2b" * 8, "main", "HEAD", "v1"],
    ids=ascii,
)
def test_what_is_no_full_sha_is_refused(sha: str) -> None:
    with pytest.raises(UsageError, match="is not a full commit sha"):
        made(sha=sha)


@pytest.mark.parametrize("field", ["clone_url", "head_url"])
@pytest.mark.parametrize(
    "url",
    [
        *BAD,
        *MORE_BAD,
        "ssh://git@x/y",
        "git://x/y",
        "file:///etc",
        "ext::sh -c x",
        "https:/x",
        "HTTPS://x",
        "https://x y",
        "https://x\n",
        "https://\u202e",
    ],
    ids=ascii,
)
def test_what_is_no_address_is_refused(field: str, url: str) -> None:
    with pytest.raises(UsageError, match="is not the https:// address of a repository"):
        made(**{field: url})


@pytest.mark.parametrize("pull", [0, -1])
def test_what_is_no_pull_request_is_refused(pull: int) -> None:
    with pytest.raises(UsageError, match="is not the number of a pull request"):
        made(pull=pull)


def test_no_stages_are_refused() -> None:
    with pytest.raises(UsageError, match="no stages are asked for"):
        made(stages=())


def test_only_three_permissions_let_a_user_start_runs() -> None:
    assert [one for one in Permission if one.may_write] == [Permission.WRITE, Permission.ADMIN, Permission.OWNER]


FORGE = "https://forge.test"
ELSEWHERE = (
    "https://evil.test/r/custom-html.git",
    "http://forge.test/r/custom-html.git",
    "https://forge.test:8443/r/custom-html.git",
    "https://forge.test.evil.test/r/custom-html.git",
    "https://forge.test@evil.test/r/custom-html.git",
    "https://forge.test/../r/custom-html.git",
    "https://forge.test/r/../custom-html.git",
    "https://forge.test/r//custom-html.git",
    "https://forge.test/./custom-html.git",
    "https://forge.test/../custom-html.git",
    "https://forge.test/r/custom-html.git?x=.git",
    "https://forge.test/r/custom-html.git#.git",
    "https://forge.test/r/%2e%2e.git",
    "https://forge.test/r/custom-html",
    "https://forge.test/custom-html.git",
    "https://forge.test/x/r/custom-html.git",
    "https://forge.test/r/custom-html.git/",
)


def test_what_is_of_the_forge_is_left_as_it_is() -> None:
    head = "https://forge.test/alice_1/Custom.html-2.git"
    assert made(head_url=head).at(FORGE) == made(head_url=head)
    below = made(clone_url=f"{FORGE}/git/r/a.git", head_url=f"{FORGE}/git/alice/a.git")
    assert below.at(f"{FORGE}/git") == below
    assert made(head_url=None).at(FORGE) == made(head_url=None)


@pytest.mark.parametrize("url", ELSEWHERE)
def test_what_is_to_be_fetched_from_elsewhere_is_refused(url: str) -> None:
    with pytest.raises(UsageError, match=r"is no repository of https://forge.test, the forge of the settings"):
        made(clone_url=url).at(FORGE)


@pytest.mark.parametrize("url", ELSEWHERE)
def test_a_head_elsewhere_is_not_known_so_nothing_of_it_runs(url: str) -> None:
    assert made(head_url=url).at(FORGE) == made(head_url=None)
