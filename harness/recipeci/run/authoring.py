"""The only place that puts together what runs authors' code in one cell, and what that code is told of the run."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from recipeci.host.below import Below
from recipeci.host.cell import Cell, user_of
from recipeci.host.docker import Swarm
from recipeci.host.execs import Execs
from recipeci.model import whose
from recipeci.op_state import OpState, Seen
from recipeci.recipe.envfile import EnvFile
from recipeci.run import opstate
from recipeci.run.children import Children, Facts
from recipeci.run.context import Context
from recipeci.run.deployment import Deployed, Deployment
from recipeci.run.hooks import Hooks, InstallSteps
from recipeci.run.ops import Ops
from recipeci.run.placing import Placing
from recipeci.run.suites import Suites

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Authoring:
    """The suites and hooks of one run in its cell."""

    at: Context
    suites: Suites
    hooks: Hooks
    install_steps: InstallSteps

    def after_new(self, env: EnvFile) -> EnvFile:
        """Run the install steps of all sources after `app new`; return the app's env as they leave it."""
        for file in self.at.found.plan.install_steps:
            with self.at.console.phase(f"{whose(file.source)} {file.path.name}"):
                env = self.install_steps.run(file, env)
        return env

    def seen(self, deployed: Deployed | None) -> Seen:
        """Return what an op finds; before the first one nothing."""
        return opstate.seen(deployed.state, stack=self.at.place.stack) if deployed else Seen()

    def tell(self, ops: Ops, *, op: str, before: Seen, started: str) -> None:
        """Write the op state for the suites and hooks that follow."""
        plan = self.at.found.plan
        state = OpState(
            op=op,
            recipe=plan.recipe,
            domain=self.at.place.domain,
            before=before,
            after=self.seen(ops.deployed),
            head_ref=str(plan.target.commit),
            base=plan.base.version if plan.base else "",
            snapshot_id=ops.snapshot.id if ops.snapshot else "",
            started=started,
            ended=self.at.clock.now(),
        )
        opstate.write(state, self.suites.state_file, below=Below(self.at.place.shared))


def made(
    at: Context,
    cell: Cell,
    swarm: Swarm,
    deployment: Deployment,
    placing: Placing,
    *,
    note: Callable[[str], None],
) -> Authoring:
    """Put it together.

    Args:
        at: the run.
        cell: where the code runs.
        swarm: used by nobody else while a suite runs.
        deployment: whose env is told.
        placing: where the authors' files are.
        note: hears what is left behind.
    """
    timeouts = at.found.plan.meta.timeouts
    children = Children(
        cell=cell,
        reach=Execs(swarm, stack=at.place.stack, clock=at.clock, kill=cell.runner.end_group),
        uid=user_of(at.place.run_id),
        folder=at.place.shared / "children",
        facts=_facts(at, deployment),
        clock=at.clock,
        say=lambda line: log.info("%s", line),
        note=note,
    )
    state_file = at.place.shared / "op-state.json"
    return Authoring(
        at,
        Suites(children, placing, state_file, timeouts.suite),
        Hooks(children, placing, state_file, timeouts.suite),
        InstallSteps(children, placing, at.place.checkout),
    )


def _facts(at: Context, deployment: Deployment) -> Facts:
    plan, http, domain = at.found.plan, at.found.plan.meta.http, at.place.domain
    return Facts(
        domain=domain,
        recipe=plan.recipe,
        version=plan.own_version,
        host=f"{http.host}.{domain}" if http.host else domain,
        path=http.path,
        accept=http.accept,
        env=lambda: _env(deployment),
        mask=at.redactor.mask,
    )


def _env(deployment: Deployment) -> Mapping[str, str]:
    """Return the app's env as it is now; before `app new`, which `pre_deploy` comes before, there is none."""
    try:
        return deployment.env().values()
    except FileNotFoundError:
        return {}
