"""The only place that writes junit.xml: one suite a tier and suite file, so that a CI's own page can show a run."""

from __future__ import annotations

import re
import xml.etree.ElementTree as ET  # writes only; nothing is parsed
from collections.abc import Sequence

from recipeci.model import Outcome, Report, SuiteResult, TestResult, TierResult

NOT_XML = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
ELEMENTS = {Outcome.FAIL: "failure", Outcome.UNVERIFIED: "failure", Outcome.ERROR: "error", Outcome.SKIP: "skipped"}
"""What JUnit has no word for must be red: what could not be checked is a failure of the type `unverified`."""


def as_xml(report: Report) -> str:
    """Return the text of junit.xml: lint, and each tier with its suites' tests; whatever is red is in it once.

    A tier and the verdict are tests of their own only where they say more than the tests below them: who counts
    failures must not count one of them three times.
    """
    root = ET.Element("testsuites", name=f"recipeci {report.recipe}", time=f"{report.seconds:.3f}")
    lint = TestResult("lint", report.lint.outcome, report.lint.seconds, report.lint.reason)
    _add(root, "lint", [lint])
    for tier in report.tiers:
        if not _is_told(tier):
            _add(root, tier.name.value, [TestResult(tier.name.value, tier.outcome, _own_seconds(tier), tier.reason)])
        for suite in tier.suites:
            _add(root, f"{tier.name}.{suite.source}", _tests(suite))
    found = _of_no_tier(report)
    if found or not (_is_red(report.verdict) and _is_red_below(report)):
        _add(root, "run", [TestResult("verdict", report.verdict, message="\n".join(found))])
    ET.indent(root)
    return ET.tostring(root, encoding="unicode", xml_declaration=True) + "\n"


def _is_told(tier: TierResult) -> bool:
    """Say whether a test of its suites is what makes the tier red."""
    return _is_red(tier.outcome) and any(
        test.outcome is tier.outcome for suite in tier.suites for test in _tests(suite)
    )


def _is_red(outcome: Outcome) -> bool:
    return outcome not in (Outcome.PASS, Outcome.SKIP)


def _is_red_below(report: Report) -> bool:
    """Say whether lint or a tier is what makes the verdict red."""
    return report.lint.blocking or any(_is_red(tier.outcome) for tier in report.tiers)


def _of_no_tier(report: Report) -> Sequence[str]:
    """Return what makes the verdict red and is a test of nobody's."""
    found = [error.message for error in report.errors]
    if report.deploys != report.expected_deploys:
        found.append(f"deploy-count = {report.deploys} (expect {report.expected_deploys})")
    found += [f"left over: {thing.kind} {thing.name}" for thing in report.leftovers or ()]
    found += [f"secret found: {where}" for where in (report.secrets.where if report.secrets else ())]
    found += ["leftovers: not checked"] if report.leftovers is None and report.expected_deploys else []
    found += ["the artifacts were not scanned for secrets"] if report.secrets is None else []
    return found


def _own_seconds(tier: TierResult) -> float:
    """Return the tier's time without its tests', which have entries of their own."""
    return max(0.0, tier.seconds - sum(test.seconds for suite in tier.suites for test in suite.tests))


def _tests(suite: SuiteResult) -> Sequence[TestResult]:
    """Return the suite's tests; one in its name if it has none, or if no test says why it is not a pass."""
    agrees = suite.tests and (suite.outcome is Outcome.PASS or any(t.outcome is suite.outcome for t in suite.tests))
    return suite.tests if agrees else (*suite.tests, TestResult(suite.path, suite.outcome, 0.0, suite.message))


def _add(root: ET.Element, name: str, tests: Sequence[TestResult]) -> None:
    """Append one <testsuite> with its counts."""
    elements = [ELEMENTS.get(test.outcome) for test in tests]
    suite = ET.SubElement(
        root,
        "testsuite",
        name=name,
        tests=str(len(tests)),
        failures=str(elements.count("failure")),
        errors=str(elements.count("error")),
        skipped=str(elements.count("skipped")),
        time=f"{sum(test.seconds for test in tests):.3f}",
    )
    for test in tests:
        case = ET.SubElement(suite, "testcase", classname=name, name=_xml(test.name), time=f"{test.seconds:.3f}")
        if element := ELEMENTS.get(test.outcome):
            _explain(case, element, test)


def _explain(case: ET.Element, element: str, test: TestResult) -> None:
    """Say why the test is not a pass: first line as the message, all of it as the text."""
    message = _xml(test.message).strip() or test.outcome.value
    why = ET.SubElement(case, element, message=message.splitlines()[0])
    if element != "skipped":
        why.set("type", test.outcome.value)
    why.text = message


def _xml(text: str) -> str:
    """Return the text with what XML cannot hold shown escaped."""
    return NOT_XML.sub(lambda found: ascii(found[0])[1:-1], text)
