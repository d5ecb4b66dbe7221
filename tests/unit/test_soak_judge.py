"""lab.soak.judge: each thing that may be wrong after a soak is said, and nothing else is."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import Any

import pytest
from lab.soak.judge import MARKER, Evidence, differences
from lab.soak.people import BOT, Answer, Said, Wish

URL = "https://ci.test"
SHA, OTHER = "a" * 40, "b" * 40
STATE = f"**pass** · [run 2]({URL}/runs/2) of `web`"
CARD = f"{MARKER}\n{STATE}\n\nEarlier:\n- [run 1]({URL}/runs/1): superseded"


def said(number: int, wish: Wish = Wish.RUN, *, pull: int = 5, answer: Answer = Answer.YES) -> Said:
    return Said(7, pull, number, SHA, "a wish", wish, answer)


def request(number: int, comment: int, **other: Any) -> dict[str, Any]:  # noqa: ANN401 - of a row
    row = {"id": number, "repository": 7, "pull": 5, "comment": comment, "sha": SHA, "outcome": "pass"}
    return row | {"reason": "pass", "cancel": None} | other


def status(number: int, state: str, **other: Any) -> dict[str, Any]:  # noqa: ANN401 - of a row
    row = {"what": "status", "repository": 7, "sha": SHA, "by": BOT, "context": "recipeci/web", "state": state}
    return row | {"target_url": f"{URL}/runs/{number}"} | other


def run(what: str, key: str, sha: str = SHA) -> dict[str, Any]:
    return {"what": what, "key": key, "sha": sha}


OURS = {"what": "comment made", "repository": 7, "pull": 5, "id": 900, "by": BOT, "body": MARKER}
RIGHT = Evidence(
    said=(said(100), said(101), said(102, Wish.NOTHING, pull=6, answer=Answer.NO), said(103, Wish.PERHAPS)),
    url=URL,
    journal=(
        status(1, "pending"),
        OURS,
        status(1, "error"),
        status(2, "pending"),
        status(2, "success"),
    ),
    comments={"7": [{"id": 900, "body": CARD}]},
    refused=(),
    accepted=(),
    requests=(
        request(1, 100, outcome="superseded", reason="superseded by run 2"),
        request(2, 101),
    ),
    jobs=({"key": "1.1", "state": "withdrawn"}, {"key": "2.1", "state": "lost"}, {"key": "2.2", "state": "ended"}),
    outbox=tuple({"key": f"status:{number}:pending", "request": number} for number in (1, 2)),
    runs=(run("began", "2.1"), run("began", "2.2"), run("ended", "2.2")),
    waiting=(),
)
Change = Callable[[Evidence], Evidence]


def more(**added: Any) -> Change:  # noqa: ANN401 - rows
    """Add a row."""
    return lambda right: _with(right, {name: (*getattr(right, name), row) for name, row in added.items()})


def less(name: str, index: int) -> Change:
    """Take a row away."""
    return lambda right: _with(right, {name: tuple(row for n, row in enumerate(getattr(right, name)) if n != index)})


def other(name: str, index: int, **values: Any) -> Change:  # noqa: ANN401 - of a row
    """Change a row."""
    return lambda right: _with(
        right, {name: tuple(row | values if n == index else row for n, row in enumerate(getattr(right, name)))}
    )


def shows(line: str) -> Change:
    """Have our comment begin with another line; further down it tells of all."""
    body = f"{MARKER}\n{line}\n\nEarlier:\n- {STATE}" if line else ""
    return lambda right: dataclasses.replace(right, comments={"7": [{"id": 900, "body": body}]})


def _with(right: Evidence, changed: dict[str, Any]) -> Evidence:
    return dataclasses.replace(right, **changed)


def test_what_is_right_is_right() -> None:
    assert differences(RIGHT) == []


def test_what_came_late_and_was_put_right_is_right() -> None:
    late = (status(1, "pending", late=True), status(2, "success"), OURS | {"id": 901, "late": True})
    assert differences(dataclasses.replace(RIGHT, journal=(*RIGHT.journal, *late))) == []


WRONG: dict[str, tuple[Change, str]] = {
    "something waits": (more(waiting="comment 100"), "not done: comment 100"),
    "a signed delivery is refused": (more(refused="401 wrong"), "a signed delivery was refused: 401 wrong"),
    "a forged one is taken": (more(accepted="202 taken"), "a forged delivery was taken: 202 taken"),
    "a wish has no request": (more(said=said(104)), "comment 104 (a wish): no request"),
    "a wish has two": (more(requests=request(3, 101)), "comment 101 (a wish): 2 requests"),
    "talk has one": (
        more(requests=request(3, 102, pull=6)),
        "comment 102 (a wish): request 3, and nothing may follow from it",
    ),
    "nobody said it": (more(requests=request(3, 999)), "comment (7, 999): a request of what nobody said"),
    "another commit is asked for": (
        other("requests", 1, sha=OTHER),
        f"comment 101 (a wish): request 2 is for {OTHER}, and the head was {SHA}",
    ),
    "it is of another pull request": (
        other("requests", 1, pull=6),
        "comment 101 (a wish): request 2 is of another pull request",
    ),
    "an older one takes the place of a newer": (
        other("requests", 1, comment=99),
        "comment 100 (a wish): superseded by run 2, which is no newer request of this pull request",
    ),
    "a run that nobody asked for": (more(runs=run("began", "9.1")), "a run of 9.1, which nobody asked for"),
    "another commit is run": (more(runs=run("began", "2.2", OTHER)), f"request 2: a run of {OTHER}, not of {SHA}"),
    "a job is run twice": (more(runs=run("began", "2.2")), "request 2: job 2.2 was run 2 times"),
    "what was withdrawn is run": (
        more(runs=run("began", "1.1")),
        "request 1: job 1.1 is withdrawn and was run",
    ),
    "a third attempt": (more(jobs={"key": "2.3", "state": "lost"}), "request 2: 3 attempts"),
    "two results": (other("jobs", 1, state="ended"), "request 2: 2 results"),
    "two attempts beside each other": (
        other("jobs", 1, state="running"),
        "request 2: attempts beside each other: ['2.1', '2.2']",
    ),
    "a result of what was superseded": (other("jobs", 0, state="ended"), "request 1: superseded, and it has a result"),
    "an end without a result": (other("jobs", 2, state="lost"), "request 2: pass without a result: pass"),
    "a result without a run": (less("runs", 2), "request 2: job 2.2 has a result, and its run did not end"),
    "another verdict": (
        other("requests", 1, outcome="fail"),
        "request 2: fail: pass, and its run said otherwise",
    ),
    "no final status": (less("journal", 4), "request 2 (pass): final statuses [], expected ['success']"),
    "two final statuses": (
        more(journal=status(2, "success")),
        "request 2 (pass): final statuses ['success', 'success'], expected ['success']",
    ),
    "the wrong final status": (
        other("journal", 4, state="failure"),
        "request 2 (pass): final statuses ['failure'], expected ['success']",
    ),
    "pending too often": (less("outbox", 1), "request 2 (pass): pending 1 times, expected 0"),
    "a commit says pending for ever": (
        more(journal=status(2, "pending")),
        f"commit {SHA} says pending, and nothing goes on",
    ),
    "a late status over the end": (
        more(journal=status(1, "pending", late=True)),
        f"commit {SHA} says pending, and nothing goes on",
    ),
    "a late comment that stays": (
        lambda right: dataclasses.replace(
            right,
            journal=(*right.journal, OURS | {"id": 901, "late": True}),
            comments={"7": [{"id": 900, "body": CARD}, {"id": 901, "body": CARD}]},
        ),
        "pull request (7, 5): 2 comments of ours",
    ),
    "another final status, and others were late": (
        lambda right: _with(
            right, {"journal": (*right.journal, status(1, "success"), status(2, "success", late=True))}
        ),
        "request 1 (superseded): final statuses ['error', 'success'], expected ['error']",
    ),
    "pending after the end": (more(journal=status(2, "pending")), "request 2 (pass): pending after its end"),
    "a status on another commit": (other("journal", 4, sha=OTHER), f"request 2 (pass): a status on {OTHER}"),
    "a status of no request": (
        more(journal=status(9, "success")),
        f"a status with the address {URL}/runs/9, which is no request's",
    ),
    "a verdict is hidden": (
        lambda right: dataclasses.replace(right, journal=(*right.journal[:2], *right.journal[3:], right.journal[2])),
        f"commit {SHA} has a verdict, and shows that request 1 was superseded",
    ),
    "no comment of ours": (less("journal", 1), "pull request (7, 5): 0 comments of ours"),
    "two comments of ours": (
        more(journal={"what": "comment made", "repository": 7, "pull": 5, "id": 901, "by": BOT, "body": MARKER}),
        "pull request (7, 5): 2 comments of ours",
    ),
    "a comment where nobody is to be answered": (
        more(journal={"what": "comment made", "repository": 7, "pull": 6, "id": 902, "by": BOT, "body": MARKER}),
        "pull request (7, 6): 1 comments of ours",
    ),
    **{
        f"our comment says {what}": (
            shows(line),
            f"pull request (7, 5): our comment does not begin with pass of run 2, the newest: {line!r}",
        )
        for what, line in {
            "what was before": STATE.replace("pass", "running"),
            "another end": STATE.replace("pass", "fail"),
            "something of an older one first": STATE.replace("2", "1"),
            "something of a much newer one": STATE.replace("2", "20"),
            "nothing of it": "",
        }.items()
    },
}


@pytest.mark.parametrize("case", WRONG)
def test_it_is_said_when(case: str) -> None:
    change, sentence = WRONG[case]
    assert sentence in differences(change(RIGHT))
