"""Every call of the adapter for Gitea, the answer that is a good one to it, and a forge that gives another one."""

from __future__ import annotations

import contextlib
import json
import socket
from collections.abc import Callable, Iterator, Mapping

from fakeforge import SECONDS, FakeForge, Handle, says
from recipeci.host.clock import SystemClock
from recipeci.service.gitea import Gitea
from recipeci.service.model import Pull, Repository, Status, User

SHA = "0123456789abcdef0123456789abcdef01234567"
TOKEN = "a-token-that-nobody-may-see"
NOW = 1_800_000_000.0
SINCE = "2026-01-01T00:00:00Z"
HOME = Repository(1, "org/app", "app", private=False, clone_url="https://x/app.git", since=SINCE, cursor=SINCE)
PULL = Pull(7, User(2, "ann"), SHA, None, is_open=True)
STATUS = Status(SHA, "pending", "recipeci/app", "run 1 is queued", "https://ci/runs/1")
HOOK = "https://ci/hooks/gitea"
ERROR = b'{"message": "it is so", "url": "https://x/api/swagger"}'
HTML = b"<html><body>Bad gateway</body></html>"

Ask = Callable[[Gitea], object]
READS: Mapping[str, Ask] = {
    "myself": lambda gitea: gitea.myself(),
    "repository": lambda gitea: gitea.repository("org/app"),
    "repository_by_number": lambda gitea: gitea.repository_by_number(1),
    "permission": lambda gitea: gitea.permission(HOME, "ann"),
    "pull": lambda gitea: gitea.pull(HOME, 7),
    "last_push": lambda gitea: gitea.last_push(HOME, PULL),
    "was_head": lambda gitea: gitea.was_head(HOME, PULL, "f" * 40, before=6),
    "comments": lambda gitea: gitea.comments(HOME, since="2026-01-01T00:00:00Z"),
    "own_comments": lambda gitea: gitea.own_comments(HOME, 7, marker="<!-- x -->", myself=User(3, "bot")),
    "shows_status": lambda gitea: gitea.shows_status(HOME, STATUS),
    "webhooks": lambda gitea: gitea.webhooks("org/app", HOOK),
}
WRITES: Mapping[str, Ask] = {
    "make_comment": lambda gitea: gitea.make_comment(HOME, 7, "hello"),
    "edit_comment": lambda gitea: gitea.edit_comment(HOME, 9, "hello"),
    "remove_comment": lambda gitea: gitea.remove_comment(HOME, 9),
    "set_status": lambda gitea: gitea.set_status(HOME, STATUS),
    "make_webhook": lambda gitea: gitea.make_webhook("org/app", url=HOOK, secret="s"),
    "remove_webhook": lambda gitea: gitea.remove_webhook("org/app", 4),
}
CALLS: Mapping[str, Ask] = {**READS, **WRITES}
CREATED = ("make_comment", "set_status", "make_webhook")
GOOD_USER = {"id": 2, "login": "ann"}
GOOD_REPOSITORY = {
    "id": 1,
    "full_name": "org/app",
    "private": False,
    "owner": {"visibility": "public"},
    "clone_url": "https://evil.test/org/app.git",
}
GOOD_COMMENT = {
    "id": 5,
    "user": GOOD_USER,
    "body": "!testme",
    "created_at": "2026-01-01T01:00:00+01:00",
    "updated_at": "2026-01-01T00:00:00Z",
    "pull_request_url": "https://evil.test/org/app/pulls/7",
}
GOOD_PUSH = {
    "id": 6,
    "type": "pull_push",
    "created_at": "2026-01-01T00:00:00Z",
    "body": json.dumps({"is_force_push": False, "commit_ids": ["f" * 40, SHA]}),
}
GOOD_PULL = {
    "number": 7,
    "user": GOOD_USER,
    "state": "open",
    "head": {
        "label": "change",
        "ref": "change",
        "sha": SHA,
        "repo": {"full_name": "ann/app", "clone_url": "https://evil.test/ann/app.git"},
    },
}
GOOD: Mapping[str, object] = {
    "myself": GOOD_USER,
    "repository": GOOD_REPOSITORY,
    "repository_by_number": GOOD_REPOSITORY,
    "permission": {"permission": "write", "user": GOOD_USER},
    "pull": GOOD_PULL,
    "last_push": [GOOD_PUSH],
    "was_head": [{**GOOD_PUSH, "id": 7}],
    "comments": [GOOD_COMMENT],
    "own_comments": [{"id": 5, "user": {"id": 3}, "body": "<!-- x -->\nhello"}],
    "shows_status": [{"id": 8, "context": "recipeci/app", "status": "pending", "target_url": "https://ci/runs/1"}],
    "webhooks": [{"id": 4, "config": {"url": HOOK}}],
    "make_comment": {"id": 5},
    "edit_comment": {"id": 5},
    "set_status": {"id": 5},
    "make_webhook": {"id": 5},
}
"""What Gitea answers, as far as it is looked at; test_gitea.py sees that it does."""


class StoppedClock(SystemClock):
    """A clock whose calendar stands still."""

    def epoch(self) -> float:
        return NOW


@contextlib.contextmanager
def adapted(forge: FakeForge, *, seconds: float = SECONDS) -> Iterator[Gitea]:
    """The adapter for a forge."""
    with Gitea(forge.url, TOKEN, clock=StoppedClock(), timeout=seconds) as gitea:
        yield gitea


def goods(call: str, value: object) -> Handle:
    """Answer a call with this, and say that the list ends with it."""
    status = "201 Created" if call in CREATED else "200 OK"
    return says(status, json.dumps(value).encode(), X_Total_Count="1")


def in_pages(call: str, value: object) -> Handle:
    """Answer with this for the first page, and without anything for others."""

    def handle(forge: FakeForge, connection: socket.socket) -> None:
        first = "page=" not in forge.asked[-1].target or "page=1&" in forge.asked[-1].target
        goods(call, value if first else [])(forge, connection)

    return handle


def in_turn(*handles: Handle) -> Handle:
    """Do one thing after the other."""
    left = list(handles)

    def handle(forge: FakeForge, connection: socket.socket) -> None:
        left.pop(0)(forge, connection)

    return handle
