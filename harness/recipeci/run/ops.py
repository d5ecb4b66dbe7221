"""The only place that carries out ops: each tier's one mutation, and what the harness measures of it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import TypeVar

from recipeci.errors import OpFailed
from recipeci.host.backupbot import BackupBot, Entry, Snapshot
from recipeci.host.clock import Clock
from recipeci.model import Canary, Identity, Outcome, TestResult, Tier
from recipeci.recipe import covered
from recipeci.recipe.compose import Compose
from recipeci.recipe.coverage import coverage
from recipeci.report.console import Console
from recipeci.run import backups, completeness, identity, survival
from recipeci.run.asking import Asking
from recipeci.run.canary import DataCanary
from recipeci.run.deployment import Deployed, Deployment

T = TypeVar("T")
HEALTHY_SECONDS = 30.0
"""An app that says by its health check that it is healthy gets so long to be routed and to answer."""
SETTLED = TestResult("harness::settled", Outcome.PASS)


@dataclass(frozen=True)
class Done:
    """What an op came to: the harness's measurements of it, and the words for its tier's line if all are well.

    Without words the line counts tests.
    """

    tests: tuple[TestResult, ...]
    words: str = ""


@dataclass
class Ops:
    """The run's ops on its one deployment; keeps what one op leaves for the next."""

    deployment: Deployment
    asking: Asking
    bot: BackupBot
    bot_ready: Callable[[], None]
    """Waits for the cell's backup bot, which comes up meanwhile too."""
    canary: DataCanary
    clock: Clock
    console: Console
    deployed: Deployed | None = None
    snapshot: Snapshot | None = None
    """The newest backup of this run."""
    identity: Identity = field(default_factory=Identity)
    marked: list[tuple[Tier, tuple[Canary, ...]]] = field(default_factory=list)
    """What the data canary found after each op."""

    @property
    def compose(self) -> Compose:
        """The compose file of what is deployed; empty before the first deployment has settled."""
        return self.deployed.compose if self.deployed else Compose({})

    def prepare(self, tier: Tier) -> None:
        """Read the data canary's markers back right before an op; an app that is not there yet has none.

        Raises WaitFailed if the app does not stand still for it.
        """
        if self.deployed is not None:
            with self.console.phase("markers"):
                self.canary.before(tier, self.deployed.compose, coverage(self.deployed.compose))

    def carry_out(self, tier: Tier) -> Done:
        """Do a tier's op, once, and measure what came of it.

        Raises OpFailed or WaitFailed if the op itself failed: nothing was measured then.
        """
        ops: dict[Tier, Callable[[], Done]] = {
            Tier.INSTALL: self._install,
            Tier.UPGRADE: self._upgrade,
            Tier.BACKUP: self._backup,
            Tier.RESTORE: self._restore,
        }
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
        tests = (SETTLED, *measured, self._serving(plan.meta.timeouts.deploy))
        with self.console.phase("canary"):
            self.canary.plant(first.compose, coverage(first.compose))
        return Done(tests)

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
        serving = self._serving(plan.meta.timeouts.upgrade)
        return Done((SETTLED, *measured, serving, *self._kept(Tier.UPGRADE)), arrow)

    def _backup(self) -> Done:
        timeout, stack = self.deployment.plan.meta.timeouts.backup, self.deployment.stack
        deployed, before = self._settle_meanwhile(self._snapshots_there, timeout)
        since = self.clock.epoch()
        with self.console.phase("backup"), self.bot.watching() as watch:
            self.deployment.backup(timeout=timeout)
        with self.console.phase("listing"):
            after = self.bot.snapshots(stack)
            self.snapshot = backups.made(before, after)
            listing = self.bot.listing(self.snapshot.id) if self.snapshot else ()
        taken = backups.Taken(
            stack=stack,
            compose=deployed.compose,
            coverage=coverage(deployed.compose),
            since=since,
            before=before,
            after=after,
            listing=listing,
            ran=watch.ran,
        )
        rows = self._in_snapshot(listing)
        self.marked.append((Tier.BACKUP, rows))
        held = survival.tests(rows, what=completeness.MARKER)
        tests = (*backups.checks(taken), self._serving(timeout, patient=True), *held, *self._kept(Tier.BACKUP))
        return Done(tests, backups.words(taken))

    def _restore(self) -> Done:
        timeout = self.deployment.plan.meta.timeouts.restore
        if self.snapshot is None:
            msg = "there is no snapshot to restore"
            raise OpFailed(msg)
        deployed, there = self._settle_meanwhile(self._snapshots_there, timeout)
        is_newest = backups.still_newest(self.snapshot.id, there)
        with self.console.phase("restore"), self.bot.watching() as watch:
            self.deployment.restore(timeout=timeout)
        self._settle_again(timeout)
        hooks = backups.hooks(
            coverage(deployed.compose), backups.RESTORE_HOOKS, stack=self.deployment.stack, ran=watch.ran
        )
        serving = self._serving(timeout, patient=True)
        changed = [TestResult(completeness.RESTORED_TEST, Outcome.PASS)] if self.canary.expected_in_snapshot() else []
        return Done((SETTLED, is_newest, *hooks, serving, *self._kept(Tier.RESTORE), *changed))

    def _in_snapshot(self, listing: Sequence[Entry]) -> tuple[Canary, ...]:
        """Look for our own markers in the newest snapshot."""
        if self.snapshot is None:
            return ()
        sizes = {entry.path: entry.size for entry in listing if entry.kind == "file"}
        wanted = self.canary.expected_in_snapshot()
        found = {(one.volume, one.path): sizes.get(str(covered.root(one.volume) / one.path)) for one in wanted}
        return survival.in_snapshot(wanted, found)

    def _kept(self, tier: Tier) -> tuple[TestResult, ...]:
        """Return what became of the data canary's markers."""
        assert self.deployed is not None  # noqa: S101 - an op before this one has settled
        with self.console.phase("canary"):
            rows = self.canary.after(tier, self.deployed.compose)
        self.marked.append((tier, rows))
        return survival.tests(rows, what="canary")

    def _snapshots_there(self) -> tuple[Snapshot, ...]:
        """Return the stack's snapshots, from a bot that may have to come up first."""
        self.bot_ready()
        return self.bot.snapshots(self.deployment.stack)

    def _settle_meanwhile(self, ask: Callable[[], T], timeout: float) -> tuple[Deployed, T]:
        """Settle again, and ask the bot meanwhile: both mostly wait."""
        pool = ThreadPoolExecutor(1, thread_name_prefix="bot")
        try:
            asked = pool.submit(ask)
            deployed = self._settle_again(timeout)
            with self.console.phase("bot"):
                return deployed, asked.result()
        finally:
            pool.shutdown(wait=False)  # what ended the wait early is told at once

    def _settle_again(self, timeout: float) -> Deployed:
        if self.deployed is None:
            msg = "nothing is deployed"
            raise OpFailed(msg)
        with self.console.phase("converge"):
            self.deployed = self.deployment.settle_again(self.deployed, timeout=timeout, see=self.console.seen)
        return self.deployed

    def _settle(self, *, since: float, timeout: float) -> Deployed:
        with self.console.phase("converge"):
            self.deployed = self.deployment.settle(since=since, timeout=timeout, see=self.console.seen)
        return self.deployed

    def _serving(self, timeout: float, *, patient: bool = False) -> TestResult:
        """Ask until the app serves; `patient` where healthy may be what it was before a restart in its container."""
        limit = min(timeout, HEALTHY_SECONDS) if self._is_healthy() and not patient else timeout
        return self.asking.serves(self.deployment.plan.meta.http, timeout=limit)

    def _is_healthy(self) -> bool:
        """Say whether every routed service has a health check, so that settled means healthy."""
        services = self.deployed.compose.services.values() if self.deployed else ()
        routed = [service for service in services if service.is_routed]
        return bool(routed) and all(service.has_healthcheck for service in routed)
