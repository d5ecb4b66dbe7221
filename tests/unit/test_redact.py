"""redact: every form of a value is masked, wherever it stands and however the data is cut; what cannot be is listed."""

from __future__ import annotations

import base64
import html
import json
import random
import shlex
import string
import threading
import urllib.parse
import xml.etree.ElementTree as ET
from collections.abc import Callable, Iterator

import pytest
from recipeci.redact import Redactor
from recipeci.redact.forms import MIN_BYTES

SEED = 20260102
AROUND = ("", "a", "Password: ", "=", "\n", '"', "ünïcode ", "*** ")
ALPHABETS = (
    string.ascii_letters + string.digits,
    string.hexdigits,
    string.ascii_letters + string.digits + "!@%^&*_-+=",
    string.printable,
    "äöü€'\"\\$`<>&/ \n\r\tabc",
)
Form = Callable[[str], str]


def seeded(seed: int) -> random.Random:
    return random.Random(seed)  # noqa: S311 - the same each time


def base64_at(shift: int, *, url: bool = False) -> Form:
    """Return how a value looks behind so many other bytes."""
    encode = base64.urlsafe_b64encode if url else base64.b64encode
    return lambda value: encode(b"x" * shift + value.encode() + b"tail").decode()


def attribute(value: str) -> str:
    element = ET.Element("e", a=value)
    return ET.tostring(element, encoding="unicode")


def element(value: str) -> str:
    made = ET.Element("e")
    made.text = value
    return ET.tostring(made, encoding="unicode")


def lower_percent(value: str) -> str:
    quoted = urllib.parse.quote(value, safe="")
    return "".join(part.lower() if part[:1] == "%" else part for part in split_percent(quoted))


def split_percent(quoted: str) -> Iterator[str]:
    at = 0
    while at < len(quoted):
        size = 3 if quoted[at] == "%" else 1
        yield quoted[at : at + size]
        at += size


FORMS: dict[str, Form] = {
    "plain": lambda value: value,
    "url": lambda value: urllib.parse.quote(value, safe=""),
    "url that keeps slashes": urllib.parse.quote,
    "url in lower case": lower_percent,
    "url form": urllib.parse.quote_plus,
    "url by encodeURIComponent": lambda value: urllib.parse.quote(value, safe="!'()*"),
    "base64": base64_at(0),
    "base64 behind one byte": base64_at(1),
    "base64 behind two bytes": base64_at(2),
    "base64url": base64_at(0, url=True),
    "base64url behind one byte": base64_at(1, url=True),
    "base64url behind two bytes": base64_at(2, url=True),
    "json": json.dumps,
    "json with other letters": lambda value: json.dumps(value, ensure_ascii=False),
    "json in json": lambda value: json.dumps(json.dumps(value)),
    "json by php": lambda value: json.dumps(value).replace("/", "\\/"),
    "json by go": lambda value: (
        json.dumps(value, ensure_ascii=False).replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026")
    ),
    "hex": lambda value: value.encode().hex(),
    "HEX": lambda value: value.encode().hex().upper(),
    "hex with blanks": lambda value: value.encode().hex(" "),
    "python": repr,
    "python ascii": ascii,
    "python bytes": lambda value: repr(value.encode()),
    "shell": shlex.quote,
    "shell with backslashed quotes": lambda value: "'" + value.replace("'", "'\\''") + "'",
    "shell in double quotes": lambda value: '"' + "".join("\\" + c if c in '"\\$`' else c for c in value) + '"',
    "xml text": element,
    "xml attribute": attribute,
    "html": html.escape,
    "html text": lambda value: html.escape(value, quote=False),
    "yaml in single quotes": lambda value: "'" + value.replace("'", "''") + "'",
    "compose": lambda value: value.replace("$", "$$"),
}


def values(seed: int, number: int, *, alphabets: tuple[str, ...] = ALPHABETS) -> Iterator[str]:
    """Yield random values that are long enough, none of them blank at an end."""
    rng = seeded(seed)
    while number:
        value = "".join(rng.choices(rng.choice(alphabets), k=rng.randint(MIN_BYTES, 48)))
        if value == value.strip() and len(value.encode()) >= MIN_BYTES:
            yield value
            number -= 1


