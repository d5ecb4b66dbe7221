"""service.events: what is signed and well-formed becomes a comment, a ping or nothing; all else is refused, and how."""

from __future__ import annotations

import copy
import gzip
import hashlib
import json
from collections.abc import Mapping

import pytest
from recipeci.errors import UsageError
from recipeci.service import events
from recipeci.service.events import Ignored, Ping
from recipeci.service.model import Comment

from unit.signed import BODY, COMMENT, PAYLOAD, SECRET, Headers, changed, gitea, read, refused, signature, told, written

OTHER = b"the secret before"


def without(headers: Headers, *names: str) -> Headers:
    return [(name, value) for name, value in headers if name not in names]


def with_(headers: Headers, name: str, value: str) -> Headers:
    return [*without(headers, name), (name, value)]


def test_a_comment_of_gitea_is_read() -> None:
    assert told(PAYLOAD) == COMMENT


def test_nothing_of_a_comment_but_the_clone_url_of_the_settings_is_an_address() -> None:
    assert "evil" not in repr(told(PAYLOAD))


@pytest.mark.parametrize(
    "headers",
    [
        [
            ("Content-Type", "application/json"),
            ("X-Gitea-Event", "issue_comment"),
            ("X-Gitea-Signature", signature(BODY)),
        ],
        [
            ("content-type", "application/json; charset=UTF-8"),
            ("x-forgejo-event", "issue_comment"),
            ("x-forgejo-signature", signature(BODY)),
        ],
        [
            ("CONTENT-TYPE", 'Application/JSON;charset="utf-8"'),
            ("X-GITEA-EVENT", "issue_comment"),
            ("X-FORGEJO-EVENT", "issue_comment"),
            ("X-HUB-SIGNATURE-256", f"sha256={signature(BODY)}"),
        ],
        with_(gitea(BODY), "X-Forgejo-Signature", signature(BODY)),
        with_(gitea(BODY), "Content-Encoding", ""),
        with_(gitea(BODY), "X-Hub-Signature", "sha1=00"),
    ],
    ids=["gitea's signature", "forgejo", "the hub's signature", "all three", "no encoding", "sha1 is not looked at"],
)
def test_each_way_of_signing_is_taken(headers: Headers) -> None:
    assert read(headers, BODY) == COMMENT


@pytest.mark.parametrize("secrets", [(SECRET, OTHER), (OTHER, SECRET), (b"x", OTHER, SECRET)])
def test_while_a_secret_is_changed_both_count(secrets: tuple[bytes, ...]) -> None:
    assert read(gitea(BODY), BODY, *secrets) == COMMENT
    assert read(gitea(BODY, secret=OTHER), BODY, *secrets) == COMMENT


def test_the_vector_that_github_publishes_is_a_right_signature() -> None:
    body, secret = b"Hello, World!", b"It's a Secret to Everybody"
    digest = "757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17"
    headers = [
        ("Content-Type", "application/json"),
        ("X-Gitea-Event", "issue_comment"),
        ("X-Hub-Signature-256", f"sha256={digest}"),
    ]
    assert refused(lambda: read(headers, body, secret)) == 400  # signed, and no JSON
    assert refused(lambda: read(headers, body + b" ", secret)) == 401


