"""The only place that puts values in for `$NAME` and `${NAME:-default}` of compose files and `.env` files."""

from __future__ import annotations

import re
from collections.abc import Mapping

from recipeci.errors import RecipeInvalid

NAME = r"[A-Za-z_][A-Za-z0-9_]*"
PART = re.compile(rf"\$(?:(?P<escaped>\$)|(?P<named>{NAME})|\{{(?P<braced>{NAME})(?P<rest>[^}}]*)\}}|(?P<odd>\{{?))")
MODES = (":-", ":?", ":+", "-", "?", "+")


def expand(text: str, env: Mapping[str, str]) -> str:
    """Return the text with every variable replaced; one that is not set is empty, `$$` is a dollar.

    As with Docker a default is taken as it is written: a variable in it is not replaced.

    Raises RecipeInvalid for `${NAME?}` of a name that is not set, and for braces that hold something else.
    """
    return PART.sub(lambda found: _value(found, env), text)


def names(text: str) -> frozenset[str]:
    """Return the names of the variables in a text."""
    return frozenset(found["named"] or found["braced"] for found in PART.finditer(text)) - {None}


def plain_names(text: str) -> frozenset[str]:
    """Return the names of the variables in a text that stand alone: `$NAME` or `${NAME}`."""
    found = (one["named"] or one["braced"] for one in PART.finditer(text) if not one["rest"])
    return frozenset(name for name in found if name)


def _value(found: re.Match[str], env: Mapping[str, str]) -> str:
    """Return what one variable stands for."""
    if found["escaped"]:
        return "$"
    if found["odd"] is not None:
        if found["odd"]:
            raise RecipeInvalid(f"{found.string[found.start() :][:40]!r} has braces that hold no variable")
        return "$"
    name = found["named"] or found["braced"]
    rest = found["rest"] or ""
    mode = next((mode for mode in MODES if rest.startswith(mode)), "")
    if rest and not mode:
        raise RecipeInvalid(f"{found[0]!r} is no variable")
    return _by_mode(name, mode, rest.removeprefix(mode), env)


def _by_mode(name: str, mode: str, word: str, env: Mapping[str, str]) -> str:
    """Return a variable's value, its default, or its alternative; with `:` an empty value counts as none."""
    value = env.get(name, "")
    there = bool(value) if mode.startswith(":") else name in env
    match mode[-1:]:
        case "-":
            return value if there else word
        case "+":
            return word if there else ""
        case "?" if not there:
            raise RecipeInvalid(f"{name} is not set: {word or 'it must be'}")
    return value
