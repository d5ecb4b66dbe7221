"""The only place that decides what a run will do: tiers in order, base and why that base, what is left out. Pure."""

from __future__ import annotations

import enum
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, replace

from recipeci.errors import UsageError
from recipeci.model import AuthorFile, Base, BaseMode, Commit, LeftOut, Target, Tier
from recipeci.recipe.metadata import RecipeMeta
from recipeci.recipe.versions import Published, Version, nearest

OPS = {Tier.INSTALL: "deploy", Tier.UPGRADE: "upgrade", Tier.BACKUP: "backup", Tier.RESTORE: "restore", Tier.CUSTOM: ""}
NOT_YET = {tier: f"not available yet ({tier} comes with a later version)" for tier in tuple(Tier)[2:]}
GENERIC = frozenset({Tier.INSTALL, Tier.UPGRADE})
NOTHING = "structural: nothing to upgrade from"
NOT_ASKED = "the upgrade was not asked for"


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
        """Refuse a tier that is left undone without a reason, and a reason for one that is done."""
        if (self.fate is Fate.RUN) is bool(self.reason):
            msg = f"{self.tier}: {self.fate} with the reason {self.reason!r}"
            raise ValueError(msg)

    @property
    def op(self) -> str:
        """The tier's one mutation, or nothing."""
        return OPS[self.tier]

    @property
    def generic(self) -> bool:
        """Whether our own suite is run."""
        return self.tier in GENERIC and not self.no_generic

    @property
    def header(self) -> str:
        """The line that the tier begins with."""
        return f"===== TIER: {self.tier} (generic={'run' if self.generic else 'none'}, overlay=none) ====="


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


@dataclass(frozen=True)
class Choice:
    """The base, or none and what that makes of the upgrade."""

    base: Base | None
    reason: str
    fate: Fate = Fate.RUN


def make_plan(
    *,
    recipe: str,
    target: Target,
    stages: Collection[Tier],
    versions: Sequence[Published],
    own: Version | None,
    meta: RecipeMeta,
    asked_base: str | None = None,
    left_out: Sequence[LeftOut] = (),
    notes: Sequence[str] = (),
) -> Plan:
    """Plan a run.

    Args:
        recipe: its name.
        target: what is under test.
        stages: the tiers that were asked for.
        versions: all published ones, oldest first.
        own: the target's own version; None if nothing says it.
        meta: what recipe.yml says.
        asked_base: the version that `--base` names.
        left_out: the files of authors that are not used.
        notes: what was found on the way and a reader would otherwise miss.

    Raises UsageError if a base is asked for that cannot be one, or no tier at all.
    """
    if not stages:
        raise UsageError("no stage is left to run", hint=f"--stages {','.join(Tier)}")
    if asked_base is not None and Tier.UPGRADE not in stages:
        raise UsageError("--base is for the upgrade, and --stages leaves that out", hint="--stages install,upgrade")
    choice = _choose(target=target, stages=stages, versions=versions, own=own, meta=meta, asked=asked_base)
    choice = _deployable(choice, versions)
    return Plan(
        recipe=recipe,
        target=target,
        base=choice.base,
        base_reason=choice.reason,
        steps=tuple(_step(tier, choice, meta) for tier in Tier if tier in stages),
        meta=meta,
        own_version=own.text if own else "",
        left_out=tuple(left_out),
        notes=(*notes, *_notes(target, choice.base, versions)),
    )


def from_checkout(plan: Plan, *, errors: Sequence[str]) -> Plan:
    """Take the base's checkout after all: these errors of abra's own lint forbid to deploy its version by name."""
    assert plan.base is not None  # noqa: S101 - the caller has looked at it
    note = (
        f"abra deploys no version that its lint refuses, as it does {plan.base.version} for {', '.join(errors)}: "
        "the base is deployed from its checkout (base_mode chaos)"
    )
    return replace(plan, base=replace(plan.base, mode=BaseMode.CHAOS), notes=(*plan.notes, note))


def describe(plan: Plan) -> tuple[str, ...]:
    """Return the plan as lines for people."""
    rows = [("recipe", plan.recipe), ("target", _target(plan)), ("base", _base(plan))]
    rows += [(step.tier.value, f"{step.fate:<11} {_doing(step)}") for step in plan.steps]
    rows += [("not asked", ", ".join(plan.not_asked))] if plan.not_asked else []
    rows += [("left out", f"{file.path}: {file.reason}") for file in plan.left_out]
    rows += [("note", note) for note in plan.notes]
    return tuple(f"{name:<10}: {text}".rstrip() for name, text in rows)


def _step(tier: Tier, choice: Choice, meta: RecipeMeta) -> Step:
    """Say what is done with one tier."""
    if tier in meta.skip:
        return Step(tier, Fate.SKIP, f"declared: {meta.skip[tier]}")
    if tier in NOT_YET:
        return Step(tier, Fate.UNVERIFIED, NOT_YET[tier])
    if tier is Tier.UPGRADE and choice.fate is not Fate.RUN:
        return Step(tier, choice.fate, choice.reason)
    return Step(tier, Fate.RUN, no_generic=meta.skip_generic.get(tier, ""))


