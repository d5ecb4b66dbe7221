"""The only place that knows the form of an app's `.env`: values, self references, modifiers in comments, rewriting."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from miniabra.errors import Fatal

LINE = re.compile(r"\s*(?:export\s+)?(?P<key>[A-Za-z_][A-Za-z0-9_]*)\s*=[ \t]*(?P<rest>.*)\Z")
QUOTED = re.compile(r"""(?P<quote>["'])(?P<value>(?:\\.|(?!(?P=quote)).)*)(?P=quote)\s*(?:#(?P<comment>.*))?\Z""")
UNQUOTED = re.compile(r"(?P<value>.*?)\s*(?:(?:^|(?<=\s))#(?P<comment>.*))?\Z")
VARIABLE = re.compile(r"(?P<escape>\\)?\$(?:\{(?P<braced>[A-Z0-9_]+)\}|(?P<bare>[A-Z0-9_]+))")
MODIFIER = re.compile(r"(?P<name>[a-z]+)=(?P<value>\S+)")


@dataclass(frozen=True)
class EnvFile:
    """The values of a file, the last line of a key winning, and of each key the modifiers in its comment."""

    values: Mapping[str, str]
    modifiers: Mapping[str, Mapping[str, str]]


def read(path: Path) -> EnvFile:
    """Read a file.

    Raises Fatal if it is not there, or a line of it is neither a comment nor `KEY=value`.
    """
    try:
        text = path.read_text()
    except (OSError, UnicodeDecodeError) as error:
        raise Fatal(f"{path.name} couldn't be read: {error}") from error
    return parse(text, name=path.name)


def parse(text: str, *, name: str) -> EnvFile:
    """Parse the text of a file called `name`; a value may refer to keys above it (`$COMPOSE_FILE:more.yml`)."""
    values: dict[str, str] = {}
    modifiers: dict[str, dict[str, str]] = {}
    for number, line in enumerate(text.splitlines(), start=1):
        if not line.strip() or line.lstrip().startswith("#"):
            continue
        key, value, comment = _parts(line, where=f"{name} line {number}", known=values)
        values[key] = value
        modifiers[key] = {found["name"]: found["value"] for found in MODIFIER.finditer(comment)}
    return EnvFile(values, modifiers)


def with_value(text: str, *, key: str, value: str) -> str:
    """Return the text with the active lines of a key set to a value; their comments stay. Without one, a line is added.

    A file without a last end of line gets one: a line must never be glued to another (facts A-23).
    """
    lines = text.splitlines()
    ours = [index for index, line in enumerate(lines) if re.match(rf"\s*(?:export\s+)?{key}\s*=", line)]
    for index in ours:
        _, _, comment = _parts(lines[index], where=f"line {index + 1}", known={})
        lines[index] = f"{key}={value}" + (f" #{comment}" if comment else "")
    if not ours:
        lines.append(f"{key}={value}")
    return "\n".join(lines) + "\n"


def _parts(line: str, *, where: str, known: Mapping[str, str]) -> tuple[str, str, str]:
    """Split an active line: (key, value, comment)."""
    assigned = LINE.match(line)
    if assigned is None:
        raise Fatal(f"{where}: unexpected text, not KEY=value")
    rest = assigned["rest"].strip()
    found = (QUOTED if rest[:1] in {'"', "'"} else UNQUOTED).match(rest)
    if found is None:
        raise Fatal(f"{where}: unterminated quoted value")
    literal = rest[:1] == "'"
    return assigned["key"], found["value"] if literal else _expanded(found["value"], known), found["comment"] or ""


def _expanded(value: str, known: Mapping[str, str]) -> str:
    """Replace references to keys above; an unknown one is empty, an escaped one stays."""

    def replace(found: re.Match[str]) -> str:
        return found[0][1:] if found["escape"] else known.get(found["braced"] or found["bare"], "")

    return VARIABLE.sub(replace, value)
