"""report.write and report.junit: what the files hold, and that a wrong report is not written."""

from __future__ import annotations

import copy
import dataclasses
import json
from pathlib import Path
from typing import Any

import pytest
from recipeci import schemas
from recipeci.errors import RecipeCIError, UsageError
from recipeci.model import Canary, LeftOut, Leftover, LintResult, Outcome, RunError
from recipeci.report import write

from unit.reports import BASE_SHA, PASSED, SHA

FULL = dataclasses.replace(
    PASSED,
    pr=7,
    leftovers=(Leftover("volume", "x"),),
    canary=(Canary("app", "/data", "data", Outcome.PASS),),
    left_out=(LeftOut("tests/ops.py", "not allowed"),),
    notes=("a note",),
    errors=(RunError("host", "gone", "again"),),
)


def test_the_report_holds_what_was_found_with_commits_as_text() -> None:
    data = write.as_data(FULL)
    assert data["target"] == {"commit": SHA, "version": None, "uncommitted": False}
    assert data["base"] == {
        "version": "1.0.0+1.22.1",
        "commit": BASE_SHA,
        "why": PASSED.base.why if PASSED.base else "",
    }
    assert (data["base_mode"], data["verdict"], data["schema"]) == ("pinned", "pass", 1)
    assert data["tiers"][0]["suites"][0]["tests"][0] == {
        "name": "test_0",
        "outcome": "pass",
        "seconds": 0.5,
        "message": "why 0",
    }
    assert data["leftovers"] == [{"kind": "volume", "name": "x"}]


def test_what_is_not_known_is_null_and_not_left_out() -> None:
    data = write.as_data(dataclasses.replace(PASSED, target=None, base=None, leftovers=None, level=None))
    assert [data[key] for key in ("target", "base", "base_mode", "leftovers", "level")] == [None] * 5


def test_every_field_of_the_report_is_in_the_schema_and_required() -> None:
    schema = schemas.load("report")
    names = {field.name for field in dataclasses.fields(PASSED)} | {"schema", "base_mode"}
    assert names == set(schema["properties"]) == set(schema["required"])


def broken(data: dict[str, Any], path: str, value: object) -> dict[str, Any]:
    """Return the data with one place changed, `tiers.0.outcome`; a value of `...` removes it."""
    data = copy.deepcopy(data)
    *way, last = [int(part) if part.isdigit() else part for part in path.split(".")]
    at: Any = data
    for part in way:
        at = at[part]
    if value is ...:
        del at[last]
    else:
        at[last] = value
    return data


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("verdict", "passed"),
        ("verdict", ...),
        ("level", 6),
        ("exit_code", "0"),
        ("exit_code", 256),
        ("schema", 2),
        ("run_id", "../x"),
        ("started", "yesterday"),
        ("recipe", "X"),
        ("target.commit", SHA[:8]),
        ("target", "main"),
        ("base_mode", "other"),
        ("programs.abracadabra", {"name": "x", "version": "1", "built_in": False}),
        ("programs.abra.built_in", "yes"),
        ("tiers.0.outcome", "ok"),
        ("tiers.0.name", "lint"),
        ("tiers.0.seconds", -1),
        ("tiers.0.suites.0.source", "mine"),
        ("tiers.0.suites.0.tests.0.name", ""),
        ("leftovers.0.kind", ...),
        ("leftovers", ...),
        ("images.0.id", None),
        ("phases.0.start", "0"),
        ("notes.0", 1),
        ("errors.0.hint", ...),
        ("extra", 1),
    ],
)
def test_a_report_that_is_wrong_in_one_place_is_refused(path: str, value: object) -> None:
    good = write.as_data(FULL)
    schemas.check("report", good, where="report.json")
    with pytest.raises(UsageError, match=r"^report\.json: "):
        schemas.check("report", broken(good, path, value), where="report.json")


def test_a_report_of_ours_that_does_not_fit_is_a_bug_and_is_not_written(tmp_path: Path) -> None:
    with pytest.raises(RecipeCIError, match="level") as caught:
        write.write(dataclasses.replace(PASSED, level=9), tmp_path)
    assert caught.value.exit_code == 70
    assert list(tmp_path.iterdir()) == []


def test_both_files_are_written_and_nothing_else(tmp_path: Path) -> None:
    path = write.write(FULL, tmp_path)
    assert sorted(file.name for file in tmp_path.iterdir()) == ["junit.xml", "report.json"]
    assert json.loads(path.read_text()) == write.as_data(FULL)


def test_a_file_that_cannot_be_written_leaves_the_old_one(tmp_path: Path) -> None:
    path = tmp_path / "file"
    write.atomically(path, "old")
    with pytest.raises(TypeError):
        write.atomically(path, None)  # type: ignore[arg-type]
    assert path.read_text() == "old"


def test_text_that_is_no_utf8_does_not_keep_the_files_from_being_written(tmp_path: Path) -> None:
    report = dataclasses.replace(PASSED, lint=LintResult(Outcome.FAIL, "lone \ud800"), notes=("lone \ud800",))
    data = json.loads(write.write(report, tmp_path).read_text())
    assert data["verdict"] == "pass"
