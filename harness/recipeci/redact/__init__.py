"""The only place that knows secrets' values: it replaces them, in every form in which programs print them, by `***`.

Masking stops accidents, not intent: a value that is encoded twice, or whose pieces stand apart, passes. What is
finished is therefore scanned too (report/scan.py).
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass

from recipeci.redact.forms import MIN_BYTES, forms
from recipeci.redact.matching import NOTHING, Matcher, Span

__all__ = ["REPLACEMENT", "Matcher", "Redactor", "Secret", "Stream"]

REPLACEMENT = "***"
"""Shorter than any value that is masked, so it cannot hold one."""


@dataclass(frozen=True)
class Secret:
    """One known value: `whole` are the forms of all of it, `lines` those of its single lines."""

    name: str
    whole: frozenset[bytes]
    lines: frozenset[bytes]


class Redactor:
    """The secrets of one run; every room that stores or shows something has it, and threads may share it."""

    def __init__(self) -> None:
        """Know nothing yet."""
        self._public = b""
        self._adding = threading.Lock()
        self._known: dict[bytes, Secret] = {}
        self._not_masked: dict[str, str] = {}
        self._matcher = NOTHING

    @property
    def known(self) -> int:
        """How many values are masked."""
        return len(self._known)

    @property
    def not_masked(self) -> Mapping[str, str]:
        """The secrets that are not masked, by name, and why."""
        return dict(self._not_masked)

    def publish(self, text: str) -> None:
        """Take what every report of the run holds: a value that stands in it cannot be kept secret."""
        self._public += text.encode() + b"\n"

    def add(self, name: str, value: bytes | str) -> None:
        """Mask a value from now on; what was written before is masked at the end of the run.

        A value that is too short, or that every report holds, is listed in `not_masked` instead.
        """
        data = value.encode() if isinstance(value, str) else value
        core = data.strip()
        with self._adding:
            self._not_masked.pop(name, None)
            if len(core) < MIN_BYTES:
                self._not_masked[name] = f"shorter than {MIN_BYTES} bytes"
            elif core in self._public:
                self._not_masked[name] = "its value is a word that every report holds"
            elif core not in self._known:
                self._known[core] = Secret(name, *forms(data))
                self._matcher = Matcher(
                    {form: one.name for one in self._known.values() for form in one.whole | one.lines}
                )

    def unknown(self, name: str, why: str) -> None:
        """List a secret whose value could not be learned."""
        with self._adding:
            self._not_masked.setdefault(name, why)

    def mask(self, text: str) -> str:
        """Return a text without any known value."""
        data = text.encode("utf-8", "surrogatepass")
        masked = self.mask_bytes(data)
        return text if masked is data else masked.decode("utf-8", "surrogatepass")

    def mask_bytes(self, data: bytes) -> bytes:
        """Return data without any known value, also none that a replacement and its neighbours would make."""
        matcher = self._matcher
        while spans := matcher.spans(data):
            data = _replaced(data, spans)
        return data

    def stream(self) -> Stream:
        """Return a masker for data that comes in parts."""
        return Stream(lambda: self._matcher)

    def matcher(
        self, change: Callable[[bytes], bytes], *, where: Callable[[bytes], bool], lines: bool = False
    ) -> Matcher:
        """Return what finds values in data that was changed as they are.

        Args:
            change: what was done to the data; a form that it makes too short is left out.
            where: which values, by what they are.
            lines: single lines of them too.
        """
        chosen = [one for value, one in self._known.items() if where(value)]
        forms = ((change(form), one.name) for one in chosen for form in (one.whole | one.lines if lines else one.whole))
        return Matcher({form: name for form, name in forms if len(form) >= MIN_BYTES})


class Stream:
    """Masks data that comes in parts: what could be the beginning of a value is held back until more is known."""

    def __init__(self, matcher: Callable[[], Matcher]) -> None:
        """Take what is known at each moment."""
        self._matcher = matcher
        self.replaced = 0
        """How many values were."""
        self._held = b""
        self._covered = 0
        """So many bytes of what is held belong to a value whose replacement was given already."""

    def feed(self, data: bytes) -> bytes:
        """Return what can be shown by now."""
        matcher = self._matcher()
        data = self._held + data
        return self._shown(data, matcher, upto=max(0, len(data) - max(0, matcher.longest - 1)))

    def close(self) -> bytes:
        """Return the rest; there is no more."""
        return self._shown(self._held, self._matcher(), upto=len(self._held))

    def _shown(self, data: bytes, matcher: Matcher, *, upto: int) -> bytes:
        """Mask and give the first `upto` bytes, in which every value that begins there is complete; hold the rest."""
        given, at = [], self._covered
        for start, end, _ in matcher.spans(data):
            if start >= upto:
                break
            if start >= at:  # else it goes on with what was replaced already
                given += [data[at:start], REPLACEMENT.encode()]
                self.replaced += 1
            at = max(at, end)
        given.append(data[at:upto])
        self._held, self._covered = data[upto:], max(0, at - upto)
        return b"".join(given)


def _replaced(data: bytes, spans: Collection[Span]) -> bytes:
    parts, at = [], 0
    for start, end, _ in spans:
        parts += [data[at:start], REPLACEMENT.encode()]
        at = end
    return b"".join([*parts, data[at:]])
