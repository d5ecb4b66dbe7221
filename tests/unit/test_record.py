"""run.record: what of a first attempt stays, and what an error of the host's may not hide."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from recipeci.errors import HostError
from recipeci.host.clock import SystemClock
from recipeci.model import Commit, Identity, Outcome, Request, SecretScan, Settings, Target, Tier, TierResult
from recipeci.recipe.metadata import RecipeMeta
from recipeci.run import workspace
from recipeci.run.plan import Fate, Plan, Step
from recipeci.run.record import Record

PLAN = Plan(
    recipe="custom-html",
    target=Target(Commit("a" * 40)),
    base=None,
    base_reason="",
    steps=(Step(Tier.INSTALL, Fate.RUN), Step(Tier.UPGRADE, Fate.RUN)),
    meta=RecipeMeta(),
)
SCANNED = SecretScan(known=0, found=0, artifacts=4)
GONE = HostError("Docker at /r/docker.sock does not answer")
PASSED = TierResult(Tier.INSTALL, Outcome.PASS)
FAILED = TierResult(Tier.INSTALL, Outcome.FAIL, "it answers 500")


@pytest.fixture
def record(short: Path) -> Iterator[Record]:
    """The record of a run that has just begun."""
    settings = Settings(cache=short / "cache")
    with workspace.opened(Request("custom-html"), settings, source="s", clock=SystemClock()) as place:
        yield Record(place, PLAN)


def test_a_second_attempt_keeps_of_the_first_how_far_it_came(record: Record) -> None:
    record.tiers.append(PASSED)
    record.identity, record.deploys = Identity("a" * 40), 1
    record.fresh_attempt(GONE)
    (note,) = record.notes
    assert "repeated in a fresh cell; first attempt: install pass, upgrade not reached: Docker at" in note
    assert (record.tiers, record.identity, record.deploys, record.leftovers) == ([], Identity(), 0, None)


def test_an_attempt_that_reached_no_tier_says_so(record: Record) -> None:
    record.fresh_attempt(GONE)
    assert "first attempt: install not reached, upgrade not reached: Docker at" in record.notes[0]


@pytest.mark.parametrize("outcome", [outcome for outcome in Outcome if outcome is not Outcome.FAIL])
def test_what_is_no_failure_of_the_recipes_may_be_tried_again(record: Record, outcome: Outcome) -> None:
    record.tiers.append(TierResult(Tier.INSTALL, outcome))
    assert not record.has_failed


def test_a_recipe_that_has_failed_stays_failed_whatever_the_host_does_then(record: Record) -> None:
    record.tiers += [FAILED, TierResult(Tier.UPGRADE, Outcome.UNVERIFIED)]
    assert record.has_failed
    record.failed(GONE)
    report = record.report(phases=(), secrets=SCANNED, seconds=1.0)
    assert (report.verdict, report.exit_code) == (Outcome.ERROR, HostError.exit_code)
    assert (report.tiers[0].outcome, report.tiers[0].reason) == (Outcome.FAIL, "it answers 500")
