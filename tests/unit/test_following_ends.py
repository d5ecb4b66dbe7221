"""service.following: what is cancelled, replaced, takes too long or ends in a way that proves nothing."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from recipeci.service.following import GRACE_SECONDS, Following
from recipeci.service.model import End, JobState, Sighting, State
from recipeci.service.store import outbox

from unit import reports
from unit.follows import DEADLINE, LOST, REPORT, RUNNING, World, ended


def test_a_request_that_is_cancelled_before_the_engine_was_told_ends_at_once(world: World) -> None:
    number = world.ask()
    world.cancel(number)
    world.step()
    seen = world.request(number)
    assert (seen.end, seen.reason, world.engine.submitted) == (End.CANCELLED, "cancelled by alice", [])


def test_a_running_one_is_cancelled_by_the_engine_and_ends_when_that_says_so(world: World) -> None:
    number = world.ask()
    world.step()
    world.engine.says["1.1"] = RUNNING
    world.cancel(number)
    world.step(times=2)
    assert world.engine.cancelled == [("1.1", "cancelled by alice")] * 2
    assert world.request(number).state is State.OPEN
    world.engine.says["1.1"] = ended(130, cancelled=True)
    world.step()
    assert world.request(number).end is End.CANCELLED


def test_one_that_had_its_verdict_before_it_was_cancelled_keeps_it(world: World) -> None:
    number = world.ask()
    world.step()
    world.cancel(number)
    world.engine.says["1.1"] = ended()
    world.step()
    assert world.request(number).end is End.PASS


def test_a_run_that_says_it_was_cancelled_and_nobody_wanted_that_is_an_error(world: World) -> None:
    number = world.ask()
    world.step()
    world.engine.says["1.1"] = ended(130, cancelled=True)
    world.step()
    assert world.request(number).end is End.ERROR


def test_a_queued_one_is_taken_back_when_another_takes_its_place(world: World) -> None:
    old = world.ask()
    world.step(times=2)
    new = world.ask(replaces=(old,))
    world.step(times=2)
    seen = world.request(old)
    assert (seen.end, seen.reason) == (End.SUPERSEDED, f"superseded by run {new}")
    assert (world.engine.withdrawn, world.engine.submitted) == (["1.1"], ["1.1", "2.1"])


def test_one_that_has_begun_meanwhile_is_not_superseded(world: World) -> None:
    old = world.ask()
    world.step(times=2)
    world.engine.withdraws = False
    world.engine.says["1.1"] = RUNNING
    world.ask(replaces=(old,))
    world.step(times=2)
    assert world.request(old).is_running
    world.engine.says["1.1"] = ended()
    world.step(times=2)
    assert world.request(old).end is End.PASS
    assert world.engine.submitted == ["1.1", "2.1"]


TOO_LONG = f"it took longer than {DEADLINE:.0f} s"


def running(world: World) -> Following:
    """Return the loop of a bridge that has seen run 1 begin."""
    loop = world.loop()
    loop.step()
    world.engine.says["1.1"] = RUNNING
    loop.step()
    return loop


def test_a_run_that_takes_too_long_is_cancelled_and_one_that_does_not_end_by_that_is_given_up(world: World) -> None:
    number = world.ask()
    loop = running(world)
    world.clock.seconds += DEADLINE
    loop.step()
    assert world.engine.cancelled == []
    world.clock.seconds += 1
    loop.step()
    loop.step()
    assert world.engine.cancelled == [("1.1", TOO_LONG)]
    world.clock.seconds += GRACE_SECONDS
    loop.step()
    assert world.request(number).state is State.OPEN
    world.clock.seconds += 1
    loop.step()
    seen = world.request(number)
    assert seen.end is End.ERROR
    assert seen.reason.startswith("its host is lost: it was still running")


def test_a_bridge_that_was_away_for_too_long_has_the_run_end_before_another_begins(world: World) -> None:
    first = world.ask()
    running(world)
    world.ask()
    world.clock.seconds += DEADLINE + GRACE_SECONDS + 3600
    later = world.loop()
    for _ in range(3):
        later.step()
    assert world.engine.cancelled[0] == ("1.1", TOO_LONG)
    assert (world.request(first).state, world.engine.submitted) == (State.OPEN, ["1.1"])
    world.engine.says["1.1"] = ended(130, cancelled=True)
    later.step()
    assert world.request(first).state is State.FINAL


@pytest.mark.parametrize(
    "how", [ended(130, cancelled=True), LOST, Sighting(JobState.WITHDRAWN)], ids=["ended", "lost", "withdrawn"]
)
def test_a_run_that_took_too_long_is_an_error_for_nobody_cancelled_it(world: World, how: Sighting) -> None:
    number = world.ask()
    loop = running(world)
    world.clock.seconds += DEADLINE + 1
    loop.step()
    world.engine.says["1.1"] = how
    loop.step()
    assert (world.request(number).end, world.request(number).reason) == (End.ERROR, TOO_LONG)


def test_a_second_attempt_has_all_the_time_that_the_first_had(world: World) -> None:
    number = world.ask()
    loop = running(world)
    world.clock.seconds += DEADLINE - 1
    world.engine.says["1.1"] = LOST
    loop.step()
    world.engine.says["1.2"] = RUNNING
    later = world.loop()
    later.step()
    assert world.request(number).started == world.clock.epoch()
    for one in (loop, later, world.loop()):
        one.step()
    world.clock.seconds += DEADLINE
    for one in (loop, later, world.loop()):
        one.step()
    assert world.request(number).cancel is None
    world.clock.seconds += 1
    later.step()
    assert world.request(number).cancel == TOO_LONG


@pytest.mark.parametrize("jump", [-1e6, 1e6])
def test_a_wall_clock_that_jumps_ends_no_run_and_saves_none(world: World, jump: float) -> None:
    number = world.ask()
    loop = running(world)
    world.clock.jump = jump
    loop.step()
    loop.step()
    assert (world.request(number).cancel, world.engine.cancelled) == (None, [])
    world.clock.seconds += DEADLINE + 1
    loop.step()
    world.clock.jump = -jump
    for _ in range(3):
        loop.step()
    assert (world.request(number).cancel, world.request(number).state) == (TOO_LONG, State.OPEN)


def test_one_that_somebody_cancels_and_that_does_not_end_by_that_is_given_up(world: World) -> None:
    number = world.ask()
    loop = running(world)
    world.cancel(number)
    loop.step()
    world.clock.seconds += GRACE_SECONDS + 1
    loop.step()
    assert world.request(number).end is End.ERROR
    loop.step()
    assert (loop.began, loop.told) == ({}, {})


@pytest.mark.parametrize(
    ("sighting", "reason"),
    [
        (Sighting(JobState.ENDED), "the engine says that it ended, and brought no result"),
        (ended(0, report=None), "the run ended with 0 and left no report"),
        (ended(0, report=REPORT | {"recipe": "other"}), "the run was of recipe other, and custom-html was asked for"),
        (
            ended(0, report=REPORT | {"target": {**REPORT["target"], "commit": "b" * 40}}),
            f"the run was of {'b' * 40}, and {reports.SHA} was asked for",
        ),
        (ended(1, report=REPORT), "the run ended with 1, and its report says 0"),
        (ended(0, report={"verdict": "pass"}), "the run's report: "),
    ],
)
def test_an_end_that_proves_nothing_is_an_error(world: World, sighting: Sighting, reason: str) -> None:
    number = world.ask()
    world.step()
    world.engine.says["1.1"] = sighting
    world.step()
    seen = world.request(number)
    assert (seen.end, seen.report) == (End.ERROR, None)
    assert seen.reason.startswith(reason)


def test_a_job_that_somebody_took_back_is_cancelled(world: World) -> None:
    number = world.ask()
    world.step()
    world.engine.says["1.1"] = Sighting(JobState.WITHDRAWN)
    world.step()
    assert (world.request(number).end, world.request(number).reason) == (End.CANCELLED, "withdrawn from the queue")


STEPS: tuple[Callable[[World, int], None], ...] = (
    lambda world, _: world.step(),
    lambda world, _: world.step(),
    lambda world, number: world.engine.says.update({f"{number}.1": RUNNING}),
    lambda world, _: world.step(),
    lambda world, number: world.engine.says.update({f"{number}.1": ended()}),
    lambda world, _: world.step(times=2),
)


def test_what_is_shown_is_one_pending_and_one_final_status(world: World) -> None:
    number = world.ask()
    shown = []
    for step in STEPS:
        step(world, number)
        with world.database.writing() as tx:
            for effect in outbox.due(tx, now=world.clock.epoch()):
                assert outbox.begun(tx, effect, now=world.clock.epoch())
                outbox.sent(tx, effect)
                shown += [effect.status.state] if effect.status else []
    assert shown == ["pending", "success"]
