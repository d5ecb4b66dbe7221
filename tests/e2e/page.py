"""The only place that reads a page of docs/ as something to do: files to write, commands, and what they print."""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

DOCS = Path(__file__).parents[2] / "docs"
BLOCK = re.compile(r"(?:^`(?P<name>[^`\n]+)`:\n\n)?^```(?P<kind>\w*)\n(?P<text>.*?)^```$", re.MULTILINE | re.DOTALL)
PART = re.compile(r"^## (.+)$", re.MULTILINE)
SHELL, OUTPUT = "sh", "text"


@dataclass(frozen=True)
class Block:
    """One block of a page: a file to write, commands, or what they print; a file without a name is an example."""

    kind: str
    text: str
    name: str

    def is_said_in(self, printed: str) -> list[str]:
        """Return the lines of an output block that were not printed; `…` stands for anything."""
        patterns = {line: ".*".join(map(re.escape, line.split("…"))) for line in self.text.splitlines()}
        return [line for line, pattern in patterns.items() if not re.search(f"^{pattern}$", printed, re.MULTILINE)]


def blocks(text: str) -> list[Block]:
    """Return the blocks of a text."""
    return [Block(match["kind"], match["text"], match["name"] or "") for match in BLOCK.finditer(text)]


def pairs(found: list[Block]) -> Iterator[tuple[Block, Block | None]]:
    """Yield each block that is done, with what it prints if the page says so."""
    for block, following in itertools.zip_longest(found, found[1:]):
        if block.kind != OUTPUT:
            yield block, following if following and following.kind == OUTPUT else None


@dataclass(frozen=True)
class Page:
    """A page: its file's name, and what stands below each heading of the second level."""

    name: str
    text: str

    @classmethod
    def read(cls, name: str) -> Page:
        """Read a page of docs/."""
        return cls(name, (DOCS / name).read_text())

    def part(self, heading: str) -> str:
        """Return what stands below a heading."""
        return self.parts[heading]

    @property
    def parts(self) -> dict[str, str]:
        """What stands below each heading; what stands before the first is left out."""
        _, *found = PART.split(self.text)
        return dict(zip(found[::2], found[1::2], strict=True))

    def blocks(self, heading: str) -> list[Block]:
        """Return the blocks below a heading."""
        return blocks(self.part(heading))

    def commands(self, heading: str) -> list[str]:
        """Return the lines of all commands below a heading."""
        return [line for block in self.blocks(heading) if block.kind == SHELL for line in block.text.splitlines()]

    def table(self, heading: str, number: int = 0) -> list[list[str]]:
        """Return the rows of a table below a heading, without its head; what stands in a block is no table."""
        found = re.findall(r"(?:^\|.*\|\n)+", BLOCK.sub("", self.part(heading)), re.MULTILINE)
        rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in found[number].splitlines()]
        return rows[2:]

    def with_mistake(self, old: str, new: str) -> Page:
        """Return the page with something wrong in it that is right here once, for negative controls."""
        assert self.text.count(old) == 1
        return Page(self.name, self.text.replace(old, new))
