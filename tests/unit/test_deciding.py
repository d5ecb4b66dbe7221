"""service.deciding: what the forge says is asked anew for each comment, and what follows is one transaction."""

from __future__ import annotations

import dataclasses

import pytest
from recipeci.service.deciding import Deciding
from recipeci.service.model import Permission, User, Via

from unit.bridge import BOT, OTHER_SHA, SHA, STRANGER, Scene, at
from unit.decides import OUTBOX, SHAS, decisions, nothing_follows


def test_a_maintainers_comment_opens_a_request_for_the_head_that_its_event_names(
    bridge: Scene, deciding: Deciding
) -> None:
    bridge.forge.pulls[5] = dataclasses.replace(bridge.forge.pulls[5], head=OTHER_SHA)  # it has moved since
    bridge.says(head=SHA)
    deciding.step()
    assert decisions(bridge) == [("decided", f"start {SHA}")]
    assert bridge.column(SHAS) == [SHA]
    assert bridge.column(OUTBOX) == ["status:1:pending", "card:7:5"]
    assert bridge.forge.effects() == 0  # that is the outbox's matter


def test_a_commit_that_was_pushed_after_the_comment_is_not_run_though_its_event_names_it(
    bridge: Scene, deciding: Deciding
) -> None:
    """The event is made after the comment, so a push can come between, and before we ask another one."""
    bridge.forge.pulls[5] = dataclasses.replace(bridge.forge.pulls[5], head="e" * 40)
    comment = bridge.says(head=OTHER_SHA)
    deciding.step()
    assert bridge.column(SHAS) == []
    ((_, words),) = decisions(bridge)
    assert words.startswith("refuse: It is not certain which commit was the head when you commented.")
    assert f"!testme {'e' * 40}" in bridge.column("SELECT answer FROM card")[0]
    assert bridge.forge.before == [comment.id]


def test_by_polling_the_head_counts_if_it_was_pushed_before(bridge: Scene, deciding: Deciding) -> None:
    comment = bridge.says(via=Via.POLL, head=None)
    deciding.step()
    assert bridge.column(SHAS) == [SHA]
    assert bridge.forge.before == [comment.id]


@pytest.mark.parametrize("pushed", [at(0), at(5), None])
def test_by_polling_a_head_that_may_be_newer_is_not_run(bridge: Scene, deciding: Deciding, pushed: str | None) -> None:
    bridge.forge.pushes[5] = pushed
    bridge.says(via=Via.POLL, head=None)
    deciding.step()
    assert bridge.column(SHAS) == []
    ((_, words),) = decisions(bridge)
    assert words.startswith("refuse: ")
    assert bridge.column(OUTBOX) == ["card:7:5"]
    assert f"!testme {SHA}" in bridge.column("SELECT answer FROM card")[0]


@pytest.mark.parametrize(
    "users",
    [[BOT, STRANGER], [BOT, User(99, "maint")]],
    ids=["the name is nobody's", "the name is somebody else's"],
)
def test_a_name_that_is_not_the_commenters_any_more_starts_nothing(
    bridge: Scene, deciding: Deciding, users: list[User]
) -> None:
    bridge.forge.users = users
    bridge.forge.pulls[5] = dataclasses.replace(bridge.forge.pulls[5], author=STRANGER)
    bridge.says()
    deciding.step()
    assert decisions(bridge) == [("decided", "ignore: the name of user 2 is not that user's any more")]
    assert nothing_follows(bridge)


def test_of_a_stranger_no_more_is_asked_than_who_it_is(bridge: Scene, deciding: Deciding) -> None:
    bridge.says(by=STRANGER)
    deciding.step()
    assert bridge.forge.asked == ["repository_by_number", "myself", "permission", "pull"]


def test_of_who_comments_under_his_own_pull_request_nothing_is_asked_twice(bridge: Scene, deciding: Deciding) -> None:
    bridge.says()
    deciding.step()
    assert bridge.forge.asked == ["repository_by_number", "myself", "permission", "pull", "last_push"]


def test_an_author_of_the_commenters_name_and_another_number_is_asked_about(bridge: Scene, deciding: Deciding) -> None:
    bridge.forge.pulls[5] = dataclasses.replace(bridge.forge.pulls[5], author=User(99, "maint"))
    bridge.says()
    deciding.step()
    assert "the commit must be named" in bridge.column("SELECT answer FROM card")[0]
    assert bridge.column(SHAS) == []


def test_a_stranger_is_answered_once(bridge: Scene, deciding: Deciding) -> None:
    bridge.says(by=STRANGER)
    deciding.step()
    assert bridge.column(OUTBOX) == ["card:7:5"]
    bridge.says(by=STRANGER)
    deciding.step()
    assert [words.partition(":")[0] for _, words in decisions(bridge)] == ["refuse", "ignore"]
    assert bridge.column("SELECT version FROM outbox") == [1]
    assert bridge.column(SHAS) == []


def test_who_may_write_is_asked_for_each_comment_anew(bridge: Scene, deciding: Deciding) -> None:
    bridge.says()
    deciding.step()
    bridge.forge.permissions["maint"] = Permission.READ
    bridge.says()
    deciding.step()
    assert len(bridge.column(SHAS)) == 1
    assert decisions(bridge)[1][1].startswith("refuse: This needs a maintainer")


def test_our_own_comment_starts_nothing(bridge: Scene, deciding: Deciding) -> None:
    bridge.forge.permissions["bot"] = Permission.ADMIN
    bridge.says(by=BOT)
    deciding.step()
    assert nothing_follows(bridge)
