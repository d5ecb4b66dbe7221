"""The only place that says where in an artifact a secret stood: in which lines, and of run.log during which phase."""

from __future__ import annotations

import bisect
import itertools
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from recipeci.report.pieces import Scanner

BLOCK = 64 * 1024
"""Small, since the scan of it is repeated for each halving of the lines."""
PHASE = re.compile(rb"\S+Z DEBUG +report\.console: phase (?P<name>.+) (?P<what>begins|ends)$", re.MULTILINE)
"""How report/console logs the begin and the end of a phase; nothing that others print can begin like this."""


@dataclass(frozen=True)
class Window:
    """Some lines of a file, with how many there are before them."""

    before: int
    lines: Sequence[bytes]


def of_secret(file: Path, name: str, look: Scanner) -> str:
    """Return `line 12`, or `lines 12 to 14`, and what was going on then; nothing if it stands apart by too much."""
    window = _window(file, name, look)
    if window is None:
        return ""
    last = _first(len(window.lines), lambda end: _holds(window.lines[:end], name, look))
    length = _first(last, lambda count: _holds(window.lines[last - count : last], name, look))
    first, end = window.before + last - length + 1, window.before + last
    return (f"line {end}" if first == end else f"lines {first} to {end}") + _during(file, end)


def _window(file: Path, name: str, look: Scanner) -> Window | None:
    """Return the first part of a file in which the secret is: two blocks, since it may end in the next one."""
    before, earlier = 0, list[bytes]()
    with file.open("rb") as given:
        while lines := given.readlines(BLOCK):
            if _holds([*earlier, *lines], name, look):
                return Window(before, [*earlier, *lines])
            before, earlier = before + len(earlier), lines
    return None


def _holds(lines: Sequence[bytes], name: str, look: Scanner) -> bool:
    return name in look.names([b"".join(lines)])


def _first(most: int, is_enough: Callable[[int], bool]) -> int:
    """Return the least number up to `most`, which is enough, that is enough."""
    return bisect.bisect_left(range(most), True, key=is_enough)  # noqa: FBT003 - what is looked for


def _during(file: Path, line: int) -> str:
    """Return what was going on when a line was logged: the innermost phase that had begun and not ended."""
    going: list[str] = []
    with file.open("rb") as given:
        for text in itertools.islice(given, line):
            if found := PHASE.match(text):
                name = found["name"].decode(errors="backslashreplace")
                going = [*going, name] if found["what"] == b"begins" else [one for one in going if one != name]
    return f", during {going[-1]}" if going else ""
