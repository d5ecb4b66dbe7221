"""host.linttable: the table of `abra recipe lint`, and what is no such table."""

from __future__ import annotations

import pytest
from recipeci.host.linttable import LintRow, LintTable, parse
from recipeci.model import Outcome

TABLE = """\
INFO linting
┏━━━━━━┳━━━━━━━━━━┳━━━━━━━━━━┳━━━━━━━━━━━┳━━━━━━━━━┳━━━━━━━━━┓
┃ REF  ┃ RULE     ┃ SEVERITY ┃ SATISFIED ┃ SKIPPED ┃ RESOLVE ┃
┣━━━━━━╋━━━━━━━━━━╋━━━━━━━━━━╋━━━━━━━━━━━╋━━━━━━━━━╋━━━━━━━━━┫
┃ R001 ┃ version  ┃ warn     ┃ ✅        ┃ -       ┃ x       ┃
┃ R006 ┃ network  ┃ warn     ┃ -         ┃ ✅      ┃ x       ┃
┃ R009 ┃ app      ┃ error    ┃ ✅        ┃ -       ┃ x       ┃
┗━━━━━━┻━━━━━━━━━━┻━━━━━━━━━━┻━━━━━━━━━━━┻━━━━━━━━━┻━━━━━━━━━┛
"""


def test_rows_are_read_in_order() -> None:
    assert parse(TABLE).rows == (
        LintRow("R001", "version", "warn", satisfied=True, skipped=False),
        LintRow("R006", "network", "warn", satisfied=False, skipped=True),
        LintRow("R009", "app", "error", satisfied=True, skipped=False),
    )


def test_all_satisfied_or_skipped_is_a_pass() -> None:
    assert parse(TABLE).outcome is Outcome.PASS


def test_a_broken_rule_of_severity_error_is_a_failure() -> None:
    table = parse(TABLE.replace("error    ┃ ✅", "error    ┃ ❌"))
    assert ([row.ref for row in table.broken], table.outcome) == (["R009"], Outcome.FAIL)


def test_a_broken_rule_of_another_severity_is_listed_and_no_failure() -> None:
    table = parse(TABLE.replace("warn     ┃ ✅", "warn     ┃ ❌"))
    assert ([row.ref for row in table.broken], table.outcome) == (["R001"], Outcome.PASS)


@pytest.mark.parametrize("line", ["│", "|"])
def test_other_lines_between_the_columns_are_read_too(line: str) -> None:
    assert parse(TABLE.replace("┃", line)) == parse(TABLE)


def test_skipped_and_satisfied_both_marked_is_not_broken() -> None:
    assert parse(TABLE.replace("┃ -         ┃ ✅", "┃ ❌        ┃ ✅")).broken == ()


@pytest.mark.parametrize(
    ("old", "new", "problem"),
    [
        (TABLE, "", "no table"),
        (TABLE, "all rules hold\n", "no table"),
        ("SATISFIED", "FULFILLED", "no table"),
        ("┃ SKIPPED ", "", "no table"),
        ("✅        ┃ -       ┃ x       ┃\n┃ R006", "yes       ┃ -       ┃ x       ┃\n┃ R006", "not understood"),
        ("┃ R009 ┃", "┃      ┃", "not understood"),
        ("┃ ✅        ┃ -       ┃", "┃ -         ┃ -       ┃", "not understood"),
        ("R006", "R001", "twice"),
        (TABLE[TABLE.index("┃ R001") : TABLE.index("┗")], "", "no rows"),
    ],
)
def test_what_is_not_understood_is_unverified(old: str, new: str, problem: str) -> None:
    assert old in TABLE
    table = parse(TABLE.replace(old, new))
    assert table.outcome is Outcome.UNVERIFIED
    assert problem in table.problem
    assert table.rows == ()


def test_a_table_without_rows_says_why() -> None:
    with pytest.raises(ValueError, match="rows or a problem"):
        LintTable(())
