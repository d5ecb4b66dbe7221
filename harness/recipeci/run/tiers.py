"""The only place that runs tiers: hooks, the op once, what was measured, the suites, judged and kept as one result.

A failed op is the recipe's failure and data, never an exception of ours; tiers that need it stay `unverified`.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from recipeci.errors import OpFailed, WaitFailed
from recipeci.host.clock import Clock
from recipeci.model import AuthorFile, Outcome, SuiteResult, TestResult, Tier, TierResult, whose
from recipeci.report.console import Console
from recipeci.run import verdict
from recipeci.run.authoring import Authoring
from recipeci.run.ops import Done, Ops
from recipeci.run.plan import Fate, Step

NO_OP = Done(())


class HookFailed(OpFailed):
    """A hook of an author's failed: its op was not done."""

    def __init__(self, file: AuthorFile, message: str) -> None:
        """Keep whose it is."""
        super().__init__(message)
        self.file = file


@dataclass
class Tiers:
    """The run's tiers over one deployment."""

    ops: Ops
    authoring: Authoring
    clock: Clock
    console: Console
    _began: float = 0.0
    _finished: list[SuiteResult] = dataclasses.field(default_factory=list)
    """The suites of the tier that is going on, the harness's own first."""

    def run(self, step: Step, *, earlier: Sequence[TierResult]) -> TierResult:
        """Carry out one step of the plan."""
        self._began = self.clock.monotonic()
        self._finished.clear()
        with self.console.tier(step.tier, header=step.header):
            if step.fate is not Fate.RUN:
                return TierResult(step.tier, Outcome(step.fate), step.reason, op=step.op)
            if broken := next((tier for tier in earlier if not verdict.stands(tier)), None):
                return TierResult(step.tier, Outcome.UNVERIFIED, f"{broken.name} did not pass", op=step.op)
            return self._timed(step, self._carried_out(step))

    def unfinished(self, step: Step, why: str) -> TierResult:
        """Return what there is of a tier that was ended in its middle."""
        return self._timed(step, _unfinished(step, tuple(self._finished), why=why))

    def _timed(self, step: Step, result: TierResult) -> TierResult:
        seconds = round(self.clock.monotonic() - self._began, 3)
        return dataclasses.replace(result, seconds=seconds, op=step.op)

    def _carried_out(self, step: Step) -> TierResult:
        """Do the op and judge it; `seconds` and `op` are filled in by `run`."""
        try:
            done = self._done(step)
            self._finished += [_suite(done.tests)] if done.tests else []
            suites = self._suites(step, done)
            own = _suite((*done.tests, self.ops.stayed()))
        except HookFailed as e:
            return TierResult(step.tier, Outcome.FAIL, e.message, suites=(_of_hook(step, e),))
        except (OpFailed, WaitFailed) as e:
            failed = TestResult(f"harness::{step.op}", Outcome.FAIL, message=e.message)
            return TierResult(step.tier, Outcome.FAIL, e.message, suites=(_suite((failed,)),))
        return _judged(step.tier, (own, *suites), words=done.words)

    def _done(self, step: Step) -> Done:
        """Run the hooks, then the op; what suites are told of it is written before they run.

        The data canary looks after the hooks: what they do to its markers is not the op's doing, and nothing that they
        know of can hide what the op does.
        """
        if not step.op:
            return NO_OP
        before, started = self.authoring.seen(self.ops.deployed), self.clock.now()
        for file in step.hooks:
            self._hook(step, file)
        self.ops.prepare(step.tier)
        done = self.ops.carry_out(step.tier)
        self.authoring.tell(self.ops, op=step.op, before=before, started=started)
        return done

    def _hook(self, step: Step, file: AuthorFile) -> None:
        with self.console.phase(f"pre_{step.op}"):
            try:
                self.authoring.hooks.run(step.op, file)
            except OpFailed as e:
                raise HookFailed(file, e.message) from e

    def _suites(self, step: Step, done: Done) -> tuple[SuiteResult, ...]:
        """Run every suite of a tier against the same state; of an app that does not serve they would say nothing."""
        wrong = next((test for test in done.tests if test.outcome not in verdict.GOOD), None)
        if wrong is None:
            return tuple(self._suite(step.tier, file) for file in step.suites)
        message = f"not run: {wrong.name} did not pass"
        return tuple(
            SuiteResult(file.source, str(file.path), Outcome.UNVERIFIED, message=message) for file in step.suites
        )

    def _suite(self, tier: Tier, file: AuthorFile) -> SuiteResult:
        with self.console.phase(f"{whose(file.source)} {file.path.name}"):
            result = self.authoring.suites.run(tier, file)
        self._finished.append(result)
        return result


def _suite(tests: tuple[TestResult, ...]) -> SuiteResult:
    """Return the harness's own measurements as a suite."""
    return SuiteResult(verdict.HARNESS, verdict.HARNESS, verdict.of_tests(tests), tests)


def _of_hook(step: Step, failed: HookFailed) -> SuiteResult:
    """Return a hook that failed as its author's test: the op was not done, which is neither ours nor the recipe's."""
    test = TestResult(f"pre_{step.op}", Outcome.FAIL, message=failed.message)
    return SuiteResult(failed.file.source, str(failed.file.path), Outcome.FAIL, (test,))


def _judged(tier: Tier, suites: tuple[SuiteResult, ...], *, words: str) -> TierResult:
    """Return a tier's result: the worst of its suites, and of that the first reason."""
    outcome = verdict.of_outcomes(suite.outcome for suite in suites)
    wrong = next((said for suite in suites if suite.outcome is outcome and (said := _said(suite))), "")
    return TierResult(tier, outcome, wrong or words, suites=suites)


def _unfinished(step: Step, finished: tuple[SuiteResult, ...], *, why: str) -> TierResult:
    """Return a tier by the suites that it got to the end of: one that failed has failed, else it is unverified."""
    judged = _judged(step.tier, finished, words=why)
    if judged.outcome in (Outcome.FAIL, Outcome.ERROR):
        return judged
    return dataclasses.replace(judged, outcome=Outcome.UNVERIFIED, reason=why)


def _said(suite: SuiteResult) -> str:
    """Return why a suite is what it is: its own words, else its first test's of that outcome.

    Of an author's the test is named, and how many there are like it: whoever reads one line must know where to look.
    """
    found = [test for test in suite.tests if test.outcome is suite.outcome and test.message]
    if suite.message or not found or suite.source == verdict.HARNESS:
        return suite.message or next((test.message for test in found), "")
    more = f" (and {len(found) - 1} more of {len(suite.tests)})" if len(found) > 1 else ""
    return f"{whose(suite.source)} {Path(suite.path).name}::{found[0].name}{more}: {found[0].message}"
