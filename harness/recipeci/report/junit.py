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
    """Return the text of junit.xml: lint and each tier as a test of their own, then each suite's tests."""
    root = ET.Element("testsuites", name=f"recipeci {report.recipe}", time=f"{report.seconds:.3f}")
    lint = TestResult("lint", report.lint.outcome, report.lint.seconds, report.lint.reason)
    _add(root, "lint", [lint])
    for tier in report.tiers:
        _add(root, tier.name.value, [TestResult(tier.name.value, tier.outcome, _own_seconds(tier), tier.reason)])
        for suite in tier.suites:
            _add(root, f"{tier.name}.{suite.source}", _tests(suite))
    _add(root, "run", [_run(report)])
    ET.indent(root)
    return ET.tostring(root, encoding="unicode", xml_declaration=True) + "\n"


def _run(report: Report) -> TestResult:
    """Return the verdict as a test: errors and leftovers belong to no tier."""
    found = [error.message for error in report.errors]
    found += [f"left over: {thing.kind} {thing.name}" for thing in report.leftovers or ()]
    found += [f"secret found: {where}" for where in (report.secrets.where if report.secrets else ())]
    return TestResult("verdict", report.verdict, 0.0, "\n".join(found))


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
