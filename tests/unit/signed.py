"""What tests of service.events share: an event of the forge, as it is signed, changed and read."""

from __future__ import annotations

import copy
import hmac
import json
from collections.abc import Callable
from typing import Any

import pytest
from recipeci.service import events
from recipeci.service.events import Ignored, Ping, Refused
from recipeci.service.model import Comment, User, Via

from unit.properties import tried

SECRET = b"a secret of the tests, and of nobody else"
SHA = "4f0c1a2b" * 5
PROPERTY = tried(200)
Json = dict[str, Any]
Headers = list[tuple[str, str]]

PAYLOAD: Json = {
    "action": "created",
    "issue": {"id": 31, "number": 7, "state": "open", "pull_request": {"merged": False, "draft": False}},
    "pull_request": {"id": 9, "number": 7, "head": {"ref": "more", "sha": SHA}, "base": {"ref": "main"}},
    "comment": {
        "id": 1042,
        "html_url": "https://evil.test/steal",
        "user": {"id": 12, "login": "alice", "full_name": "Alice"},
        "body": "!testme\r\n",
        "created_at": "2026-11-29T04:05:06+01:00",
        "updated_at": "2026-11-29T04:05:06+01:00",
    },
    "repository": {"id": 5, "full_name": "recipes/custom-html", "clone_url": "https://evil.test/clone"},
    "sender": {"id": 12, "login": "alice"},
    "is_pull": True,
}
COMMENT = Comment(
    repository=5,
    repository_name="recipes/custom-html",
    id=1042,
    pull=7,
    author=User(12, "alice"),
    body="!testme\r\n",
    created="2026-11-29T03:05:06Z",
    via=Via.WEBHOOK,
    head=SHA,
)


def written(data: object) -> bytes:
    """Write a body as Gitea does, indented; only its very bytes are signed."""
    return json.dumps(data, indent=2).encode()


BODY = written(PAYLOAD)


def signature(body: bytes, *, secret: bytes = SECRET, algorithm: str = "sha256") -> str:
    return hmac.new(secret, body, algorithm).hexdigest()


def gitea(body: bytes, *, event: str = "issue_comment", secret: bytes = SECRET) -> Headers:
    """Return the headers that Gitea sends."""
    return [
        ("Host", "ci.test"),
        ("User-Agent", "Go-http-client/1.1"),
        ("Content-Length", str(len(body))),
        ("Content-Type", "application/json"),
        ("X-Gitea-Delivery", "f1b2c3d4-0000-4000-8000-123456789abc"),
        ("X-Gitea-Event", event),
        ("X-Gitea-Event-Type", "pull_request_comment"),
        ("X-Gitea-Signature", signature(body, secret=secret)),
        ("X-Gogs-Signature", signature(body, secret=secret)),
        ("X-Hub-Signature", f"sha1={signature(body, secret=secret, algorithm='sha1')}"),
        ("X-Hub-Signature-256", f"sha256={signature(body, secret=secret)}"),
        ("X-GitHub-Event", event),
    ]


def read(headers: Headers, body: bytes, *secrets: bytes) -> Comment | Ping | Ignored:
    return events.read(headers, body, secrets=secrets or (SECRET,))


def told(data: object) -> Comment | Ping | Ignored:
    """Read a signed body."""
    body = data if isinstance(data, bytes) else written(data)
    return read(gitea(body), body)


def changed(path: str, value: object) -> Json:
    """Return the payload with one value exchanged; `...` takes it away."""
    data: Json = copy.deepcopy(PAYLOAD)
    *folders, name = path.split(".")
    place = data
    for folder in folders:
        place = place[folder]
    if value is ...:
        del place[name]
    else:
        place[name] = value
    return data


def refused(call: Callable[[], object]) -> int:
    """Return the status of a refusal, whose message holds nothing that was sent."""
    with pytest.raises(Refused) as caught:
        call()
    assert caught.value.message in MESSAGES
    assert str(caught.value) == caught.value.message
    return caught.value.status


MESSAGES = {
    "the body is too large",
    "the content type must be application/json",
    "the body must not be encoded",
    "there is no signature",
    "the signature is wrong",
    "it must be one event",
    "a header is there twice",
    "the body is not the JSON of an event",
    "the body is not that of a comment's event",
}
