"""The only place that runs tiers: hooks, the op once, what was measured, the suites, judged and kept as one result.

A failed op is the recipe's failure and data, never an exception of ours; tiers that need it stay `unverified`.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass

from recipeci.errors import OpFailed, WaitFailed
from recipeci.host.clock import Clock
from recipeci.model import Outcome, SuiteResult, TestResult, Tier, TierResult
from recipeci.report.console import Console
from recipeci.run import verdict
from recipeci.run.ops import Done, Ops
from recipeci.run.plan import Fate, Step

NO_OP = Done(())


@dataclass
class Tiers:
    """The run's tiers over one deployment."""

    ops: Ops
    clock: Clock
    console: Console

    def run(self, step: Step, *, earlier: Sequence[TierResult]) -> TierResult:
        """Carry out one step of the plan."""
        self.console.say(step.header)
        if step.fate is not Fate.RUN:
            return TierResult(step.tier, Outcome(step.fate), step.reason, op=step.op)
        if broken := next((tier for tier in earlier if not verdict.stands(tier)), None):
            return TierResult(step.tier, Outcome.UNVERIFIED, f"{broken.name} did not pass", op=step.op)
        began = self.clock.monotonic()
        result = self._carried_out(step)
        return dataclasses.replace(result, seconds=round(self.clock.monotonic() - began, 3), op=step.op)

    def _carried_out(self, step: Step) -> TierResult:
        """Do the op and judge it; `seconds` and `op` are filled in by `run`."""
        try:
            done = self._done(step)
        except (OpFailed, WaitFailed) as e:
            failed = TestResult(f"harness::{step.op}", Outcome.FAIL, message=e.message)
            return TierResult(step.tier, Outcome.FAIL, e.message, suites=(_suite((failed,)),))
        tests = (*done.tests, self.ops.stayed())
        return _judged(step.tier, (_suite(tests),), words=done.words)

    def _done(self, step: Step) -> Done:
        return self.ops.carry_out(step.tier) if step.op else NO_OP


def _suite(tests: tuple[TestResult, ...]) -> SuiteResult:
    """Return the harness's own measurements as a suite."""
    return SuiteResult(verdict.HARNESS, verdict.HARNESS, verdict.of_tests(tests), tests)


def _judged(tier: Tier, suites: tuple[SuiteResult, ...], *, words: str) -> TierResult:
    """Return a tier's result: the worst of its suites, and of that the first reason."""
    outcome = verdict.of_outcomes(suite.outcome for suite in suites)
    wrong = next((said for suite in suites if suite.outcome is outcome and (said := _said(suite))), "")
    return TierResult(tier, outcome, wrong or words, suites=suites)


def _said(suite: SuiteResult) -> str:
    """Return why a suite is what it is: its own words, else its first test's of that outcome."""
    return suite.message or next((t.message for t in suite.tests if t.outcome is suite.outcome and t.message), "")
