"""service.abreast: several things at once, of each subject one at a time, and a slow one holds up no other."""

from __future__ import annotations

import threading
from collections.abc import Iterator

import pytest
from recipeci.host.clock import SystemClock, until
from recipeci.service.abreast import Abreast

from unit.processes import SECONDS


@pytest.fixture
def abreast() -> Iterator[Abreast]:
    made = Abreast("test", patience=0.1)
    yield made
    made.close()


class Todo:
    """Things to do, each `SUBJECT NUMBER`; what is done is not to be done any more."""

    def __init__(self, *things: str) -> None:
        self.things = list(things)
        self.done: list[str] = []
        self.slow: dict[str, threading.Event] = {}
        self.lock = threading.Lock()

    def look(self) -> tuple[str, ...]:
        with self.lock:
            return tuple(thing for thing in self.things if thing not in self.done)

    def do(self, thing: str) -> None:
        if thing in self.slow:
            assert self.slow[thing].wait(SECONDS)
        if thing.endswith("!"):
            raise ValueError(thing)
        with self.lock:
            self.done.append(thing)


def until_done(abreast: Abreast, todo: Todo, count: int | None = None) -> None:
    """Go on as a loop does until so much is done, all if nothing is said."""
    until(
        lambda: abreast.each(todo.look, todo.do, subject=subject),
        lambda _: len(todo.done) >= (len(todo.things) if count is None else count),
        what="the things to do",
        clock=SystemClock(),
        timeout=SECONDS,
        delay=0.0,
        successes=1,
    )


def subject(thing: str) -> str:
    return thing.partition(" ")[0]


def test_all_is_done_and_of_a_subject_in_order(abreast: Abreast) -> None:
    todo = Todo(*(f"{letter} {number}" for number in range(20) for letter in "abc"))
    until_done(abreast, todo)
    for letter in "abc":
        assert [thing for thing in todo.done if subject(thing) == letter] == [f"{letter} {n}" for n in range(20)]


def test_a_slow_one_holds_up_its_own_subject_alone(abreast: Abreast) -> None:
    todo = Todo("a 1", "a 2", "b 1", "b 2")
    todo.slow["a 1"] = threading.Event()
    until_done(abreast, todo, 2)
    assert todo.done == ["b 1", "b 2"]
    todo.things.append("c 1")  # what comes while it goes on
    until_done(abreast, todo, 3)
    assert todo.done == ["b 1", "b 2", "c 1"]
    todo.slow["a 1"].set()
    until_done(abreast, todo)
    assert todo.done == ["b 1", "b 2", "c 1", "a 1", "a 2"]


def test_an_error_is_raised_once_all_else_is_done() -> None:
    todo, patient = Todo("a !", "b 1", "b 2"), Abreast("test")
    with pytest.raises(ValueError, match="a !"):
        patient.each(todo.look, todo.do, subject=subject)
    assert todo.done == ["b 1", "b 2"]
    patient.close()


def test_what_failed_is_tried_again_the_next_time() -> None:
    todo, patient = Todo("a !"), Abreast("test")
    for _ in range(2):
        with pytest.raises(ValueError, match="a !"):
            patient.each(todo.look, todo.do, subject=subject)
    patient.close()


def test_where_there_is_nothing_to_do_nothing_is_waited_for(abreast: Abreast) -> None:
    abreast.each(lambda: (), Todo().do, subject=subject)
