"""The only place that takes a forge's answers apart: whatever is not of the shape that was expected is no answer."""

from __future__ import annotations

import datetime
import json
import re
from collections.abc import Sequence
from dataclasses import dataclass

from recipeci.service.forge import ForgeUnavailable

NUMBER_MOST = 2**63 - 1


@dataclass(frozen=True)
class Shape:
    """A part of an answer. `where` says of which, for the error."""

    value: object
    where: str

    def __getitem__(self, name: str) -> Shape:
        """Return a field, which must be there."""
        fields = self._fields()
        if name not in fields:
            raise self.wrong(f"{name} is missing")
        return Shape(fields[name], f"{self.where}: {name}")

    def maybe(self, name: str) -> Shape | None:
        """Return a field; None if it is null or absent."""
        return None if self._fields().get(name) is None else self[name]

    def number(self, *, least: int = 1) -> int:
        """Return a number."""
        if isinstance(self.value, bool) or not isinstance(self.value, int) or not least <= self.value <= NUMBER_MOST:
            raise self.wrong("no number, or not one that can be")
        return self.value

    def text(self, pattern: re.Pattern[str] | None = None) -> str:
        """Return a text, all of which matches the pattern."""
        if not isinstance(self.value, str) or not _is_unicode(self.value):
            raise self.wrong("no text")
        if pattern is not None and not pattern.fullmatch(self.value):
            raise self.wrong("not what such a text looks like")
        return self.value

    def flag(self) -> bool:
        """Return true or false."""
        if not isinstance(self.value, bool):
            raise self.wrong("neither true nor false")
        return self.value

    def moment(self) -> str:
        """Return a time as ISO 8601 in UTC, to the second: in this form times are compared as texts."""
        try:
            moment = datetime.datetime.fromisoformat(self.text())
            if moment.tzinfo is None:
                raise self.wrong("a time of nobody knows which zone")
            return moment.astimezone(datetime.UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
        except (ValueError, OverflowError) as e:
            raise self.wrong("no time") from e

    def rows(self, *, null_is_empty: bool = False) -> Sequence[Shape]:
        """Return the entries of a list."""
        if self.value is None and null_is_empty:
            return ()
        if not isinstance(self.value, list):
            raise self.wrong("no list")
        return [Shape(entry, f"{self.where}[{at}]") for at, entry in enumerate(self.value)]

    def wrong(self, why: str) -> ForgeUnavailable:
        """Return the error that says what is wrong; nothing of the answer is repeated in it."""
        return ForgeUnavailable(f"{self.where}: the answer is not what was expected: {why}")

    def _fields(self) -> dict[str, object]:
        if not isinstance(self.value, dict):
            raise self.wrong("no object")
        return self.value


def parse(body: bytes, *, where: str) -> Shape:
    """Read JSON.

    Raises:
        ForgeUnavailable: it is none, or cut off.
    """
    try:
        return Shape(json.loads(body), where)
    except (ValueError, RecursionError) as e:
        raise ForgeUnavailable(f"{where}: the answer is no JSON") from e


def _is_unicode(text: str) -> bool:
    """Say whether a text can be stored: half a surrogate pair cannot."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True
