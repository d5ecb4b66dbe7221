"""The only place that says what the page of a run tells of its report. Pure; all of the report is one link away."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

REPORT_SCHEMA = 1
"""Of the reports that are shown here; another one's essentials are not known."""
TESTS, CHARACTERS = 30, 4000
"""Of a tier so many tests are shown that did not pass, and of each message so much."""


@dataclass(frozen=True)
class Part:
    """Lint or a tier of a report. `failed`: (test, outcome, message) of the tests that did not pass."""

    name: str
    outcome: str
    reason: str
    seconds: str
    tests: str
    failed: tuple[tuple[str, str, str], ...]
    left: int
    """How many more did not pass."""


@dataclass(frozen=True)
class Essentials:
    """A report, as far as the page tells of it."""

    label: str
    level: int | None
    target: str
    base: str
    programs: tuple[str, ...]
    errors: tuple[tuple[str, str], ...]
    parts: tuple[Part, ...]
    facts: tuple[tuple[str, str], ...]
    notes: tuple[str, ...]


def essentials(report: Mapping[str, Any]) -> Essentials | None:
    """Return what the page tells of a report; None where it is of another schema than is known here."""
    if report.get("schema") != REPORT_SCHEMA:
        return None
    return Essentials(
        label=report["label"],
        level=report["level"],
        target=_target(report["target"]),
        base=_base(report),
        programs=tuple(_program(report["programs"][name]) for name in sorted(report["programs"])),
        errors=tuple((error["message"], error["hint"]) for error in report["errors"]),
        parts=(_lint(report["lint"]), *(_tier(tier) for tier in report["tiers"])),
        facts=tuple(_found(report)),
        notes=tuple(report["notes"]),
    )


def _target(target: Mapping[str, Any] | None) -> str:
    if target is None:
        return "unknown"
    more = " (uncommitted)" if target["uncommitted"] else f" ({target['version']})" if target["version"] else ""
    return f"{target['commit']}{more}"


def _base(report: Mapping[str, Any]) -> str:
    base = report["base"]
    return f"none: {report['base_reason']}" if base is None else f"{base['version']} ({report['base_mode']})"


def _program(program: Mapping[str, Any]) -> str:
    return f"{program['name']} {program['version']}".strip() + (" (built in)" if program["built_in"] else "")


def _lint(lint: Mapping[str, Any]) -> Part:
    findings = tuple((finding, "", "") for finding in lint["findings"][:TESTS])
    left = len(lint["findings"]) - len(findings)
    return Part(
        "lint", lint["outcome"], _short(lint["reason"]), _seconds(lint), f"{lint['rules']} rules", findings, left
    )


def _tier(tier: Mapping[str, Any]) -> Part:
    tests = [(suite, test) for suite in tier["suites"] for test in suite["tests"]]
    failed = [
        (f"{suite['source']} {suite['path']} {test['name']}", test["outcome"], _short(test["message"]))
        for suite, test in tests
        if test["outcome"] not in ("pass", "skip")
    ]
    failed += [
        (f"{suite['source']} {suite['path']}", suite["outcome"], _short(suite["message"]))
        for suite in tier["suites"]
        if suite["outcome"] not in ("pass", "skip") and suite["message"]
    ]
    return Part(
        name=tier["name"],
        outcome=tier["outcome"],
        reason=_short(tier["reason"]),
        seconds=_seconds(tier),
        tests=f"{sum(test['outcome'] == 'pass' for _, test in tests)} of {len(tests)} passed" if tests else "",
        failed=tuple(failed[:TESTS]),
        left=max(0, len(failed) - TESTS),
    )


def _found(report: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Yield what else a reader must know of a report."""
    yield "deploys", f"{report['deploys']} (expected {report['expected_deploys']})"
    left = report["leftovers"]
    yield "leftovers", "not checked" if left is None else ", ".join(f"{x['kind']} {x['name']}" for x in left) or "none"
    scan = report["secrets"]
    yield "secrets", "not scanned" if scan is None else f"{scan['found']} of {scan['known']} found in the artifacts"
    for row in report["canary"]:
        if row["outcome"] not in ("pass", "skip"):
            yield "data", f"{row['service']}:{row['path']}: {row['outcome']}: {row['reason']}"
    for gone in report["left_out"]:
        yield "left out", f"{gone['path']}: {gone['reason']}"


def _seconds(part: Mapping[str, Any]) -> str:
    return f"{part['seconds']:.1f} s" if part["seconds"] else ""


def _short(text: str) -> str:
    """Return a text, or of a long one its beginning and that there is more in the report."""
    return text if len(text) <= CHARACTERS else f"{text[:CHARACTERS]}\n[… the rest is in report.json]"
