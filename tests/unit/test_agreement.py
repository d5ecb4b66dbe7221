"""run.agreement: what a suite came to, by what its collection, its run, its JUnit and its exit code say."""

from __future__ import annotations

import dataclasses
import random

import pytest
from recipeci.model import Outcome
from recipeci.run.agreement import PHASES, Ended, Reported, Said, judge, junit_key, junit_outcomes

A, B = "test_install.py::test_a", "custom/test_x.py::TestB::test_b[one-x::y]"
JUNIT_OF = {"passed": "", "failed": "<failure message='no'/>", "skipped": "<skipped/>"}


def phases(test: str, word: str = "passed") -> tuple[Reported, ...]:
    return tuple(Reported(test, when, word if when == "call" else "passed", 0.5, f"{word} {when}") for when in PHASES)


def junit(outcomes: dict[str, str]) -> bytes:
    cases = "".join(
        f'<testcase classname="{key.partition("::")[0]}" name="{key.partition("::")[2]}">{JUNIT_OF[word]}</testcase>'
        for key, word in ((junit_key(test), word) for test, word in outcomes.items())
    )
    return f'<?xml version="1.0" encoding="utf-8"?><testsuites><testsuite>{cases}</testsuite></testsuites>'.encode()


def collected(*ids: str) -> Ended:
    return Ended(Said(ids=ids, ended=0), 0)


def ran(outcomes: dict[str, str]) -> Ended:
    code = 1 if "failed" in outcomes.values() else 0
    reports = tuple(report for test, word in outcomes.items() for report in phases(test, word))
    return Ended(Said(ids=tuple(outcomes), reports=reports, ended=code), code, junit=junit(outcomes))


def outcome(before: Ended, after: Ended) -> tuple[Outcome, str]:
    result = judge("recipeci", "test_install.py", collected=before, ran=after)
    return result.outcome, result.message


def test_what_all_say_is_believed() -> None:
    result = judge("repo", "x.py", collected=collected(A, B), ran=ran({A: "passed", B: "skipped"}))
    assert (result.source, result.path, result.outcome, result.message) == ("repo", "x.py", Outcome.PASS, "")
    assert [(test.name, test.outcome, test.seconds) for test in result.tests] == [
        ("test_a", Outcome.PASS, 1.5),
        ("TestB::test_b[one-x::y]", Outcome.SKIP, 1.5),
    ]
    assert outcome(collected(A, B), ran({A: "passed", B: "failed"})) == (Outcome.FAIL, "")


def test_without_a_test_that_passed_it_is_unverified() -> None:
    assert outcome(collected(A), ran({A: "skipped"})) == (Outcome.UNVERIFIED, "no test passed: 1 of 1 skipped")


@pytest.mark.parametrize(
    ("ended", "expected"),
    [
        (Ended(Said(problems=("no module",), ids=(), ended=2), 2), "it cannot be collected: no module"),
        (Ended(Said(ids=(), ended=5), 5), "there is no test in it"),
        (Ended(Said(), 0, "last"), "its collection ended with 0 and does not say which tests there are\nlast"),
        (Ended(Said(ids=(A,), ended=0), 3), "its collection ended with 3"),
        (Ended(Said(ids=(A,)), 0), "its collection ended with 0"),
        (Ended(Said(ids=(), ended=0), 0), "its collection ended with 0"),
        (Ended(Said(ids=(A, A), ended=0), 0), "the same name"),
    ],
)
def test_a_collection_that_gives_no_tests_is_unverified(ended: Ended, expected: str) -> None:
    found, message = outcome(ended, ran({A: "passed"}))
    assert found is Outcome.UNVERIFIED
    assert expected in message


@pytest.mark.parametrize("half", ["collection", "run"])
@pytest.mark.parametrize(
    ("broken", "expected"),
    [
        (Ended(Said(ids=(A,)), None, "last", seconds=300), "it was still running after 300 s\nlast"),
        (Ended(Said(malformed="rubbish"), 0), "it broke the channel to the harness: rubbish"),
    ],
)
def test_what_breaks_the_rules_is_fail(half: str, broken: Ended, expected: str) -> None:
    before, after = (broken, ran({A: "passed"})) if half == "collection" else (collected(A), broken)
    assert outcome(before, after) == (Outcome.FAIL, expected)


GOOD = ran({A: "passed"})


@pytest.mark.parametrize(
    ("after", "expected"),
    [
        (dataclasses.replace(GOOD, code=1), "it ended with 1, and what it told makes 0"),
        (dataclasses.replace(GOOD, said=dataclasses.replace(GOOD.said, ended=None)), "it ended with 0"),
        (dataclasses.replace(GOOD, said=dataclasses.replace(GOOD.said, ids=(A, B))), "other tests"),
        (dataclasses.replace(GOOD, said=dataclasses.replace(GOOD.said, ids=())), ""),
        (dataclasses.replace(GOOD, junit=None), "no JUnit"),
        (dataclasses.replace(GOOD, junit=b"<x"), "no JUnit"),
        (dataclasses.replace(GOOD, junit=junit({})), "JUnit says something else"),
        (dataclasses.replace(GOOD, junit=junit({A: "failed"})), "test_install::test_a"),
        (dataclasses.replace(GOOD, junit=junit({A: "passed", B: "passed"})), "TestB::test_b"),
        (ran({A: "passed", B: "passed"}), "other tests than its collection"),
    ],
)
def test_accounts_that_do_not_agree_are_unverified(after: Ended, expected: str) -> None:
    found, message = outcome(collected(A), after)
    if expected:
        assert found is Outcome.UNVERIFIED
        assert expected in message
    else:
        assert found is Outcome.PASS, "what the run says of its own collection is told by its reports as well"


