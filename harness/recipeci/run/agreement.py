"""The only place that judges a suite of an author's: what was collected, what was told, JUnit, the exit code. Pure.

Each of the four comes from a process in which the author's code runs too, so none is believed alone. What failed in any
of them is `fail`; where they do not agree the suite is `unverified`, and so is one of which no test passed (K-01).
"""

from __future__ import annotations

import re
import xml.etree.ElementTree as ET
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from recipeci.model import Outcome, SuiteResult, TestResult
from recipeci.run import verdict

PHASES = ("setup", "call", "teardown")
FAILED_TESTS, NO_TESTS = 1, 5
"""pytest's exit codes."""
JUNIT_BYTES = 8 * 1024 * 1024
SHOWN = 3
WORST_OF_JUNIT = (Outcome.FAIL, Outcome.SKIP, Outcome.PASS)


@dataclass(frozen=True)
class Reported:
    """One phase of one test as the child told it: its outcome is pytest's word (`passed`, `failed`, `skipped`)."""

    id: str
    when: str
    outcome: str
    seconds: float
    words: str


@dataclass(frozen=True)
class Said:
    """All that a child told over its channel; `malformed` is what it may not say.

    `ids` is None if it never said what there is, `ended` if it never said that it was done. `hook` is what became of a
    hook (`absent`, `done`, `failed`), with its words.
    """

    ids: tuple[str, ...] | None = None
    problems: tuple[str, ...] = ()
    reports: tuple[Reported, ...] = ()
    ended: int | None = None
    hook: tuple[str, str] | None = None
    malformed: str = ""


@dataclass(frozen=True)
class Ended:
    """A child that is over: what it said, its exit code (None: its time was over), its JUnit, its last lines."""

    said: Said
    code: int | None
    last: str = ""
    seconds: float = 0.0
    junit: bytes | None = field(default=None, repr=False)


def judge(source: str, path: str, *, collected: Ended, ran: Ended) -> SuiteResult:
    """Return what a suite came to; of one whose collection gave no test, what ran is nothing."""
    if found := _no_collection(collected):
        return SuiteResult(source, path, *_with_words(found))
    ids = collected.said.ids or ()
    tests = tuple(_test(one, [r for r in ran.said.reports if r.id == one]) for one in ids)
    if trouble := _broken(ran):
        return SuiteResult(source, path, Outcome.FAIL, tests, trouble)
    outcome = verdict.of_tests(tests)
    if wrong := next(_disagreements(ids, tests, ran), ""):
        worst = Outcome.FAIL if outcome is Outcome.FAIL else Outcome.UNVERIFIED
        return SuiteResult(source, path, worst, tests, wrong)
    if outcome is Outcome.UNVERIFIED:
        return SuiteResult(source, path, outcome, tests, _nothing_passed(tests))
    return SuiteResult(source, path, outcome, tests)


def junit_outcomes(data: bytes | None) -> Mapping[str, Outcome] | None:
    """Return the outcome of each test by `classname::name`; None for what is no JUnit of a bearable size.

    A document type could make a few bytes expand without end: there is none in JUnit.
    """
    if data is None or len(data) > JUNIT_BYTES:
        return None
    try:
        text = data.decode()
        if "<!" in re.sub(r"<!\[CDATA\[.*?\]\]>|<!--.*?-->", "", text, flags=re.DOTALL):
            return None
        root = ET.fromstring(text)  # noqa: S314 - no document type, and no more than JUNIT_BYTES
    except (UnicodeDecodeError, ET.ParseError, ValueError, RecursionError):
        return None
    found: dict[str, Outcome] = {}
    for case in root.iter("testcase"):
        key = f"{case.get('classname')}::{case.get('name')}"
        found[key] = min(_of_case(case), found.get(key, Outcome.PASS), key=WORST_OF_JUNIT.index)
    return found


def junit_key(test: str) -> str:
    """Return `classname::name` as pytest writes them for a test's id."""
    path, bracket, parameters = test.partition("[")
    first, *names = path.split("::")
    parts = [first.replace("/", ".").removesuffix(".py"), *names]
    return f"{'.'.join(parts[:-1])}::{parts[-1]}{bracket}{parameters}"


