"""docs/testing.md is followed word for word: its files are written, its commands run, and what it shows is printed."""

from __future__ import annotations

import itertools
import re
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from e2e.program import Recipeci

pytestmark = pytest.mark.cell
ROOT = Path(__file__).parents[2]
DOC = (ROOT / "docs" / "testing.md").read_text()
BLOCK = re.compile(r"(?:^`(?P<name>[^`\n]+)`:\n\n)?^```(?P<kind>\w*)\n(?P<text>.*?)^```$", re.MULTILINE | re.DOTALL)
SHELL, OUTPUT = "sh", "text"


@dataclass(frozen=True)
class Block:
    """One block of the page: a file to write, commands, or what they print."""

    kind: str
    text: str
    name: str

    def is_said_in(self, printed: str) -> list[str]:
        """Return the lines of an output block that were not printed; `…` stands for anything."""
        patterns = {line: ".*".join(map(re.escape, line.split("…"))) for line in self.text.splitlines()}
        return [line for line, pattern in patterns.items() if not re.search(f"^{pattern}$", printed, re.MULTILINE)]


BLOCKS = [Block(match["kind"], match["text"], match["name"] or "") for match in BLOCK.finditer(DOC)]


def pairs() -> Iterator[tuple[Block, Block | None]]:
    """Yield each block that is done, with what it prints if the page says so."""
    for block, following in itertools.zip_longest(BLOCKS, BLOCKS[1:]):
        if block.kind != OUTPUT:
            yield block, following if following and following.kind == OUTPUT else None


def test_the_page_is_followed_word_for_word(recipeci: Recipeci, folder: Path) -> None:
    desk = folder / "desk"
    desk.mkdir()
    (desk / "tests").symlink_to(ROOT / "tests")
    (desk / ".venv").symlink_to(sys.prefix)
    for block, shown in pairs():
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
