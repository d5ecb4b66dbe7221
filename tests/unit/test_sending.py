"""service.sending: each effect on the forge once, however its answer is lost and wherever we die."""

from __future__ import annotations

import dataclasses

import pytest
from recipeci.service import ending
from recipeci.service.model import End
from recipeci.service.sending import Sending
from recipeci.service.store import repositories

from unit.bridge import HOME, OTHER_SHA, SHA, URL, Scene
from unit.sends import ASKED, LOST, again, begin, end, outbox_of, states, until_sent


def test_a_request_shows_pending_and_then_its_end_each_once(bridge: Scene, sending: Sending) -> None:
    number = begin(bridge)
    sending.step()
    end(bridge, number)
    sending.step()
    sending.step()
    assert states(bridge) == [("/runs/1", "pending"), ("/runs/1", "success")]
    assert len(bridge.forge.bodies()) == 1
    assert set(outbox_of(bridge).values()) == {"sent"}


def test_a_recipe_that_gets_another_name_meanwhile_leaves_nothing_pending(bridge: Scene, sending: Sending) -> None:
    """`recipeci enroll OWNER/REPO=RECIPE` once more: a status under another name would be another status."""
    number = begin(bridge)
    sending.step()
    with bridge.database.writing() as tx:
        repositories.enrol(tx, dataclasses.replace(HOME, recipe="other"))
    end(bridge, number)
    sending.step()
    assert [(one.context, one.state) for one in bridge.forge.statuses] == [
        ("recipeci/web", "pending"),
        ("recipeci/web", "success"),
    ]


def test_what_ended_before_it_was_shown_is_not_called_pending(bridge: Scene, sending: Sending) -> None:
    end(bridge, begin(bridge), End.FAIL)
    sending.step()
    assert states(bridge) == [("/runs/1", "failure")]
    assert outbox_of(bridge)["status:1:pending"] == "overtaken"


@pytest.mark.parametrize("outcome", [End.PASS, End.FAIL, End.ERROR, End.CANCELLED, End.SUPERSEDED])
def test_a_commit_shows_what_goes_on_for_it_and_not_the_end_of_an_older_request(
    bridge: Scene, sending: Sending, outcome: End
) -> None:
    older, newer = begin(bridge), begin(bridge)
    sending.step()
    end(bridge, older, outcome)
    sending.step()
    assert states(bridge)[-1] == (f"/runs/{newer}", "pending")
    end(bridge, newer)
    sending.step()
    assert states(bridge)[-1] == (f"/runs/{newer}", "success")


def test_the_end_of_a_request_that_is_replaced_at_once_does_not_hide_another_one_of_its_commit(
    bridge: Scene, sending: Sending
) -> None:
    runs, replaced = begin(bridge), begin(bridge, pull=6)
    moved = dataclasses.replace(ASKED, pull=6, sha=OTHER_SHA)
    with bridge.database.writing() as tx:
        ending.begin(tx, moved, repository=HOME.id, url=URL, now=bridge.clock.epoch(), replaces=[replaced])
    sending.step()
    of_commit = [status for status in bridge.forge.statuses if status.sha == SHA]
    assert (of_commit[-1].target_url, of_commit[-1].state) == (f"{URL}/runs/{runs}", "pending")


def test_a_request_that_is_replaced_by_one_for_the_same_commit_is_followed_by_one_pending(
    bridge: Scene, sending: Sending
) -> None:
    replaced = begin(bridge)
    sending.step()
    with bridge.database.writing() as tx:
        ending.begin(tx, ASKED, repository=HOME.id, url=URL, now=bridge.clock.epoch(), replaces=[replaced])
    sending.step()
    assert states(bridge) == [("/runs/1", "pending"), ("/runs/1", "error"), ("/runs/2", "pending")]


def test_a_sweep_has_no_status_that_could_be_said_again(bridge: Scene, sending: Sending) -> None:
    first, second = begin(bridge), begin(bridge)
    swept = dataclasses.replace(ASKED, pull=None)
    with bridge.database.writing() as tx:
        of_sweep = ending.begin(tx, swept, repository=HOME.id, url=URL, now=bridge.clock.epoch())
    end(bridge, first)
    sending.step()
    assert states(bridge)[-1] == (f"/runs/{second}", "pending")
    end(bridge, of_sweep)
    assert "waiting" not in outbox_of(bridge).values()


def test_a_pending_status_in_doubt_is_settled_before_the_final_one(bridge: Scene, sending: Sending) -> None:
    number = begin(bridge)
    bridge.forge.fails("set_status", LOST, after=True)
    sending.step()
    end(bridge, number)
    until_sent(bridge, sending)
    assert states(bridge) == [("/runs/1", "pending"), ("/runs/1", "success")]


def test_that_it_is_tried_is_stored_before_it_is_tried(bridge: Scene, sending: Sending) -> None:
    tried: dict[str, list[int]] = {}
    bridge.forge.look = lambda name: tried.setdefault(name, []).extend(
        bridge.column("SELECT tried FROM outbox WHERE (status IS NULL) = ?", name == "make_comment")
    )
    begin(bridge)
    sending.step()
    assert tried == {"set_status": [1], "make_comment": [1]}


@pytest.mark.parametrize("after", [False, True], ids=["before it was done", "after it was done"])
@pytest.mark.parametrize("effect", ["set_status", "make_comment"])
def test_an_answer_that_is_lost_makes_no_double(bridge: Scene, sending: Sending, effect: str, *, after: bool) -> None:
    bridge.forge.fails(effect, LOST, LOST, LOST, after=after)
    begin(bridge)
    until_sent(bridge, sending)
    assert states(bridge) == [("/runs/1", "pending")]
    assert len(bridge.forge.bodies()) == 1


@pytest.mark.parametrize("after", [False, True], ids=["before it was done", "after it was done"])
@pytest.mark.parametrize("effect", ["set_status", "make_comment"])
def test_whoever_dies_at_it_makes_no_double(bridge: Scene, sending: Sending, effect: str, *, after: bool) -> None:
    bridge.forge.fails(effect, KeyboardInterrupt(), after=after)
    begin(bridge)
    with pytest.raises(KeyboardInterrupt):
        sending.step()
    until_sent(bridge, again(bridge))
    assert states(bridge) == [("/runs/1", "pending")]
    assert len(bridge.forge.bodies()) == 1
