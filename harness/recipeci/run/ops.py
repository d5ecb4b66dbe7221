"""The only place that carries out ops: each tier's one mutation, and what the harness measures of it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from recipeci.errors import OpFailed
from recipeci.host.clock import Clock
from recipeci.model import Identity, Outcome, TestResult, Tier
from recipeci.report.console import Console
from recipeci.run import identity
from recipeci.run.asking import Asking
from recipeci.run.deployment import Deployed, Deployment

HEALTHY_SECONDS = 30.0
"""An app that says by its health check that it is healthy gets so long to be routed and to answer."""
SETTLED = TestResult("harness::settled", Outcome.PASS)


@dataclass(frozen=True)
class Done:
    """What an op came to: the harness's measurements of it, and the words for its tier's line if all are well."""

    tests: tuple[TestResult, ...]
    words: str = ""


@dataclass
class Ops:
    """The run's ops on its one deployment; keeps what one op leaves for the next."""

    deployment: Deployment
    asking: Asking
    clock: Clock
    console: Console
    deployed: Deployed | None = None
    identity: Identity = field(default_factory=Identity)

    def carry_out(self, tier: Tier) -> Done:
        """Do a tier's op, once, and measure what came of it.

        Raises OpFailed or WaitFailed if the op itself failed: nothing was measured then.
        """
        ops: dict[Tier, Callable[[], Done]] = {Tier.INSTALL: self._install, Tier.UPGRADE: self._upgrade}
        return ops[tier]()

    def stayed(self) -> TestResult:
        """Look again after the other checks: an app may answer and then fall over."""
        wrong = self.deployment.unsettled_since(self.deployed) if self.deployed else "it never settled"
        return TestResult("harness::stayed settled", Outcome.FAIL if wrong else Outcome.PASS, message=wrong)

    def _install(self) -> Done:
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
        return Done((SETTLED, *measured, self._serving(plan.meta.timeouts.deploy)), f"{what} serves")

    def _upgrade(self) -> Done:
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
        arrow = f"{plan.base.version} → {plan.own_version}, chaos-version {self.identity.chaos_version} == head"
        return Done((SETTLED, *measured, self._serving(plan.meta.timeouts.upgrade)), arrow)

    def _settle(self, *, since: float, timeout: float) -> Deployed:
        with self.console.phase("converge"):
            self.deployed = self.deployment.settle(since=since, timeout=timeout, see=self.console.seen)
        return self.deployed

    def _serving(self, timeout: float) -> TestResult:
        limit = min(timeout, HEALTHY_SECONDS) if self._is_healthy() else timeout
        return self.asking.serves(self.deployment.plan.meta.http, timeout=limit)

    def _is_healthy(self) -> bool:
        """Say whether every routed service has a health check, so that settled means healthy."""
        services = self.deployed.compose.services.values() if self.deployed else ()
        routed = [service for service in services if service.is_routed]
        return bool(routed) and all(service.has_healthcheck for service in routed)
