"""contract/facts.yml against the checks and against miniabra's switches: none without the other."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest
from miniabra.habits import Habits
from recipeci.contract import facts
from recipeci.contract.checks import CHECKS, ROOMS
from recipeci.contract.facts import Fact, Mark
from recipeci.errors import UsageError

INCIDENTS = {f"A-{number:02}" for number in range(1, 27)}
ELSEWHERE = {
    "A-16": "`recipe versions` is not called: versions are read from git",
    "A-23": "`.env` files are written by us",
}
"""What is no fact of a command that the harness uses."""


@pytest.fixture(scope="module")
def known() -> tuple[Fact, ...]:
    return facts.load()


def test_no_fact_is_there_twice(known: tuple[Fact, ...]) -> None:
    assert len({fact.id for fact in known}) == len({fact.fact for fact in known}) == len(known)


def test_every_check_is_of_one_fact_and_every_fact_has_its_check_or_a_reason(known: tuple[Fact, ...]) -> None:
    assert sorted(fact.test for fact in known if fact.test) == sorted(CHECKS)
    assert all(bool(fact.test) != bool(fact.not_checked) for fact in known)


def test_no_check_hides_another_of_the_same_name() -> None:
    assert sum(len(room.CHECKS) for room in ROOMS) == len(CHECKS)


def test_every_switch_is_of_one_fact_and_the_other_way_round(known: tuple[Fact, ...]) -> None:
    switches = {field.name for field in dataclasses.fields(Habits)}
    named = [fact.switch for fact in known if fact.switch]
    assert sorted(named) == sorted(switches)
    assert {fact.id for fact in known if fact.switch} == {name.replace("_", "-") for name in switches}


def test_what_is_only_believed_has_a_switch_or_a_reason_and_only_that(known: tuple[Fact, ...]) -> None:
    for fact in known:
        assert bool(fact.switch or fact.why_no_switch) == fact.mark.is_believed, fact.id


def test_a_switch_says_the_mark_of_its_fact(known: tuple[Fact, ...]) -> None:
    text = Path(facts.__file__).parents[2].joinpath("miniabra", "habits.py").read_text()
    for fact in known:
        if fact.switch:
            assert f'    {fact.switch}: bool = True\n    """[{fact.mark}] ' in text, fact.id


def test_every_incident_of_abras_is_a_fact_or_is_somewhere_else(known: tuple[Fact, ...]) -> None:
    named = {source for fact in known for source in fact.source}
    assert named | ELSEWHERE.keys() == INCIDENTS
    assert not named & ELSEWHERE.keys()


FACT = {"id": "one", "fact": "it does", "mark": "O", "test": "one"}


@pytest.mark.parametrize(
    "changes",
    [
        {"test": None},
        {"not_checked": "why"},
        {"mark": "K"},
        {"mark": "K", "switch": "one", "why_no_switch": "why"},
        {"switch": "one"},
        {"mark": "X"},
        {"id": "Not a label"},
        {"id": "a" * 33},
        {"more": "x"},
    ],
    ids=str,
)
def test_an_entry_that_says_too_little_or_too_much_is_refused(tmp_path: Path, changes: dict[str, str | None]) -> None:
    file = tmp_path / "facts.yml"
    file.write_text(written(FACT))
    assert facts.load(file) == (Fact("one", "it does", Mark.SEEN, test="one"),)
    file.write_text(written({key: value for key, value in {**FACT, **changes}.items() if value is not None}))
    with pytest.raises(UsageError):
        facts.load(file)


def written(fact: dict[str, str]) -> str:
    return "facts:\n  - {" + ", ".join(f"{key}: {value}" for key, value in fact.items()) + "}\n"
