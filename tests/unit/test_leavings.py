"""service.leavings: what a run prints is read in whole lines, and what it leaves is not believed before it is read."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from recipeci.service import leavings
from recipeci.service.leavings import Tail


@pytest.fixture
def output(tmp_path: Path) -> Path:
    return tmp_path / leavings.OUTPUT


def test_what_is_printed_is_told_once_in_whole_lines(output: Path) -> None:
    tail = Tail(output)
    output.write_text("one\ntw")
    assert (tail.more(), tail.more()) == ("one\n", "")
    output.write_text("one\ntwo\nthree\nfo")
    assert tail.more() == "two\nthree\n"
    assert list(tail.rest()) == ["fo"]


def test_a_character_in_two_pieces_is_one_character(output: Path) -> None:
    data = "über\n".encode()
    tail = Tail(output)
    output.write_bytes(data[:1])
    assert tail.more() == ""
    output.write_bytes(data)
    assert tail.more() == "über\n"


def test_what_is_no_text_is_shown_escaped(output: Path) -> None:
    output.write_bytes(b"\xff\x1b[2J\x00\n")
    assert Tail(output).more() == "\\xff\\x1b[2J\\x00\n"


def test_a_line_without_an_end_is_told_in_pieces(output: Path) -> None:
    output.write_text("x" * (3 * leavings.TOLD_BYTES))
    tail = Tail(output)
    assert tail.more() == ""
    assert len(tail.more()) == 2 * leavings.TOLD_BYTES
    assert "".join(tail.rest()) == "x" * leavings.TOLD_BYTES


def test_what_nobody_would_keep_is_not_read(output: Path) -> None:
    with output.open("wb") as file:
        file.truncate(leavings.MOST_BYTES * 10)
    told = list(Tail(output).rest())
    assert sum(map(len, told)) <= 4 * (leavings.MOST_BYTES + leavings.TOLD_BYTES)  # \x00, escaped


@pytest.mark.parametrize(
    ("printed", "words"),
    [
        ("", ""),
        ("\n\n", ""),
        ("a\nb\n\n", "b"),
        ("recipeci: first\n  → do this\nrecipeci: second\n  → do that\nlast\n", "second"),
        ("recipeci: with\x1b[1m colour\n", "with\\x1b[1m colour"),
        ("recipeci: " + "x" * 9999, "x" * leavings.WORDS),
        ("recipeci: early\n" + "y\n" * leavings.LAST_BYTES, "y"),
    ],
)
def test_without_a_report_the_last_sentence_is_the_error(output: Path, printed: str, words: str) -> None:
    output.write_text(printed)
    left = leavings.of_run(output.parent)
    assert (left.report, left.error, left.is_clean) == (None, words, True)


@pytest.mark.parametrize(
    ("secrets", "is_clean"),
    [
        ({"found": 0}, True),
        ({"found": 1}, False),
        ({}, False),
        (None, False),
        ("none", False),
    ],
)
def test_a_report_that_does_not_say_that_no_secret_was_found_is_not_clean(
    tmp_path: Path, secrets: object, *, is_clean: bool
) -> None:
    file = tmp_path / leavings.OUT / "report.json"
    file.parent.mkdir()
    file.write_text(json.dumps({"secrets": secrets}))
    assert leavings.of_run(tmp_path).is_clean is is_clean


def test_a_report_that_is_too_deep_to_be_one_is_none(tmp_path: Path) -> None:
    file = tmp_path / leavings.OUT / "report.json"
    file.parent.mkdir()
    file.write_text("[" * 100_000)
    left = leavings.of_run(tmp_path)
    assert (left.report, left.is_clean) == (None, False)
    assert left.error.startswith("its report.json cannot be read: ")


def test_no_link_is_followed_in_the_place_of_what_is_printed(output: Path) -> None:
    (output.parent / "secret").write_text("root's\n")
    output.symlink_to("secret")
    with pytest.raises(OSError, match="Too many levels of symbolic links"):
        Tail(output).more()
    with pytest.raises(OSError, match="Too many levels of symbolic links"):
        leavings.of_run(output.parent)


def test_a_run_that_was_killed_has_not_looked_for_secrets(output: Path) -> None:
    """One that says why it cannot begin leaves no folder of its own; the last words of any other are withheld too."""
    output.write_text("words\n")
    assert leavings.of_run(output.parent).is_clean
    (output.parent / leavings.OUT).mkdir()
    left = leavings.of_run(output.parent)
    assert (left.report, left.error, left.is_clean) == (None, "", False)
