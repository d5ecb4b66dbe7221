"""docs/testing.md is followed word for word: its files are written, its commands run, and what it shows is printed."""

from __future__ import annotations

import re
import sys
from pathlib import Path

import pytest

from e2e import page
from e2e.page import OUTPUT, SHELL, Block
from e2e.program import Recipeci

pytestmark = pytest.mark.cell
ROOT = Path(__file__).parents[2]
DOC = page.Page.read("testing.md").text
BLOCKS = page.blocks(DOC)


def test_the_page_is_followed_word_for_word(recipeci: Recipeci, folder: Path) -> None:
    desk = folder / "desk"
    desk.mkdir()
    (desk / "tests").symlink_to(ROOT / "tests")
    (desk / ".venv").symlink_to(sys.prefix)
    for block, shown in page.pairs(BLOCKS):
        if block.kind == SHELL:
            follow(block, shown, recipeci, desk)
        else:
            (desk / block.name).write_text(block.text)


def follow(block: Block, shown: Block | None, recipeci: Recipeci, desk: Path) -> None:
    """Run the commands of a block; they end with 1 where the page shows a run that failed, else with 0."""
    ended = recipeci.start_command("/bin/bash", "-euc", block.text, folder=desk, cwd=desk).end()
    expected = 1 if shown and re.search(r"^verdict +: fail", shown.text, re.MULTILINE) else 0
    assert ended.code == expected, block.text + ended.out + ended.err
    if shown:
        assert shown.is_said_in(ended.out) == [], ended.out


def test_each_block_is_something_to_do() -> None:
    assert len(BLOCKS) == DOC.count("\n```") / 2
    assert [block for block in BLOCKS if block.kind not in {SHELL, OUTPUT} and not block.name] == []
    assert [block.kind for block in BLOCKS].count(SHELL) >= 3


@pytest.mark.parametrize(("line", "said"), [("verdict   : pass …", True), ("verdict", False), ("custom …", False)])
def test_what_is_shown_is_compared_line_by_line(line: str, *, said: bool) -> None:
    assert (Block(OUTPUT, line, "").is_said_in("x\nverdict   : pass (all)   level 5\n") == []) is said
