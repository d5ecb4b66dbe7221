"""The only place that knows in which forms programs print a value: encoded, quoted, escaped, line by line. Pure."""

from __future__ import annotations

import base64
import html
import json
import re
from collections.abc import Iterable, Iterator
from urllib.parse import quote_from_bytes

MIN_BYTES = 8
"""A shorter value is not masked: it stands in too many harmless words (GitLab's limit)."""
ARMOUR = re.compile(rb"-----(BEGIN|END) [A-Z0-9 ]+-----")
"""A line of a key's file that every such file has."""
URL_SAFE = ("", "/", "!'()*", ";,/?:@&=+$!*'()#")
"""What encoders of URLs leave as it is: Python's strict and its default, JavaScript's component and whole."""


def forms(value: bytes) -> tuple[frozenset[bytes], frozenset[bytes]]:
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
