"""service.judging: the end of a request is what its host brought, the report says and the exit code bears out."""

from __future__ import annotations

import itertools
import json
from collections.abc import Mapping
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from recipeci.model import Tier
from recipeci.report.write import as_json
from recipeci.service.judging import Judgement, judge
from recipeci.service.model import Asked, End, Result

from unit import reports
from unit.properties import tried

SHA = reports.SHA
PROPERTY = tried(300)
ASKED = Asked("custom-html", SHA, tuple(Tier), "https://forge.test/r/custom-html.git", None, 7)
BUILT_IN: dict[str, Any] = json.loads(as_json(reports.PASSED))
REAL = BUILT_IN | {
    "label": "pass",
    "programs": BUILT_IN["programs"] | {"abra": {"name": "abra", "version": "0.13.0-beta", "built_in": False}},
}
VERDICTS = ("pass", "fail", "skip", "unverified", "error")
CODES = (0, 1, 2, 3, 4, 70, 129, 130, 137, 142, 143, 255)


def judged(
    code: int,
    report: Mapping[str, Any] | None,
    *,
    asked: Asked = ASKED,
    cancel: str | None = None,
    cancelled: bool = False,
    error: str = "",
    builtin_is_final: bool = False,
) -> Judgement:
    result = Result(code, report, cancelled=cancelled, error=error)
    return judge(result, asked, cancel=cancel, builtin_is_final=builtin_is_final)


def failed(**changes: Any) -> dict[str, Any]:  # noqa: ANN401 - keys of a report
    """Return a report of a recipe that failed at its install."""
    install = REAL["tiers"][0] | {"outcome": "fail", "reason": "app is unhealthy\nweb: cannot bind"}
    tiers = [install, *({"outcome": "unverified", "reason": "install failed", **tier} for tier in REAL["tiers"][1:])]
    return REAL | {"verdict": "fail", "exit_code": 1, "label": "fail", "level": 0, "tiers": tiers} | changes


def test_a_pass_is_one_if_all_agree() -> None:
    assert judged(0, REAL) == Judgement(End.PASS, "pass", REAL)


def test_a_failure_says_where() -> None:
    assert judged(1, failed()) == Judgement(End.FAIL, "install: app is unhealthy", failed())


def test_what_stayed_unverified_is_no_pass() -> None:
    custom = {**REAL["tiers"][4], "outcome": "unverified", "reason": ""}
    report = failed(verdict="unverified", tiers=[*REAL["tiers"][:4], custom])
    assert judged(1, report) == Judgement(End.UNVERIFIED, "custom: unverified", report)


def test_what_the_teardown_left_is_a_failure_whatever_the_tiers_say() -> None:
    left = [{"kind": "volume", "name": "x"}]
    report = REAL | {"verdict": "fail", "exit_code": 4, "leftovers": left}
    assert judged(4, report) == Judgement(End.FAIL, "the teardown left something", report)
    assert judged(4, failed(exit_code=4, leftovers=left)).reason == "install: app is unhealthy"


def test_an_error_is_no_verdict_and_says_why() -> None:
    errors = [{"kind": "host", "message": "dockerd is gone\nat line 1", "hint": ""}]
    report = REAL | {"verdict": "error", "exit_code": 3, "level": None, "errors": errors}
    assert judged(3, report) == Judgement(End.ERROR, "dockerd is gone", report)
    assert judged(3, report | {"errors": []}).reason == "the run ended with 3"


def test_a_run_that_came_to_nothing_names_no_commit() -> None:
    report = REAL | {"verdict": "error", "exit_code": 3, "target": None, "tiers": []}
    assert judged(3, report).end is End.ERROR
    assert judged(3, report).report == report


@pytest.mark.parametrize("code", CODES)
def test_without_a_report_there_is_no_verdict_whatever_the_code(code: int) -> None:
    assert judged(code, None) == Judgement(End.ERROR, f"the run ended with {code} and left no report")
    assert judged(code, None, error="no space is left") == Judgement(End.ERROR, "no space is left")


