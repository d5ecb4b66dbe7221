"""contract.results: the table, and what counts as broken."""

from __future__ import annotations

import pytest
from recipeci.contract.facts import Fact, Mark
from recipeci.contract.results import Observed, Result, State, judged, table

SEEN = Fact("seen", "it is so", Mark.SEEN, test="one")
BELIEVED = Fact("believed", "it may be so", Mark.MEMORY, switch="believed", test="two")


@pytest.mark.parametrize(
    ("fact", "as_expected", "state", "broken"),
    [
        (SEEN, True, State.AS_EXPECTED, False),
        (SEEN, False, State.DIFFERS, True),
        (BELIEVED, True, State.AS_EXPECTED, False),
        (BELIEVED, False, State.OTHER, False),
    ],
)
def test_only_what_was_seen_or_read_can_differ(fact: Fact, as_expected: bool, state: State, broken: bool) -> None:  # noqa: FBT001
    result = judged(fact, Observed(as_expected, "words"))
    assert (result.state, result.is_broken) == (state, broken)


def test_what_could_not_be_checked_is_broken_unless_nobody_meant_to() -> None:
    assert Result(SEEN, State.NOT_CHECKED, "the set-up failed").is_broken
    assert not Result(SEEN, State.NOT_CHECKED, "no registry", planned=True).is_broken


def test_the_table_has_id_mark_what_was_seen_and_what_was_expected() -> None:
    results = [
        Result(SEEN, State.DIFFERS, "it ended\nwith 0"),
        Result(BELIEVED, State.OTHER, "it is not"),
        Result(SEEN, State.AS_EXPECTED, "yes"),
    ]
    assert list(table(results)) == [
        "ID        MARK  SEEN                 EXPECTED",
        "seen      O     differs              it is so",
        "      → it ended with 0",
        "believed  K     the other behaviour  it may be so",
        "      → it is not",
        "seen      O     as expected          it is so",
        "3 facts: 1 as expected, 1 the other behaviour, 1 differs",
        "the built-in abra does the same with MINIABRA_HABITS=believed",
        "not as recipeci needs it: seen",
    ]