def redactor(*given: str | bytes) -> Redactor:
    made = Redactor()
    for number, value in enumerate(given):
        made.add(f"s{number}", value)
    return made


WINDOW = 12
"""Characters of a form that may stay, less one: quotes and tags, and what base64 shares with the bytes around."""


@pytest.mark.parametrize("form", FORMS)
def test_every_form_of_random_values_is_masked(form: str) -> None:
    rng = seeded(SEED)
    for value in values(SEED, 150):
        shown = FORMS[form](value)
        masked = redactor(value).mask(rng.choice(AROUND) + shown + rng.choice(AROUND))
        assert "***" in masked, (value, masked)
        assert not [at for at in range(len(shown) - WINDOW) if shown[at : at + WINDOW] in masked], (value, masked)


def test_the_data_around_a_value_stays_as_it_is() -> None:
    assert redactor("hunter2-hunter2").mask("password=hunter2-hunter2; next\n") == "password=***; next\n"
    assert redactor("hunter2-hunter2").mask("\ud800 hunter2-hunter2") == "\ud800 ***"


def test_what_holds_no_value_is_given_back_itself() -> None:
    text, data = "nothing to see", b"\xff\x00 nothing"
    assert redactor("hunter2-hunter2").mask(text) is text
    assert redactor("hunter2-hunter2").mask_bytes(data) is data
    assert Redactor().mask(text) is text


def test_a_value_is_found_at_every_place_of_long_data() -> None:
    """Every place modulo the stride, and around the borders of the blocks that are looked at together."""
    for length in (8, 11, 40):
        value = "".join(seeded(length).choices(string.ascii_letters, k=length)).encode()
        one = redactor(value)
        for place in (*range(100), *range(4096 * 5 - 60, 4096 * 5 + 60), *range(4096 * 32 - 60, 4096 * 32 + 60)):
            data = b"." * place + value + b"." * 7
            assert one.mask_bytes(data) == b"." * place + b"***" + b"." * 7, (length, place)


def test_values_that_overlap_leave_nothing_of_either() -> None:
    assert redactor("abcdefghij", "ghijklmnop").mask("<abcdefghijklmnop>") == "<***>"
    assert redactor("abcdefgh", "abcdefghijkl").mask("<abcdefghijkl> <abcdefgh>") == "<***> <***>"
    assert redactor("aaaaaaaa").mask("a" * 20) == "***"


def test_masking_twice_changes_nothing() -> None:
    rng = seeded(SEED)
    known = [*values(SEED + 1, 20), "***hunter2", "hunter2***", "********"]
    one = redactor(*known)
    for _ in range(500):
        text = "".join(rng.choice((*known, *AROUND, "hunter2", "x***hunter")) for _ in range(6))
        masked = one.mask(text)
        assert one.mask(masked) == masked
        assert not [value for value in known if value in masked]


def test_a_stream_cut_at_every_byte_is_masked_as_the_whole() -> None:
    known = [*values(SEED + 2, 6, alphabets=ALPHABETS[:3]), "abcdefghij", "ghijklmnop", "aaaaaaaa"]
    one = redactor(*known)
    for value in (*known, "abcdefghijklmnop", "a" * 23):
        for form in ("plain", "base64 behind one byte", "json", "url"):
            data = f"before {FORMS[form](value)}{FORMS[form](value)} after".encode()
            whole = one.mask_bytes(data)
            assert b"***" in whole
            for cut in range(len(data) + 1):
                stream = one.stream()
                assert stream.feed(data[:cut]) + stream.feed(data[cut:]) + stream.close() == whole, (value, cut)


