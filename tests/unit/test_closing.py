"""service.closing: what waits for a pull request that was closed since ends, and nothing else does."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from pathlib import Path

import pytest
from recipeci.service.closing import CLOSED, Closing
from recipeci.service.deciding import Deciding
from recipeci.service.engines.embedded import Embedded
from recipeci.service.following import Following
from recipeci.service.forge import ForgeUnavailable, Found
from recipeci.service.model import Pull
from recipeci.service.store import jobs

from unit.bridge import HOME, MAINTAINER, OTHER_SHA, SHA, URL, Scene, at, scene

CANCELS = "SELECT cancel FROM request ORDER BY id"
ENDS = "SELECT outcome FROM request ORDER BY id"


@pytest.fixture
def bridge(tmp_path: Path) -> Iterator[Scene]:
    """A bridge with a request for pull request 5, and one for 6 that stays open."""
    with scene(tmp_path) as made:
        made.forge.pulls[6] = Pull(6, MAINTAINER, OTHER_SHA, HOME.clone_url, is_open=True)
        made.forge.pushes[6] = at(-60)
        deciding = Deciding(made.database, made.forge, made.clock, URL)
        for pull, sha in ((5, SHA), (6, OTHER_SHA)):
            made.says(pull=pull, head=sha)
            deciding.step()
        assert made.rows("SELECT pull, state FROM request ORDER BY id") == [(5, "open"), (6, "open")]
        yield made


@pytest.fixture
def closing(bridge: Scene) -> Closing:
    return Closing(bridge.database, bridge.forge)


@pytest.fixture
def following(bridge: Scene) -> Following:
    engine = Embedded(bridge.database, clock=bridge.clock)
    return Following(bridge.database, engine, bridge.clock, URL, deadline=600.0, builtin_is_final=True)


def close(bridge: Scene) -> None:
    bridge.forge.pulls[5] = dataclasses.replace(bridge.forge.pulls[5], is_open=False)


@pytest.mark.parametrize("is_with_engine", [False, True])
def test_what_waits_for_a_closed_pull_request_ends_and_never_runs(
    bridge: Scene, closing: Closing, following: Following, *, is_with_engine: bool
) -> None:
    if is_with_engine:
        following.step()
    closing.step()
    assert bridge.column(CANCELS) == [None, None]
    close(bridge)
    closing.step()
    assert bridge.column(CANCELS) == [CLOSED, None]
    following.step()
    following.step()
    assert bridge.rows("SELECT outcome, reason FROM request ORDER BY id") == [("cancelled", CLOSED), (None, "")]
    with bridge.database.writing() as tx:
        taken = jobs.take(tx, worker="one", forge="https://forge.test", now=bridge.clock.epoch())
        assert taken is not None
        assert taken.asked.pull == 6
        assert jobs.take(tx, worker="one", forge="https://forge.test", now=bridge.clock.epoch()) is None


def test_what_runs_goes_on(bridge: Scene, closing: Closing, following: Following) -> None:
    following.step()
    with bridge.database.writing() as tx:
        assert jobs.take(tx, worker="one", forge="https://forge.test", now=bridge.clock.epoch()) is not None
    following.step()
    close(bridge)
    closing.step()
    assert bridge.rows("SELECT running, cancel FROM request WHERE pull = 5") == [(1, None)]


def test_what_was_asked_for_once_it_was_open_again_is_not_ended_by_an_older_answer(
    bridge: Scene, closing: Closing, monkeypatch: pytest.MonkeyPatch
) -> None:
    closed = dataclasses.replace(bridge.forge.pulls[5], is_open=False)

    def meanwhile(*_: object) -> Pull:
        """It is opened again and commented before the answer is here."""
        monkeypatch.undo()
        bridge.says()
        Deciding(bridge.database, bridge.forge, bridge.clock, URL).step()
        return closed

    monkeypatch.setattr(bridge.forge, "pull", meanwhile)
    closing.step()
    assert bridge.rows("SELECT id, cancel FROM request WHERE pull = 5 AND state = 'open'") == [(3, None)]


def test_without_an_answer_nothing_ends_and_the_others_are_looked_at(bridge: Scene, closing: Closing) -> None:
    close(bridge)
    bridge.forge.pulls[6] = dataclasses.replace(bridge.forge.pulls[6], is_open=False)
    bridge.forge.fails("pull", ForgeUnavailable("the forge is down"))
    with pytest.raises(ForgeUnavailable, match="the forge is down"):
        closing.step()
    assert bridge.column(CANCELS) == [None, CLOSED]
    closing.step()
    assert bridge.column(CANCELS) == [CLOSED, CLOSED]


def test_one_that_is_said_to_be_gone_goes_on(bridge: Scene, closing: Closing) -> None:
    del bridge.forge.pulls[5]
    closing.step()
    assert bridge.column(CANCELS) == [None, None]


def test_a_repository_is_asked_for_by_its_number(bridge: Scene, closing: Closing) -> None:
    bridge.forge.found[HOME.id] = Found(HOME.id, "coop/renamed", private=False, clone_url=HOME.clone_url)
    asked = len(bridge.forge.asked)
    closing.step()
    assert bridge.forge.asked[asked:] == ["repository_by_number", "pull"] * 2


def test_where_nothing_waits_nobody_is_asked(bridge: Scene, closing: Closing, following: Following) -> None:
    for pull in (5, 6):
        bridge.forge.pulls[pull] = dataclasses.replace(bridge.forge.pulls[pull], is_open=False)
    closing.step()
    asked = len(bridge.forge.asked)
    closing.step()
    following.step()
    closing.step()
    assert bridge.column(ENDS) == ["cancelled", "cancelled"]
    assert len(bridge.forge.asked) == asked
