"""service.deciding: what a comment does to what was asked for before it, in whatever order they come."""

from __future__ import annotations

import pytest
from recipeci.errors import HostError
from recipeci.model import Tier
from recipeci.service import ending
from recipeci.service.deciding import Deciding
from recipeci.service.judging import Judgement
from recipeci.service.model import Asked, End, Pull
from recipeci.service.store import requests, sweeps

from unit.bridge import HOME, MAINTAINER, OTHER_SHA, SHA, STRANGER, URL, Scene, at
from unit.decides import OUTBOX, SHAS, decisions, of_pull


def test_a_newer_comment_takes_the_place_of_a_queued_one(bridge: Scene, deciding: Deciding) -> None:
    for _ in range(2):
        bridge.says()
        deciding.step()
    assert bridge.rows("SELECT id, outcome FROM request ORDER BY id") == [(1, "superseded"), (2, None)]
    # The commit shows what goes on: of its statuses the newest is the one that people see.
    assert bridge.column(OUTBOX) == ["card:7:5", "status:1:final", "status:2:pending"]


def test_one_that_runs_goes_on(bridge: Scene, deciding: Deciding) -> None:
    bridge.says()
    deciding.step()
    with bridge.database.writing() as tx:
        requests.attempt(tx, 1, after=0)
        requests.begun(tx, 1, now=bridge.clock.epoch())
    bridge.says()
    deciding.step()
    assert bridge.rows("SELECT id, outcome, replaced_by FROM request ORDER BY id") == [(1, None, None), (2, None, None)]


def test_one_that_an_engine_has_is_ended_by_whoever_asks_the_engine(bridge: Scene, deciding: Deciding) -> None:
    bridge.says()
    deciding.step()
    with bridge.database.writing() as tx:
        requests.attempt(tx, 1, after=0)
    bridge.says()
    deciding.step()
    assert bridge.rows("SELECT id, outcome, replaced_by FROM request ORDER BY id") == [(1, None, 2), (2, None, None)]
    with bridge.database.writing() as tx:
        ending.end(tx, 1, ending.superseded(2), url=URL, now=bridge.clock.epoch())
    # Its end comes after the other's beginning, which is therefore said once more.
    assert bridge.column(OUTBOX)[-2:] == ["status:1:final", "status:2:pending:after:1"]


@pytest.mark.parametrize("ended", [None, End.ERROR, End.CANCELLED])
def test_an_older_comment_that_comes_later_gets_its_end_at_once(
    bridge: Scene, deciding: Deciding, ended: End | None
) -> None:
    old, older = bridge.comment(), bridge.comment()
    newest = bridge.says()
    deciding.step()
    if ended is not None:
        with bridge.database.writing() as tx:
            ending.end(tx, 1, Judgement(ended), url=URL, now=bridge.clock.epoch())
    for late in (older, old):
        bridge.says(id=late.id)
        deciding.step()
    assert bridge.rows("SELECT comment, outcome, reason FROM request ORDER BY id") == [
        (newest.id, ended, ""),
        (older.id, "superseded", "superseded by run 1"),
        (old.id, "superseded", "superseded by run 1"),
    ]
    assert of_pull(bridge) == [1, 2, 3]
    last = bridge.column(OUTBOX)[-1]
    assert last == ("status:1:pending:after:3" if ended is None else "status:3:final")


def test_the_verdict_of_a_commit_is_not_hidden_by_an_older_comment(bridge: Scene, deciding: Deciding) -> None:
    old = bridge.comment()
    bridge.says()
    deciding.step()
    with bridge.database.writing() as tx:
        ending.end(tx, 1, Judgement(End.PASS, "pass"), url=URL, now=bridge.clock.epoch())
    bridge.says(id=old.id)
    deciding.step()
    assert bridge.rows("SELECT outcome FROM request ORDER BY id") == [("pass",), (None,)]  # it runs, as was wished
    assert of_pull(bridge) == [1, 2]
    bridge.forge.heads.append(OTHER_SHA)
    bridge.says(id=old.id - 1, head=OTHER_SHA)
    deciding.step()
    assert bridge.rows("SELECT sha, outcome FROM request WHERE id = 3") == [(OTHER_SHA, "superseded")]