SIGNED = signature(BODY)
WRONG_SIGNATURES: Mapping[str, tuple[Headers, bytes]] = {
    "none": (without(gitea(BODY), "X-Gitea-Signature", "X-Hub-Signature-256"), BODY),
    "sha1 alone": (without(gitea(BODY), "X-Gitea-Signature", "X-Hub-Signature-256", "X-Gogs-Signature"), BODY),
    "empty, as of a webhook without a secret": (
        with_(with_(gitea(BODY), "X-Gitea-Signature", ""), "X-Hub-Signature-256", "sha256="),
        BODY,
    ),
    "empty beside a right one": (with_(gitea(BODY), "X-Gitea-Signature", ""), BODY),
    "another secret": (gitea(BODY, secret=OTHER), BODY),
    "an empty secret": (gitea(BODY, secret=b""), BODY),
    "another body": (gitea(BODY + b" "), BODY),
    "a truncated body": (gitea(BODY), BODY[:-1]),
    "a body with one more byte": (gitea(BODY), BODY + b"\n"),
    "the same JSON written again": (gitea(BODY), json.dumps(PAYLOAD).encode()),
    "the signature of the JSON written again": (gitea(json.dumps(PAYLOAD).encode()), BODY),
    "the digest without a key": (
        without(with_(gitea(BODY), "X-Gitea-Signature", hashlib.sha256(BODY).hexdigest()), "X-Hub-Signature-256"),
        BODY,
    ),
    "of sha1": (with_(gitea(BODY), "X-Gitea-Signature", signature(BODY, algorithm="sha1")), BODY),
    "of sha512": (with_(gitea(BODY), "X-Gitea-Signature", signature(BODY, algorithm="sha512")), BODY),
    "odd length": (with_(gitea(BODY), "X-Gitea-Signature", SIGNED[:-1]), BODY),
    "too long": (with_(gitea(BODY), "X-Gitea-Signature", SIGNED + "00"), BODY),
    "half": (with_(gitea(BODY), "X-Gitea-Signature", SIGNED[:32]), BODY),
    "no hex": (with_(gitea(BODY), "X-Gitea-Signature", "g" * 64), BODY),
    "upper case": (with_(gitea(BODY), "X-Gitea-Signature", SIGNED.upper()), BODY),
    "no ASCII": (with_(gitea(BODY), "X-Gitea-Signature", "é" * 64), BODY),
    "other digits": (with_(gitea(BODY), "X-Gitea-Signature", "٣" * 64), BODY),
    "a space before": (with_(gitea(BODY), "X-Gitea-Signature", f" {SIGNED}"), BODY),
    "a line feed behind": (with_(gitea(BODY), "X-Gitea-Signature", f"{SIGNED}\n"), BODY),
    "a prefix where none is": (with_(gitea(BODY), "X-Gitea-Signature", f"sha256={SIGNED}"), BODY),
    "no prefix where one is": (with_(gitea(BODY), "X-Hub-Signature-256", SIGNED), BODY),
    "another prefix": (with_(gitea(BODY), "X-Hub-Signature-256", f"sha512={SIGNED}"), BODY),
    "one of two is wrong": (with_(gitea(BODY), "X-Hub-Signature-256", f"sha256={'0' * 64}"), BODY),
    "the other is wrong": (with_(gitea(BODY), "X-Gitea-Signature", "0" * 64), BODY),
    "forgejo's is wrong": (with_(gitea(BODY), "X-Forgejo-Signature", "0" * 64), BODY),
    "there twice": ([*gitea(BODY), ("X-Gitea-Signature", SIGNED)], BODY),
    "there twice in two cases": ([*gitea(BODY), ("x-gitea-signature", SIGNED)], BODY),
    "there twice, a wrong one first": ([("X-Gitea-Signature", "0" * 64), *gitea(BODY)], BODY),
    "two in one header": (with_(gitea(BODY), "X-Gitea-Signature", f"{SIGNED}, {SIGNED}"), BODY),
}


@pytest.mark.parametrize("case", WRONG_SIGNATURES)
def test_a_wrong_signature_is_refused(case: str) -> None:
    headers, body = WRONG_SIGNATURES[case]
    assert refused(lambda: read(headers, body)) == 401


@pytest.mark.parametrize(
    "body",
    [b"", b"{", b"\xff\xfe", b"[" * 100_000, b"1" * 5000, b'{"a": 1, "a": 2}', BODY[:-2]],
    ids=["empty", "truncated", "no UTF-8", "deep", "a long number", "a key twice", "cut off"],
)
def test_what_is_wrong_with_a_body_is_not_told_to_who_has_not_signed_it(body: bytes) -> None:
    assert refused(lambda: read(gitea(BODY), body)) == 401
    assert refused(lambda: read(gitea(body), body)) == 400


def test_an_event_is_looked_at_after_the_signature() -> None:
    assert refused(lambda: read(with_(gitea(BODY, secret=OTHER), "X-Gitea-Event", "push"), BODY)) == 401


@pytest.mark.parametrize("secrets", [(), (b"",), (SECRET, b""), (b" \n",)])
def test_without_a_secret_nothing_is_read(secrets: tuple[bytes, ...]) -> None:
    with pytest.raises(UsageError, match="a webhook secret is missing or empty"):
        events.read(gitea(BODY), BODY, secrets=secrets)


