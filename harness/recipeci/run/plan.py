"""The only place that decides what a run will do: tiers in order, their hooks and suites, what is left out. Pure."""

from __future__ import annotations

import enum
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from recipeci.errors import UsageError
from recipeci.model import AuthorFile, Base, BaseMode, Commit, LeftOut, Target, Tier
from recipeci.recipe import discovery
from recipeci.recipe.discovery import Brought
from recipeci.recipe.metadata import RecipeMeta
from recipeci.recipe.versions import Published, Version
from recipeci.run import base as bases
from recipeci.run.base import Choice

OPS = {Tier.INSTALL: "deploy", Tier.UPGRADE: "upgrade", Tier.BACKUP: "backup", Tier.RESTORE: "restore", Tier.CUSTOM: ""}
GENERIC = "generic"
GENERIC_FOLDER = Path(__file__).parents[1] / "author" / "generic"
NO_LABELS = "structural: no backup labels"
NO_CUSTOM = "structural: no custom tests"
NO_SCREENSHOT = "screenshot: not made: recipe.yml asks for one, and this recipeci takes no pictures yet"


class Fate(enum.StrEnum):
    """What the plan does with a tier: it is carried out, or its outcome is already known."""

    RUN = "run"
    SKIP = "skip"
    UNVERIFIED = "unverified"


@dataclass(frozen=True)
class Step:
    """One tier of the plan.

    `op` is its one mutation (empty for `custom`), `reason` why it is not carried out, and `no_generic` why its generic
    suite is not run; each is empty otherwise. `suites` and `hooks` are in the order in which they are run.
    """

    tier: Tier
    fate: Fate
    reason: str = ""
    no_generic: str = ""
    suites: tuple[AuthorFile, ...] = ()
    hooks: tuple[AuthorFile, ...] = ()

    def __post_init__(self) -> None:
        """Refuse a tier that is left undone without a reason or with files, and a reason for one that is done."""
        if (self.fate is Fate.RUN) is bool(self.reason):
            msg = f"{self.tier}: {self.fate} with the reason {self.reason!r}"
            raise ValueError(msg)
        if self.fate is not Fate.RUN and (self.suites or self.hooks or self.no_generic):
            msg = f"{self.tier}: {self.fate}, and yet with suites, hooks or a generic suite that is skipped"
            raise ValueError(msg)

    @property
    def op(self) -> str:
        """The tier's one mutation, or nothing."""
        return OPS[self.tier]

    @property
    def header(self) -> str:
        """The line that the tier begins with: what becomes of our own suite, and whose others are run."""
        sources = tuple(dict.fromkeys(file.source for file in self.suites))
        generic = "run" if GENERIC in sources else "skip" if self.no_generic else "none"
        overlay = "+".join(source for source in sources if source != GENERIC) or "none"
        return f"===== TIER: {self.tier} (generic={generic}, overlay={overlay}) ====="


@dataclass(frozen=True)
class Plan:
    """What a run will do.

    Steps are in their order and only those that were asked for. `base_reason` says why that base, or why there is none.
    `own_version` is the target's, empty if nothing says it.
    """

    recipe: str
    target: Target
    base: Base | None
    base_reason: str
    steps: tuple[Step, ...]
    meta: RecipeMeta
    own_version: str = ""
    install_steps: tuple[AuthorFile, ...] = ()
    """The `install_steps.sh` that are run after `app new`, in their order."""
    left_out: tuple[LeftOut, ...] = ()
    notes: tuple[str, ...] = ()

    @property
    def first_commit(self) -> Commit:
        """What is deployed first: the base, or the target where there is none."""
        return self.base.commit if self.base else self.target.commit

    @property
    def not_asked(self) -> tuple[Tier, ...]:
        """The tiers that --stages leaves out: neither run nor shown as passed."""
        return tuple(tier for tier in Tier if tier not in {step.tier for step in self.steps})

    @property
    def generic_skipped(self) -> tuple[Tier, ...]:
        """The tiers that are carried out without our own suite: with one of them the verdict has no level."""
        return tuple(step.tier for step in self.steps if step.no_generic)


@dataclass(frozen=True)
class Authors:
    """What authors brought, the operator's overlay first; and the tiers whose generic suite is skipped, with why."""

    brought: tuple[Brought, ...] = ()
    no_generic: Mapping[Tier, str] = field(default_factory=dict)

    def suites(self, tier: Tier) -> tuple[AuthorFile, ...]:
        """Return the suites of a tier in their order: all sources add, none replaces another."""
        own = () if tier is Tier.CUSTOM or tier in self.no_generic else (generic_suite(tier),)
        return own + tuple(file for one in self.brought for file in one.suites.get(tier, ()))

    @property
    def hooks(self) -> tuple[AuthorFile, ...]:
        """The files with hooks, in their order."""
        return tuple(file for one in self.brought for file in one.hooks)

    @property
    def install_steps(self) -> tuple[AuthorFile, ...]:
        """The `install_steps.sh`, in their order."""
        return tuple(file for one in self.brought for file in one.install_steps)

    @property
    def left_out(self) -> tuple[LeftOut, ...]:
        """What is not used of what they brought."""
        return tuple(file for one in self.brought for file in one.left_out)


