"""The only place that checks `recipe lint`: its table, its exit code, and what it wants of the terminal."""

from __future__ import annotations

from recipeci.contract.lab import Answer, Lab
from recipeci.contract.repository import LATER, RECIPE
from recipeci.contract.results import NotChecked, Observed
from recipeci.host import linttable
from recipeci.host.linttable import ERROR, LintRow

REFS = [f"R{number:03}" for number in range(1, 17)]
ERRORS = {"R008", "R010", "R011", "R012"}
OF_THE_NETWORK = ("R006", "R013")
UNKNOWN = "R016"
LIGHTWEIGHT = "R014"


def lint_needs_a_terminal(lab: Lab) -> Observed:
    """Lint without a terminal."""
    answer = _lint(lab, terminal=False)
    return Observed(bool(answer.fatal), answer.words)


def lint_draws_a_table(lab: Lab) -> Observed:
    """Lint with a terminal, and read the table as the harness does."""
    table = linttable.parse(_lint(lab).out)
    refs = [row.ref for row in table.rows]
    seen = table.problem or f"{len(refs)} rules, {refs[0]} to {refs[-1]}"
    return Observed(not table.problem and refs == REFS, seen)


def broken_rules_end_with_zero(lab: Lab) -> Observed:
    """Lint a recipe that breaks a rule."""
    lab.recipe.tag(LATER, annotated=False)
    answer = _lint(lab)
    return Observed(answer.code == 0, f"it ended with {answer.code}")


def without_a_sample_it_cannot_lint(lab: Lab) -> Observed:
    """Lint a recipe that has no `.env.sample`."""
    (lab.recipe.folder / ".env.sample").unlink()
    lab.recipe.commit()
    answer = _lint(lab)
    return Observed("unable to validate recipe" in answer.fatal, answer.words)


def lightweight_tags_break_a_rule(lab: Lab) -> Observed:
    """Lint a recipe that has a lightweight tag."""
    lab.recipe.tag(LATER, annotated=False)
    row = _rows(lab)[LIGHTWEIGHT]
    return Observed(row.is_broken and row.severity == ERROR, f"{row.ref} {row.severity}, {_state(row)}")


def rules_of_the_network_are_skipped(lab: Lab) -> Observed:
    """Lint offline, and look at the rules that ask the network."""
    rows = [_rows(lab)[ref] for ref in OF_THE_NETWORK]
    return Observed(all(row.skipped for row in rows), ", ".join(f"{row.ref} {_state(row)}" for row in rows))


def the_errors_are_as_remembered(lab: Lab) -> Observed:
    """Look at which rules are errors."""
    errors = sorted(row.ref for row in _rows(lab).values() if row.severity == ERROR)
    return Observed(set(errors) >= ERRORS, f"errors are {', '.join(errors) or 'none'}")


def the_last_rule_is_skipped(lab: Lab) -> Observed:
    """Look at the rule that nobody here knows."""
    row = _rows(lab)[UNKNOWN]
    return Observed(row.skipped, f"{row.ref} {row.rule} ({row.severity}), {_state(row)}")


def _lint(lab: Lab, *, terminal: bool = True) -> Answer:
    return lab.abra("recipe", "lint", RECIPE, "-C", terminal=terminal)


def _rows(lab: Lab) -> dict[str, LintRow]:
    """Return the rows by their rules."""
    table = linttable.parse(_lint(lab).out)
    rows = {row.ref: row for row in table.rows}
    if missing := [ref for ref in REFS if ref not in rows]:
        raise NotChecked(table.problem or f"no rule {', '.join(missing)}")
    return rows


def _state(row: LintRow) -> str:
    return "skipped" if row.skipped else "holds" if row.satisfied else "broken"


CHECKS = (
    lint_needs_a_terminal,
    lint_draws_a_table,
    broken_rules_end_with_zero,
    without_a_sample_it_cannot_lint,
    lightweight_tags_break_a_rule,
    rules_of_the_network_are_skipped,
    the_errors_are_as_remembered,
    the_last_rule_is_skipped,
)
