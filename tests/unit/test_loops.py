"""service.loops: a step when there is something to do, whatever went wrong before."""

from __future__ import annotations

import contextlib
import itertools
import queue
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from recipeci.errors import HostError
from recipeci.host.clock import SystemClock, until
from recipeci.service import loops
from recipeci.service.health import Health, Part
from recipeci.service.loops import LOOK_SECONDS, Loop, Loops
from recipeci.service.store import Database, jobs

from unit.processes import SECONDS

NEVER = 3600.0
NUMBERS = itertools.count()


class Steps:
    """A step that a test watches, and tells how to end."""

    def __init__(self) -> None:
        self.done: queue.SimpleQueue[int] = queue.SimpleQueue()
        self.errors: list[BaseException] = []
        self.number = 0

    def __call__(self) -> None:
        self.number += 1
        self.done.put(self.number)
        if self.errors:
            raise self.errors.pop(0)

    def wait(self) -> int:
        return self.done.get(timeout=SECONDS)


class InTurn:
    """A step that ends in each of these ways in turn, None well; then `over` is set, and it ends well for ever."""

    def __init__(self, *ends: Exception | None) -> None:
        self.ends = list(ends)
        self.over = threading.Event()

    def __call__(self) -> None:
        if not self.ends:
            self.over.set()
        elif (error := self.ends.pop(0)) is not None:
            raise error


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    with contextlib.closing(Database(tmp_path / "bridge.sqlite")) as opened:
        yield opened


@pytest.fixture
def health() -> Health:
    return Health(("one",), clock=SystemClock())


@pytest.fixture
def start(database: Database, health: Health) -> Iterator[Callable[..., Loops]]:
    started: list[Loops] = []

    def one(*loops: Loop) -> Loops:
        started.append(Loops(loops, database=database, health=health, clock=SystemClock()))
        started[-1].start()
        return started[-1]

    yield one
    for one_started in started:
        one_started.stop()


def change(database: Database) -> None:
    """Have something change in the database: what is written as it was changes nothing."""
    with database.writing() as tx:
        jobs.worker_seen(tx, "w", slots=1, version="1", now=next(NUMBERS))


def test_a_change_by_somebody_else_is_seen(start: Callable[..., Loops], database: Database) -> None:
    step = Steps()
    start(Loop("one", step, NEVER))
    for number in range(1, 5):
        assert step.wait() == number
        change(database)


def test_a_change_during_the_step_is_seen_after_it(start: Callable[..., Loops], database: Database) -> None:
    steps: queue.SimpleQueue[int] = queue.SimpleQueue()
    number = 0

    def step() -> None:
        nonlocal number
        number += 1
        if number == 1:
            other = threading.Thread(target=change, args=(database,))
            other.start()
            other.join()
        steps.put(number)

    start(Loop("one", step, NEVER))
    assert [steps.get(timeout=SECONDS) for _ in range(2)] == [1, 2]


def test_a_loops_own_change_is_no_reason(start: Callable[..., Loops], database: Database) -> None:
    """Else a step that always writes would never rest."""
    step, other = Steps(), Steps()

    def writes() -> None:
        change(database)
        step()

    start(Loop("one", writes, NEVER), Loop("two", other, LOOK_SECONDS, on_change=False))
    assert step.wait() == 1
    for _ in range(6):  # meanwhile the first one has looked some times
        other.wait()
    assert step.done.empty()


def test_every_so_often_a_step_is_done_anyway(start: Callable[..., Loops]) -> None:
    step = Steps()
    start(Loop("one", step, 0.01))
    assert [step.wait() for _ in range(3)] == [1, 2, 3]


def test_a_loop_that_does_not_look_at_the_database_is_not_woken(
    start: Callable[..., Loops], database: Database
) -> None:
    step, other = Steps(), Steps()
    start(Loop("one", step, NEVER, on_change=False), Loop("two", other, NEVER))
    assert (step.wait(), other.wait()) == (1, 1)
    change(database)
    assert other.wait() == 2
    assert step.done.empty()


@pytest.mark.parametrize("error", [HostError("the forge is down"), ValueError("a bug")], ids=["known", "bug"])
def test_an_error_ends_no_loop_and_is_told(start: Callable[..., Loops], health: Health, error: Exception) -> None:
    step, is_told = Steps(), threading.Event()
    step.errors = [error]

    def waits_to_be_well() -> None:
        assert step.number == 0 or is_told.wait(SECONDS)
        step()

    start(Loop("one", waits_to_be_well, 0.01))
    assert step.wait() == 1
    told = until(
        lambda: health.parts()[0],
        lambda part: part.trouble != "" or part.is_well,
        what="trouble",
        clock=SystemClock(),
        timeout=SECONDS,
        delay=0.01,
        successes=1,
    )
    is_told.set()
    known = "the forge is down" if isinstance(error, HostError) else "a bug of recipeci: ValueError, see the log"
    assert told == Part("one", None, known)
    assert step.wait() == 2
    until(
        health.parts,
        lambda parts: parts[0].is_well and parts[0].trouble == "",
        what="health",
        clock=SystemClock(),
        timeout=SECONDS,
        delay=0.01,
        successes=1,
    )


def test_a_trouble_is_logged_once_until_it_is_another_or_has_been_away(
    start: Callable[..., Loops], caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of each loop for itself: what else the log has must be found."""
    monkeypatch.setattr(loops, "AFTER_TROUBLE_SECONDS", 0.01)
    down, away = HostError("the forge is down"), HostError("the forge is away")
    one, two = InTurn(down, down, away, away, None, away, away), InTurn(*[away] * 20)
    start(Loop("one", one, 0.01), Loop("two", two, 0.01))
    assert one.over.wait(SECONDS)
    assert two.over.wait(SECONDS)
    told = [record.message for record in caplog.records if record.levelname == "WARNING"]
    assert [line for line in told if line.startswith("one")] == [
        "one: the forge is down",
        "one: the forge is away",
        "one: the forge is away",
    ]
    assert [line for line in told if line.startswith("two")] == ["two: the forge is away"]


def test_stop_waits_for_the_step_that_is_being_done(start: Callable[..., Loops]) -> None:
    began, go_on, ended = threading.Event(), threading.Event(), threading.Event()

    def step() -> None:
        began.set()
        go_on.wait(SECONDS)
        ended.set()

    started = start(Loop("one", step, NEVER))
    assert began.wait(SECONDS)
    stopping = threading.Thread(target=started.stop)
    stopping.start()
    assert stopping.is_alive()
    go_on.set()
    stopping.join(SECONDS)
    assert ended.is_set()
    assert not stopping.is_alive()