def _no_collection(collected: Ended) -> tuple[Outcome, str] | None:
    """Return why there is nothing to run, with the outcome that follows; None if there is."""
    if trouble := _broken(collected):
        return Outcome.FAIL, trouble
    said = collected.said
    if said.problems:
        return Outcome.UNVERIFIED, f"it cannot be collected: {said.problems[0]}"
    if said.ids == () and collected.code == NO_TESTS:
        return Outcome.UNVERIFIED, "there is no test in it"
    if not said.ids or collected.code != 0 or said.ended != 0:
        words = f"its collection ended with {collected.code} and does not say which tests there are"
        return Outcome.UNVERIFIED, _ending(words, collected)
    if len(set(said.ids)) != len(said.ids):
        return Outcome.UNVERIFIED, "two of its tests have the same name"
    return None


def _with_words(found: tuple[Outcome, str]) -> tuple[Outcome, tuple[TestResult, ...], str]:
    return found[0], (), found[1]


def _broken(ended: Ended) -> str:
    """Return how a child broke the rules: it took too long, or said what it may not say."""
    if ended.code is None:
        return _ending(f"it was still running after {ended.seconds:.0f} s", ended)
    return f"it broke the channel to the harness: {ended.said.malformed}" if ended.said.malformed else ""


def _test(test: str, reports: Sequence[Reported]) -> TestResult:
    """Make one test's outcome of its phases: a subtest is told as one more `call`, and the worst counts."""
    seconds = round(sum(max((r.seconds for r in reports if r.when == when), default=0.0) for when in PHASES), 3)
    for word, outcome in (("failed", Outcome.FAIL), ("skipped", Outcome.SKIP)):
        if found := next((report for report in reports if report.outcome == word), None):
            when = f"{found.when}: " if found.when != "call" and outcome is Outcome.FAIL else ""
            return TestResult(_name(test), outcome, seconds, f"{when}{found.words}")
    if _is_whole([report.when for report in reports]):
        return TestResult(_name(test), Outcome.PASS, seconds)
    words = "it did not end" if reports else "it was not run"
    return TestResult(_name(test), Outcome.UNVERIFIED, seconds, words)


def _is_whole(whens: Sequence[str]) -> bool:
    """Return whether all phases were told in their order; only a call may be told more than once."""
    setup, call, teardown = PHASES
    return [*whens[:1], *whens[-1:]] == [setup, teardown] and set(whens[1:-1]) == {call}


def _name(test: str) -> str:
    """Return a test's name without its file, which is the suite's."""
    return test.partition("::")[2] or test


def _disagreements(ids: Sequence[str], tests: Sequence[TestResult], ran: Ended) -> Iterator[str]:
    """Yield what the accounts of one run do not agree in."""
    strange = {*(ran.said.ids or ()), *(report.id for report in ran.said.reports)} ^ set(ids)
    if ran.said.ids is not None and strange:
        yield f"its run had other tests than its collection: {', '.join(sorted(strange)[:SHOWN])}"
    told = Counter(test.outcome for test in tests)
    expected = FAILED_TESTS if told[Outcome.FAIL] else 0
    if (ran.code, ran.said.ended) != (expected, expected):
        yield _ending(f"it ended with {ran.code}, and what it told makes {expected}", ran)
    junit = junit_outcomes(ran.junit)
    if junit is None:
        yield "there is no JUnit of it that can be read"
    elif junit != (of_told := {junit_key(one): test.outcome for one, test in zip(ids, tests, strict=True)}):
        other = sorted(key for key in junit.keys() | of_told.keys() if junit.get(key) != of_told.get(key))
        yield f"its JUnit says something else than it told of: {', '.join(other[:SHOWN])}"


def _of_case(case: ET.Element) -> Outcome:
    tags = {child.tag for child in case}
    if tags & {"failure", "error"}:
        return Outcome.FAIL
    return Outcome.SKIP if "skipped" in tags else Outcome.PASS


def _nothing_passed(tests: Sequence[TestResult]) -> str:
    skipped = [test for test in tests if test.outcome is Outcome.SKIP]
    return f"no test passed: {len(skipped)} of {len(tests)} skipped" if skipped else ""


def _ending(words: str, ended: Ended) -> str:
    """Put a child's last lines behind a sentence."""
    return f"{words}\n{ended.last}" if ended.last else words
