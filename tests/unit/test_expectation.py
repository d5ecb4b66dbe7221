"""e2e.expectation: each key of expect.yml can turn a canary's test red."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from e2e import expectation
from e2e.expectation import Expectation

CANARIES = Path(__file__).parents[1] / "canaries"
SHARED = ("base", "repository-suite")
"""Folders that canaries lay over each other, and no canaries themselves."""
REPORT = {
    "exit_code": 1,
    "verdict": "fail",
    "lint": {"outcome": "pass", "reason": "", "findings": ["R015 is not satisfied"]},
    "deploys": 1,
    "secrets": {"known": 1, "found": 0, "where": ["token in run.log (line 3)"]},
    "base": {"version": "1.0.0+1.22.1"},
    "base_mode": "pinned",
    "notes": ["env: GREETING was added", "secret token was generated"],
    "errors": [{"message": "image unavailable: x"}],
    "canary": [{"service": "app", "path": "/srv", "outcome": "pass", "reason": ""}],
    "left_out": [{"path": "tests/ops.py", "reason": "not allowed: no list"}],
    "tiers": [
        {"name": "install", "outcome": "pass", "reason": "", "seconds": 4.0, "suites": []},
        {
            "name": "upgrade",
            "outcome": "fail",
            "reason": "app rolled back from nginx:2 to nginx:1",
            "seconds": 5.0,
            "suites": [
                {
                    "source": "recipeci",
                    "path": "/o/test_upgrade.py",
                    "outcome": "fail",
                    "message": "",
                    "tests": [{"name": "test_login", "outcome": "fail", "message": "answered 403"}],
                }
            ],
        },
    ],
}
GOOD: dict[str, Any] = {
    "exit": 1,
    "verdict": "fail",
    "tiers": {"install": "pass", "upgrade": "fail"},
    "reasons": {"upgrade": ["rolled? back", "nginx:1"], "lint": ["R015"]},
    "notes": ("GREETING", "token"),
    "errors": ("image unavail",),
    "where": ("^token in run",),
    "base": "1.0.0+1.22.1",
    "base_mode": "pinned",
    "install_seconds": 3,
    "suites": ({"tier": "upgrade", "source": "recipeci", "path": "test_upgrade", "outcome": "fail"},),
    "tests": ({"tier": "upgrade", "suite": "test_upgrade", "name": "login", "outcome": "fail", "message": "40."},),
    "canary": ({"service": "^app$", "path": "/srv", "outcome": "pass"},),
    "left_out": ({"path": "ops", "reason": "not allowed"},),
}


def test_a_report_that_is_as_expected_has_no_differences() -> None:
    assert Expectation(**GOOD).differences(REPORT, code=1) == []


@pytest.mark.parametrize(
    ("key", "value", "difference"),
    [
        ("verdict", "pass", "verdict: 'fail', expected 'pass'"),
        ("lint", "fail", "lint: 'pass', expected 'fail'"),
        ("tiers", {"install": "fail"}, "install: 'pass', expected 'fail'"),
        ("tiers", {"backup": "pass"}, "backup: 'absent', expected 'pass'"),
        ("reasons", {"upgrade": ["nginx:3"]}, "upgrade: 'nginx:3' is not said in 'app rolled back"),
        ("reasons", {"lint": ["R014"]}, "lint: 'R014' is not said in"),
        ("notes", ("PARTING",), "notes: 'PARTING' is not said in"),
        ("errors", ("no room",), "errors: 'no room' is not said in"),
        ("base", None, "base: '1.0.0+1.22.1', expected None"),
        ("base_mode", "chaos", "base_mode: 'pinned', expected 'chaos'"),
        ("deploys", 2, "deploys: 1, expected 2"),
        ("secrets", {"known": 2, "found": 0}, "secrets known: 1, expected 2"),
        ("secrets", {"found": 1}, "secrets found: 0, expected 1"),
        ("where", ("^token in junit",), "where: '^token in junit' is in none of ['token in run.log (line 3)']"),
        ("install_seconds", 70, "install: took 4.0 s, at least 70 expected"),
        ("suites", ({"path": "test_upgrade", "outcome": "pass"},), "suites: none is"),
        ("suites", ({"tier": "install", "path": "test_upgrade"},), "suites: none is"),
        ("tests", ({"name": "test_login", "message": "500"},), "tests: none is"),
        ("tests", ({"name": "test_login", "suite": "custom"},), "tests: none is"),
        ("canary", (), "canary: {'service': 'app', 'path': '/srv', 'outcome': 'pass', 'reason': ''} is not expected"),
        ("left_out", (), "left_out: {'path': 'tests/ops.py'"),
    ],
)
def test_each_key_that_is_not_met_is_told(key: str, value: object, difference: str) -> None:
    found = Expectation(**(GOOD | {key: value})).differences(REPORT, code=1)
    assert [line.startswith(difference) for line in found] == [True], found


@pytest.mark.parametrize("key", ["canary", "left_out"])
def test_all_rows_must_be_there_and_no_others(key: str) -> None:
    wanted = (*GOOD[key], {"path": "/another"})
    found = Expectation(**(GOOD | {key: wanted})).differences(REPORT, code=1)
    assert [line.partition(" in [")[0] for line in found] == [f"{key}: none is {{'path': '/another'}}"]
    assert Expectation(**(GOOD | {key: None})).differences(REPORT, code=1) == []


def test_a_row_with_a_key_that_no_row_of_a_report_has_is_an_error() -> None:
    with pytest.raises(KeyError, match="outcom"):
        Expectation(**(GOOD | {"canary": ({"outcom": "pass"},)})).differences(REPORT, code=1)


def test_the_code_of_the_program_and_that_of_the_report_are_both_compared() -> None:
    assert Expectation(**(GOOD | {"exit": 0})).differences(REPORT, code=3) == [
        "exit code: 3, expected 0",
        "exit code in the report: 1, expected 0",
    ]


@pytest.mark.parametrize(("text", "sentence"), [("exits: 1", "unknown: exits"), ("exit: 1", "missing .* 'verdict'")])
def test_a_mistake_in_expect_yml_is_refused_by_name(tmp_path: Path, text: str, sentence: str) -> None:
    (tmp_path / "expect.yml").write_text(text)
    with pytest.raises(ValueError, match=sentence):
        expectation.read(tmp_path)


def test_each_canary_has_an_expectation_and_a_history() -> None:
    folders = {folder.name for folder in CANARIES.iterdir() if folder.is_dir() and not folder.name.startswith(SHARED)}
    assert {file.parent.name for file in CANARIES.glob("*/history.yml")} == folders
    for name in folders:
        expectation.read(CANARIES / name)


def test_a_reason_that_is_no_list_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "expect.yml").write_text("exit: 1\nverdict: fail\ntiers: {}\nreasons: {install: failed}\n")
    with pytest.raises(ValueError, match="reasons of install are no list"):
        expectation.read(tmp_path)
