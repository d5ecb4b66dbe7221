"""The only place that finds many byte strings in data at once, fast where there are none of them. Pure."""

from __future__ import annotations

import functools
import struct
import sys
from collections.abc import Iterable, Iterator, Mapping

WORD = 4
MAX_STRIDE = 32
BLOCKS = (4096, 512, 64, 8, 1)

Span = tuple[int, int, str]


class Matcher:
    """Finds many byte strings at once, fast where there are none of them.

    If the shortest has N bytes, the words of 4 bytes that stand at each N - 3 bytes of the data hold one of every
    string that is there. Only these are looked up, and what they may belong to is compared.
    """

    def __init__(self, forms: Mapping[bytes, str]) -> None:
        """Take each string with the name that it is found by; none is shorter than MIN_BYTES."""
        self._stride = min([MAX_STRIDE, *(len(form) - WORD + 1 for form in forms)])
        self._at: dict[int, list[tuple[int, bytes]]] = {}
        self._names = dict(forms)
        self.longest = max(map(len, forms), default=0)
        for form in forms:
            for offset in range(self._stride):
                word = int.from_bytes(form[offset : offset + WORD], sys.byteorder)
                self._at.setdefault(word, []).append((offset, form))
        self._words = frozenset(self._at)

    def spans(self, data: bytes) -> list[Span]:
        """Return where strings stand: start, end, name of the first; overlapping ones as one, in their order."""
        found = [(start, -len(form), form) for start, form in self._found(data)]
        merged: list[Span] = []
        for start, _, form in sorted(found):
            end = start + len(form)
            if merged and start < merged[-1][1]:
                merged[-1] = (merged[-1][0], max(end, merged[-1][1]), merged[-1][2])
            else:
                merged.append((start, end, self._names[form]))
        return merged

    def names(self, data: bytes) -> frozenset[str]:
        """Return the names of all that stands in the data."""
        return frozenset(self._names[form] for _, form in self._found(data))

    def _found(self, data: bytes) -> Iterator[tuple[int, bytes]]:
        for place, words in self._looked(data):
            if not self._words.isdisjoint(words):
                yield from self._compared(data, place, words)

    def _looked(self, data: bytes) -> Iterator[tuple[int, tuple[int, ...]]]:
        """Yield the words at every stride of the data, block by block, with the place of the first."""
        place, left = 0, (len(data) - WORD) // self._stride + 1 if self._names else 0
        while left > 0:
            count = next(count for count in BLOCKS if count <= left)
            yield place, _words(self._stride, count).unpack_from(data, place)
            place, left = place + count * self._stride, left - count

    def _compared(self, data: bytes, place: int, words: Iterable[int]) -> Iterator[tuple[int, bytes]]:
        for number, word in enumerate(words):
            for offset, form in self._at.get(word, ()):
                start = place + number * self._stride - offset
                if start >= 0 and data.startswith(form, start):
                    yield start, form


NOTHING = Matcher({})


@functools.lru_cache(maxsize=256)
def _words(stride: int, count: int) -> struct.Struct:
    """Return what reads so many words, one each stride."""
    return struct.Struct("=" + f"I{stride - WORD}x" * (count - 1) + "I")
