"""report.junit: what a CI's own page shows of a run; whatever is red in the report is red in it, once."""

from __future__ import annotations

import dataclasses
import xml.etree.ElementTree as ET
from typing import Any

import pytest
from recipeci.model import Leftover, LintResult, Outcome, Report, RunError, SecretScan, SuiteResult, Tier, TierResult
from recipeci.report import junit

from unit.reports import PASSED, suite


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


def red(report: Report) -> list[str]:
    """Return the tests of its JUnit that are counted as failures or errors."""
    return [name for name, element in cases(junit.as_xml(report)).items() if element in ("failure", "error")]


def failed(*tiers: TierResult, **fields: Any) -> Report:  # noqa: ANN401 - fields of a report
    """Return a report with these tiers that did not pass."""
    report: Report = dataclasses.replace(PASSED, verdict=Outcome.FAIL, exit_code=1, tiers=tiers, **fields)
    return report


def test_a_failing_test_of_an_author_counts_once() -> None:
    of_author = suite("repo", Outcome.PASS, Outcome.FAIL)
    report = failed(TierResult(Tier.INSTALL, Outcome.FAIL, "why 1", suites=(suite("generic", Outcome.PASS), of_author)))
    assert red(report) == ["install.repo/test_1"]


def test_a_tier_whose_suites_do_not_say_why_says_it_itself() -> None:
    """The control: of what is red something is always red in JUnit."""
    skipped_suite = suite("generic", Outcome.UNVERIFIED)
    for tier in (
        TierResult(Tier.INSTALL, Outcome.FAIL, "the base cannot be deployed"),
        TierResult(Tier.INSTALL, Outcome.FAIL, "other", suites=(suite("generic", Outcome.PASS),)),
        TierResult(Tier.INSTALL, Outcome.FAIL, "worse than its suites", suites=(skipped_suite,)),
    ):
        assert "install/install" in red(failed(tier))


def test_each_red_tier_is_in_it_and_the_verdict_is_none_more() -> None:
    tiers = (
        TierResult(Tier.INSTALL, Outcome.FAIL, suites=(suite("generic", Outcome.FAIL),)),
        TierResult(Tier.UPGRADE, Outcome.UNVERIFIED, "install did not pass"),
    )
    assert red(failed(*tiers)) == ["install.generic/test_0", "upgrade/upgrade"]


@pytest.mark.parametrize(
    "fields",
    [
        {"errors": (RunError("host", "gone"),)},
        {"leftovers": (Leftover("volume", "x"),)},
        {"leftovers": None},
        {"secrets": SecretScan(1, 1, 3, where=("token in run.log",))},
        {"secrets": None},
        {"deploys": 2},
    ],
)
def test_what_belongs_to_no_tier_is_the_verdicts_beside_a_red_tier_too(fields: dict[str, Any]) -> None:
    tier = TierResult(Tier.INSTALL, Outcome.FAIL, suites=(suite("generic", Outcome.FAIL),))
    assert red(failed(tier, **fields)) == ["install.generic/test_0", "run/verdict"]
    assert red(failed(TierResult(Tier.INSTALL, Outcome.PASS), **fields)) == ["run/verdict"]


def test_a_verdict_that_nothing_explains_is_red_itself() -> None:
    assert red(dataclasses.replace(PASSED, verdict=Outcome.UNVERIFIED, tiers=PASSED.tiers[-1:])) == ["run/verdict"]


def test_a_lint_that_forbids_the_deployment_is_the_verdicts_reason() -> None:
    lint = LintResult(Outcome.FAIL, "no .env.sample", blocking=True)
    assert red(failed(lint=lint, expected_deploys=0, deploys=0)) == ["lint/lint"]
