"""The only place that makes text from elsewhere (recipes, programs, images) fit for a terminal, a log and XML."""

from __future__ import annotations

import unicodedata

NOT_PRINTED = frozenset({"Cc", "Cf", "Cs", "Zl", "Zp"})
"""Control, format (direction overrides too), surrogate, and separators that start a new line."""


def clean(text: str) -> str:
    """Return text in which nothing moves the cursor, hides or reorders; such characters are shown escaped.

    Line feeds and tabs stay.
    """
    lines = text.replace("\r\n", "\n").split("\n")
    return "\n".join(line if line.isprintable() else "".join(map(_shown, line)) for line in lines)


def one_line(text: str) -> str:
    """Return the text cleaned, on one line, with single spaces."""
    return " ".join(clean(text).split())


def _shown(char: str) -> str:
    """Return a character, or its escape if a terminal would obey it."""
    if char in "\n\t" or unicodedata.category(char) not in NOT_PRINTED:
        return char
    return char.encode("unicode_escape").decode("ascii")
