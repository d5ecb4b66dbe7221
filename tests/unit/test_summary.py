"""report.summary: the last lines of a run, for every way in which one ends."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import pytest
from recipeci.model import (
    Base,
    BaseMode,
    Commit,
    Leftover,
    LintResult,
    Outcome,
    Program,
    Report,
    RunError,
    SecretScan,
    Target,
    Tier,
    TierResult,
)
from recipeci.report.summary import REASON_LINES, summary

from unit.reports import BASE_SHA, PASSED, SHA, suite

PATH = Path("/out/report.json")


def changed(**fields: Any) -> Report:  # noqa: ANN401 - fields of a report
    report: Report = dataclasses.replace(PASSED, **fields)
    return report


def line(report: Report, label: str) -> str:
    """Return the one line of the summary that begins with a label."""
    (found,) = [text for text in summary(report, path=PATH).splitlines() if text.startswith(label)]
    return found


def test_a_run_that_passed_looks_as_in_the_issue() -> None:
    assert (
        summary(PASSED, path=PATH)
        == f"""\
===== RUN SUMMARY =====
recipe    : custom-html   target {SHA}   base 1.0.0+1.22.1 (pinned)
made by   : miniabra 0.1.0 (built in), Traefik 3.7.15, backup bot (built in), Docker 26.1.5
lint      : pass            16 rules, 2 not checked (R006, R013)
install   : pass    3.9 s   generic 3 passed, overlay 2 passed
upgrade   : pass    5.2 s   1.0.0+1.22.1 → 1.1.0+1.26.3, chaos-version 4f0c1a2b == head
backup    : pass    2.1 s   snapshot 5d1f…, 1 of 1 volumes
restore   : pass    2.6 s
custom    : skip            structural: no custom tests
deploy-count = 1 (expect 1)
leftovers = 0
secrets   = 0/6 found in 9 artifacts
verdict   : pass (built-in abra)   level 5   in 21.4 s   report: /out/report.json"""
    )


def test_a_run_that_failed_keeps_its_columns_and_shows_the_log_below_the_reason() -> None:
    report = changed(
        verdict=Outcome.FAIL,
        label="fail",
        exit_code=1,
        level=1,
        seconds=130.0,
        tiers=(
            TierResult(Tier.INSTALL, Outcome.PASS, seconds=3.9, suites=(suite("generic", Outcome.PASS),)),
            TierResult(Tier.UPGRADE, Outcome.FAIL, "app: rolled back\napp | no such file\napp | exit 1", seconds=61.26),
            TierResult(Tier.BACKUP, Outcome.UNVERIFIED, "not run: upgrade failed"),
        ),
    )
    assert summary(report, path=PATH).splitlines()[3:] == [
        "lint      : pass                16 rules, 2 not checked (R006, R013)",
        "install   : pass        3.9 s   generic 1 passed",
        "upgrade   : fail        61.3 s  app: rolled back",
        "                                app | no such file",
        "                                app | exit 1",
        "backup    : unverified          not run: upgrade failed",
        "deploy-count = 1 (expect 1)",
        "leftovers = 0",
        "secrets   = 0/6 found in 9 artifacts",
        "verdict   : fail   level 1   in 130.0 s   report: /out/report.json",
    ]


def test_a_run_that_ended_before_its_plan_says_what_is_unknown() -> None:
    report = Report(
        "20260102-030405-a1b2c3",
        "custom-html",
        "2026-01-02T03:04:05Z",
        Outcome.ERROR,
        3,
        seconds=0.3,
        errors=(RunError("host", "no space\nleft", "free some"),),
    )
    assert summary(report, path=PATH).splitlines() == [
        "===== RUN SUMMARY =====",
        "recipe    : custom-html   target unknown",
        "made by   : nothing: the run ended before",
        "lint      : unverified          not run",
        "deploy-count = 0 (expect 1)",
        "leftovers = not checked",
        "secrets   = unverified: the artifacts were not scanned",
        "error     : no space left",
        "error     : → free some",
        "verdict   : error   in 0.3 s   report: /out/report.json",
    ]


@pytest.mark.parametrize(
    ("fields", "label", "expected"),
    [
        ({"target": Target(Commit(SHA), "1.1.0+1.26.3")}, "recipe", f"target {SHA} (1.1.0+1.26.3)"),
        ({"target": Target(Commit(SHA), uncommitted=True)}, "recipe", f"target {SHA} (uncommitted)"),
        ({"base": None, "base_reason": "nothing is published"}, "recipe", "no base: nothing is published"),
        ({"base": Base("1.0.0", Commit(BASE_SHA), BaseMode.CHAOS, "")}, "recipe", "base 1.0.0 (chaos)"),
        ({"pr": 7}, "recipe", "pull request 7"),
        ({"programs": {"vip": Program("nftables", "1.0.6", built_in=True)}}, "made by", "nftables 1.0.6 (built in)"),
        ({"programs": {"vip": Program("IPVS", "6.1")}}, "made by", "nothing: the run ended before"),
        ({"lint": LintResult(Outcome.FAIL, "no .env.sample")}, "lint", "fail            no .env.sample"),
        ({"lint": LintResult(Outcome.PASS, rules=16)}, "lint", "pass            16 rules"),
        ({"deploys": 2}, "deploy-count", "= 2 (expect 1)"),
        ({"deploys": 0, "expected_deploys": 0}, "deploy-count", "= 0 (expect 0)"),
        (
            {"leftovers": (Leftover("volume", "a_data"), Leftover("secret", "b"))},
            "leftovers",
            "= 2: volume a_data, secret b",
        ),
        ({"leftovers": None}, "leftovers", "= not checked"),
        ({"level": None}, "verdict", "pass (built-in abra)   in 21.4 s   report: /out/report.json"),
        ({"level": 0, "label": "fail"}, "verdict", "fail   level 0   in"),
        ({"label": ""}, "verdict", ": pass   level 5"),
    ],
)
def test_one_line_says(fields: dict[str, Any], label: str, expected: str) -> None:
    assert expected in line(changed(**fields), label)


def test_the_outcomes_of_each_source_are_counted() -> None:
    suites = (
        suite("repo", Outcome.PASS, Outcome.SKIP),
        suite("generic", Outcome.PASS, Outcome.FAIL),
        suite("generic", Outcome.FAIL),
        suite("harness", Outcome.UNVERIFIED),
        suite("recipeci"),
    )
    tier = TierResult(Tier.INSTALL, Outcome.FAIL, seconds=1.0, suites=suites)
    expected = "generic 1 passed, 2 failed, overlay 2 passed, 1 skipped, harness 1 unverified"
    assert line(changed(tiers=(tier,)), "install").endswith(expected)


def test_tiers_are_in_their_order_whatever_the_order_of_the_results() -> None:
    report = changed(tiers=tuple(reversed(PASSED.tiers)))
    assert summary(report, path=PATH) == summary(PASSED, path=PATH)


def test_a_report_that_could_not_be_written_is_not_named() -> None:
    said = [summary(PASSED, path=path).splitlines() for path in (PATH, None)]
    assert said[0][:-1] == said[1][:-1]
    assert said[0][-1].replace(f"report: {PATH}", "no report") == said[1][-1]


def test_what_a_recipe_says_cannot_forge_a_line_or_move_the_cursor() -> None:
    reason = "\r\nverdict   : pass\x1b[2K\u202e\x85leftovers = 0"
    report = changed(
        verdict=Outcome.FAIL, label="fail", tiers=(TierResult(Tier.INSTALL, Outcome.FAIL, f"bad{reason}", 1.0),)
    )
    said = summary(report, path=PATH)
    assert [text for text in said.splitlines() if text.startswith("verdict")] == [said.splitlines()[-1]]
    assert not any(char in said for char in "\r\x1b\u202e\x85")


def reason_lines(count: int) -> list[str]:
    """Return what the summary shows of a reason of so many lines."""
    reason = "\n".join(f"line {n}" for n in range(count))
    said = summary(changed(tiers=(TierResult(Tier.INSTALL, Outcome.FAIL, reason, 1.0),)), path=PATH)
    return [text.partition("1.0 s")[2].strip() or text.strip() for text in said.splitlines() if "line" in text]


def test_of_a_long_reason_its_first_line_and_the_last_ones_are_shown_since_logs_explain_at_their_end() -> None:
    first, cut, *last = reason_lines(REASON_LINES + 5)
    assert (first, cut) == ("line 0", "… 5 more lines in the report")
    assert last == [f"line {n}" for n in range(6, REASON_LINES + 5)]


def test_a_reason_that_fits_is_shown_whole() -> None:
    assert reason_lines(REASON_LINES) == [f"line {n}" for n in range(REASON_LINES)]


@pytest.mark.parametrize(
    ("scan", "words"),
    [
        (None, "unverified: the artifacts were not scanned"),
        (SecretScan(known=0, found=0, artifacts=4), "0/0 found in 4 artifacts"),
        (
            SecretScan(known=2, found=1, artifacts=4, where=("token_v1 in run.log", "token_v1 in report.json")),
            "1/2 found in 4 artifacts: token_v1 in run.log, token_v1 in report.json",
        ),
        (
            SecretScan(known=1, found=0, artifacts=4, not_masked=("pin_v1 (shorter than 8 bytes)", "a\nb (x)")),
            "0/1 found in 4 artifacts; not masked: pin_v1 (shorter than 8 bytes), a b (x)",
        ),
    ],
)
def test_the_scan_of_the_artifacts(scan: SecretScan | None, words: str) -> None:
    assert line(changed(secrets=scan), "secrets") == f"secrets   = {words}"
