"""service.command: comments of any size, and whatever they are made of."""

from __future__ import annotations

from collections.abc import Mapping

import pytest
from hypothesis import given
from hypothesis import strategies as st
from recipeci.service import command
from recipeci.service.command import find
from recipeci.service.model import Cancel, Help, Test

from unit.properties import tried

SHA = "4f0c1a2b" * 5
PROPERTY = tried(300)


@pytest.mark.parametrize("kilobytes", [1, 60, 63])
def test_a_command_is_found_in_a_long_comment(kilobytes: int) -> None:
    text = "a line of a long comment\n" * (kilobytes * 1024 // 25)
    assert find(f"{text}\n!testme help") == Help()
    assert find(f"!testme help\n\n{text}") == Help()


def test_in_a_comment_that_is_longer_none_is_looked_for() -> None:
    fits = "!testme help\n\n" + "x" * (64 * 1024 - 14)
    assert find(fits) == Help()
    assert find(f"{fits}x") is None
    assert find(f"!testme help\n\n{'é' * 33_000}") is None
    assert find(f"!testme help\n\n{'x' * 1_000_000}") is None


PATHOLOGICAL: Mapping[str, str] = {
    "brackets": "[" * 60_000,
    "images": "![" * 30_000,
    "links": "[a](b" * 12_000,
    "emphasis": "*a_ " * 15_000,
    "stars": "**_" * 20_000,
    "backticks": "".join(f"{'`' * n} " for n in range(1, 340)),
    "quotes": ">" * 60_000,
    "lists": "- " * 30_000,
    "stairs": "\n".join(f"{' ' * n}- a" for n in range(300)),
    "comments": "<!--" * 15_000,
    "entities": "&a" * 30_000,
    "escapes": "\\" * 60_000,
    "tables": "|" * 200 + "\n" + "|-" * 200 + "\n" + "a\n" * 20_000,
    "wide tables": "|a" * 15_000 + "\n" + "|-" * 15_000,
    "definitions": "[a]: b\n" * 8_000,
    "fences": "~~~\n" * 15_000,
    "divs": "<div>\n\n" * 8_000,
    "carriage returns": "\r" * 60_000,
    "spaces": " " * 60_000,
    "odd spaces": "\u2028" * 20_000,
    "commands": "!testme help\n" * 4_500,
    "paragraphs": "!testme help\n\n" * 4_200,
}


TOO_HARD: Mapping[str, str] = {
    "tags": "<a>" * 20_000,
    "closed tags": "<a>" * 10_000 + "</b>" * 7_000,
    "angles": "<" * 60_000,
    "comments without an end": "\n[<!--" * 8_000 + "-->",
    "headings in quotes": "> =\na\n" * 10_000,
}
"""Of these some would take a minute: all of them are parsed only so far."""


@pytest.mark.parametrize("case", PATHOLOGICAL)
def test_markdown_that_is_hard_to_parse_hides_no_command(case: str) -> None:
    body = f"!testme help\n\n{PATHOLOGICAL[case]}"
    assert len(body.encode()) <= command.MOST_BYTES
    assert find(body) == Help()


@pytest.mark.parametrize("case", TOO_HARD)
def test_markdown_that_is_too_hard_to_parse_has_no_command(case: str) -> None:
    body = f"!testme help\n\n{TOO_HARD[case]}"
    assert len(body.encode()) <= command.MOST_BYTES
    assert find(body) is None
    assert find(body[: len(body) // 100]) == Help()


INSIDE = {
    "a fence": "```{}\n",
    "a tilde fence": "~~~\n{}\n~~~",
    "indented code": "    {}",
    "a code span": "x ``\n{}\n`` x",
    "a quote": "> x\n> {}",
    "a lazy quote": "> x\n{}",
    "a list": "- x\n{}",
    "a numbered list": "1. x\n\n   {}",
    "an HTML comment": "<!--\n{}\n-->",
    "an inline HTML comment": "x <!--\n{}\n--> x",
    "an HTML block": "<div>\n{}\n</div>",
    "an HTML element": "<details>\n\n{}\n\n</details>",
    "an inline HTML element": "x <b>\n{}\n</b>",
    "a link": "[x\n{}\nx](https://x.test)",
    "emphasis": "**x\n{}\nx**",
    "a heading": "x\n{}\n===",
    "a table": "x | y\n--- | ---\n{}",
}
SAID = st.sampled_from(
    ["!testme", "!testme help", "!testme cancel", f"!testme {SHA}", "!testme --stages install", "  !testme"]
)
TEXT = st.text(st.sampled_from("abc .,;\u00e9\u200b"), max_size=20).map(lambda words: f"x{words}x")


@PROPERTY
@given(
    where=st.sampled_from(sorted(INSIDE)),
    said=SAID,
    before=st.lists(TEXT, max_size=3),
    after=st.lists(TEXT, max_size=3),
)
def test_property_no_trigger_inside_anything_triggers(
    where: str, said: str, before: list[str], after: list[str]
) -> None:
    template = INSIDE[where].replace("```{}", "```\n{}\n```")
    body = "\n\n".join(["```\n!testme\n```", *before, template.replace("{}", said), *(f"\n{text}" for text in after)])
    assert find(body) is None


@PROPERTY
@given(where=st.lists(st.sampled_from(sorted(INSIDE)), min_size=1, max_size=4), said=SAID)
def test_property_a_trigger_beside_them_triggers(where: list[str], said: str) -> None:
    """The control of the property above: the same neighbours do not keep a plain line from being a command."""
    others = [INSIDE[one].replace("```{}", "```\n{}\n```").replace("{}", "!testme cancel") for one in where]
    body = "\n\n".join([*others, "plain text", said.strip()])
    assert find(body) == find(said)
    assert find(body) is not None


PIECES = (
    "!testme",
    " ",
    "\n",
    "\n\n",
    "`",
    "```",
    ">",
    "- ",
    "<!--",
    "-->",
    "<b>",
    "</b>",
    "[",
    "](x)",
    "*",
    "\\",
    "    ",
)
MORE_PIECES = (
    "|",
    "---",
    "x",
    "&#33;",
    "\t",
    "\r",
    "~~~",
    "<",
    "#",
    "1. ",
    "!",
    "\u00a0",
    SHA,
    "help",
    "--stages",
    "<pre>",
)


@PROPERTY
@given(body=st.lists(st.sampled_from(PIECES + MORE_PIECES), max_size=25).map("".join))
def test_property_whatever_a_comment_is_made_of_it_is_read_and_the_same_twice(body: str) -> None:
    found = find(body)
    assert found == find(body.replace("\n", "\r\n")) or "\r" in body
    if found is not None:
        assert any(line.strip(" \t").startswith("!testme") for line in body.replace("\r", "\n").split("\n"))


@PROPERTY
@given(rest=st.text(max_size=30))
def test_property_of_what_stands_behind_the_word_only_the_grammar_is_a_command(rest: str) -> None:
    found = find(f"!testme {rest}")
    if isinstance(found, Test | Cancel | Help):
        words = rest.replace("\r", "\n").split("\n")[0].split()
        assert words in ([], ["cancel"], ["help"])
