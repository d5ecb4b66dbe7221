"""docs/report.md: each example is run as it stands, beside a report that the program wrote."""

from __future__ import annotations

import dataclasses
import re
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from recipeci import schemas
from recipeci.host.command import LocalRunner
from recipeci.model import Outcome, Phase, Report, Tier, TierResult
from recipeci.report import write
from recipeci.run.workspace import Workspace, lock_file, manifest_file

from unit.reports import PASSED, suite

DOC = (Path(__file__).parents[2] / "docs" / "report.md").read_text(encoding="utf-8")
NOT_GREEN, TESTS, PHASES = re.findall(r"```python\n(.*?)```", DOC, re.DOTALL)
FAILED = dataclasses.replace(
    PASSED,
    tiers=(
        TierResult(Tier.INSTALL, Outcome.PASS, suites=(suite("harness", Outcome.PASS, path="harness"),)),
        TierResult(
            Tier.UPGRADE,
            Outcome.FAIL,
            "app was rolled back\nlast log lines",
            suites=(suite("harness", Outcome.PASS, Outcome.FAIL, path="harness"),),
        ),
        TierResult(Tier.BACKUP, Outcome.SKIP, "declared: no data"),
        TierResult(Tier.RESTORE, Outcome.UNVERIFIED, "upgrade did not pass"),
    ),
    phases=(Phase("cell", 0, 3.14), Phase("deploy", 3.2, 1.0), Phase("http", 4.2, 20.0), Phase("teardown", 25, 6)),
)


def said(code: str, report: Report, folder: Path) -> list[str]:
    """Return the lines that an example prints of a report."""
    write.write(report, folder)
    return LocalRunner().run([sys.executable, "-c", code], timeout=60, cwd=folder).out.splitlines()


def test_every_file_and_folder_of_a_run_is_explained() -> None:
    place = Workspace("20260102-030405-a1b2c3", "x", "", None, "", keep=False, folder=Path("/run"))
    folder = [place.report.name, place.junit.name, place.log.name, f"{place.state.name}/"]
    assert re.findall(r"^\| `([^`]+)` \|", DOC, re.MULTILINE) == folder
    inside = [manifest_file(place.folder).name, lock_file(place.folder).name]
    gone = [f"{place.shared.name}/", f"{place.swarm.name}/"]
    assert [name for name in (*inside, *gone) if f"`{name}`" not in DOC] == []


def test_the_tiers_that_are_not_green(tmp_path: Path) -> None:
    assert said(NOT_GREEN, FAILED, tmp_path) == [
        "upgrade fail app was rolled back",
        "restore unverified upgrade did not pass",
    ]


def test_the_tests_that_did_not_pass(tmp_path: Path) -> None:
    assert said(TESTS, FAILED, tmp_path) == ["upgrade harness test_1 why 1"]


def test_where_the_time_went(tmp_path: Path) -> None:
    assert said(PHASES, FAILED, tmp_path) == ["  20.0 s  http", "   6.0 s  teardown", "   3.1 s  cell"]


@pytest.mark.parametrize("code", [NOT_GREEN, TESTS])
def test_a_run_that_passed_has_nothing_to_say(code: str, tmp_path: Path) -> None:
    assert said(code, PASSED, tmp_path) == []


def test_every_key_that_the_page_names_is_in_the_schema() -> None:
    before = DOC.partition("```")[0]
    listed = {word for line in before.splitlines() if line.startswith("- ") for word in re.findall(r"`(\w+)`", line)}
    assert len(listed) > len(("verdict", "tiers", "target"))
    assert listed <= set(words_of(schemas.load("report")))


def words_of(schema: object) -> Iterator[str]:
    """Yield the keys and the fixed values of a schema, at any depth."""
    if isinstance(schema, dict):
        yield from (*schema.get("properties", {}), *(str(value) for value in schema.get("enum", ())))
        yield from (word for part in schema.values() for word in words_of(part))
    elif isinstance(schema, list):
        yield from (word for part in schema for word in words_of(part))
