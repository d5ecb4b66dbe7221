"""A bridge in which every text that a page shows is the same words: what pages make of them is judged by the caller."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any

from flask import Flask
from recipeci import schemas
from recipeci.model import LeftOut, Outcome, RunError, SuiteResult, TestResult, Tier, TierResult
from recipeci.report import write
from recipeci.service.health import Health
from recipeci.service.model import End
from recipeci.service.store import jobs, outbox
from recipeci.service.webapp import make_app

from unit.hostile import Structure
from unit.reports import PASSED
from unit.weblab import Lab

ENUMS = {"verdict", "outcome", "base_mode", "started", "commit", "run_id", "recipe"}
"""Of a report: what the schema gives no room in."""
NAMES = {tier.value for tier in Tier} | {"generic", "recipeci", "repo", "harness"}
PAGE = {"Accept": "text/html"}
SHOWN = ("/", "/runs/1", "/runs/2", "/runs/3")
"""The pages of `filled`: the queue, a request that ended, one that runs, one that waits."""


def report(words: str) -> dict[str, Any]:
    """Return a report that is red in every way, with the same words everywhere; its schema holds."""
    failed = SuiteResult("repo", words, Outcome.FAIL, (TestResult(words, Outcome.FAIL, 0.5, words),), words)
    red = dataclasses.replace(
        PASSED,
        verdict=Outcome.FAIL,
        exit_code=1,
        lint=dataclasses.replace(PASSED.lint, outcome=Outcome.FAIL, reason=words, findings=(words,)),
        tiers=(TierResult(Tier.INSTALL, Outcome.FAIL, words, seconds=1.0, op="deploy", suites=(failed,)),),
        left_out=(LeftOut(words, words),),
        notes=(words,),
        errors=(RunError("host", words, words),),
    )
    data = with_words(write.as_data(red), words)
    schemas.check("report", data, where="the hostile report")
    return data


def with_words(data: Mapping[str, Any], words: str) -> dict[str, Any]:
    """Return data in which every free text is replaced."""

    def changed(value: object, key: str) -> object:
        if isinstance(value, dict):
            return {name: changed(inner, name) for name, inner in value.items()}
        if isinstance(value, list):
            return [changed(inner, key) for inner in value]
        return words if isinstance(value, str) and key not in ENUMS and value not in NAMES else value

    return {name: changed(value, name) for name, value in data.items()}


def filled(here: Lab, words: str, *, log: str | None = None) -> None:
    """Put three requests there, a worker and two alerts, in all of which the words are."""
    stored = words.encode("utf-8", "ignore").decode()  # no database column takes half a surrogate pair; a report does
    home = here.enrol()
    ended, running, _ = here.open(home), here.open(home), here.open(home)
    here.run(ended, printed=log or stored)
    here.end(ended, End.FAIL, stored, report(words))
    here.run(running, printed=log or stored)
    with here.database.writing() as tx:
        jobs.worker_seen(tx, stored, slots=2, version=stored, now=here.now)
        outbox.card(tx, repository=home.id, pull=3, now=here.now - 1000)
        (effect,) = outbox.due(tx, now=here.now)
        outbox.postponed(tx, effect, due=here.now + 1000, now=here.now, why=stored)
    here.writing("UPDATE request SET recipe = ?, asked_by = ?", stored, stored)
    here.writing("UPDATE request SET waiting = ?, cancel = ? WHERE state = 'open'", stored, stored)
    here.writing("UPDATE repository SET full_name = ?, recipe = ?", stored, stored)


def app_of(here: Lab, *, health: Health | None = None, show_private: bool = False) -> Flask:
    """Return the app, of a bridge that is well unless another health is given."""
    return make_app(
        here.bridge(show_private=show_private),
        database=here.database,
        health=health or here.well(),
        clock=here.clock,
    )


def page_of(app: Flask, path: str, *, status: int = 200) -> Structure:
    answer = app.test_client().get(path, headers=PAGE)
    assert (answer.status_code, answer.content_type) == (status, "text/html; charset=utf-8"), answer.text
    return Structure(answer.text)


def words_of(app: Flask, path: str) -> str:
    return " ".join(" ".join(page_of(app, path).words).split())
