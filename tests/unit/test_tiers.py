"""run.tiers: what a tier says of a hook that failed, and of an author's suite, in its one line."""

from __future__ import annotations

from pathlib import Path

import pytest
from recipeci.model import AuthorFile, Outcome, SuiteResult, TestResult, Tier
from recipeci.run import verdict
from recipeci.run.plan import Fate, Step
from recipeci.run.tiers import HookFailed, _judged, _of_hook, _unfinished

OVERLAY = Path("/overlays/x/test_backup.py")


def suite(*tests: TestResult, source: str = "recipeci") -> SuiteResult:
    return SuiteResult(source, str(OVERLAY), verdict.of_tests(tests), tests)


def test_a_failing_test_of_an_author_is_named_and_the_others_counted() -> None:
    good, one, two = (
        TestResult("test_good", Outcome.PASS),
        TestResult("test_one", Outcome.FAIL, message="assert 1 == 2"),
        TestResult("test_two", Outcome.FAIL, message="assert 3 == 4"),
    )
    assert _judged(Tier.BACKUP, (suite(good, one, two),), words="well").reason == (
        "recipeci overlay test_backup.py::test_one (and 1 more of 3): assert 1 == 2"
    )
    assert _judged(Tier.BACKUP, (suite(good, one),), words="well").reason == (
        "recipeci overlay test_backup.py::test_one: assert 1 == 2"
    )


def test_what_the_harness_measured_is_said_in_its_own_words() -> None:
    lost = TestResult("harness::canary app:/data", Outcome.FAIL, message="the marker is gone")
    assert _judged(Tier.UPGRADE, (suite(lost, source="harness"),), words="well").reason == "the marker is gone"


def test_a_tier_that_is_well_has_its_words() -> None:
    assert _judged(Tier.BACKUP, (suite(TestResult("test_good", Outcome.PASS)),), words="well").reason == "well"


def test_a_hook_that_failed_is_its_authors_and_nothing_builds_on_its_tier() -> None:
    failed = HookFailed(AuthorFile("repo", Path("tests/ops.py")), "pre_backup of repo overlay tests/ops.py failed: x")
    found = _of_hook(Step(Tier.BACKUP, Fate.RUN), failed)
    assert (found.source, found.path, found.outcome) == ("repo", "tests/ops.py", Outcome.FAIL)
    assert found.tests == (TestResult("pre_backup", Outcome.FAIL, message=failed.message),)
    assert not verdict.stands(_judged(Tier.BACKUP, (found,), words=""))


FINISHED = suite(TestResult("test_good", Outcome.PASS), source="generic")
WRONG = suite(TestResult("test_bad", Outcome.FAIL, message="assert 1 == 2"))


@pytest.mark.parametrize(
    ("finished", "outcome", "reason"),
    [
        ((), Outcome.UNVERIFIED, "interrupted"),
        ((FINISHED,), Outcome.UNVERIFIED, "interrupted"),
        ((FINISHED, WRONG), Outcome.FAIL, "recipeci overlay test_backup.py::test_bad: assert 1 == 2"),
    ],
)
def test_of_an_interrupted_tier_what_was_finished_is_kept_and_the_rest_unverified(
    finished: tuple[SuiteResult, ...], outcome: Outcome, reason: str
) -> None:
    found = _unfinished(Step(Tier.BACKUP, Fate.RUN), finished, why="interrupted")
    assert (found.outcome, found.reason, found.suites) == (outcome, reason, finished)
