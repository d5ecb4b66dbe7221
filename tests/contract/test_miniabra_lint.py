"""`miniabra recipe lint`: it wants a terminal, draws one table, and ends with 0 whatever the rows say."""

from __future__ import annotations

from pathlib import Path

import miniabralab
import pytest
from miniabralab import RECIPE, Lab
from recipeci.host import linttable
from recipeci.model import Outcome

LINT = ("recipe", "lint", RECIPE, "-C", "-o", "-n")


@pytest.fixture
def lab(tmp_path: Path) -> Lab:
    return miniabralab.make(tmp_path / "lab")


def test_without_a_terminal_it_cannot_draw(lab: Lab) -> None:
    assert lab.refused(*LINT) == "inappropriate ioctl for device"


def test_all_rules_are_rows_of_a_table_that_the_adapter_reads(lab: Lab) -> None:
    table = linttable.parse(lab.done(*LINT, terminal=True).out)
    assert [row.ref for row in table.rows] == [f"R{number:03}" for number in range(1, 17)]
    assert [row.ref for row in table.skipped] == ["R006", "R013", "R016"]
    assert [row.ref for row in table.broken] == ["R007"]
    assert table.outcome is Outcome.PASS


def test_a_broken_rule_of_severity_error_ends_with_0_too(lab: Lab) -> None:
    lab.checkout.git("tag", "1.11.0+2.0")
    table = linttable.parse(lab.done(*LINT, terminal=True).out)
    assert "R014" in [row.ref for row in table.broken]
    assert table.outcome is Outcome.FAIL


def test_the_table_is_not_wider_than_the_terminal(lab: Lab) -> None:
    assert max(len(line) for line in lab.done(*LINT, terminal=True).out.splitlines()) <= 146


def test_a_missing_sample_cannot_be_linted(lab: Lab) -> None:
    (lab.checkout.folder / ".env.sample").unlink()
    assert lab.refused(*LINT, terminal=True).startswith("unable to validate recipe: .env.sample")


def test_an_invalid_compose_file_cannot_be_linted(lab: Lab) -> None:
    lab.checkout.write("compose.yml", 'version: "3.8"\nservices: {app: {imag: x}}\n')
    assert "imag" in lab.refused(*LINT, terminal=True)


def test_a_dirty_tree_is_refused_without_chaos(lab: Lab) -> None:
    lab.checkout.write("untracked", "")
    assert "unstaged" in lab.refused("recipe", "lint", RECIPE, "-o", "-n", terminal=True)
