"""The only place that carries a plan's steps out in a running cell: one deployment, its tiers, its teardown."""

from __future__ import annotations

import dataclasses
import logging
import math
from dataclasses import dataclass

from recipeci.errors import OpFailed, RecipeCIError
from recipeci.host.abra import Abra
from recipeci.host.archive import Archive
from recipeci.host.backupbot import BackupBot
from recipeci.host.cell import Cell
from recipeci.host.clock import until
from recipeci.host.docker import Swarm
from recipeci.host.http import Http
from recipeci.model import Tier
from recipeci.run import authoring as authors
from recipeci.run import plan as plans
from recipeci.run import preparation, survival
from recipeci.run.asking import Asking
from recipeci.run.canary import DataCanary
from recipeci.run.completeness import Due, complete
from recipeci.run.context import Context
from recipeci.run.deployment import Deployment
from recipeci.run.ops import Ops
from recipeci.run.placing import Placing
from recipeci.run.plan import Fate, Step
from recipeci.run.preparation import Preparation
from recipeci.run.record import Record
from recipeci.run.secrets import StackSecrets
from recipeci.run.teardown import Teardown
from recipeci.run.tiers import Tiers

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class InCell:
    """A run's part that needs its swarm."""

    at: Context
    record: Record
    ready: Preparation
    placing: Placing
    cell: Cell
    swarm: Swarm
    secrets: StackSecrets

    def carry_out(self) -> None:
        """Deploy once, carry out every step against that deployment, and always tear it down."""
        abra = Abra(
            self.at.abra,
            runner=self.cell.runner,
            abra_dir=self.at.place.abra_dir,
            docker_folder=self.at.programs.docker.parent,
            on_line=lambda line: log.debug("abra: %s", line),
        )
        abra.require()
        self._lint_by_abra(abra)
        going = self._with_a_base_that_abra_deploys(abra)
        before = self.swarm.objects()
        place = self.at.place
        teardown = Teardown(place.domain, place.stack, abra, self.swarm, self.at.clock, self.record.note)
        deployment = going._deployment(abra)
        try:
            going._steps(deployment)
            if self.at.request.keep:
                self._kept()
        finally:
            with self.at.interrupts.shielded(), self.at.console.phase("teardown"):
                self.record.deploys = abra.deploys(place.domain)
                try:
                    self.secrets.list_unknown()
                finally:
                    deployment.mend_env()
                    self.record.leftovers = teardown.run(before=before)
                self._note_names()

    def _steps(self, deployment: Deployment) -> None:
        authoring = authors.made(self.at, self.cell, self.swarm, deployment, self.placing, note=self.record.note)
        deployment.install_steps = authoring.after_new
        ops = self._ops(deployment)
        tiers = Tiers(ops, authoring, self.at.clock, self.at.console)
        for step in self._all_steps():
            self.at.interrupts.check()
            self._step(tiers, step)
        for note in ops.canary.notes:
            self.record.note(note)

    def _step(self, tiers: Tiers, step: Step) -> None:
        """Carry out one step and keep what it came to; of an interrupted one, what was finished."""
        ops = tiers.ops
        before = ops.compose
        try:
            result = tiers.run(step, earlier=self.record.tiers)
            self.record.tiers.append(complete(result, Due(step, self.at.place.stack, before=before, after=ops.compose)))
        except RecipeCIError:
            if stop := self.at.interrupts.first:
                self.record.tiers.append(tiers.unfinished(step, stop.message))
            raise
        finally:
            self.record.identity = ops.identity
            self.record.canary = survival.merged(ops.marked)

    def _ops(self, deployment: Deployment) -> Ops:
        place, clock, swarm = self.at.place, self.at.clock, self.swarm
        skip = self.at.found.plan.meta.canary_skip
        return Ops(
            deployment=deployment,
            asking=self._asking(),
            bot=BackupBot(swarm),
            bot_ready=self.cell.wait_bot,
            canary=DataCanary(archive=Archive(swarm), stack=place.stack, run_id=place.run_id, skip=skip, clock=clock),
            clock=clock,
            console=self.at.console,
        )

    def _deployment(self, abra: Abra) -> Deployment:
        return Deployment(
            domain=self.at.place.domain,
            stack=self.at.place.stack,
            plan=self.at.found.plan,
            clone=self.at.found.clone,
            abra=abra,
            swarm=self.swarm,
            environment=self.at.environment(),
            clock=self.at.clock,
            note=self.record.note,
            scratch=self.at.place.shared,
            images=frozenset(self.ready.images),
            looked=self.secrets.learn,
            mask=self.at.redactor.mask,
        )

    def _asking(self) -> Asking:
        return Asking(
            self.at.place.domain,
            Http(connect=self.cell.connect, ca_file=self.cell.ca_file),
            self.at.clock,
            self.at.console,
            proxy_ready=self.cell.wait_proxy,
            mask=self.at.redactor.mask_bytes,
        )

    def _all_steps(self) -> tuple[Step, ...]:
        """Return the plan's steps; an upgrade without an install tier needs the first deployment all the same."""
        steps = self.at.found.plan.steps
        if steps[0].tier is Tier.INSTALL and steps[0].fate is Fate.RUN:
            return steps
        return (Step(Tier.INSTALL, Fate.RUN), *(step for step in steps if step.tier is not Tier.INSTALL))

    def _lint_by_abra(self, abra: Abra) -> None:
        began = self.at.clock.monotonic()
        with self.at.console.phase("abra lint"):
            self.at.found.clone.checkout(self.at.found.plan.target.commit)
            self.record.lint = preparation.abra_lint(
                abra,
                self.at.found.plan.recipe,
                of_backups=self.ready.backup_findings,
                seconds=round(self.at.clock.monotonic() - began, 3),
            )

    def _with_a_base_that_abra_deploys(self, abra: Abra) -> InCell:
        """Return this run, or one that deploys the base from its checkout because abra's lint refuses its version."""
        if not (errors := preparation.refused_by_abra(abra, self.at.environment())):
            return self
        plan = self.record.plan = plans.from_checkout(self.at.found.plan, errors=errors)
        self.record.note(plan.notes[-1])
        found = dataclasses.replace(self.at.found, plan=plan)
        return dataclasses.replace(self, at=dataclasses.replace(self.at, found=found))

    def _kept(self) -> None:
        """Leave the deployment up until Ctrl-C, and say how to look at it."""
        self.at.interrupts.keep()
        say, cell = self.at.console.say, self.cell
        docker = f"{self.at.programs.docker} -H unix://{cell.socket}"
        curl = f"curl -sS --cacert {cell.ca_file} --connect-to ::{cell.address} https://{self.at.place.domain}/"
        say(f"look: {docker} service ls")
        say(f"ask: nsenter --target {cell.init} --net {curl}")
        say("kept until Ctrl-C")
        until(self._told, bool, what="Ctrl-C", clock=self.at.clock, timeout=math.inf, successes=1)

    def _told(self) -> bool:
        """Say whether Ctrl-C has ended what is kept; another signal is raised, also one that the log swallowed."""
        self.at.interrupts.check()
        return self.at.interrupts.told

    def _note_names(self) -> None:
        """Note what apps looked for outside of the cell."""
        try:
            names = self.cell.asked_names()
        except OpFailed as e:
            self.record.note(e.message)
            return
        for asked in names:
            self.record.note(f"{asked.service or 'a container'} asked for {asked.name}; the cell has no route out")