def test_a_stream_in_parts_of_any_size_is_masked_as_the_whole() -> None:
    rng = seeded(SEED)
    known = ["abcdefghij", "ghijklmnop", "aaaaaaaa", "a much longer value, of many words"]
    one = redactor(*known)
    for _ in range(200):
        data = "".join(rng.choice((*known, "ghij", "aaa", " ", "klmnop")) for _ in range(12)).encode()
        stream, given = one.stream(), b""
        at = 0
        while at < len(data):
            step = rng.randint(1, 9)
            given += stream.feed(data[at : at + step])
            at += step
        assert given + stream.close() == one.mask_bytes(data)


def test_a_stream_holds_back_no_more_than_a_value_needs() -> None:
    stream = redactor("hunter2-hunter2").stream()
    given = stream.feed(b"x" * 10_000)
    assert len(given) > 9_900
    assert len(given + stream.close()) == 10_000


def test_each_line_of_a_key_is_masked_but_not_what_every_key_file_has() -> None:
    rng = seeded(SEED)
    lines = [base64.b64encode(rng.randbytes(48)).decode() for _ in range(4)] + ["tail12=="]
    key = "\n".join(["-----BEGIN PRIVATE KEY-----", *lines, "-----END PRIVATE KEY-----", ""])
    one = redactor(key)
    for line in lines:
        assert one.mask(f"app | {line} !") == "app | *** !"
    assert one.mask("\r\n".join(lines)) == "\r\n".join(["***"] * 5)
    assert one.mask("-----BEGIN PRIVATE KEY-----") == "-----BEGIN PRIVATE KEY-----"
    assert one.mask("-----END PRIVATE KEY-----") == "-----END PRIVATE KEY-----"


def test_blanks_and_quotes_around_a_value_are_no_part_of_it() -> None:
    assert redactor("  hunter2-hunter2\n").mask("hunter2-hunter2") == "***"
    assert redactor('"hunter2-hunter2"').mask("hunter2-hunter2") == "***"


def test_a_value_that_is_no_text_is_masked_as_programs_show_it() -> None:
    value = bytes(range(200, 230))
    one = redactor(value)
    for shown in (
        value,
        value.hex().encode(),
        base64.b64encode(value),
        value.decode(errors="backslashreplace").encode(),
    ):
        assert b"***" in one.mask_bytes(b"(" + shown + b")")


@pytest.mark.parametrize("value", ["", "1234567", " 1234567 \n"])
def test_a_short_value_is_listed_and_not_masked(value: str) -> None:
    one = redactor(value)
    assert one.mask("pin 1234567") == "pin 1234567"
    assert (one.known, one.not_masked) == (0, {"s0": "shorter than 8 bytes"})


def test_a_word_that_every_report_holds_is_listed_and_not_masked() -> None:
    one = Redactor()
    one.publish("recipe custom-html")
    one.add("token", "custom-html")
    assert one.mask("custom-html") == "custom-html"
    assert one.not_masked == {"token": "its value is a word that every report holds"}


def test_a_value_is_known_once_by_its_first_name() -> None:
    one = redactor("hunter2-hunter2", "hunter2-hunter2\n", "another-value")
    assert one.known == 2


def test_a_secret_that_is_learned_at_last_is_not_listed_any_more() -> None:
    one = Redactor()
    one.unknown("token_v1", "no running task showed its value")
    assert one.not_masked == {"token_v1": "no running task showed its value"}
    one.add("token_v1", "hunter2-hunter2")
    assert one.not_masked == {}


def test_no_value_is_in_what_python_shows_of_a_redactor() -> None:
    one = redactor("hunter2-hunter2")
    assert "hunter2" not in repr(one) + repr(one.stream()) + repr(vars(one)["_matcher"])


def test_threads_may_add_and_mask_at_once() -> None:
    one, known = Redactor(), list(values(SEED + 3, 40, alphabets=ALPHABETS[:1]))
    wrong: list[str] = []

    def add(part: list[str]) -> None:
        for value in part:
            one.add(value[:3], value)
            if value in one.mask(f"<{value}>"):
                wrong.append(value)

    threads = [threading.Thread(target=add, args=(known[number::4],)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert (wrong, one.known) == ([], 40)
