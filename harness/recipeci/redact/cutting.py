"""The only place that shortens what an app or its authors' code says: never inside a word, which may be a secret. Pure.

A part of a secret is unknown to the redactor and to the scan. A value that has white space in it can still be cut, so
who knows the secrets masks first. A child of an author's code knows none.
"""

from __future__ import annotations

from collections.abc import Iterable

LEFT_OUT = "…"


def head(text: str, most: int) -> str:
    """Return the words that end in the first characters, with `…` behind them if there are more."""
    if len(text) <= most:
        return text
    return f"{text[: _blank(text, range(most, -1, -1), none=0)].rstrip()} {LEFT_OUT}".lstrip()


def tail(text: str, most: int) -> str:
    """Return the words that begin in the last characters, with `…` before them if there are more."""
    if len(text) <= most:
        return text
    start = _blank(text, range(len(text) - most - 1, len(text)), none=len(text))
    return f"{LEFT_OUT} {text[start:].lstrip()}".rstrip()


def ends(text: str, most: int) -> str:
    """Return half of the characters from the begin and half from the end, each with `…` at the cut."""
    if len(text) <= most:
        return text
    return f"{head(text, most // 2)}\n{tail(text, most // 2)}"


def _blank(text: str, places: Iterable[int], *, none: int) -> int:
    """Return the first of the places at which white space stands."""
    return next((place for place in places if text[place].isspace()), none)
