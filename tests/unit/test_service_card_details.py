"""service.card: what ended a run, the command to reproduce it, and how much of all that is told."""

from __future__ import annotations

import dataclasses
import shlex
from typing import Any

import pytest
from lab.hostile_markdown import SHA, URL, cards, wrong
from recipeci.model import Tier
from recipeci.service import card
from recipeci.service.model import Card, End

from unit.cards import ASKED, HOME, PASSED, QUEUED, ended, failed, html, rendered


def test_a_run_that_passed_has_no_error() -> None:
    assert "<details>" not in rendered(ended(End.PASS, "", PASSED))


def details(report: dict[str, Any]) -> str:
    """Return what is folded."""
    shown = rendered(ended(End.FAIL, "x", report))
    return shown.partition("```text\n")[2].partition("\n```")[0]


def test_what_ended_a_run_early_is_its_first_error() -> None:
    errors = [
        {"kind": "host", "message": "dockerd is gone", "hint": "start it"},
        {"kind": "bug", "message": "x", "hint": ""},
    ]
    assert details(failed(errors=errors)) == "dockerd is gone\nstart it"


def test_lint_comes_before_the_tiers() -> None:
    lint = PASSED["lint"] | {"outcome": "fail", "reason": "compose.yml: invalid", "blocking": True}
    assert details(failed(lint=lint, tiers=[])) == "lint: compose.yml: invalid"


def test_of_a_tier_without_a_reason_the_suite_and_its_tests_say_why() -> None:
    good = {"source": "generic", "path": "a.py", "outcome": "pass", "message": "", "tests": []}
    tests = [
        {"name": "test_a", "outcome": "pass", "seconds": 0.1, "message": ""},
        {"name": "test_b", "outcome": "fail", "seconds": 0.1, "message": "assert 1 == 2"},
        {"name": "test_c", "outcome": "error", "seconds": 0.1, "message": ""},
    ]
    bad = {"source": "repo", "path": "b.py", "outcome": "fail", "message": "", "tests": tests}
    tier = {"name": "custom", "outcome": "fail", "reason": "", "seconds": 1.0, "op": "", "suites": [good, bad, bad]}
    assert details(failed(tiers=[tier])) == "custom: fail\nrepo b.py: fail\ntest_b: assert 1 == 2\ntest_c: error"


def test_a_suite_that_could_not_be_run_says_why() -> None:
    suite = {"source": "repo", "path": "b.py", "outcome": "error", "message": "cannot be imported", "tests": []}
    tier = {"name": "custom", "outcome": "error", "reason": "why", "seconds": 1.0, "op": "", "suites": [suite]}
    assert details(failed(tiers=[tier])) == "custom: why\nrepo b.py: cannot be imported"


@pytest.mark.parametrize(
    ("stages", "end"),
    [
        (tuple(Tier), ""),
        ((Tier.INSTALL, Tier.UPGRADE), " --stages install,upgrade"),
        ((Tier.INSTALL,), " --stages install"),
    ],
)
def test_the_command_to_reproduce_it_has_the_stages_that_were_asked_for(stages: tuple[Tier, ...], end: str) -> None:
    shown = rendered(dataclasses.replace(QUEUED, asked=dataclasses.replace(ASKED, stages=stages)))
    whose = f"--code-source {ASKED.head_url}"
    assert f"\nrecipeci --recipe custom-html --source {HOME.clone_url} --ref {SHA} {whose} --pr 7{end}\n```" in shown


@pytest.mark.parametrize(
    ("head_url", "words"), [(None, ["--code-source", "none", "--pr"]), (HOME.clone_url, ["--pr", "7"])]
)
def test_the_command_to_reproduce_it_says_whose_code_it_would_run(head_url: str | None, words: list[str]) -> None:
    shown = rendered(dataclasses.replace(QUEUED, asked=dataclasses.replace(ASKED, head_url=head_url)))
    (line,) = [line for line in shown.splitlines() if line.startswith("recipeci --recipe")]
    assert shlex.split(line)[7 : 7 + len(words)] == words


@pytest.mark.parametrize(
    "url", ["https://forge.test/a'b", "https://forge.test/$(x)", "https://forge.test/a;rm&b", "https://x/`y`"]
)
def test_the_command_to_reproduce_it_is_quoted_for_a_shell(url: str) -> None:
    shown = rendered(dataclasses.replace(QUEUED, asked=dataclasses.replace(ASKED, clone_url=url)))
    (line,) = [line for line in shown.splitlines() if line.startswith("recipeci --recipe")]
    assert shlex.split(line)[3:5] == ["--source", url]


def test_an_address_that_is_longer_than_any_is_not_put_into_a_command() -> None:
    long = dataclasses.replace(ASKED, clone_url="https://forge.test/" + "x" * 100_000)
    assert "reproduce" not in rendered(dataclasses.replace(QUEUED, asked=long))


@pytest.mark.parametrize("before", [0, 1, 10, 11, 19])
def test_at_most_ten_earlier_requests_are_told_of(before: int) -> None:
    requests = [dataclasses.replace(ended(End.FAIL, "x"), id=number) for number in range(before + 1, 0, -1)]
    lines = [line for line in rendered(*requests).splitlines() if line.startswith("- [run ")]
    assert [line.partition("]")[0] for line in lines] == [f"- [run {r.id}" for r in requests[1:11]]


PLACES = ("reason", "message", "test", "lint")


def flooded(words: str) -> Card:
    """Return a card with ten thousands of lines in each place of it, of the newest and of 19 earlier requests."""
    newest, old = next(iter(cards(words))).requests
    return Card(HOME, 7, (newest, *[old] * 19), words, words)


@pytest.mark.parametrize(
    "words",
    [
        "web: x\n" * 30_000,
        "x" * 300_000,
        "`" * 300_000,
        "|" * 300_000,
        "\u202e" * 100_000,
        "😀" * 100_000,
        "\n" * 300_000,
    ],
    ids=[f"words{number}" for number in range(7)],
)
def test_a_flood_fits_and_the_important_parts_are_kept(words: str) -> None:
    shown = card.render(flooded(words), url=URL)
    assert len(shown) <= 65_000
    assert shown.startswith("<!-- recipeci -->\n**fail**")
    for kept in ("| install | fail |", "| lint | pass |", "](https://ci.test/runs/9)", "- [run 8]"):
        assert kept in shown
    assert wrong(html(shown)) == []


def test_of_long_logs_the_beginning_and_the_end_are_kept() -> None:
    logs = "\n".join(f"web: line {n}" for n in range(20_000))
    tier = PASSED["tiers"][0] | {"outcome": "fail", "reason": f"app is unhealthy\n{logs}", "suites": []}
    shown = details(failed(tiers=[tier]))
    assert shown.startswith("install: app is unhealthy\nweb: line 0\nweb: line 1\n")
    assert shown.endswith("\nweb: line 19998\nweb: line 19999")
    assert f"\n… {len(logs) + 26} characters in all, the middle is left out …\n" in shown
    assert 55_000 < len(rendered(ended(End.FAIL, "x", failed(tiers=[tier])))) <= 65_000
