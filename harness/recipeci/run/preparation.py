"""The only place that looks at the recipe's files before anything runs: lint, and the images that will be needed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from recipeci.errors import RecipeInvalid
from recipeci.host.abra import Abra
from recipeci.host.linttable import ERROR
from recipeci.model import BaseMode, Commit, LintResult, Outcome
from recipeci.recipe import lint
from recipeci.recipe.compose import Compose
from recipeci.recipe.coverage import Coverage, coverage, unsaved
from recipeci.recipe.envfile import EnvFile
from recipeci.run.environment import Environment
from recipeci.run.linting import recipe_tree


@dataclass(frozen=True)
class Preparation:
    """What the files say: findings that forbid a deployment, the base's own fault if it has one, the images, notes.

    `coverage` is what the target's labels promise of backups, and `backup_findings` what is wrong with them, which
    costs only level 5; None and nothing where the target cannot be deployed.
    """

    findings: tuple[str, ...]
    base_fault: str
    images: tuple[str, ...]
    notes: tuple[str, ...] = ()
    coverage: Coverage | None = None
    backup_findings: tuple[str, ...] = ()


def prepared(environment: Environment) -> Preparation:
    """Judge the target's files, and resolve the compose files of every deployment; nothing is deployed or pulled."""
    target = environment.plan.target.commit
    tree = recipe_tree(environment.clone, target)
    if findings := (*lint.of_files(tree), *lint.of_name(tree, recipe=environment.plan.recipe)):
        return Preparation(findings, "", ())
    try:
        fresh = _resolved(environment, target, environment.fresh())
        notes = environment.unset(environment.fresh())
    except RecipeInvalid as e:
        return Preparation((e.message,), "", ())
    if findings := lint.of_stack(fresh, stack=environment.stack):
        return Preparation(findings, "", ())
    promised = coverage(fresh)
    undeclared = unsaved(fresh, promised, undeclared=environment.plan.meta.backup_undeclared)
    good = Preparation(
        (),
        "",
        fresh.images,
        notes=(*notes, *promised.notes),
        coverage=promised,
        backup_findings=(*promised.findings, *undeclared),
    )
    try:
        env = environment.first(environment.sample(environment.plan.first_commit))
        first = _resolved(environment, environment.plan.first_commit, env)
    except RecipeInvalid as e:
        return replace(good, base_fault=e.message)
    then = first if environment.plan.base is None else _upgraded(environment, env) or fresh
    return replace(good, images=tuple(dict.fromkeys((*first.images, *then.images))))


def _upgraded(environment: Environment, env: EnvFile) -> Compose | None:
    """Return what the target's files mean with the env that the app has from the base; None if they are no stack then.

    That is no fault of the base's, and none that ends the run: install steps may still mend the env, and if they do not
    the upgrade fails by it.
    """
    try:
        return _resolved(environment, environment.plan.target.commit, environment.upgraded(env)[0])
    except RecipeInvalid:
        return None


def own_lint(findings: tuple[str, ...], *, seconds: float) -> LintResult:
    """Return the lint of a recipe whose files have something wrong."""
    return LintResult(
        outcome=Outcome.FAIL,
        reason="; ".join(findings),
        seconds=seconds,
        rules=lint.RULES,
        findings=findings,
        blocking=True,
    )


def abra_lint(abra: Abra, recipe: str, *, of_backups: Sequence[str], seconds: float) -> LintResult:
    """Return abra's own lint of what is checked out, which is pristine, and what is wrong with backups: level 5.

    Args:
        abra: what lints.
        recipe: its name.
        of_backups: the findings of `prepared`.
        seconds: how long it took until now.
    """
    table = abra.recipe_lint(recipe)
    broken = (*(f"{row.ref} ({row.severity}) {row.rule}" for row in table.broken), *of_backups)
    return LintResult(
        outcome=Outcome.FAIL if of_backups and table.outcome is Outcome.PASS else table.outcome,
        reason=table.problem or "; ".join(broken),
        seconds=seconds,
        rules=len(table.rows),
        not_checked=tuple(f"{row.ref} {row.rule}" for row in table.skipped),
        findings=broken,
    )


def refused_by_abra(abra: Abra, environment: Environment) -> tuple[str, ...]:
    """Return the errors of abra's lint for which it does not deploy the base's version by its name."""
    plan = environment.plan
    if plan.base is None or plan.base.mode is not BaseMode.PINNED:
        return ()
    environment.clone.checkout(plan.base.commit)
    return tuple(f"{row.ref} {row.rule}" for row in abra.recipe_lint(plan.recipe).broken if row.severity == ERROR)


def _resolved(environment: Environment, commit: Commit, env: EnvFile) -> Compose:
    environment.clone.checkout(commit)
    return environment.resolved(env)
