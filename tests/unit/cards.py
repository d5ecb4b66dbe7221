"""What tests of the one comment share: requests with reports, rendered, and as a browser has them."""

from __future__ import annotations

import dataclasses
import functools
import json
from typing import Any

from lab.hostile_markdown import SHA, URL
from markdown_it import MarkdownIt
from recipeci.model import Tier
from recipeci.report.write import as_json
from recipeci.service import card
from recipeci.service.model import Asked, Card, End, Repository, Request, State

from unit import reports
from unit.properties import tried

PROPERTY = tried(60)
HOME = Repository(5, "recipes/custom-html", "custom-html", False, "https://forge.test/r/custom-html.git", "", "")  # noqa: FBT003
ASKED = Asked("custom-html", SHA, tuple(Tier), HOME.clone_url, "https://forge.test/alice/custom-html.git", 7)
PASSED: dict[str, Any] = json.loads(as_json(reports.PASSED))
QUEUED = Request(12, 5, ASKED, State.OPEN, 1.0e9, asked_by="alice")
RUNNING = dataclasses.replace(QUEUED, is_running=True, started=1_000_000_001.5)
FINAL = dataclasses.replace(RUNNING, is_running=False, state=State.FINAL, ended=1_000_000_060.0)


def rendered(*requests: Request, answer: str = "", waiting: str = "") -> str:
    return card.render(Card(HOME, 7, requests, answer, waiting), url=URL)


def ended(end: End, reason: str = "", report: dict[str, Any] | None = None) -> Request:
    return dataclasses.replace(FINAL, end=end, reason=reason, report=report)


def failed(**changes: Any) -> dict[str, Any]:  # noqa: ANN401 - keys of a report
    return PASSED | {"verdict": "fail", "exit_code": 1, "label": "fail", "level": 0} | changes


@functools.cache
def markdown() -> MarkdownIt:
    return MarkdownIt("commonmark").enable(["table", "strikethrough"])


def html(text: str) -> str:
    return str(markdown().render(text))
