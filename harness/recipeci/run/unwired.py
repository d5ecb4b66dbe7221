"""The only place that says what of a plan is not carried out yet; this file and its one call go when all of it is."""

from __future__ import annotations

from dataclasses import replace

from recipeci.model import LeftOut, Tier
from recipeci.run.plan import GENERIC, Fate, Plan, Step

LATER = {tier: f"not available yet ({tier} comes with a later version)" for tier in tuple(Tier)[2:]}
NOT_RUN = "suites of authors are not run yet"


def without_what_is_not_wired(plan: Plan) -> Plan:
    """Return the plan as it is carried out today: nothing of authors' is run, and three tiers are not there."""
    files = [file for step in plan.steps for file in (*step.suites, *step.hooks) if file.source != GENERIC]
    paths = dict.fromkeys(str(file.path) for file in (*files, *plan.install_steps))
    return replace(
        plan,
        steps=tuple(_today(step) for step in plan.steps),
        install_steps=(),
        left_out=(*plan.left_out, *(LeftOut(path, NOT_RUN) for path in paths)),
    )


def _today(step: Step) -> Step:
    """Return a step as it is carried out today."""
    skipped_for_nothing = step.tier is Tier.CUSTOM and step.fate is Fate.SKIP and step.reason.startswith("structural")
    if step.tier in LATER and (step.fate is Fate.RUN or skipped_for_nothing):
        return Step(step.tier, Fate.UNVERIFIED, LATER[step.tier])
    return replace(step, suites=tuple(file for file in step.suites if file.source == GENERIC), hooks=())
