"""host.clock: one way to wait, whatever is waited for."""

from __future__ import annotations

import datetime
import logging
import threading
from collections.abc import Callable, Iterable

import pytest
from recipeci.errors import WaitFailed
from recipeci.host.clock import SystemClock, until


class Steps:
    """A clock that only moves when somebody sleeps."""

    def __init__(self) -> None:
        self.time = 100.0
        self.slept: list[float] = []

    def monotonic(self) -> float:
        return self.time

    def now(self) -> str:
        raise AssertionError("nobody is to ask for the date")

    def epoch(self) -> float:
        raise AssertionError("nobody is to ask for the date")

    def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.time += seconds


def seen_in_turn(values: Iterable[str]) -> Callable[[], str]:
    """Return what observes one value after the other, and refuses to look once more."""
    rest = iter(values)

    def observe() -> str:
        value = next(rest, None)
        assert value is not None, "looked once more than needed"
        return value

    return observe


def is_up(seen: str) -> bool:
    return seen == "up"


def is_broken(seen: str) -> str | None:
    return "it broke" if seen == "broken" else None


def test_three_successes_in_a_row_are_waited_for() -> None:
    clock = Steps()
    observe = seen_in_turn(["down", "up", "up", "up"])
    assert until(observe, is_up, what="app", clock=clock, timeout=10) == "up"
    assert clock.slept == [0.25] * 3


def test_a_failure_between_them_starts_the_row_anew() -> None:
    observe = seen_in_turn(["up", "up", "down", "up", "up", "up"])
    assert until(observe, is_up, what="app", clock=Steps(), timeout=10) == "up"


def test_as_many_successes_as_asked_for() -> None:
    clock = Steps()
    assert until(seen_in_turn(["up"]), is_up, what="app", clock=clock, timeout=10, successes=1) == "up"
    assert clock.slept == []


def test_the_last_observation_is_returned() -> None:
    rest = iter([1, 2, 3])
    assert until(lambda: next(rest), lambda _: True, what="count", clock=Steps(), timeout=10) == 3


def test_what_is_hopeless_ends_the_wait_at_once() -> None:
    clock = Steps()
    with pytest.raises(WaitFailed) as caught:
        until(seen_in_turn(["down", "broken"]), is_up, what="app", clock=clock, timeout=600, failed=is_broken)
    assert caught.value.reason == "it broke"
    assert caught.value.last == "broken"
    assert len(clock.slept) == 1


def test_hopeless_wins_over_ready() -> None:
    with pytest.raises(WaitFailed, match="it broke"):
        until(lambda: "broken", lambda _: True, what="app", clock=Steps(), timeout=10, failed=is_broken, successes=1)


def test_the_deadline_ends_the_wait_with_what_was_seen_last() -> None:
    clock = Steps()
    with pytest.raises(WaitFailed) as caught:
        until(lambda: "down", is_up, what="app", clock=clock, timeout=10, delay=1, describe=lambda seen: f"is {seen}")
    assert str(caught.value) == "app: not within 10 s; last seen: is down"
    assert sum(clock.slept) == 10


def test_logs_stand_on_lines_of_their_own_below_what_was_seen_last() -> None:
    error = WaitFailed("app", reason="failed 3 times", last="app failed", logs="last log lines of app:\nno such file")
    assert str(error) == "app: failed 3 times; last seen: app failed\nlast log lines of app:\nno such file"


def test_one_observation_is_made_whatever_the_time() -> None:
    assert until(seen_in_turn(["up"]), is_up, what="app", clock=Steps(), timeout=0, successes=1) == "up"
    with pytest.raises(WaitFailed, match="not within 0 s"):
        until(seen_in_turn(["down"]), is_up, what="app", clock=Steps(), timeout=0)


def test_what_became_true_while_we_were_put_to_sleep_past_the_deadline_is_seen() -> None:
    clock = Steps()

    def observe() -> str:
        seen = "down" if clock.time == 100 else "up"
        clock.time += 30  # the machine is busy, and it is somebody else's turn
        return seen

    assert until(observe, is_up, what="app", clock=clock, timeout=10, successes=1) == "up"


def test_a_row_that_the_deadline_cuts_is_no_success() -> None:
    with pytest.raises(WaitFailed, match="last seen: up"):
        until(lambda: "up", is_up, what="app", clock=Steps(), timeout=0.25)


def test_an_observation_that_raises_ends_the_wait() -> None:
    def observe() -> str:
        raise OSError("gone")

    with pytest.raises(OSError, match="gone"):
        until(observe, is_up, what="app", clock=Steps(), timeout=10)


def test_only_changes_are_logged(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG, logger="recipeci.host.clock")
    until(seen_in_turn(["down", "down", "up", "up", "up"]), is_up, what="app", clock=Steps(), timeout=10)
    assert [record.getMessage() for record in caplog.records] == ["app: down", "app: up"]


def test_the_systems_time_is_utc_to_the_second() -> None:
    clock = SystemClock()
    before, now, after = clock.epoch(), clock.now(), clock.epoch()
    assert now.endswith("Z")
    moment = datetime.datetime.fromisoformat(now).timestamp()
    assert before - 1 <= moment <= after
    assert clock.monotonic() <= clock.monotonic()


def test_a_clock_without_an_event_sleeps() -> None:
    SystemClock().sleep(0)


def test_an_event_ends_a_sleep_early_and_once() -> None:
    wake = threading.Event()
    wake.set()
    SystemClock(wake=wake).sleep(600)
    assert not wake.is_set()


def test_a_sleep_that_nothing_ends_goes_to_its_end() -> None:
    clock = SystemClock(wake=threading.Event())
    before = clock.monotonic()
    clock.sleep(0.01)
    assert clock.monotonic() - before >= 0.01