@pytest.mark.parametrize(
    "headers",
    [
        without(gitea(BODY), "Content-Type"),
        with_(gitea(BODY), "Content-Type", ""),
        with_(gitea(BODY), "Content-Type", "application/x-www-form-urlencoded"),
        with_(gitea(BODY), "Content-Type", "text/plain"),
        with_(gitea(BODY), "Content-Type", "application/json; charset=utf-16"),
        with_(gitea(BODY), "Content-Type", "application/json, text/plain"),
        with_(gitea(BODY), "Content-Type", "application/jsonp"),
        [*gitea(BODY), ("content-type", "application/json")],
        with_(gitea(BODY), "Content-Encoding", "gzip"),
        [*gitea(BODY), ("Content-Encoding", ""), ("content-encoding", "")],
        with_(gitea(BODY), "Content-Encoding", "identity, gzip"),
    ],
)
def test_what_is_not_plain_json_is_refused(headers: Headers) -> None:
    assert refused(lambda: read(headers, BODY)) == 415


def test_a_compressed_body_is_refused_though_it_is_signed() -> None:
    body = gzip.compress(BODY)
    assert refused(lambda: read(with_(gitea(body), "Content-Encoding", "gzip"), body)) == 415
    assert refused(lambda: read(gitea(body), body)) == 400


def test_a_body_of_one_mebibyte_is_taken_and_a_byte_more_is_not() -> None:
    spaces = 1_048_576 - len(BODY)
    assert told(BODY + b" " * spaces) == COMMENT
    assert refused(lambda: told(BODY + b" " * (spaces + 1))) == 413


@pytest.mark.parametrize("event", ["push", "issues", "pull_request", "pull_request_comment", "issue_comment_x", "star"])
def test_another_event_is_none_of_our_business(event: str) -> None:
    assert read(gitea(b"no JSON", event=event), b"no JSON") == Ignored("it is no event of a comment")


def test_a_ping_is_one() -> None:
    assert read(gitea(b"{}", event="ping"), b"{}") == Ping()


@pytest.mark.parametrize(
    "headers",
    [
        without(gitea(BODY), "X-Gitea-Event"),
        with_(gitea(BODY), "X-Gitea-Event", ""),
        with_(gitea(BODY), "X-Gitea-Event", "issue_comment, issue_comment"),
        with_(gitea(BODY), "X-Gitea-Event", "Issue_Comment"),
        with_(gitea(BODY), "X-Gitea-Event", "issue_comment\n"),
        with_(gitea(BODY), "X-Gitea-Event", "x" * 41),
        [*gitea(BODY), ("X-Gitea-Event", "issue_comment")],
        [*gitea(BODY), ("x-gitea-event", "push")],
        with_(gitea(BODY), "X-Forgejo-Event", "push"),
    ],
)
def test_what_does_not_name_one_event_is_refused(headers: Headers) -> None:
    assert refused(lambda: read(headers, BODY)) == 400


def nested(depth: int, opening: bytes, closing: bytes) -> bytes:
    """Return the payload with something so deep in it."""
    data = copy.deepcopy(PAYLOAD)
    data["deep"] = "x"
    inside = opening * (depth - 1) + (b"0" if opening.endswith(b":") else b"") + closing * (depth - 1)
    return written(data).replace(b'"x"', inside)


@pytest.mark.parametrize(("opening", "closing"), [(b"[", b"]"), (b'{"a":', b"}")])
def test_a_body_can_be_as_deep_as_an_event_and_not_deeper(opening: bytes, closing: bytes) -> None:
    assert told(nested(32, opening, closing)) == COMMENT
    assert refused(lambda: told(nested(33, opening, closing))) == 400


def test_what_is_wide_is_not_deep() -> None:
    assert told(PAYLOAD | {"wide": [[[0]] * 100, [{"a": {}}] * 100]}) == COMMENT


@pytest.mark.parametrize(
    "text", ["[" * 100, "{" * 100, '"[[[' * 30, "\\\\\\", '\\"[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[', "]}]}" * 50]
)
def test_brackets_in_texts_are_not_depth(text: str) -> None:
    found = told(changed("comment.body", text))
    assert isinstance(found, Comment)
    assert found.body == text
