"""The only place that reads the table that `abra recipe lint` draws."""

from __future__ import annotations

import re
from dataclasses import dataclass

from recipeci.model import Outcome

BORDER = re.compile(r"[┃│|]")
REF = re.compile(r"R\d{3}\Z")
COLUMNS = ("ref", "rule", "severity", "satisfied", "skipped")
YES, NO, NOTHING = "✅", "❌", "-"
ERROR = "error"


@dataclass(frozen=True)
class LintRow:
    """One rule: whether it holds, or that abra did not check it."""

    ref: str
    rule: str
    severity: str
    satisfied: bool
    skipped: bool

    @property
    def is_broken(self) -> bool:
        """True if it was checked and does not hold."""
        return not self.skipped and not self.satisfied


@dataclass(frozen=True)
class LintTable:
    """The rows, or why they could not be read: then there is no verdict, and never a pass."""

    rows: tuple[LintRow, ...]
    problem: str = ""

    def __post_init__(self) -> None:
        """Refuse a table that says nothing and does not say why."""
        if not self.rows and not self.problem:
            msg = "a lint table has rows or a problem"
            raise ValueError(msg)

    @property
    def broken(self) -> tuple[LintRow, ...]:
        """The rules that do not hold, of any severity."""
        return tuple(row for row in self.rows if row.is_broken)

    @property
    def outcome(self) -> Outcome:
        """FAIL for a broken rule of severity error, UNVERIFIED for a table that could not be read."""
        if self.problem:
            return Outcome.UNVERIFIED
        return Outcome.FAIL if any(row.severity == ERROR for row in self.broken) else Outcome.PASS

    @property
    def skipped(self) -> tuple[LintRow, ...]:
        """The rules that abra did not check: those that ask the network, or do not apply."""
        return tuple(row for row in self.rows if row.skipped)


def parse(text: str) -> LintTable:
    """Read what abra printed; whatever is not understood is a problem, not a guess."""
    lines = [[cell.strip() for cell in BORDER.split(line)[1:-1]] for line in text.splitlines() if BORDER.search(line)]
    header = next((line for line in lines if [cell.lower() for cell in line[: len(COLUMNS)]] == list(COLUMNS)), None)
    if header is None:
        return LintTable((), "no table with the columns " + ", ".join(COLUMNS))
    rows: list[LintRow] = []
    for cells in lines[lines.index(header) + 1 :]:
        row = _row(cells)
        if row is None:
            return LintTable((), f"a row is not understood: {' | '.join(cells)}")
        rows.append(row)
    if len({row.ref for row in rows}) != len(rows):
        return LintTable((), "a rule is there twice")
    return LintTable(tuple(rows), "" if rows else "the table has no rows")


def _row(cells: list[str]) -> LintRow | None:
    """Read one line of the table, None if it is no row that we know."""
    if len(cells) < len(COLUMNS) or not REF.match(cells[0]):
        return None
    ref, rule, severity, satisfied, skipped = cells[: len(COLUMNS)]
    if satisfied not in {YES, NO, NOTHING} or skipped not in {YES, NO, NOTHING} or satisfied == skipped == NOTHING:
        return None
    return LintRow(ref, rule, severity.lower(), satisfied == YES, skipped == YES)
