"""The only place that says what came of a check, and shows all of them as a table. Pure."""

from __future__ import annotations

import enum
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from recipeci.contract.facts import Fact
from recipeci.report import text

HEADERS = ("ID", "MARK", "SEEN", "EXPECTED")
INDENT = " " * 6


class NotChecked(Exception):
    """A check could not be made: what it needs first did not come; the message says what."""


class State(enum.StrEnum):
    """What a check found."""

    AS_EXPECTED = "as expected"
    OTHER = "the other behaviour"
    DIFFERS = "differs"
    NOT_CHECKED = "not checked"


@dataclass(frozen=True)
class Observed:
    """What a check saw, in words, and whether it is what the fact says."""

    as_expected: bool
    seen: str


@dataclass(frozen=True)
class Result:
    """What came of one fact; `planned` if it is not checked because its entry in facts.yml says so."""

    fact: Fact
    state: State
    seen: str
    planned: bool = False

    @property
    def is_broken(self) -> bool:
        """True if it is not known to be as the harness needs it: it differs, or could not be checked."""
        return self.state is State.DIFFERS or (self.state is State.NOT_CHECKED and not self.planned)


def judged(fact: Fact, observed: Observed) -> Result:
    """Return the result of a check that was made: of what is only believed either behaviour is as good."""
    if observed.as_expected:
        return Result(fact, State.AS_EXPECTED, observed.seen)
    return Result(fact, State.OTHER if fact.mark.is_believed else State.DIFFERS, observed.seen)


def table(results: Sequence[Result]) -> Iterator[str]:
    """Yield the lines: one a fact, under it what was seen where that needs words, and the sum at the end."""
    widths = (max(len(one.fact.id) for one in results), len(HEADERS[1]), max(len(state) for state in State))
    yield _row(HEADERS, widths)
    for one in results:
        yield _row((one.fact.id, one.fact.mark, one.state, one.fact.fact), widths)
        if one.state is not State.AS_EXPECTED:
            yield f"{INDENT}→ {text.one_line(one.seen)}"
    yield from _sum(results)


def _row(cells: Sequence[str], widths: Sequence[int]) -> str:
    padded = [cell.ljust(width) for cell, width in zip(cells, widths, strict=False)]
    return "  ".join([*padded, cells[-1]])


def _sum(results: Sequence[Result]) -> Iterator[str]:
    """Yield how many of each, the switches that an abra like this one needs, and what is wrong."""
    counts = ", ".join(f"{count} {state}" for state in State if (count := sum(one.state is state for one in results)))
    yield f"{len(results)} facts: {counts}"
    if switches := [one.fact.switch for one in results if one.state is State.OTHER and one.fact.switch]:
        yield f"the built-in abra does the same with MINIABRA_HABITS={','.join(switches)}"
    if broken := [one.fact.id for one in results if one.is_broken]:
        yield f"not as recipeci needs it: {', '.join(broken)}"