@pytest.mark.parametrize(("code", "verdict"), list(itertools.product(CODES, VERDICTS)))
def test_code_and_verdict_must_agree(code: int, verdict: str) -> None:
    report = (REAL if verdict == "pass" else failed()) | {"verdict": verdict, "exit_code": code}
    found = judged(code, report)
    ends = {(0, "pass"): End.PASS, (1, "fail"): End.FAIL, (1, "unverified"): End.UNVERIFIED}
    expected = ends.get((code, verdict), End.FAIL if code == 4 else End.ERROR)
    assert found.end is expected
    if code in (0, 1) and expected is End.ERROR:
        assert found == Judgement(End.ERROR, f"the run ended with {code}, and its report says {verdict}")


@pytest.mark.parametrize(("code", "said"), [(c, s) for c, s in itertools.product(CODES, CODES) if c != s])
def test_the_code_that_a_report_says_must_be_the_one_that_was_seen(code: int, said: int) -> None:
    report = (REAL if said == 0 else failed()) | {"exit_code": said}
    assert judged(code, report) == Judgement(End.ERROR, f"the run ended with {code}, and its report says {said}")


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"recipe": "other"}, "the run was of recipe other, and custom-html was asked for"),
        (
            {"target": REAL["target"] | {"commit": "0" * 40}},
            f"the run was of {'0' * 40}, and {SHA} was asked for",
        ),
        ({"target": REAL["target"] | {"uncommitted": True}}, f"the run was of {SHA}, and {SHA} was asked for"),
        ({"target": None}, "the run's report does not say which commit it was of"),
    ],
    ids=["another recipe", "another commit", "uncommitted work", "no commit"],
)
@pytest.mark.parametrize(("code", "report"), [(0, REAL), (1, failed())], ids=["pass", "fail"])
def test_a_report_of_something_else_is_not_believed(
    code: int, report: dict[str, Any], changes: dict[str, Any], reason: str
) -> None:
    assert judged(code, report | changes) == Judgement(End.ERROR, reason)


def test_an_error_of_another_commit_is_not_shown_either() -> None:
    report = REAL | {"verdict": "error", "exit_code": 3, "target": REAL["target"] | {"commit": "0" * 40}}
    assert judged(3, report) == Judgement(End.ERROR, f"the run was of {'0' * 40}, and {SHA} was asked for")


@pytest.mark.parametrize("outcome", ["fail", "unverified", "error"])
@pytest.mark.parametrize("tier", range(5))
def test_a_pass_with_a_tier_that_did_not_pass_is_none(tier: int, outcome: str) -> None:
    tiers = [dict(one) for one in REAL["tiers"]]
    tiers[tier]["outcome"] = outcome
    words = f"the run's report says pass, and has {tiers[tier]['name']} {outcome}"
    assert judged(0, REAL | {"tiers": tiers}) == Judgement(End.ERROR, words)


@pytest.mark.parametrize(
    ("changes", "has"),
    [
        ({"errors": [{"kind": "bug", "message": "x", "hint": ""}]}, "errors"),
        ({"leftovers": [{"kind": "volume", "name": "x"}]}, "leftovers"),
        ({"leftovers": None}, "leftovers"),
        ({"secrets": None}, "no scan for secrets"),
        ({"secrets": REAL["secrets"] | {"found": 1}}, "a secret"),
        ({"deploys": 2}, "other deployments"),
        ({"deploys": 0, "expected_deploys": 0}, "other deployments"),
        ({"tiers": []}, "no install, no upgrade, no backup, no restore, no custom"),
        ({"tiers": REAL["tiers"][:4]}, "no custom"),
    ],
    ids=lambda value: value if isinstance(value, str) else None,
)
def test_a_pass_that_tells_of_something_else_is_none(changes: dict[str, Any], has: str) -> None:
    assert judged(0, REAL | changes) == Judgement(End.ERROR, f"the run's report says pass, and has {has}")


def test_a_pass_has_all_stages_that_were_asked_for_and_may_have_more() -> None:
    some = Asked("custom-html", SHA, (Tier.INSTALL, Tier.CUSTOM), ASKED.clone_url, None, 7)
    tiers = [REAL["tiers"][0], REAL["tiers"][4]]
    assert judged(0, REAL | {"tiers": tiers}, asked=some).end is End.PASS
    assert judged(0, REAL, asked=some).end is End.PASS
    assert judged(0, REAL | {"tiers": tiers[:1]}, asked=some).end is End.ERROR


