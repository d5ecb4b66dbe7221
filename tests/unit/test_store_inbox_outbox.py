"""service.store.inbox and outbox: a comment once, effects one after the other, and what is known of each."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from pathlib import Path

import pytest
from recipeci.service.model import Comment, Status
from recipeci.service.store import inbox, outbox, repositories

from unit.bridge import HOME, SHA, Scene, scene

STATUS = Status(SHA, "pending", "recipeci/web", "run 1 is queued", "https://ci.test/runs/1")
OTHER = dataclasses.replace(HOME, id=8, full_name="coop/other")


@pytest.fixture
def bridge(tmp_path: Path) -> Iterator[Scene]:
    with scene(tmp_path) as made:
        with made.database.writing() as tx:
            repositories.enrol(tx, OTHER)
        yield made


# --- inbox


def due(bridge: Scene) -> list[int]:
    with bridge.database.reading() as tx:
        return [comment.id for comment in inbox.due(tx, now=bridge.clock.epoch())]


def test_a_comment_is_taken_once_by_repository_and_number(bridge: Scene) -> None:
    comment = bridge.says()
    later = dataclasses.replace(comment, body="!testme cancel", head=None)
    with bridge.database.writing() as tx:
        assert not inbox.take(tx, later, now=bridge.clock.epoch())
        assert inbox.take(tx, dataclasses.replace(comment, repository=OTHER.id), now=bridge.clock.epoch())
    assert bridge.rows("SELECT repository, body FROM comment ORDER BY repository") == [(7, "!testme"), (8, "!testme")]


def test_a_comment_comes_out_as_it_went_in(bridge: Scene) -> None:
    comment = bridge.says("!testme\n\nü \N{SNOWMAN}", head=None)
    with bridge.database.reading() as tx:
        assert inbox.due(tx, now=bridge.clock.epoch()) == (comment,)


def test_its_repository_is_called_as_it_is_now(bridge: Scene) -> None:
    bridge.says()
    with bridge.database.writing() as tx:
        repositories.seen(tx, HOME.id, full_name="coop/new", private=False, clone_url=HOME.clone_url)
        assert [comment.repository_name for comment in inbox.due(tx, now=bridge.clock.epoch())] == ["coop/new"]


def test_of_each_pull_request_the_oldest_comment_is_due(bridge: Scene) -> None:
    second, first = bridge.comment(), bridge.comment()
    for comment in (dataclasses.replace(second, id=12), dataclasses.replace(first, id=11)):
        with bridge.database.writing() as tx:
            inbox.take(tx, comment, now=bridge.clock.epoch())
    other = bridge.says(pull=6)
    assert sorted(due(bridge)) == [11, other.id]


def test_one_that_waits_holds_up_the_younger_of_its_pull_request_alone(bridge: Scene) -> None:
    first = bridge.says()
    bridge.says()
    other = bridge.says(pull=6)
    with bridge.database.writing() as tx:
        assert inbox.postponed(tx, first, due=bridge.clock.epoch() + 5, why="down") == 1
    assert due(bridge) == [other.id]
    bridge.clock.seconds += 5
    assert sorted(due(bridge)) == [first.id, other.id]


def test_what_is_decided_is_decided(bridge: Scene) -> None:
    comment = bridge.says()
    with bridge.database.writing() as tx:
        assert inbox.is_new(tx, comment)
        assert inbox.decided(tx, comment, decision="start")
        assert not inbox.decided(tx, comment, decision="ignore")
        inbox.given_up(tx, comment, why="too late", now=0)
        inbox.postponed(tx, comment, due=0, why="too late")
        assert not inbox.is_new(tx, comment)
    assert bridge.rows("SELECT state, decision, attempts FROM comment") == [("decided", "start", 0)]
    assert due(bridge) == []


def test_a_comment_of_a_repository_that_is_not_enrolled_cannot_be_stored(bridge: Scene) -> None:
    stranger: Comment = dataclasses.replace(bridge.comment(), repository=99)
    with pytest.raises(Exception, match="FOREIGN KEY"), bridge.database.writing() as tx:
        inbox.take(tx, stranger, now=0)


# --- outbox


def effects(bridge: Scene) -> list[str]:
    with bridge.database.reading() as tx:
        return [effect.subject for effect in outbox.due(tx, now=bridge.clock.epoch())]


def put(bridge: Scene, request: int, *, final: bool = False, sha: str = SHA) -> None:
    """Have a status set, of a request whose row is of no interest here."""
    with bridge.database.writing() as tx:
        tx.change(
            """INSERT INTO request (id, repository, pull, recipe, sha, asked, asked_by, created)
               VALUES (?, 7, 5, 'web', ?, '{}', 'maint', 0) ON CONFLICT DO NOTHING""",
            request,
            sha,
        )
        wanted = dataclasses.replace(STATUS, sha=sha, state="success" if final else "pending")
        outbox.status(tx, wanted, repository=7, request=request, final=final, now=bridge.clock.epoch())


def one(bridge: Scene) -> outbox.Effect:
    with bridge.database.reading() as tx:
        (found,) = outbox.due(tx, now=bridge.clock.epoch())
    return found


def test_a_request_has_one_pending_and_one_final_status(bridge: Scene) -> None:
    for final in (False, False, True, True):
        put(bridge, 1, final=final)
    assert bridge.column("SELECT key FROM outbox ORDER BY id") == ["status:1:pending", "status:1:final"]


def test_the_statuses_of_a_commit_are_sent_one_after_the_other_those_of_others_beside(bridge: Scene) -> None:
    put(bridge, 1)
    put(bridge, 1, final=True)
    put(bridge, 2, sha="b" * 40)
    assert effects(bridge) == [f"status:7:{SHA}", f"status:7:{'b' * 40}"]
    with bridge.database.writing() as tx:
        first = outbox.due(tx, now=bridge.clock.epoch())[0]
        assert (first.status and first.status.state, first.tried) == ("pending", 0)
        assert outbox.begun(tx, first, now=0)
        outbox.sent(tx, first)
        assert [effect.status and effect.status.state for effect in outbox.due(tx, now=bridge.clock.epoch())] == [
            "success",
            "pending",
        ]


def test_one_that_waits_for_its_time_holds_up_what_is_behind_it(bridge: Scene) -> None:
    put(bridge, 1)
    put(bridge, 1, final=True)
    with bridge.database.writing() as tx:
        first, later = outbox.due(tx, now=bridge.clock.epoch())[0], bridge.clock.epoch() + 5
        outbox.postponed(tx, first, due=later, now=0, why="down")
    assert effects(bridge) == []
    bridge.clock.seconds += 5
    assert effects(bridge) == [f"status:7:{SHA}"]


@pytest.mark.parametrize("end", ["sent", "given_up", "overtaken"])
def test_what_has_its_end_is_not_begun_again(bridge: Scene, end: str) -> None:
    put(bridge, 1)
    effect = one(bridge)
    with bridge.database.writing() as tx:
        if end == "sent":
            outbox.sent(tx, effect)
        elif end == "given_up":
            outbox.given_up(tx, effect, now=0, why="too late")
        else:
            outbox.overtaken(tx, request=1)
        assert not outbox.begun(tx, effect, now=0)
    assert effects(bridge) == []


def test_what_may_have_come_through_is_not_overtaken(bridge: Scene) -> None:
    put(bridge, 1)
    with bridge.database.writing() as tx:
        outbox.begun(tx, outbox.due(tx, now=bridge.clock.epoch())[0], now=0)
        outbox.overtaken(tx, request=1)
    assert one(bridge).tried == 1


def test_a_final_status_is_never_overtaken(bridge: Scene) -> None:
    put(bridge, 1, final=True)
    with bridge.database.writing() as tx:
        outbox.overtaken(tx, request=1)
    assert one(bridge).status is not None


def card(bridge: Scene) -> None:
    with bridge.database.writing() as tx:
        outbox.card(tx, repository=7, pull=5, now=bridge.clock.epoch())


def test_news_while_a_card_is_sent_send_it_again(bridge: Scene) -> None:
    card(bridge)
    effect = one(bridge)
    with bridge.database.writing() as tx:
        outbox.begun(tx, effect, now=0)
    card(bridge)
    with bridge.database.writing() as tx:
        outbox.sent(tx, effect)
    again = one(bridge)
    assert (again.version, again.tried) == (2, 0)  # the forge has said that it was done
    with bridge.database.writing() as tx:
        outbox.sent(tx, again)
    assert effects(bridge) == []


def test_news_do_not_bring_forward_what_was_postponed(bridge: Scene) -> None:
    card(bridge)
    with bridge.database.writing() as tx:
        first, later = outbox.due(tx, now=bridge.clock.epoch())[0], bridge.clock.epoch() + 60
        outbox.postponed(tx, first, due=later, now=0, why="busy")
    card(bridge)
    assert effects(bridge) == []


def test_news_after_it_was_sent_or_given_up_begin_anew(bridge: Scene) -> None:
    card(bridge)
    with bridge.database.writing() as tx:
        effect = outbox.due(tx, now=bridge.clock.epoch())[0]
        outbox.begun(tx, effect, now=0)
        outbox.given_up(tx, effect, now=0, why="too late")
    bridge.clock.seconds += 100
    card(bridge)
    assert (one(bridge).tried, one(bridge).created) == (0, bridge.clock.epoch())


def test_our_comment_is_known_by_its_number_and_can_be_forgotten(bridge: Scene) -> None:
    card(bridge)
    with bridge.database.writing() as tx:
        assert outbox.comment_of(tx, repository=7, pull=5) is None
        outbox.comment_is(tx, 900, repository=7, pull=5)
        assert outbox.comment_of(tx, repository=7, pull=5) == 900
        outbox.comment_is(tx, None, repository=7, pull=5)
        assert outbox.comment_of(tx, repository=7, pull=5) is None


def test_the_newest_answer_takes_the_place_of_the_one_before(bridge: Scene) -> None:
    with bridge.database.writing() as tx:
        for words in ("one", "two", ""):
            outbox.answer(tx, words, repository=7, pull=5, now=0)
            assert outbox.answer_of(tx, repository=7, pull=5) == words
        assert outbox.answer_of(tx, repository=7, pull=6) == ""


def test_a_maintainer_is_asked_for_once_under_each_pull_request(bridge: Scene) -> None:
    with bridge.database.writing() as tx:
        assert not outbox.maintainer_was_asked_for(tx, repository=7, pull=5)
        assert [outbox.said_once(tx, repository=7, pull=5) for _ in range(2)] == [True, False]
        assert outbox.maintainer_was_asked_for(tx, repository=7, pull=5)
        assert outbox.said_once(tx, repository=7, pull=6)
