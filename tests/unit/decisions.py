"""What tests of service.decide share: a comment, and what the forge and the queue say of it."""

from __future__ import annotations

import dataclasses
from typing import Any

from recipeci.model import Tier
from recipeci.service.decide import Start
from recipeci.service.model import (
    Asked,
    Cancel,
    Command,
    Comment,
    Help,
    Permission,
    Pull,
    Repository,
    Request,
    State,
    Test,
    Unknown,
    User,
    Via,
)

from unit.properties import tried

PROPERTY = tried(2000)
HEAD, OLD, OTHER = "a" * 40, "b" * 40, "c" * 40
BOT, ALICE, BOB = User(1, "recipeci"), User(12, "alice"), User(13, "bob")
HOME = Repository(5, "recipes/web", "web", False, "https://forge.test/recipes/web.git", "", "")  # noqa: FBT003
FORK = "https://forge.test/bob/web.git"
SAID = "2026-11-29T12:00:00Z"
BEFORE, MOMENT_BEFORE, SAME, AFTER = (
    "2026-11-29T11:00:00Z",
    "2026-11-29T11:59:59Z",
    SAID,
    "2026-11-29T12:00:01Z",
)
PULL = Pull(7, BOB, HEAD, FORK, is_open=True)
COMMENT = Comment(5, "recipes/web", 1042, 7, ALICE, "!testme", SAID, Via.WEBHOOK, head=HEAD)
ASKED = Asked("web", HEAD, tuple(Tier), HOME.clone_url, FORK, 7)
MAY = (Permission.WRITE, Permission.ADMIN, Permission.OWNER)


def start(sha: str = HEAD, *, stages: tuple[Tier, ...] = tuple(Tier), **more: Any) -> Start:  # noqa: ANN401 - fields of Start
    return Start(dataclasses.replace(ASKED, sha=sha, stages=stages), **more)


def pull(**changes: Any) -> Pull:  # noqa: ANN401 - fields of Pull
    return dataclasses.replace(PULL, **changes)


def request(number: int, *, comment: int = 1000, running: bool = False) -> Request:
    return Request(number, 5, ASKED, State.OPEN, 0.0, comment=comment, is_running=running)


WHEN = (BEFORE, MOMENT_BEFORE, SAME, AFTER, None, "yesterday", "2026-11-29T11:00:00")
"""When the head was pushed; None: the forge does not say. The last has no zone, and cannot be compared."""


# All at once.

USERS = (None, ALICE, BOB, User(99, "alice"))
COMMANDS: tuple[Command, ...] = (
    Test(),
    Test(HEAD),
    Test(OLD),
    Test(None, (Tier.INSTALL,)),
    Cancel(),
    Help(),
    Unknown("x"),
)
PULLS = (PULL, pull(head=OTHER), pull(is_open=False))
QUEUES: tuple[dict[str, Any], ...] = (
    {},
    {"requests": (request(1), request(2, running=True)), "queued": 2},
    {"queued": 500},
    {"asked_for_maintainer": True},
    {"cancelled_by": 2000},
)
