"""The only place that knows secrets' values: it replaces them, in every form in which programs print them, by `***`.

Masking stops accidents, not intent: a value that is encoded twice, or whose pieces stand apart, passes. What is
finished is therefore scanned too (report/scan.py).
"""

from __future__ import annotations

import base64
import functools
import html
import json
import re
import struct
import sys
import threading
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from urllib.parse import quote_from_bytes

REPLACEMENT = "***"
"""Shorter than any value that is masked, so it cannot hold one."""
MIN_BYTES = 8
"""A shorter value is not masked: it stands in too many harmless words (GitLab's limit)."""
ARMOUR = re.compile(rb"-----(BEGIN|END) [A-Z0-9 ]+-----")
"""A line of a key's file that every such file has."""
URL_SAFE = ("", "/", "!'()*", ";,/?:@&=+$!*'()#")
"""What encoders of URLs leave as it is: Python's strict and its default, JavaScript's component and whole."""
WORD = 4
MAX_STRIDE = 32
BLOCKS = (4096, 512, 64, 8, 1)

Span = tuple[int, int, str]


@dataclass(frozen=True)
class Secret:
    """One known value: `whole` are the forms of all of it, `lines` those of its single lines."""

    name: str
    whole: frozenset[bytes]
    lines: frozenset[bytes]


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
                self._known[core] = Secret(name, *_forms(data))
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


@functools.lru_cache(maxsize=256)
def _words(stride: int, count: int) -> struct.Struct:
    """Return what reads so many words, one each stride."""
    return struct.Struct("=" + f"I{stride - WORD}x" * (count - 1) + "I")


def _replaced(data: bytes, spans: Collection[Span]) -> bytes:
    parts, at = [], 0
    for start, end, _ in spans:
        parts += [data[at:start], REPLACEMENT.encode()]
        at = end
    return b"".join([*parts, data[at:]])


def _forms(value: bytes) -> tuple[frozenset[bytes], frozenset[bytes]]:
    """Return the forms of a value and of its lines, those that are long enough to be masked."""
    bare = value.strip()
    whole = {form for one in {value, bare, bare.strip(b'"')} for form in _encoded(one)}
    lines = [line.strip() for line in bare.splitlines()] if b"\n" in bare or b"\r" in bare else []
    parts = {form for line in lines if not ARMOUR.fullmatch(line) and len(line) >= MIN_BYTES for form in _encoded(line)}
    return _long(whole), _long(parts)


def _long(forms: Iterable[bytes]) -> frozenset[bytes]:
    return frozenset(form for form in forms if len(form.strip()) >= MIN_BYTES)


def _encoded(value: bytes) -> Iterator[bytes]:
    """Yield all forms of a value: as bytes, and as the text that it is."""
    yield value
    yield from _in_base64(value)
    yield from (value.hex().encode(), value.hex().upper().encode(), value.hex(" ").encode(), value.hex(":").encode())
    yield from ("".join(f"\\x{byte:02x}" for byte in value).encode(), repr(value)[2:-1].encode())
    for safe in URL_SAFE:
        upper = quote_from_bytes(value, safe=safe)
        lower = re.sub("%..", lambda found: found[0].lower(), upper)
        yield from (one.encode() for text in (upper, lower) for one in (text, text.replace("%20", "+")))
    text = value.decode(errors="backslashreplace")
    yield from (form.encode() for way in (_in_json, _in_python, _in_shells, _in_xml, _doubled) for form in way(text))


def _in_base64(value: bytes) -> Iterator[bytes]:
    """Yield the characters that are the value's alone, for each way in which it may stand in groups of three bytes."""
    for shift, shared in ((0, 0), (1, 2), (2, 3)):
        whole = base64.b64encode(bytes(shift) + value)[shared : (shift + len(value)) * 8 // 6]
        yield from (whole, whole.translate(bytes.maketrans(b"+/", b"-_")))


def _in_json(text: str) -> Iterator[str]:
    """Yield what stands between the quotes: by Python, by PHP and Go with their own escapes, and as JSON in JSON."""
    for ascii_only in (True, False):
        form = json.dumps(text, ensure_ascii=ascii_only)[1:-1]
        safe = form.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026")
        yield from (form, form.replace("/", "\\/"), safe, json.dumps(form, ensure_ascii=ascii_only)[1:-1])


def _in_python(text: str) -> Iterator[str]:
    """Yield what stands between the quotes of a literal."""
    yield from (repr(text)[1:-1], ascii(text)[1:-1], text.encode("unicode_escape").decode())
    yield repr(f"{text}\"'")[1:-4]  # with both quotes in it, `'` is escaped


def _in_shells(text: str) -> Iterator[str]:
    """Yield what stands in quotes of either kind, and what `printf %q` makes."""
    yield from (text.replace("'", "'\"'\"'"), text.replace("'", "'\\''"))
    yield from (re.sub(r'(["$`\\])', r"\\\1", text), re.sub(r'(["$`\\!])', r"\\\1", text))
    yield re.sub(r"([^\w@%+=:,./-])", r"\\\1", text)


def _in_xml(text: str) -> Iterator[str]:
    """Yield it as the text of an element and of an attribute, with each writer's names of quotes."""
    plain = html.escape(text, quote=False)
    for double, single in (
        ("&quot;", "'"),
        ("&quot;", "&#x27;"),
        ("&quot;", "&apos;"),
        ("&#34;", "&#39;"),
        ("&quot;", "&#39;"),
    ):
        quoted = plain.replace('"', double).replace("'", single)
        yield from (plain, quoted, quoted.replace("\r", "&#13;").replace("\n", "&#10;").replace("\t", "&#09;"))


def _doubled(text: str) -> Iterator[str]:
    """Yield it as YAML and SQL, CSV, and compose files quote."""
    yield from (text.replace("'", "''"), text.replace('"', '""'), text.replace("$", "$$"))