def _choose(
    *,
    target: Target,
    stages: Collection[Tier],
    versions: Sequence[Published],
    own: Version | None,
    meta: RecipeMeta,
    asked: str | None,
) -> Choice:
    """Choose the base (DESIGN §3.4): explicit, else what recipe.yml pins, else by the rule."""
    if Tier.UPGRADE not in stages:
        return Choice(None, NOT_ASKED)
    if reason := meta.skip.get(Tier.UPGRADE):
        return Choice(None, f"the upgrade is skipped: {reason}", Fate.SKIP)
    if asked is not None:
        return _chosen(_find(asked, versions, said="--base"), "asked for by --base")
    if meta.base_version:
        return _pinned(_find(meta.base_version, versions, said="recipe.yml: base.version"), target)
    return _by_rule(target=target, versions=versions, own=own, oldest=meta.base_from)


def _by_rule(*, target: Target, versions: Sequence[Published], own: Version | None, oldest: str) -> Choice:
    """Take the highest published version that is not above the target's own, and is another commit."""
    if not versions:
        return Choice(None, f"{NOTHING}: no version is published", Fate.SKIP)
    if own is None:
        return Choice(None, _unknown(versions), Fate.UNVERIFIED)
    below = [one for one in versions if one.version <= own and one.commit != target.commit]
    if not below:
        return Choice(None, f"{NOTHING}: no other published version is at or below {own}", Fate.SKIP)
    best = max(below, key=lambda one: one.version)
    if oldest and best.version < Version(oldest):
        reason = f"{NOTHING}: {best.version} is older than {oldest}, the oldest that recipe.yml supports"
        return Choice(None, reason, Fate.SKIP)
    return _chosen(best, _why(target, own, versions))


def _why(target: Target, own: Version, versions: Sequence[Published]) -> str:
    """Say which rule chose the base."""
    if target.version is not None:
        return f"the next published version below {own}"
    if any(one.commit == target.commit for one in versions):
        return f"the next published version below {own}, as which the commit is published"
    return f"the highest published version that is not above {own}, the commit's own version"


def _unknown(versions: Sequence[Published]) -> str:
    """Say that the base cannot be chosen, though there are versions."""
    return (
        f"of {len(versions)} published versions none is known to be the one before this commit: its compose file has "
        "no version label, and no version tag can be reached from it; name the base by --base"
    )


def _pinned(one: Published, target: Target) -> Choice:
    """Take the version that recipe.yml names, unless it is the commit under test: only --base may say that."""
    if one.commit == target.commit:
        reason = f"recipe.yml: base.version {one.version} is the commit under test: an upgrade to itself tests nothing"
        return Choice(None, reason, Fate.UNVERIFIED)
    return _chosen(one, "named by recipe.yml: base.version")


def _chosen(one: Published, why: str) -> Choice:
    """Make a base."""
    return Choice(Base(version=one.version.text, commit=one.commit, mode=BaseMode.PINNED, why=why), why)


def _deployable(choice: Choice, versions: Sequence[Published]) -> Choice:
    """Take the base's checkout where abra deploys no version by name: one lightweight tag of any version forbids it."""
    if choice.base is None or not _lightweight(versions):
        return choice
    return replace(choice, base=replace(choice.base, mode=BaseMode.CHAOS))


def _lightweight(versions: Sequence[Published]) -> tuple[str, ...]:
    """Return the versions whose tags abra's lint (R014) refuses, which it asks before it deploys any of them."""
    return tuple(one.version.text for one in versions if not one.annotated)


def _find(wanted: str, versions: Sequence[Published], *, said: str) -> Published:
    """Return a published version by its name."""
    for one in versions:
        if one.version.text == wanted:
            return one
    raise not_published(wanted, [one.version for one in versions], said=said)


def not_published(wanted: str, versions: Sequence[Version], *, said: str) -> UsageError:
    """Say that a version is not published, and name the nearest ones."""
    named = ", ".join(version.text for version in nearest(wanted, versions))
    hint = f"published: {named}" if named else "no version of this recipe is published"
    return UsageError(f"{said}: {wanted} is not a published version", hint=hint)


def _notes(target: Target, base: Base | None, versions: Sequence[Published]) -> Iterator[str]:
    """Say what a reader would otherwise miss."""
    if target.uncommitted:
        yield "the target is uncommitted work: its commit exists in the run's private clone alone"
    if base and base.commit == target.commit:
        yield f"base and target are the same commit {target.commit}: the upgrade will be unverified"
    if base and base.mode is BaseMode.CHAOS:
        first, *more = _lightweight(versions)
        yield (
            f"the tag {first} is lightweight{f' and so are {len(more)} more' if more else ''}, for which abra deploys "
            "no published version (lint R014): the base is deployed from its checkout (base_mode chaos); "
            f"to mend it: git tag -f -a -m {first} {first} {first}"
        )


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


def _doing(step: Step) -> str:
    """Say what a step does, or why not."""
    if step.fate is not Fate.RUN:
        return step.reason
    suite = "generic suite" if step.generic else f"no generic suite: {step.no_generic or 'there is none'}"
    return f"{step.op or 'no op'}, then {suite}"
