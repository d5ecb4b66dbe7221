"""The only place that runs tiers: each op once, then what was measured, judged and kept as one result.

A failed op is the recipe's failure and data, never an exception of ours; tiers that need it stay `unverified`.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from recipeci.errors import OpFailed, WaitFailed
from recipeci.host.clock import Clock, until
from recipeci.host.http import Http
from recipeci.model import Identity, Outcome, SuiteResult, TestResult, Tier, TierResult
from recipeci.report.console import Console
from recipeci.run import identity, serving, verdict
from recipeci.run.deployment import Deployed, Deployment
from recipeci.run.plan import Fate, Step

log = logging.getLogger(__name__)
SUCCESSES = 3
"""An app that answers once may be one that is going down."""
HEALTHY_SECONDS = 30.0
"""An app that says by its health check that it is healthy gets so long to be routed and to answer."""
STRANGER = "no-router"


@dataclass
class Tiers:
    """The run's tiers over one deployment; keeps what one tier leaves for the next."""

    deployment: Deployment
    http: Http
    clock: Clock
    console: Console
    proxy_ready: Callable[[], None]
    """Waits for the cell's proxy, which comes up while the app is being deployed."""
    deployed: Deployed | None = None
    identity: Identity = field(default_factory=Identity)

    def run(self, step: Step, *, earlier: Sequence[TierResult]) -> TierResult:
        """Carry out one step of the plan."""
        self.console.say(step.header)
        if step.fate is not Fate.RUN:
            return TierResult(step.tier, Outcome(step.fate), step.reason, op=step.op)
        if broken := next((tier for tier in earlier if tier.outcome not in verdict.GOOD), None):
            return TierResult(step.tier, Outcome.UNVERIFIED, f"{broken.name} did not pass", op=step.op)
        began = self.clock.monotonic()
        result = self._carried_out(step)
        seconds = round(self.clock.monotonic() - began, 3)
        return TierResult(step.tier, result.outcome, result.reason, seconds, step.op, result.suites)

    def _carried_out(self, step: Step) -> TierResult:
        """Do the op and judge it; `seconds` and `op` are filled in by `run`."""
        try:
            tests, reason = self._install() if step.tier is Tier.INSTALL else self._upgrade()
        except (OpFailed, WaitFailed) as e:
            failed = TestResult(f"harness::{step.op}", Outcome.FAIL, message=e.message)
            return TierResult(step.tier, Outcome.FAIL, e.message, suites=(_suite(Outcome.FAIL, (failed,)),))
        outcome = verdict.of_tests(tests)
        wrong = next((test.message for test in tests if test.outcome is outcome and test.message), "")
        return TierResult(step.tier, outcome, wrong or reason, suites=(_suite(outcome, tests),))

    def _install(self) -> tuple[tuple[TestResult, ...], str]:
        plan = self.deployment.plan
        with self.console.phase("new"):
            self.deployment.create()
        since = self.clock.epoch()
        with self.console.phase("deploy"):
            self.deployment.deploy_first()
        first = self._settle(since=since, timeout=plan.meta.timeouts.deploy)
        stack, head = self.deployment.stack, str(first.head)
        self.identity = identity.first_identity(stack=stack, head=head, state=first.state)
        measured = identity.first_checks(plan.base, plan.target, stack=stack, head=head, state=first.state)
        what = plan.base.version if plan.base else str(plan.target.commit.label)
        tests = (self._passed("settled"), *measured, self._serving(plan.meta.timeouts.deploy), self._stayed())
        return tests, f"{what} serves"

    def _upgrade(self) -> tuple[tuple[TestResult, ...], str]:
        plan, before = self.deployment.plan, self.deployed
        if plan.base is None or before is None:
            msg = "there is no base to upgrade from"
            raise OpFailed(msg)
        self.identity = Identity()  # what the base is says nothing of the upgrade
        since = self.clock.epoch()
        with self.console.phase("upgrade"):
            self.deployment.upgrade()
        after = self._settle(since=since, timeout=plan.meta.timeouts.upgrade)
        evidence = identity.Evidence(
            stack=self.deployment.stack,
            head=str(after.head),
            before=before.state,
            after=after.state,
            since=since,
            compose=after.compose,
        )
        self.identity = identity.identity(evidence)
        if identity.nothing_changed(evidence):
            self.console.note("nothing of the recipe's that runs changed")
            self.deployment.note("nothing of the recipe's that runs changed")
        measured = identity.checks(plan.target, plan.base, evidence)
        tests = (self._passed("settled"), *measured, self._serving(plan.meta.timeouts.upgrade), self._stayed())
        arrow = f"{plan.base.version} → {plan.own_version}, chaos-version {self.identity.chaos_version} == head"
        return tests, arrow

    def _settle(self, *, since: float, timeout: float) -> Deployed:
        with self.console.phase("converge"):
            self.deployed = self.deployment.settle(since=since, timeout=timeout, see=self.console.seen)
        return self.deployed

    def _stayed(self) -> TestResult:
        """Look again after the other checks: an app may answer and then fall over."""
        wrong = self.deployment.unsettled_since(self.deployed) if self.deployed else "it never settled"
        return TestResult("harness::stayed settled", Outcome.FAIL if wrong else Outcome.PASS, message=wrong)

    def _serving(self, timeout: float) -> TestResult:
        """Ask until the app serves, three times in a row; what it answered last is the reason if it does not."""
        meta = self.deployment.plan.meta
        rules = serving.Rules(
            host=f"{meta.http.host}.{self.deployment.domain}" if meta.http.host else self.deployment.domain,
            path=meta.http.path,
            accept=frozenset(meta.http.accept),
        )
        stranger = f"{STRANGER}.{self.deployment.domain.partition('.')[2]}"
        limit = min(timeout, HEALTHY_SECONDS) if self._is_healthy() else timeout
        with self.console.phase("proxy"):
            self.proxy_ready()
        began = self.clock.monotonic()
        last: list[serving.Look] = []

        def look() -> serving.Look:
            last[:] = [serving.look(self.http, rules, stranger=stranger)]
            self.console.seen(serving.describe(last[0]))
            return last[0]

        with self.console.phase("http"):
            try:
                until(
                    look,
                    lambda seen: not serving.wrong(seen, rules),
                    what=rules.url,
                    clock=self.clock,
                    timeout=limit,
                    describe=serving.describe,
                    successes=SUCCESSES,
                )
            except WaitFailed as e:
                wrong = serving.wrong(last[0], rules) or e.message  # good at last, but not three times in a row
                return TestResult("harness::serving", Outcome.FAIL, self._since(began), wrong)
        return TestResult("harness::serving", Outcome.PASS, self._since(began))

    def _is_healthy(self) -> bool:
        """Say whether every routed service has a health check, so that settled means healthy."""
        routed = (
            [service for service in self.deployed.compose.services.values() if service.is_routed]
            if self.deployed
            else []
        )
        return bool(routed) and all(service.has_healthcheck for service in routed)

    def _passed(self, name: str) -> TestResult:
        return TestResult(f"harness::{name}", Outcome.PASS)

    def _since(self, began: float) -> float:
        return round(self.clock.monotonic() - began, 3)


def _suite(outcome: Outcome, tests: tuple[TestResult, ...]) -> SuiteResult:
    return SuiteResult("harness", "harness", outcome, tests)
