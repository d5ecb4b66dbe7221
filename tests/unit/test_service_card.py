"""service.card and service.harmless: the one comment says what is so, whatever the words that it has to repeat try."""

from __future__ import annotations

import dataclasses
from typing import Any

import pytest
from lab.hostile_markdown import SHA, wrong
from recipeci.service import card, harmless
from recipeci.service.decide import KNOWN
from recipeci.service.model import End, Request

from unit.cards import ASKED, FINAL, HOME, PASSED, QUEUED, RUNNING, ended, failed, html, rendered

OF = f"[run 12](https://ci.test/runs/12) of `custom-html` at `{SHA}`, asked for by `alice`"


def test_a_line_tells_of_a_report_no_more_than_the_store_reads_of_it() -> None:
    """`store.requests.of_pull` gives these parts alone of all but the newest."""
    report = PASSED | {"label": "pass (builtin)", "level": 2}
    in_a_line = {name: report[name] for name in ("verdict", "label", "level")}
    newest, older = dataclasses.replace(QUEUED, id=13), dataclasses.replace(FINAL, end=End.PASS, reason="pass")
    lines = [rendered(newest, dataclasses.replace(older, report=told)) for told in (report, in_a_line)]
    assert lines[0] == lines[1]
    assert "(builtin), level 2" in lines[0]


def state(*requests: Request, answer: str = "", waiting: str = "") -> str:
    """Return the state line: it stands below the marker."""
    first, second, *_ = rendered(*requests, answer=answer, waiting=waiting).splitlines()
    assert first == card.MARKER == "<!-- recipeci -->"
    return second


@pytest.mark.parametrize(
    ("request_", "waiting", "line"),
    [
        (QUEUED, "", "**queued**"),
        (QUEUED, "no host is there", "**queued**: no host is there"),
        (QUEUED, "host `x` is <gone>", "**queued**: `host 'x' is <gone>`"),
        (RUNNING, "no host is there", "**running** since `2001-09-09T01:46:41Z`"),
        (dataclasses.replace(QUEUED, cancel="cancelled by bob"), "x", "**queued**, to be cancelled: cancelled by bob"),
        (
            dataclasses.replace(RUNNING, cancel="cancelled by b_o_b"),
            "",
            "**running** since `2001-09-09T01:46:41Z`, to be cancelled: `cancelled by b_o_b`",
        ),
        (ended(End.PASS, "pass", PASSED | {"label": "pass"}), "", "**pass**, level 5"),
        (ended(End.PASS, "x", PASSED), "", "**pass** (built-in abra), level 5"),
        (ended(End.PASS, "x", PASSED | {"level": None}), "", "**pass** (built-in abra)"),
        (
            ended(End.FAIL, "install: app is unhealthy", failed(label="fail (built-in abra)")),
            "",
            "**fail** (built-in abra), level 0: `install: app is unhealthy`",
        ),
        (ended(End.UNVERIFIED, "custom: no tests"), "", "**unverified**: `custom: no tests`"),
        (
            ended(End.ERROR, "the run ended with 70 and left no report"),
            "",
            "**error**: the run ended with 70 and left no report",
        ),
        (
            ended(End.ERROR, "made with the built-in abra, which gives no status here", PASSED),
            "",
            "**error**: made with the built-in abra, which gives no status here",
        ),
        (ended(End.SUPERSEDED, "superseded by run 13"), "", "**superseded**: superseded by run 13"),
        (ended(End.CANCELLED, "cancelled by bob"), "", "**cancelled**: cancelled by bob"),
        (ended(End.ERROR), "", "**error**"),
    ],
    ids=lambda value: value.end or value.state if isinstance(value, Request) else None,
)
def test_the_state_line_says_what_is_so(request_: Request, waiting: str, line: str) -> None:
    assert state(request_, waiting=waiting) == f"{line} · {OF}"


@pytest.mark.parametrize(
    ("running", "started", "line"),
    [
        (True, None, "**running**"),
        (False, 1.0e9, "**queued**"),  # its first attempt was lost
        (True, 1.0e9, "**running** since `2001-09-09T01:46:40Z`"),
    ],
)
def test_only_what_runs_is_running_since(running: bool, started: float | None, line: str) -> None:  # noqa: FBT001 - a case
    assert state(dataclasses.replace(QUEUED, is_running=running, started=started)) == f"{line} · {OF}"


@pytest.mark.parametrize("words", ["", " ", "\n"])
def test_no_words_are_no_reason(words: str) -> None:
    assert state(ended(End.ERROR, words)) == f"**error** · {OF}"
    assert state(QUEUED, waiting=words) == f"**queued** · {OF}"


