"""The only place that makes the end of a request from what a host brought back. Pure; it believes no word alone."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from recipeci import schemas
from recipeci.errors import UsageError
from recipeci.service.model import Asked, End, Result

EXIT_PASS, EXIT_FAILED, EXIT_LEFTOVERS = 0, 1, 4
VERDICTS = {EXIT_PASS: {"pass"}, EXIT_FAILED: {"fail", "unverified"}}
"""The verdicts that may stand in a report beside an exit code (docs/exit-codes.md)."""


@dataclass(frozen=True)
class Judgement:
    """A request's end, one sentence why, and the report if it is to be believed."""

    end: End
    reason: str = ""
    report: Mapping[str, Any] | None = None


def judge(result: Result, asked: Asked, *, cancel: str | None, builtin_is_final: bool) -> Judgement:
    """Return the end of a request whose job has ended.

    Args:
        result: what the host brought, written under its fence.
        asked: what it was asked for.
        cancel: why it was to be cancelled, None if nobody wanted that.
        builtin_is_final: whether a verdict made with the built-in abra may become a commit status.
    """
    if result.cancelled and cancel is not None:
        return Judgement(End.CANCELLED, cancel)
    if result.report is None:
        return Judgement(End.ERROR, result.error or f"the run ended with {result.exit_code} and left no report")
    if why := _not_believed(result, result.report, asked):
        return Judgement(End.ERROR, why)
    return _believed(result, result.report, builtin_is_final=builtin_is_final)


def _not_believed(result: Result, report: Mapping[str, Any], asked: Asked) -> str:
    """Say why a report is not of what was asked for, or does not agree with the exit code; empty if it does."""
    try:
        schemas.check("report", report, where="the run's report")
    except UsageError as e:
        return e.message
    return _of_another(report, asked) or _at_odds(result, report) or _no_pass(report, asked)


def _of_another(report: Mapping[str, Any], asked: Asked) -> str:
    """Say that a report is of something else than was asked for; only a run that came to nothing names no commit."""
    target = report["target"] or {"commit": None, "uncommitted": False}
    if report["recipe"] != asked.recipe:
        return f"the run was of recipe {report['recipe']}, and {asked.recipe} was asked for"
    if target["commit"] is None and report["verdict"] != "error":
        return "the run's report does not say which commit it was of"
    if target["commit"] not in (None, asked.sha) or target["uncommitted"]:
        return f"the run was of {target['commit']}, and {asked.sha} was asked for"
    return ""


def _at_odds(result: Result, report: Mapping[str, Any]) -> str:
    """Say that a report and the exit code of its run do not agree."""
    if report["exit_code"] != result.exit_code:
        return f"the run ended with {result.exit_code}, and its report says {report['exit_code']}"
    if report["verdict"] not in VERDICTS.get(result.exit_code, {report["verdict"]}):
        return f"the run ended with {result.exit_code}, and its report says {report['verdict']}"
    return ""


def _no_pass(report: Mapping[str, Any], asked: Asked) -> str:
    """Say that a report calls itself a pass and tells of something else (DESIGN §4): no word is believed alone."""
    if report["verdict"] != "pass":
        return ""
    outcomes = {tier["name"]: tier["outcome"] for tier in report["tiers"]}
    against = [f"{name} {outcome}" for name, outcome in outcomes.items() if outcome not in ("pass", "skip")]
    against += [f"no {stage}" for stage in asked.stages if stage not in outcomes]
    against += ["errors"] if report["errors"] else []
    against += ["leftovers"] if report["leftovers"] != [] else []
    against += ["no scan for secrets"] if report["secrets"] is None else []
    against += ["a secret"] if report["secrets"] is not None and report["secrets"]["found"] else []
    against += ["other deployments"] if (report["deploys"], report["expected_deploys"]) != (1, 1) else []
    return f"the run's report says pass, and has {', '.join(against)}" if against else ""


def _believed(result: Result, report: Mapping[str, Any], *, builtin_is_final: bool) -> Judgement:
    """Return what a report says, by the exit code that it agrees with."""
    if result.exit_code == EXIT_PASS:
        if report["programs"].get("abra", {"built_in": True})["built_in"] and not builtin_is_final:
            return Judgement(End.ERROR, "made with the built-in abra, which gives no status here", report)
        return Judgement(End.PASS, str(report["label"]), report)
    if result.exit_code == EXIT_FAILED:
        return Judgement(End(report["verdict"]), _first_reason(report), report)
    if result.exit_code == EXIT_LEFTOVERS:
        return Judgement(End.FAIL, _first_reason(report) or "the teardown left something", report)
    return Judgement(End.ERROR, _first_reason(report) or f"the run ended with {result.exit_code}", report)


def _first_reason(report: Mapping[str, Any]) -> str:
    """Return the first line of the first reason that a report gives for not being a pass."""
    judged = ({"name": "lint", **report["lint"]}, *report["tiers"])
    bad = [part for part in judged if part["outcome"] in ("fail", "error", "unverified")]
    parts = [error["message"] for error in report["errors"]]
    parts += [f"{part['name']}: {part['reason'] or part['outcome']}" for part in bad]
    first = str(parts[0]).strip() if parts else ""
    return first.splitlines()[0] if first else ""