def make_plan(
    *,
    recipe: str,
    target: Target,
    stages: Collection[Tier],
    versions: Sequence[Published],
    reachable: Collection[str],
    own: Version | None,
    meta: RecipeMeta,
    asked_base: str | None = None,
    brought: Sequence[Brought] = (),
    skip_generic: Mapping[Tier, str] | None = None,
    notes: Sequence[str] = (),
) -> Plan:
    """Plan a run.

    Args:
        recipe: its name.
        target: what is under test.
        stages: the tiers that were asked for.
        versions: all published ones, oldest first.
        reachable: names of the tags of the target and of all that came before it.
        own: the target's own version; None if nothing says it.
        meta: what recipe.yml says.
        asked_base: the version that `--base` names.
        brought: what authors brought, the operator's overlay first.
        skip_generic: the tiers whose generic suite the caller skips, beside those of recipe.yml, with the reason.
        notes: what was found on the way and a reader would otherwise miss.

    Raises UsageError if a base is asked for that cannot be one, or no tier at all.
    """
    if not stages:
        raise UsageError("no stage is left to run", hint=f"--stages {','.join(Tier)}")
    choice = bases.choose(
        target=target,
        stages=stages,
        versions=versions,
        reachable=reachable,
        own=own,
        meta=meta,
        asked=asked_base,
    )
    authors = Authors(tuple(brought), {**(skip_generic or {}), **meta.skip_generic})
    steps = tuple(_step(tier, choice, meta, authors) for tier in Tier if tier in stages)
    uncommitted = ("the target is uncommitted work: its commit exists in the run's private clone alone",)
    return Plan(
        recipe=recipe,
        target=target,
        base=choice.base,
        base_reason=choice.reason,
        steps=steps,
        meta=meta,
        own_version=own.text if own else "",
        install_steps=authors.install_steps,
        left_out=(*authors.left_out, *_for_nothing(steps, authors)),
        notes=(
            *notes,
            *(uncommitted if target.uncommitted else ()),
            *bases.notes(target, choice.base, versions, own),
            *_skipped_loudly(steps),
            *((NO_SCREENSHOT,) if meta.screenshot else ()),
        ),
    )


def from_checkout(plan: Plan, *, errors: Sequence[str]) -> Plan:
    """Take the base's checkout after all: these errors of abra's own lint forbid to deploy its version by name."""
    assert plan.base is not None  # noqa: S101 - the caller has looked at it
    note = (
        f"abra deploys no version that its lint refuses, as it does {plan.base.version} for {', '.join(errors)}: "
        "the base is deployed from its checkout (base_mode chaos)"
    )
    return replace(plan, base=replace(plan.base, mode=BaseMode.CHAOS), notes=(*plan.notes, note))


def without_backup(plan: Plan) -> Plan:
    """Skip backup and restore after all: the target's compose files, as Docker resolves them, have no backup labels."""
    affected = {
        step.tier: step for step in plan.steps if step.tier in (Tier.BACKUP, Tier.RESTORE) and step.fate is Fate.RUN
    }
    steps = tuple(Step(s.tier, Fate.SKIP, NO_LABELS) if s.tier in affected else s for s in plan.steps)
    left_out = tuple(file for step in affected.values() for file in _unused(step.suites, NO_LABELS))
    return replace(plan, steps=steps, left_out=(*plan.left_out, *left_out))


def generic_suite(tier: Tier) -> AuthorFile:
    """Return our own suite of a tier (there is none for custom)."""
    return AuthorFile(GENERIC, GENERIC_FOLDER / f"test_{tier}.py")


def _step(tier: Tier, choice: Choice, meta: RecipeMeta, authors: Authors) -> Step:
    """Say what is done with one tier."""
    if tier in meta.skip:
        return Step(tier, Fate.SKIP, f"declared: {meta.skip[tier]}")
    if tier is Tier.RESTORE and Tier.BACKUP in meta.skip:
        return Step(tier, Fate.SKIP, f"declared: the backup is skipped: {meta.skip[Tier.BACKUP]}")
    if tier is Tier.UPGRADE and choice.base is None:
        return Step(tier, Fate(choice.without.value), choice.reason)
    suites = authors.suites(tier)
    if tier is Tier.CUSTOM and not suites:
        return Step(tier, Fate.SKIP, _no_custom(authors.left_out))
    hooks = () if tier is Tier.CUSTOM else authors.hooks
    return Step(tier, Fate.RUN, no_generic=authors.no_generic.get(tier, ""), suites=suites, hooks=hooks)


def _no_custom(left_out: Iterable[LeftOut]) -> str:
    """Say that there are no custom tests, and how many there would be."""
    reasons = [file.reason for file in left_out if discovery.is_custom_suite(file.path)]
    if not reasons:
        return NO_CUSTOM
    return f"{NO_CUSTOM} ({len(reasons)} of the repository's left out: {reasons[0].partition(':')[0]})"


def _for_nothing(steps: Sequence[Step], authors: Authors) -> Iterator[LeftOut]:
    """Name the suites that authors brought for tiers that are asked for and not carried out."""
    for step in steps:
        if step.fate is not Fate.RUN:
            yield from _unused((file for one in authors.brought for file in one.suites.get(step.tier, ())), step.reason)


def _unused(files: Iterable[AuthorFile], reason: str) -> Iterator[LeftOut]:
    """Name files of authors that are not used; our own are none of theirs."""
    yield from (LeftOut(str(file.path), reason) for file in files if file.source != GENERIC)


def _skipped_loudly(steps: Sequence[Step]) -> Iterator[str]:
    """Say which generic suites are skipped, and what that costs."""
    for step in steps:
        if step.no_generic:
            yield f"the generic suite of {step.tier} is skipped, so there will be no level: {step.no_generic}"