def test_a_failure_stays_one_where_the_accounts_do_not_agree() -> None:
    found, message = outcome(collected(A), dataclasses.replace(ran({A: "failed"}), code=0, junit=junit({A: "passed"})))
    assert found is Outcome.FAIL
    assert message


@pytest.mark.parametrize("kept", [0, 1, 2])
def test_a_test_that_did_not_end_is_unverified(kept: int) -> None:
    good = ran({A: "passed", B: "passed"})
    reports = good.said.reports[: 3 + kept]
    result = judge(
        "repo", "x", collected=collected(A, B), ran=dataclasses.replace(good, said=Said((A, B), reports=reports))
    )
    assert result.outcome is Outcome.UNVERIFIED
    assert [test.outcome for test in result.tests] == [Outcome.PASS, Outcome.UNVERIFIED]


@pytest.mark.parametrize("when", ["setup", "teardown"])
def test_a_failure_around_a_test_is_the_tests(when: str) -> None:
    reports = tuple(
        dataclasses.replace(report, outcome="failed") if report.when == when else report for report in phases(A)
    )
    after = Ended(Said((A,), reports=reports, ended=1), 1, junit=junit({A: "failed"}))
    result = judge("repo", "x", collected=collected(A), ran=after)
    assert (result.outcome, result.tests[0].message) == (Outcome.FAIL, f"{when}: passed {when}")


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (("passed", "passed", "passed"), Outcome.PASS),
        (("failed", "passed", "passed"), Outcome.FAIL),
        (("passed", "failed", "passed"), Outcome.FAIL),
        (("failed", "passed", "skipped"), Outcome.FAIL),
        (("skipped", "passed", "passed"), Outcome.SKIP),
    ],
)
def test_of_a_test_with_subtests_the_worst_counts(words: tuple[str, ...], expected: Outcome) -> None:
    after = ran({A: {Outcome.PASS: "passed", Outcome.FAIL: "failed", Outcome.SKIP: "skipped"}[expected]})
    before, _call, behind = phases(A)
    calls = [Reported(A, "call", word, 0.25 * n, word) for n, word in enumerate(words)]
    after = dataclasses.replace(after, said=dataclasses.replace(after.said, reports=(before, *calls, behind)))
    result = judge("repo", "x", collected=collected(A), ran=after)
    assert [(test.outcome, test.seconds) for test in result.tests] == [(expected, 1.5)], "a subtest is within its test"
    assert (result.outcome is Outcome.PASS) is (expected is Outcome.PASS)


@pytest.mark.parametrize(
    "whens",
    [
        ("setup", "teardown"),
        ("setup", "call", "call"),
        ("call", "call", "teardown"),
        ("setup", "setup", "call", "teardown"),
        ("setup", "call", "teardown", "call", "teardown"),
        ("call",),
    ],
)
def test_only_a_call_may_be_told_more_than_once(whens: tuple[str, ...]) -> None:
    good = ran({A: "passed"})
    reports = tuple(Reported(A, when, "passed", 0.5, "") for when in whens)
    after = dataclasses.replace(good, said=dataclasses.replace(good.said, reports=reports))
    assert outcome(collected(A), after)[0] is Outcome.UNVERIFIED


@pytest.mark.parametrize(
    "text",
    [
        b"",
        b"\xff\xfe<\x00",
        b"<!DOCTYPE x [<!ENTITY a 'b'>]><testsuites>&a;</testsuites>",
        b"<a>" * 100_000,
        b"<testsuites>" + b" " * (8 * 1024 * 1024) + b"</testsuites>",
    ],
    ids=["empty", "utf-16", "entities", "deep", "large"],
)
def test_junit_that_is_none_or_a_trap(text: bytes) -> None:
    assert junit_outcomes(text) is None


def test_junit_may_have_comments_and_quoted_text() -> None:
    text = b"<t><!-- <!x --><testcase classname='a' name='b'><out><![CDATA[<!]]></out></testcase></t>"
    assert junit_outcomes(text) == {"a::b": Outcome.PASS}


def test_of_two_entries_of_one_test_the_worse_counts() -> None:
    text = b"<t><testcase classname='a' name='b'/><testcase classname='a' name='b'><error/></testcase></t>"
    assert junit_outcomes(text) == {"a::b": Outcome.FAIL}


def test_names_in_junit_are_those_of_pytest() -> None:
    assert junit_key(A) == "test_install::test_a"
    assert junit_key(B) == "custom.test_x.TestB::test_b[one-x::y]"


def test_no_mixture_of_accounts_makes_a_failure_or_an_unrun_test_green(seed: int) -> None:
    """X5: whatever one of the accounts says, the suite passes only if every collected test is told, and none failed."""
    rng = random.Random(seed)  # noqa: S311 - cases, no secrets
    words = ("passed", "failed", "skipped")
    for _ in range(10_000):
        ids = (A, B)[: rng.randint(1, 2)]
        told = {test: rng.choice(words) for test in (A, B) if rng.random() < 0.9}
        said = ran(told)
        after = dataclasses.replace(said, code=rng.choice([0, 1, said.code]), junit=rng.choice([said.junit, None]))
        found, _message = outcome(collected(*ids), after)
        if found is Outcome.PASS:
            assert set(told) == set(ids)
            assert "failed" not in told.values()
            assert "passed" in told.values()
