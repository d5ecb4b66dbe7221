"""service.following: each request has one end, whatever the engine says and however often we die at telling it."""

from __future__ import annotations

import pytest
from recipeci.service.following import BUSY
from recipeci.service.model import End, State

from unit.follows import LOST, REPORT, RUNNING, World, ended


def test_a_request_goes_to_the_engine_once_and_ends_once(world: World) -> None:
    number = world.ask()
    world.step(times=3)
    assert world.engine.submitted == ["1.1"]
    assert world.waits(number) == "no host"
    world.engine.says["1.1"] = RUNNING
    world.step(times=2)
    assert (world.request(number).is_running, world.waits(number)) == (True, "")
    world.engine.says["1.1"] = ended()
    world.step(times=3)
    seen = world.request(number)
    assert (seen.end, seen.report) == (End.PASS, REPORT)
    assert world.effects() == [("success", "run 1: pass (built-in abra)")]


def test_of_a_pull_request_one_runs_and_the_next_waits_for_its_end(world: World) -> None:
    first, second, other = world.ask(), world.ask(), world.ask(pull=4)
    world.step(times=2)
    assert world.engine.submitted == ["1.1", "3.1"]
    assert world.waits(second) == BUSY
    world.engine.says |= {"1.1": ended(), "3.1": RUNNING}
    world.step(times=2)
    assert world.engine.submitted == ["1.1", "3.1", "2.1"]
    assert world.request(first).end is End.PASS
    assert world.request(other).is_running


def test_requests_of_no_pull_request_do_not_wait_for_each_other(world: World) -> None:
    world.ask(pull=None)
    world.ask(pull=None)
    world.step()
    assert world.engine.submitted == ["1.1", "2.1"]
    assert world.effects() == []


def test_who_dies_after_the_engine_was_told_asks_it_before_telling_it_again(world: World) -> None:
    number = world.ask()
    world.engine.dies_after = "submit"
    with pytest.raises(KeyboardInterrupt):
        world.step()
    world.step(times=2)
    assert world.engine.submitted == ["1.1"]
    assert world.request(number).attempts == 1


def test_an_engine_that_does_not_answer_is_asked_later(world: World) -> None:
    number = world.ask()
    world.engine.is_away = True
    world.step(times=3)
    seen = world.request(number)
    assert (seen.state, seen.attempts, world.waits(number)) == (State.OPEN, 1, "the engine does not answer")
    world.engine.is_away = False
    world.step(times=2)
    assert world.engine.submitted == ["1.1"]


def test_what_nobody_has_thought_of_at_one_request_holds_up_no_other(world: World) -> None:
    world.ask()
    behind, other = world.ask(), world.ask(pull=4)
    loop = world.loop()
    loop.step()
    world.engine.bad = "1.1"
    world.engine.says["3.1"] = ended()
    for _ in range(2):
        with pytest.raises(TypeError, match="a field of a newer worker"):
            loop.step()  # the loop says it
    assert world.request(other).end is End.PASS
    assert world.request(behind).attempts == 0  # one that cannot be read may run still
    world.engine.bad = ""
    world.engine.says["1.1"] = ended()
    loop.step()
    loop.step()
    assert world.engine.submitted == ["1.1", "3.1", "2.1"]


def test_an_engine_that_is_away_while_a_request_runs_ends_nothing_and_lets_nothing_else_begin(world: World) -> None:
    world.ask()
    second = world.ask()
    world.step()
    world.engine.is_away = True
    world.step()
    assert world.engine.submitted == ["1.1"]
    assert world.request(second).attempts == 0


@pytest.mark.parametrize("forgotten", [True, False])
def test_a_lost_attempt_is_made_once_more_and_no_more(world: World, *, forgotten: bool) -> None:
    number = world.ask()
    for attempt in (1, 2):
        world.step(times=2)
        assert world.engine.submitted[-1] == f"1.{attempt}"
        if forgotten:
            del world.engine.says[f"1.{attempt}"]
        else:
            world.engine.says[f"1.{attempt}"] = LOST
    world.step(times=2)
    seen = world.request(number)
    why = "the engine forgot it" if forgotten else "its host burnt down"
    assert (seen.end, seen.reason) == (End.ERROR, f"given up after 2 attempts: {why}")
    assert world.engine.submitted == ["1.1", "1.2"]
    assert [state for state, _ in world.effects()] == ["error"]


def test_a_lost_one_that_was_cancelled_is_cancelled(world: World) -> None:
    number = world.ask()
    world.step()
    world.engine.says["1.1"] = LOST
    world.cancel(number)
    world.step(times=2)
    assert world.request(number).end is End.CANCELLED
    assert world.engine.submitted == ["1.1"]
