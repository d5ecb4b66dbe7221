"""miniabra.envfile: what a line means, and rewriting one without touching the others."""

from __future__ import annotations

import pytest
from miniabra.envfile import parse, with_value
from miniabra.errors import Fatal


@pytest.mark.parametrize(
    ("line", "value"),
    [
        ("K=v", "v"),
        ("K=", ""),
        ("K=#c", ""),
        ("export K=v", "v"),
        ("K = v", "v"),
        ("K=a b", "a b"),
        ("K=v # comment", "v"),
        ("K=v#none", "v#none"),
        ('K="v # none" # comment', "v # none"),
        ("K='v'", "v"),
        ("K=$A:b", "a:b"),
        ("K=${A}b", "ab"),
        ('K="$A"', "a"),
        ("K='$A'", "$A"),
        (r"K=\$A", "$A"),
        ("K=$UNKNOWN", ""),
        ("K=$lower", "$lower"),
        ("K=', `www.x`'", ", `www.x`"),
    ],
)
def test_the_value_of_a_line(line: str, value: str) -> None:
    assert parse(f"A=a\n{line}\n", name="x").values["K"] == value


def test_comments_and_empty_lines_are_no_keys() -> None:
    assert parse("\n# K=v\n  #K=v\n", name="x").values == {}


def test_the_last_line_of_a_key_wins_and_sees_the_one_before() -> None:
    assert parse('F="a"\nF="$F:b"\nF="$F:c"\n', name="x").values == {"F": "a:b:c"}


def test_modifiers_are_read_from_the_comment() -> None:
    assert parse("K=v1 # length=43 charset=hex generate=false\n", name="x").modifiers["K"] == {
        "length": "43",
        "charset": "hex",
        "generate": "false",
    }


def test_modifiers_of_a_line_that_is_commented_out_are_lost() -> None:
    assert parse("#K=v1 # length=43\nK=v1\n", name="x").modifiers["K"] == {}


@pytest.mark.parametrize("line", ["no assignment", "=v", "1K=v", 'K="open', "K='a' b"])
def test_what_is_no_line_is_named_with_its_number(line: str) -> None:
    with pytest.raises(Fatal, match="x line 2"):
        parse(f"A=a\n{line}\n", name="x")


def test_a_value_is_replaced_and_all_else_stays() -> None:
    text = "# c\nTYPE=old # why\n\nB='x'\n"
    assert with_value(text, key="TYPE", value="new:1") == "# c\nTYPE=new:1 # why\n\nB='x'\n"


def test_a_missing_key_is_added_on_a_line_of_its_own() -> None:
    assert with_value("#RESTIC=", key="K", value="v") == "#RESTIC=\nK=v\n"


def test_a_key_that_begins_alike_is_another() -> None:
    assert with_value("DOMAINS=x\nDOMAIN=y\n", key="DOMAIN", value="z") == "DOMAINS=x\nDOMAIN=z\n"
