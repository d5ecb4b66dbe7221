"""The only place that prints: log lines with abra's prefixes, and tables with abra's lines."""

from __future__ import annotations

import json
import sys
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TextIO


@dataclass(frozen=True)
class Lines:
    """Where log lines go: stdout, FATA too (facts A-11); stderr for a command that prints JSON."""

    to_stderr: bool = False
    four_letters: bool = True

    @property
    def stream(self) -> TextIO:
        """The stream of this process."""
        return sys.stderr if self.to_stderr else sys.stdout

    def info(self, text: str) -> None:
        """Say what is being done."""
        print(f"{'INFO' if self.four_letters else 'INF'} {text}", file=self.stream, flush=True)

    def warn(self, text: str) -> None:
        """Say what an operator should know."""
        print(f"{'WARN' if self.four_letters else 'WRN'} {text}", file=self.stream, flush=True)

    def fatal(self, text: str) -> None:
        """Say why the command ends, in one line."""
        print(f"FATA {' '.join(text.split())}", file=self.stream, flush=True)


def table(headers: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Draw a table with thick lines, as wide as its cells need."""
    columns = list(zip(headers, *rows, strict=True)) if rows else [(header,) for header in headers]
    widths = [max(_width(cell) for cell in column) + 2 for column in columns]

    def border(left: str, middle: str, right: str) -> str:
        return left + middle.join("━" * width for width in widths) + right

    def line(cells: Sequence[str]) -> str:
        padded = (f" {cell}{' ' * (width - 1 - _width(cell))}" for cell, width in zip(cells, widths, strict=True))
        return "┃" + "┃".join(padded) + "┃"

    body = [line(row) for row in rows]
    return "\n".join([border("┏", "┳", "┓"), line(headers), border("┣", "╋", "┫"), *body, border("┗", "┻", "┛")])


def as_json(headers: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Give the same rows as a JSON array of objects."""
    return json.dumps([dict(zip(headers, row, strict=True)) for row in rows])


def as_object(values: Mapping[str, str]) -> str:
    """Give values by name as one JSON object."""
    return json.dumps(dict(values))


def _width(text: str) -> int:
    """Count the columns of a terminal that a text takes; a tick or a cross takes two."""
    return sum(2 if unicodedata.east_asian_width(char) in "WF" else 1 for char in text)