def test_who_asked_is_left_out_where_nobody_did() -> None:
    assert state(dataclasses.replace(QUEUED, asked_by="")).endswith(f"at `{SHA}`")


def test_an_answer_without_a_run_says_that_there_is_none() -> None:
    assert rendered(answer="This needs a maintainer.") == "<!-- recipeci -->\n**no run**\n\nThis needs a maintainer."


def test_an_answer_stands_under_the_state_as_it_is() -> None:
    answer = f"What can be said here:\n\n{KNOWN}"
    assert rendered(QUEUED, answer=answer).startswith(f"<!-- recipeci -->\n**queued** · {OF}\n\n{answer}\n\n")


def test_an_answer_that_is_longer_than_any_of_ours_is_shown_as_code() -> None:
    assert f"\n\n{'x' * 8000}\n\n" in rendered(QUEUED, answer="x" * 8000)
    assert "x" * 8000 not in rendered(QUEUED, answer="x" * 8001)
    shown = rendered(QUEUED, answer="@alice " * 5000)
    assert "the middle is left out" in shown
    assert wrong(html(shown)) == []


def test_all_of_a_run_that_failed() -> None:
    reason = "app is unhealthy: exit 1\nweb: cannot bind\nweb: giving up"
    tiers = [dict(tier) for tier in PASSED["tiers"]]
    tiers[0] |= {"outcome": "fail", "reason": reason, "suites": []}
    tiers[1] |= {"outcome": "unverified", "reason": "install failed"}
    one = ended(End.FAIL, "install: app is unhealthy: exit 1", failed(tiers=tiers))
    before = dataclasses.replace(ended(End.SUPERSEDED, "superseded by run 12"), id=11)
    assert rendered(one, before, answer="Cancelled: run 11.") == (
        f"""\
<!-- recipeci -->
**fail**, level 0: `install: app is unhealthy: exit 1` · {OF}

Cancelled: run 11.

| tier | outcome | time | why |
| --- | --- | --- | --- |
| install | fail | 3.9 s | `app is unhealthy: exit 1` |
| upgrade | unverified | 5.2 s | `install failed` |
| backup | pass | 2.1 s | `snapshot 5d1f…, 1 of 1 volumes` |
| restore | pass | 2.6 s |  |
| custom | skip |  | `structural: no custom tests` |
| lint | pass |  | `16 rules` |

<details><summary>The first error</summary>

```text
install: app is unhealthy: exit 1
web: cannot bind
web: giving up
```

</details>

[Log and report](https://ci.test/runs/12)

reproduce:

```text
recipeci --recipe custom-html --source {HOME.clone_url} --ref {SHA} --code-source {ASKED.head_url} --pr 7
```

Earlier:
- [run 11](https://ci.test/runs/11): superseded at `{SHA}`: superseded by run 12"""
    )


def test_the_table_is_in_the_order_of_the_tiers() -> None:
    shown = rendered(ended(End.PASS, "", PASSED | {"tiers": PASSED["tiers"][::-1]}))
    rows = [line.split()[1] for line in shown.splitlines() if line.startswith("| ")]
    assert rows == ["tier", "---", "install", "upgrade", "backup", "restore", "custom", "lint"]


def test_without_a_report_there_is_neither_a_table_nor_an_error() -> None:
    shown = rendered(ended(End.ERROR, "the worker that ran it is gone"))
    assert "|" not in shown
    assert "<details>" not in shown


@pytest.mark.parametrize(
    ("lint", "row"),
    [
        ({"reason": "", "rules": 0}, "| lint | pass |  |  |"),
        ({"reason": "", "rules": 3}, "| lint | pass |  | `3 rules` |"),
        (
            {"reason": "\n not run\nmore", "rules": 3, "outcome": "skip", "seconds": 0.06},
            "| lint | skip | 0.1 s | `not run` |",
        ),
    ],
)
def test_lint_says_why_or_what_was_looked_at(lint: dict[str, Any], row: str) -> None:
    assert row in rendered(ended(End.PASS, "", PASSED | {"lint": PASSED["lint"] | lint})).splitlines()


@pytest.mark.parametrize("words", ["|", "a|b", "\\|", "`|`", "\n|\n", "| --- |", "x\\", "||||||"])
def test_words_fit_into_one_cell(words: str) -> None:
    head = "| a | b |\n| --- | --- |"
    shown = html(f"{head}\n| {harmless.code(words)} | last |")
    assert shown.count("<td>") == 2
    assert "</code></td>\n<td>last</td>" in shown