@pytest.mark.parametrize(
    "report",
    [
        {},
        {"verdict": "pass", "exit_code": 0},
        {key: value for key, value in REAL.items() if key != "errors"},
        REAL | {"schema": 2},
        REAL | {"extra": 1},
        REAL | {"verdict": "green"},
        REAL | {"exit_code": False},
        REAL | {"exit_code": "0"},
        REAL | {"tiers": None},
        REAL | {"tiers": [{"name": "install"}]},
        REAL | {"target": {"commit": SHA[:8], "version": None, "uncommitted": False}},
        REAL | {"target": {"commit": None, "version": None, "uncommitted": False}},
        REAL | {"programs": {"abra": {"built_in": False}}},
        REAL | {"label": ""},
    ],
)
def test_what_is_no_report_is_not_believed(report: dict[str, Any]) -> None:
    found = judged(0, report)
    assert (found.end, found.report) == (End.ERROR, None)
    assert found.reason.startswith("the run's report")
    assert "\n" not in found.reason


@pytest.mark.parametrize("programs", [BUILT_IN["programs"], {}, {"docker": BUILT_IN["programs"]["docker"]}])
def test_the_built_in_abra_passes_only_where_it_may(programs: dict[str, Any]) -> None:
    """A report that names no abra is not taken for one by the real one."""
    report = BUILT_IN | {"programs": programs}
    words = "made with the built-in abra, which gives no status here"
    assert judged(0, report) == Judgement(End.ERROR, words, report)
    assert judged(0, report, builtin_is_final=True) == Judgement(End.PASS, "pass (built-in abra)", report)


def test_the_real_abra_needs_no_leave() -> None:
    assert judged(0, REAL, builtin_is_final=False).end is End.PASS


@pytest.mark.parametrize(
    ("code", "report"), [(0, REAL), (1, failed()), (130, None), (143, failed() | {"exit_code": 143})]
)
def test_cancelled_is_what_was_cancelled_and_ended_so(code: int, report: dict[str, Any] | None) -> None:
    assert judged(code, report, cancel="cancelled by bob", cancelled=True) == Judgement(
        End.CANCELLED, "cancelled by bob"
    )


def test_a_run_that_ended_before_it_could_be_cancelled_keeps_its_verdict() -> None:
    assert judged(0, REAL, cancel="cancelled by bob").end is End.PASS
    assert judged(1, failed(), cancel="cancelled by bob").end is End.FAIL


def test_a_run_that_nobody_cancelled_is_not_cancelled_whatever_its_host_says() -> None:
    assert judged(130, None, cancelled=True).end is End.ERROR
    assert judged(0, REAL, cancelled=True).end is End.PASS


def test_the_reason_is_the_first_and_one_line() -> None:
    lint = REAL["lint"] | {"outcome": "fail", "reason": "compose.yml: invalid\nmore"}
    assert judged(1, failed(lint=lint)).reason == "lint: compose.yml: invalid"
    errors = [{"kind": "recipe", "message": " \nfirst\nsecond", "hint": ""}]
    assert judged(1, failed(lint=lint, errors=errors)).reason == "first"


LEAVES = st.none() | st.booleans() | st.integers(-1, 3) | st.sampled_from(["pass", "fail", SHA, ""])
VALUES = (
    LEAVES | st.lists(LEAVES, max_size=2) | st.dictionaries(st.sampled_from(["commit", "found"]), LEAVES, max_size=2)
)


@PROPERTY
@given(code=st.sampled_from(CODES), changes=st.dictionaries(st.sampled_from(sorted(REAL)), VALUES, max_size=3))
def test_property_a_pass_is_never_of_anything_else(code: int, changes: dict[str, Any]) -> None:
    report = REAL | changes
    found = judged(code, report)
    if found.end is End.PASS:
        assert (code, report["exit_code"], report["verdict"]) == (0, 0, "pass")
        assert (report["recipe"], report["target"]["commit"]) == ("custom-html", SHA)
        assert not report["programs"]["abra"]["built_in"]
        assert {tier["name"] for tier in report["tiers"]} == set(Tier)
    elif found.report is not None:
        assert found.report == report
