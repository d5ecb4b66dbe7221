"""redact.cutting, and all who shorten what an app says: where a text is cut no part of a secret is left."""

from __future__ import annotations

import dataclasses
import io
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import pytest
from recipeci.author import child
from recipeci.author import serving as for_suites
from recipeci.author.app import App, AppError, Recipe
from recipeci.author.app import Http as Served
from recipeci.author.channel import Channel, packed
from recipeci.author.plugin import Told
from recipeci.host.clock import SystemClock
from recipeci.host.container import Health
from recipeci.host.http import Answer, Http
from recipeci.recipe.metadata import HttpExpectation
from recipeci.redact import Redactor, cutting
from recipeci.report.console import Console
from recipeci.run import health, serving
from recipeci.run.asking import Asking
from recipeci.run.serving import Look, Rules
from recipeci.run.settled import health_words

from unit.builders import look, task

VALUE = "k7HqXw2mPz9RtB4vNc6YsD3fGj5LhA8e"
PASSPHRASE = "correct horse battery staple nine"
PART = 8
"""So many characters of a value are too many: a shorter value is not masked either."""
AROUND = 9000
"""Characters on both sides of the value: more than any site shows."""
ADDRESS = "https://a1b2c3.ci.test/"
RECIPE = Recipe("canary", "", http=Served("a1b2c3.ci.test"))

Say = Callable[[str], str]


class Answering(Channel):
    """A harness that answers each command with the same output, and keeps what it is told."""

    def __init__(self, out: str = "") -> None:
        """Take the output."""
        self.out, self.told = out, dict[str, Any]()

    def send(self, message: dict[str, Any]) -> None:
        """Hear it."""
        self.told = message

    def receive(self) -> dict[str, Any]:
        """Answer the last question."""
        value = {"code": 1, "out": packed(b""), "err": packed(self.out.encode())}
        return {"id": self.told["id"], "value": value}


class Page(Http):
    """An app that answers 500 with the same page to all but a stranger's name."""

    def __init__(self, text: str) -> None:
        self._text = text

    def get(self, url: str, *, timeout: float = 10) -> Answer:
        assert timeout > 0
        return Answer(404, url, {}, b"", 0.01) if "no-router" in url else page(self._text)


def by_health_check(text: str) -> str:
    return health_words(Health("check", text, 7))


def by_page(text: str) -> str:
    return serving.wrong(Look((page(text),), None), Rules("a1b2c3.ci.test"))


def page(text: str) -> Answer:
    return Answer(500, ADDRESS, {}, text.encode(), 0.01)


def by_command(text: str) -> str:
    app = App(Answering(text), domain="a1b2c3.ci.test", ca_file="")
    with pytest.raises(AppError) as caught:
        app.exec("app", ["x"])
    return str(caught.value)


def by_waiting(text: str) -> str:
    app = App(Answering(), domain="a1b2c3.ci.test", ca_file="")

    def look() -> None:
        raise AssertionError(text)

    with pytest.raises(AppError) as caught:
        app.wait(look, timeout=0, what="it")
    return str(caught.value)


def by_failed_test(text: str) -> str:
    channel = Answering()
    told = Told(channel, App(channel, domain="", ca_file=""), RECIPE)
    told.pytest_collectreport(pytest.CollectReport("t", "failed", text, None))
    return str(channel.told["words"])


def by_hook(text: str) -> str:
    channel = Answering()
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "ops.py"
        file.write_text(f"def pre_backup(app):\n    raise ValueError({text!r})\n")
        child._hook(channel, App(channel, domain="", ca_file=""), file, "pre_backup")  # main() limits its process
    assert channel.told["outcome"] == "failed"
    return str(channel.told["words"])


def by_suites_page(text: str) -> str:
    request = httpx.Request("GET", ADDRESS)
    stranger = httpx.Response(404, request=request)
    return for_suites.not_serving(httpx.Response(500, text=text, request=request), RECIPE, stranger)


