"""service.hooks: what a delivery is answered, and that nothing is stored, parsed or lost that should not be."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from types import FrameType
from typing import Any

import pytest
from flask import Flask
from prometheus_client.parser import text_string_to_metric_families
from recipeci.service.events import BODY_MOST
from recipeci.service.store import inbox

from unit.weblab import PUBLIC, SECRET, Lab, comment, lab, payload, signed
from unit.webpages import app_of

Answer = tuple[int, str]


@pytest.fixture
def here(tmp_path: Path) -> Iterator[Lab]:
    with lab(tmp_path) as made:
        yield made


def deliver(app: Flask, body: bytes, headers: Mapping[str, str] | None = None) -> Answer:
    answer = app.test_client().post(
        "/hooks/gitea", data=body, headers=dict(signed(body) if headers is None else headers)
    )
    assert answer.content_type == "text/plain; charset=utf-8"
    return answer.status_code, answer.text.strip()


def counted(app: Flask) -> dict[str, float]:
    """Return the deliveries by result, as the metrics have them, but for those that never came."""
    families = text_string_to_metric_families(app.test_client().get("/metrics").text)
    samples = next(family for family in families if family.name == "recipeci_webhooks").samples
    return {sample.labels["result"]: sample.value for sample in samples if sample.value}


def test_a_comment_is_taken_once_and_known_from_then_on(here: Lab) -> None:
    home, app = here.enrol(), app_of(here)
    body = payload(home, 5)
    assert deliver(app, body) == (202, "taken")
    assert deliver(app, body) == (202, "known already")
    assert here.inbox() == [(PUBLIC, 5)]
    assert counted(app) == {"taken": 1, "known": 1}


def test_a_comment_that_the_poller_found_first_is_known(here: Lab) -> None:
    home, app = here.enrol(), app_of(here)
    with here.database.writing() as tx:
        inbox.take(tx, comment(home, 5), now=here.now)
    assert deliver(app, payload(home, 5)) == (202, "known already")


def test_a_signature_by_either_secret_counts(here: Lab) -> None:
    home, app = here.enrol(), app_of(here)
    body = payload(home, 5)
    assert deliver(app, body, signed(body, secret="another secret that is on its way out")) == (202, "taken")


def test_a_ping_is_answered(here: Lab) -> None:
    app = app_of(here)
    assert deliver(app, b"{}", signed(b"{}", X_Gitea_Event="ping")) == (200, "here we are")
    assert counted(app) == {"ping": 1}


@pytest.mark.parametrize(
    ("changed", "reason"),
    [
        ({"action": "edited"}, "the comment was not made now"),
        ({"repository": {"id": 99, "full_name": "not/enrolled"}}, "its repository is not enrolled"),
        ({"body": "nothing for us"}, "there is no command in it"),
        ({"event": "push"}, "it is no event of a comment"),
    ],
)
def test_what_is_none_of_our_business_is_ignored_with_the_reason(
    here: Lab, changed: dict[str, Any], reason: str
) -> None:
    home, app = here.enrol(), app_of(here)
    event = changed.pop("event", "issue_comment")
    body = payload(home, 5, **changed)
    assert deliver(app, body, signed(body, X_Gitea_Event=event)) == (200, f"ignored: {reason}")
    assert (here.inbox(), counted(app)) == ([], {"ignored": 1})


SECRETLESS: Mapping[str, Callable[[bytes], Mapping[str, str]]] = {
    "no signature": lambda body: {name: value for name, value in signed(body).items() if "Signature" not in name},
    "an empty one": lambda body: signed(body, X_Gitea_Signature=""),
    "with another secret": lambda body: signed(body, secret="guessed"),
    "of another body": lambda body: signed(body + b" "),
    "of the body as parsed": lambda body: signed(json.dumps(json.loads(body)).encode()),
    "in upper case": lambda body: signed(body, X_Gitea_Signature=signed(body)["X-Gitea-Signature"].upper()),
    "no hex": lambda body: signed(body, X_Gitea_Signature="é" * 64),
    "twice in one": lambda body: signed(body, X_Gitea_Signature=f"{signed(body)['X-Gitea-Signature']}, x"),
}


@pytest.mark.parametrize("how", SECRETLESS)
def test_what_is_not_signed_is_refused_and_nothing_is_stored(here: Lab, how: str) -> None:
    home, app = here.enrol(), app_of(here)
    body = payload(home, 5)
    before = here.database.path.read_bytes()
    status, _ = deliver(app, body, SECRETLESS[how](body))
    assert (status, here.inbox(), counted(app)) == (401, [], {"refused": 1})
    assert here.database.path.read_bytes() == before


def parsed(act: Callable[[], object]) -> int:
    """Return how often JSON is parsed while something is done in this thread."""
    calls = 0

    def seen(frame: FrameType, event: str, _: object) -> None:
        nonlocal calls
        calls += event == "call" and frame.f_code is json.loads.__code__

    sys.setprofile(seen)
    try:
        act()
    finally:
        sys.setprofile(None)
    return calls


@pytest.mark.parametrize("how", SECRETLESS)
def test_a_body_with_a_wrong_signature_is_never_parsed(here: Lab, how: str) -> None:
    home, app = here.enrol(), app_of(here)
    body = payload(home, 5)
    headers = SECRETLESS[how](body)
    assert parsed(lambda: deliver(app, body, headers)) == 0
    assert parsed(lambda: deliver(app, body)) == 1, "the control: a right one is"


@pytest.mark.parametrize(
    "body", [b"", b"{", b"\xff", b"[" * 5000, b'{"a":1,"a":2}', b"null", b"1e999", b'{"action":{}}']
)
def test_what_is_signed_and_no_event_is_refused_in_constant_words(here: Lab, body: bytes) -> None:
    app = app_of(here)
    status, words = deliver(app, body)
    assert (status, words.startswith("the body is not ")) == (400, True)


def test_a_body_is_taken_up_to_a_mebibyte_and_not_beyond(here: Lab) -> None:
    home, app = here.enrol(), app_of(here)
    body = payload(home, 5)
    full = body + b" " * (BODY_MOST - len(body))
    assert deliver(app, full + b" ") == (413, "the body is too large")
    assert deliver(app, full) == (202, "taken")
    assert counted(app) == {"refused": 1, "taken": 1}


@pytest.mark.parametrize("kind", ["application/x-www-form-urlencoded", "text/plain", "multipart/form-data; boundary=x"])
def test_a_body_of_another_kind_is_refused(here: Lab, kind: str) -> None:
    home, app = here.enrol(), app_of(here)
    body = payload(home, 5)
    status, words = deliver(app, body, signed(body, Content_Type=kind))
    assert (status, words) == (415, "the content type must be application/json")


def test_a_comment_that_cannot_be_stored_is_503_and_can_be_delivered_again(here: Lab) -> None:
    home, app = here.enrol(), app_of(here)
    body, file = payload(home, 5), here.database.path
    here.database.close()
    kept = file.read_bytes()
    file.write_bytes(b"no database" * 1000)
    assert deliver(app, body) == (503, "it cannot be stored now: it will be found by listing")
    file.write_bytes(kept)
    assert deliver(app, body) == (202, "taken")
    assert counted(app) == {"unavailable": 1, "taken": 1}


@pytest.mark.parametrize("method", ["GET", "HEAD", "PUT", "DELETE", "OPTIONS", "PATCH"])
def test_the_hook_takes_posts_only(here: Lab, method: str) -> None:
    answer = app_of(here).test_client().open("/hooks/gitea", method=method)
    assert (answer.status_code, answer.headers["Allow"]) == (405, "POST")


def test_no_answer_repeats_what_was_sent(here: Lab) -> None:
    """The forge stores answers and shows them to people (threats T14)."""
    home, app = here.enrol(), app_of(here)
    canary = "canary-7f3a"
    bodies = [payload(home, 5, body=canary), payload(home, 6, action=canary), f'{{"{canary}"'.encode(), canary.encode()]
    for body in bodies:
        for headers in (signed(body), signed(body, secret=canary), signed(body, X_Gitea_Event=canary)):
            _, words = deliver(app, body, headers)
            assert canary not in words
            assert SECRET not in words
