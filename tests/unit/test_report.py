"""report.write and report.junit: what the files hold, and that a wrong report is not written."""

from __future__ import annotations

import copy
import dataclasses
import json
import xml.etree.ElementTree as ET
from pathlib import Path
from typing import Any

import pytest
from recipeci import schemas
from recipeci.errors import RecipeCIError, UsageError
from recipeci.model import Canary, LeftOut, Leftover, LintResult, Outcome, RunError, SuiteResult, Tier, TierResult
from recipeci.report import junit, write

from unit.reports import BASE_SHA, PASSED, SHA, suite

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


def cases(text: str) -> dict[str, str]:
    """Return for each test of a JUnit file by `suite/name` how it ended: `pass`, or the element that says why not."""
    root = ET.fromstring(text)  # noqa: S314 - our own
    return {
        f"{case.get('classname')}/{case.get('name')}": next((child.tag for child in case), "pass")
        for case in root.iter("testcase")
    }


def test_junit_has_lint_each_tier_each_test_and_the_verdict() -> None:
    assert cases(junit.as_xml(PASSED)) == {
        "lint/lint": "pass",
        "install/install": "pass",
        "install.generic/test_0": "pass",
        "install.generic/test_1": "pass",
        "install.generic/test_2": "pass",
        "install.recipeci/test_0": "pass",
        "install.recipeci/test_1": "pass",
        "upgrade/upgrade": "pass",
        "backup/backup": "pass",
        "restore/restore": "pass",
        "custom/custom": "skipped",
        "run/verdict": "pass",
    }


@pytest.mark.parametrize(
    ("outcome", "element"),
    [
        (Outcome.FAIL, "failure"),
        (Outcome.UNVERIFIED, "failure"),
        (Outcome.ERROR, "error"),
        (Outcome.SKIP, "skipped"),
        (Outcome.PASS, "pass"),
    ],
)
def test_what_could_not_be_checked_is_red_in_junit(outcome: Outcome, element: str) -> None:
    report = dataclasses.replace(PASSED, tiers=(TierResult(Tier.UPGRADE, outcome, "why"),))
    assert cases(junit.as_xml(report))["upgrade/upgrade"] == element


def test_a_suite_whose_tests_do_not_say_why_it_failed_has_one_that_does() -> None:
    silent = SuiteResult("repo", "test_x.py", Outcome.UNVERIFIED, (), "nothing was collected")
    hidden = dataclasses.replace(suite("generic", Outcome.PASS), outcome=Outcome.FAIL, message="ids differ")
    report = dataclasses.replace(PASSED, tiers=(TierResult(Tier.INSTALL, Outcome.FAIL, suites=(silent, hidden)),))
    found = cases(junit.as_xml(report))
    assert (found["install.repo/test_x.py"], found["install.generic/test_install.py"]) == ("failure", "failure")


def test_counts_of_a_junit_suite_agree_with_its_tests() -> None:
    tests = (Outcome.PASS, Outcome.FAIL, Outcome.ERROR, Outcome.SKIP, Outcome.UNVERIFIED)
    report = dataclasses.replace(
        PASSED, tiers=(TierResult(Tier.INSTALL, Outcome.FAIL, suites=(suite("generic", *tests),)),)
    )
    root = ET.fromstring(junit.as_xml(report))  # noqa: S314 - our own
    (found,) = [element for element in root.iter("testsuite") if element.get("name") == "install.generic"]
    assert [found.get(key) for key in ("tests", "failures", "errors", "skipped")] == ["5", "2", "1", "1"]


def test_what_xml_cannot_hold_is_escaped() -> None:
    report = dataclasses.replace(PASSED, lint=LintResult(Outcome.FAIL, "a\x00b\x1b[1m\ufffe\ud800<&\nmore"))
    (failure,) = ET.fromstring(junit.as_xml(report)).iter("failure")  # noqa: S314 - our own
    assert failure.text == "a\\x00b\\x1b[1m\\ufffe\\ud800<&\nmore"
    assert failure.get("message") == "a\\x00b\\x1b[1m\\ufffe\\ud800<&"


def test_text_that_is_no_utf8_does_not_keep_the_files_from_being_written(tmp_path: Path) -> None:
    report = dataclasses.replace(PASSED, lint=LintResult(Outcome.FAIL, "lone \ud800"), notes=("lone \ud800",))
    data = json.loads(write.write(report, tmp_path).read_text())
    assert data["verdict"] == "pass"
