"""The only place that puts a plan in words: what `--plan` prints. Pure."""

from __future__ import annotations

from collections.abc import Iterator

from recipeci.model import AuthorFile, whose
from recipeci.run.plan import GENERIC, Fate, Plan, Step


def describe(plan: Plan) -> tuple[str, ...]:
    """Return the plan as lines for people."""
    rows = [("recipe", plan.recipe), ("target", _target(plan)), ("base", _base(plan))]
    rows += [("env steps", _file(file)) for file in plan.install_steps]
    rows += [row for step in plan.steps for row in _rows(step)]
    rows += [("not asked", ", ".join(plan.not_asked))] if plan.not_asked else []
    rows += [("left out", f"{file.path}: {file.reason}") for file in plan.left_out]
    rows += [("note", note) for note in plan.notes]
    return tuple(f"{name:<10}: {text}".rstrip() for name, text in rows)


def _rows(step: Step) -> Iterator[tuple[str, str]]:
    """Say what a step does, or why not; then each hook before its op, and each suite after it."""
    if step.fate is not Fate.RUN:
        yield step.tier.value, f"{step.fate:<11} {step.reason}"
        return
    skipped = f", without the generic suite: {step.no_generic}" if step.no_generic else ""
    yield step.tier.value, f"{step.fate:<11} {step.op or 'no op'}{skipped}"
    yield from (("  hooks", _file(file)) for file in step.hooks)
    yield from (("  suite", _file(file)) for file in step.suites)


def _file(file: AuthorFile) -> str:
    """Say whose file it is, and where; of our own, which are the same for all, the name is enough."""
    return f"{whose(file.source):<17} {file.path.name if file.source == GENERIC else file.path}"


def _target(plan: Plan) -> str:
    """Name the target for people."""
    target = plan.target
    if target.version is not None:
        return f"{target.commit} (version {target.version})"
    own = f"own version {plan.own_version}" if plan.own_version else "own version unknown"
    return f"{target.commit} ({'uncommitted work, ' if target.uncommitted else ''}{own})"


def _base(plan: Plan) -> str:
    """Name the base for people, with the reason."""
    base = plan.base
    return f"{base.version} {base.commit} ({base.mode}): {base.why}" if base else f"none: {plan.base_reason}"