HEADS: dict[Say, int] = {
    by_health_check: 300,
    by_page: 80,
    by_waiting: 2000,
    by_failed_test: 4000,
    by_suites_page: 200,
    by_hook: 4000 - len("ValueError: "),
}
"""Who shows the begin of a text, and how much of it."""
TAILS: dict[Say, int] = {by_command: 2000, by_failed_test: 4000, by_hook: 4000}
"""Who shows its end."""
CUTS = [*((say, most, 1) for say, most in HEADS.items()), *((say, most, -1) for say, most in TAILS.items())]
JOINTS = (" ", "\n", "=", '":"', "")
"""What stands before and behind the value: with all but the first two it is a part of a longer word."""


def filled(length: int) -> str:
    """Return a text of words, in which no part of a value is."""
    return ("word " * (length // 5 + 1))[:length]


def parts(value: str) -> list[str]:
    return [value[at : at + PART] for at in range(len(value) - PART + 1)]


def texts(value: str, most: int, direction: int, joint: str) -> list[str]:
    """Return a text for each place of the value at which a cut can be, by the characters that are shown."""
    made = []
    for inside in range(len(value) + 1):
        near, far = filled(most - inside - len(joint)), filled(AROUND)
        before, after = (near, far) if direction > 0 else (far, near)
        made.append(f"{before}{joint}{value}{joint}{after}")
    return made


def told(value: str, say: Say, most: int, direction: int, joint: str) -> list[str]:
    """Return what still is told of the value, masked as every report is."""
    redactor = Redactor()
    redactor.add("token", value)
    said = [redactor.mask(say(text)) for text in texts(value, most, direction, joint)]
    return [one for one in said if any(part in one for part in parts(value))]


@pytest.mark.parametrize("joint", JOINTS)
@pytest.mark.parametrize(("say", "most", "direction"), CUTS)
def test_a_cut_leaves_no_part_of_a_secret(say: Say, most: int, direction: int, joint: str) -> None:
    assert told(VALUE, say, most, direction, joint) == []


def test_of_one_with_blanks_no_part_is_left_where_it_is_masked_before() -> None:
    redactor = Redactor()
    redactor.add("passphrase", PASSPHRASE)

    def of_check(text: str) -> str:
        seen = look(dataclasses.replace(task(), health=Health("check", text, 7)))
        return health_words(health.masked(seen, redactor.mask).tasks[0].health)

    def of_page(text: str) -> str:
        seen = serving.masked(Look((page(text),), None), redactor.mask_bytes)
        return serving.wrong(seen, Rules("a1b2c3.ci.test"))

    assert told(PASSPHRASE, of_check, 300, 1, " ") == []
    assert told(PASSPHRASE, of_page, 80, 1, " ") == []


def test_what_the_app_answered_last_is_masked_before_it_is_cut() -> None:
    redactor = Redactor()
    redactor.add("passphrase", PASSPHRASE)

    def by_asking(text: str) -> str:
        console = Console(clock=SystemClock(), stream=io.StringIO())
        asking = Asking("a1b2c3.ci.test", Page(text), SystemClock(), console, lambda: None, redactor.mask_bytes)
        return asking.serves(HttpExpectation(), timeout=0).message

    assert told(PASSPHRASE, by_asking, 80, 1, " ") == []


@pytest.mark.parametrize("say", [say for say, _, _ in CUTS])
def test_that_something_was_left_out_is_said(say: Say) -> None:
    assert cutting.LEFT_OUT in say(filled(AROUND))
    assert cutting.LEFT_OUT not in say("a few words")


@pytest.mark.parametrize(
    ("text", "head", "tail", "ends"),
    [
        ("", "", "", ""),
        ("one two", "one two", "one two", "one two"),
        ("one two three", "one two …", "… two three", "one …\n… three"),
        ("one two, three", "one two, …", "… three", "one …\n… three"),
        ("onetwothree", "…", "…", "…\n…"),
        ("one twothree", "one …", "… twothree", "one …\n…"),
        ("one\ttwo\nthree four", "one\ttwo …", "… four", "one …\n… four"),
    ],
)
def test_words_are_left_out_whole(text: str, head: str, tail: str, ends: str) -> None:
    assert cutting.head(text, 9) == head
    assert cutting.tail(text, 9) == tail
    assert cutting.ends(text, 10) == ends
