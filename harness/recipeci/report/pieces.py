"""The only place that finds a secret printed in pieces: over several lines, with escape codes or blanks between. Pure.

Data and values are both brought into a form in which what lay between the pieces is gone, and then compared.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from recipeci.redact import Matcher, Redactor

ESCAPE = re.compile(
    rb"(?:\x1b|\\+x1b|\\+u001b|\\+033|\\+e|&#27;)"  # as it is, or as one of our writers shows it
    rb"(?:\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b\n\\]*(?:\x07|\x1b\\|\\+x07|\\+u0007|\\+x1b\\+|\\+u001b\\+)|[@-Z\\^_-])"
)
INVISIBLE = re.compile(
    rb"\xc2\xad|\xe2\x80[\x8b-\x8f\xaa-\xae]|\xe2\x81[\xa0-\xa9]|\xef\xbb\xbf|\\+(?:xad|u200[b-f]|u202[a-e]|u206[0-9]|ufeff)"
)
LINE_END = re.compile(rb"[\x00-\x08\x0a-\x1f\x7f]|\\+(?:[nr]|x[01][0-9a-f]|u00[01][0-9a-f])|&#1[03];")
"""A line's end or a control character, or one as our writers show it."""
LOGGED = re.compile(rb"^\d{4}-\d\d-\d\dT[\d:.]+Z [A-Z]+ +[\w.]+: ", re.MULTILINE)
"""What run.log puts before each message (report/runlog.py)."""
SAID_BY = re.compile(rb"^(?:[^:\n]{1,60}: )*(?:[^|\n]{1,300} \| )?", re.MULTILINE)
"""Who said it: `abra: …`, and `app | …` of a service and of an author's child."""
AROUND = re.compile(rb"^[ \t]+|[ \t]+$", re.MULTILINE)
BLANKS = re.compile(rb"[ \t\n]+")

Change = Callable[[bytes], bytes]


@dataclass(frozen=True)
class Scanner:
    """What finds the secrets of a run in finished data, whole or in pieces."""

    ways: tuple[tuple[Change, Matcher], ...]

    def names(self, blocks: Iterable[bytes]) -> frozenset[str]:
        """Return the names of the secrets in data that comes in blocks of whole lines."""
        found: set[str] = set()
        tails = [b""] * len(self.ways)
        for block in blocks:
            for number, (change, matcher) in enumerate(self.ways):
                data = tails[number] + change(block)
                found |= matcher.names(data)
                tails[number] = data[-matcher.longest :]
        return frozenset(found)


def scanner(redactor: Redactor) -> Scanner:
    """Return the scanner for all values that are known now.

    Blanks are taken out only where the value is more than letters: "new password" is a sentence, not a secret's pieces.
    """
    lines = redactor.matcher(_without_line_ends, where=lambda _: True)
    blanks = redactor.matcher(_without_blanks, where=lambda value: not value.isalpha())
    as_it_is = redactor.matcher(_as_it_is, where=lambda _: True, lines=True)
    messages, words = _then(_message, _without_line_ends), _then(_words, _without_line_ends)
    return Scanner(
        (
            (_as_it_is, as_it_is),
            (messages, lines),
            (words, lines),
            (_then(messages, _without_blanks), blanks),
            (_then(words, _without_blanks), blanks),
        )
    )


def _then(first: Change, second: Change) -> Change:
    return lambda data: second(first(data))


def _as_it_is(data: bytes) -> bytes:
    return data


def _message(data: bytes) -> bytes:
    """Return what was logged, without run.log's own columns."""
    return LOGGED.sub(b"", data)


def _words(data: bytes) -> bytes:
    """Return what was said, without who said it."""
    return SAID_BY.sub(b"", LINE_END.sub(b"\n", _message(data)))


def _without_line_ends(data: bytes) -> bytes:
    """Return it on one line, without escape codes and what nobody sees."""
    shown = LINE_END.sub(b"\n", INVISIBLE.sub(b"", ESCAPE.sub(b"", data)))
    return AROUND.sub(b"", shown).replace(b"\n", b"")


def _without_blanks(data: bytes) -> bytes:
    return BLANKS.sub(b"", _without_line_ends(data))
