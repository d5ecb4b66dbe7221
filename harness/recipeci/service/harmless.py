"""The only place that puts words from elsewhere (logs, recipes, authors, names) into Markdown. Pure.

They stand in code and nowhere else: there a forge makes no mention, reference, link, image or HTML of them (threats S7,
S8). What a reader could not see, or what would end the code, is changed first.
"""

from __future__ import annotations

import re

from recipeci.report import text

COLOUR = re.compile(r"\x1b\[[0-9;]*m")
VARIATION = re.compile("[\ufe00-\ufe0f\U000e0100-\U000e01ef]")
"""They choose between two looks of a character, and show nothing themselves."""
BLANK = re.compile("[\u034f\u115f\u1160\u17b4\u17b5\u180b-\u180f\u2065\u2800\u3164\uffa0\ufff0-\ufff8]")
"""Characters of other categories than text.NOT_PRINTED that show nothing either, or are nothing yet."""
RUN_MOST = 20
"""Backticks in a row: the fence around a text is longer than any of them."""
LONG_RUN = re.compile(f"`{{{RUN_MOST},}}")
COMMENT = re.compile(r"<(?=!--)")
SIMPLE = re.compile(r"(?:\(?[A-Za-z0-9]+(?:[-'][a-z]+)*\)?[,;]? )*\(?[A-Za-z0-9]+(?:[-'][a-z]+)*\)?[.]?")
REFERENCE = re.compile(r"\b[0-9a-f]{7,}\b")


def clean(words: str) -> str:
    """Return text without colours in which nothing is hidden, moved or reordered; line feeds and tabs stay."""
    shown = text.clean(VARIATION.sub("", COLOUR.sub("", words)))
    escaped = BLANK.sub(lambda found: found[0].encode("unicode_escape").decode("ascii"), shown)
    return COMMENT.sub("< ", escaped)


def code(words: str, *, most: int = 300) -> str:
    """Return the words on one line as inline code that fits into a table's cell; empty if there are none."""
    line = " ".join(clean(words[: 10 * most]).split()).replace("`", "'").replace("|", "\N{BOX DRAWINGS LIGHT VERTICAL}")
    short = line if len(line) <= most else f"{line[: most - 1]}…"
    return f"`{short}`" if short else ""


def plain(words: str, *, most: int = 300) -> str:
    """Return words as they are if they are simple ones, which Markdown and a forge leave alone; else as code."""
    simple = len(words) <= most and SIMPLE.fullmatch(words) and not REFERENCE.search(words)
    return words if simple else code(words, most=most)


def fence(words: str, *, most: int) -> str:
    """Return the words as a block of code, of so many characters at most: of a long text the middle is left out."""
    body = LONG_RUN.sub("`" * (RUN_MOST - 1) + "…", clean(words).strip("\n"))
    marks = "`" * max(3, 1 + max((len(run) for run in re.findall("`+", body)), default=0))
    head, tail = f"{marks}text\n", f"\n{marks}"
    return f"{head}{shortened(body, most=most - len(head) - len(tail))}{tail}"


def shortened(words: str, *, most: int) -> str:
    """Return a text of at most so many characters: its beginning says what is wrong, its end what happened last."""
    if len(words) <= most:
        return words
    note = f"\n… {len(words)} characters in all, the middle is left out …\n"
    room = max(0, most - len(note))
    first = room // 3
    return f"{words[:first]}{note}{words[len(words) - (room - first) :]}"[:most]
