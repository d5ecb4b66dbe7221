"""The only place that writes the one comment under a pull request: what became of its requests, in Markdown. Pure.

The template is fixed; whatever a run, a recipe or a person says goes through `harmless`. Where it would be too long the
log lines are shortened first.
"""

from __future__ import annotations

import datetime
import shlex
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from recipeci.model import Tier
from recipeci.service import harmless, statuses
from recipeci.service.model import Asked, Card, End, Request

MARKER = "<!-- recipeci -->"
"""The comment's first line, by which it is found again."""
MOST = 65_000
"""Characters; forges keep no more."""
ANSWER_MOST = 8_000
COMMAND_MOST = 2_000
EARLIER_MOST = 10
BAD = ("fail", "error", "unverified")
HEAD = ("| tier | outcome | time | why |", "| --- | --- | --- | --- |")

Json = Mapping[str, Any]


def render(card: Card, *, url: str) -> str:
    """Return the comment.

    Args:
        card: what it tells.
        url: our own address, without a slash at its end.
    """
    newest, earlier = card.requests[:1], card.requests[1 : 1 + EARLIER_MOST]
    before = [f"{MARKER}\n{_state(card, url=url)}", _answer(card.answer), *(_table(one.report) for one in newest)]
    after = [part for one in newest for part in (_page(one, url=url), _reproduce(one.asked))]
    after.append("\n".join(["Earlier:", *(_line(one, url=url) for one in earlier)] if earlier else []))
    room = MOST - sum(len(part) + 2 for part in (*before, *after))
    details = [_details(one.report, most=room) for one in newest]
    return "\n\n".join(part for part in (*before, *details, *after) if part)


def _state(card: Card, *, url: str) -> str:
    """Return the state line: a word of ours, what there is to say about it, and of which run and commit."""
    if not card.requests:
        return "**no run**"
    request = card.requests[0]
    whose = f", asked for by {harmless.code(request.asked_by, most=100)}" if request.asked_by else ""
    return (
        f"{_word(request)}{_words(request, waiting=card.waiting)} · {_link(request, url=url)} of "
        f"{harmless.code(request.asked.recipe)} at `{request.asked.sha}`{whose}"
    )


def _word(request: Request) -> str:
    if request.end is not None:
        return f"**{request.end.value}**"
    return "**running**" if request.is_running else "**queued**"


def _words(request: Request, *, waiting: str) -> str:
    """Return what stands behind the word: why it ended or waits, or since when it runs."""
    if request.end is not None:
        return _ended(request)
    since = f" since `{_time(request.started)}`" if request.is_running and request.started is not None else ""
    if request.cancel is not None:
        return f"{since}, to be cancelled: {harmless.plain(request.cancel)}"
    return since if request.is_running else _because(waiting)


def _ended(request: Request) -> str:
    """Return the verdict's provisos and its level, if the run's own verdict is the end, and the reason."""
    report, end = request.report, str(request.end)
    if report is None or report["verdict"] != end:
        return _because(request.reason)
    proviso = harmless.plain(report["label"].removeprefix(end).strip())
    level = "" if report["level"] is None else f", level {report['level']:d}"
    return f"{' ' if proviso else ''}{proviso}{level}{'' if end == End.PASS else _because(request.reason)}"


def _because(words: str) -> str:
    return f": {harmless.plain(words)}" if words.strip() else ""


def _time(epoch: float) -> str:
    return datetime.datetime.fromtimestamp(epoch, datetime.UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _link(request: Request, *, url: str) -> str:
    return f"[run {request.id}]({statuses.page(url, request.id)})"


def _answer(answer: str) -> str:
    """Return the newest answer: it is our own Markdown, unless it is longer than any of ours."""
    return answer if len(answer) <= ANSWER_MOST else harmless.fence(answer, most=ANSWER_MOST)


def _table(report: Json | None) -> str:
    """Return the table of tiers, empty without a report."""
    if report is None:
        return ""
    order = list(Tier)
    tiers = sorted(report["tiers"], key=lambda tier: order.index(tier["name"]))
    return "\n".join((*HEAD, *(_row(part) for part in (*tiers, _lint(report)))))


def _lint(report: Json) -> Json:
    """Return lint as a row: where it has no reason, what was looked at."""
    lint = report["lint"]
    looked = f"{lint['rules']} rules" if lint["rules"] else ""
    return {"name": "lint", "outcome": lint["outcome"], "seconds": lint["seconds"], "reason": lint["reason"] or looked}


def _row(part: Json) -> str:
    seconds = f"{part['seconds']:.1f} s" if part["seconds"] else ""
    first = part["reason"].strip().partition("\n")[0]
    return f"| {part['name']} | {part['outcome']} | {seconds} | {harmless.code(first)} |"


def _details(report: Json | None, *, most: int) -> str:
    """Return the first error, with what the guilty service said last, folded."""
    words = "" if report is None else "\n".join(_trouble(report))
    head, tail = "<details><summary>The first error</summary>\n\n", "\n\n</details>"
    return f"{head}{harmless.fence(words, most=most - len(head) - len(tail) - 2)}{tail}" if words.strip() else ""


def _trouble(report: Json) -> Iterator[str]:
    """Yield the lines of the first error of a run: what ended it early, else the first part that did not pass."""
    for error in report["errors"][:1]:
        yield from (error["message"], error["hint"])
        return
    parts = (part for part in ({"name": "lint", "suites": [], **report["lint"]}, *report["tiers"]) if _is_bad(part))
    for part in parts:
        yield f"{part['name']}: {part['reason'] or part['outcome']}"
        yield from _of_suites(part["suites"])
        return


def _of_suites(suites: Sequence[Json]) -> Iterator[str]:
    """Yield the first suite that did not pass, and its tests that did not."""
    for suite in filter(_is_bad, suites):
        yield f"{suite['source']} {suite['path']}: {suite['message'] or suite['outcome']}"
        yield from (f"{test['name']}: {test['message'] or test['outcome']}" for test in filter(_is_bad, suite["tests"]))
        return


def _is_bad(part: Json) -> bool:
    return part["outcome"] in BAD


def _page(request: Request, *, url: str) -> str:
    return f"[Log and report]({statuses.page(url, request.id)})"


def _reproduce(asked: Asked) -> str:
    """Return the command that does the same at home; there too no code runs because another repository is trusted."""
    argv = ["recipeci", "--recipe", asked.recipe, "--source", asked.clone_url, "--ref", asked.sha]
    argv += [] if asked.head_url == asked.clone_url else ["--code-source", asked.head_url or "none"]
    argv += [] if asked.pull is None else ["--pr", str(asked.pull)]
    argv += [] if asked.stages == tuple(Tier) else ["--stages", ",".join(asked.stages)]
    command = shlex.join(argv)
    return f"reproduce:\n\n{harmless.fence(command, most=COMMAND_MOST)}" if len(command) < COMMAND_MOST - 100 else ""


def _line(request: Request, *, url: str) -> str:
    """Return one line about an earlier request."""
    word = _word(request).strip("*")
    return f"- {_link(request, url=url)}: {word} at `{request.asked.sha}`{_words(request, waiting='')}"