def test_what_is_run_again_is_the_newest(bridge: Scene, deciding: Deciding) -> None:
    for _ in range(2):
        bridge.says()
        deciding.step()
    with bridge.database.reading() as tx:
        asked = requests.of_pull(tx, repository=7, pull=5)[1].asked
    with bridge.database.writing() as tx:
        requests.open_one(tx, asked, repository=7, now=bridge.clock.epoch())  # of no comment
    assert of_pull(bridge) == [3, 2, 1]


def test_cancel_ends_what_there_is(bridge: Scene, deciding: Deciding) -> None:
    bridge.says()
    bridge.says("!testme cancel")
    deciding.step()
    assert bridge.rows("SELECT cancel FROM request") == [("cancelled by maint",)]
    assert bridge.column("SELECT answer FROM card") == ["Cancelled: run 1."]


@pytest.mark.parametrize("is_there", [False, True], ids=["nothing was there", "a run was there"])
def test_what_was_asked_for_before_a_cancel_and_comes_later_is_cancelled(
    bridge: Scene, deciding: Deciding, *, is_there: bool
) -> None:
    late = bridge.comment()
    if is_there:
        bridge.says()
    cancel = bridge.says("!testme cancel")
    deciding.step()
    runs = bridge.column(SHAS)
    bridge.says(id=late.id)
    bridge.forge.pulls[6] = Pull(6, MAINTAINER, OTHER_SHA, HOME.clone_url, is_open=True)
    bridge.forge.pushes[6] = at(-60)
    bridge.says(pull=6, id=1, head=OTHER_SHA)  # of another pull request
    deciding.step()
    words = dict(bridge.rows("SELECT id, decision FROM comment"))
    assert words[cancel.id] == ("cancel 1" if is_there else "cancel nothing")
    assert words[late.id] == f"ignore: comment {cancel.id}, which is newer, cancels it"
    assert bridge.column(SHAS) == [*runs, OTHER_SHA]
    bridge.says()
    deciding.step()
    assert bridge.column(SHAS) == [*runs, OTHER_SHA, SHA]


def test_a_cancel_of_somebody_without_rights_cancels_nothing_that_comes_later(
    bridge: Scene, deciding: Deciding
) -> None:
    late = bridge.comment()
    bridge.says("!testme cancel", by=STRANGER)
    deciding.step()
    bridge.says(id=late.id)
    deciding.step()
    assert bridge.column(SHAS) == [SHA]


@pytest.mark.parametrize("in_sweep", [True, False])
def test_a_sweep_fills_no_queue(
    bridge: Scene, deciding: Deciding, monkeypatch: pytest.MonkeyPatch, *, in_sweep: bool
) -> None:
    monkeypatch.setattr("recipeci.service.decide.QUEUE_MOST", 3)
    with bridge.database.writing() as tx:
        sweep = sweeps.open_one(tx, expected=3, now=bridge.clock.epoch()) if in_sweep else None
        asked = Asked("web", OTHER_SHA, tuple(Tier), HOME.clone_url, HOME.clone_url)
        for _ in range(3):
            requests.open_one(tx, asked, repository=HOME.id, sweep=sweep, now=bridge.clock.epoch())
    bridge.says()
    deciding.step()
    assert (SHA in bridge.column(SHAS)) == in_sweep
    assert decisions(bridge)[0][1].startswith("start" if in_sweep else "refuse: The queue is full (3 requests)")


def test_words_behind_the_command_are_answered_with_what_is_known(bridge: Scene, deciding: Deciding) -> None:
    bridge.says("!testme --fast")
    deciding.step()
    assert "!testme help" in bridge.column("SELECT answer FROM card")[0]
    assert bridge.column(SHAS) == []


def test_a_comment_of_a_repository_that_is_not_enrolled_any_more_stays(bridge: Scene, deciding: Deciding) -> None:
    bridge.says()
    bridge.forge.fails("repository_by_number", HostError("repository 7 is not there"))
    deciding.step()
    assert decisions(bridge) == [("new", "repository 7 is not there")]
