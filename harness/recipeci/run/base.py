"""The only place that chooses the base: the published version that the upgrade starts from (DESIGN §3.4). Pure."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, replace

from recipeci.errors import UsageError
from recipeci.model import Base, BaseMode, Outcome, Target, Tier
from recipeci.recipe.metadata import RecipeMeta
from recipeci.recipe.versions import Published, Version, nearest

NOTHING = "structural: nothing to upgrade from"
NOT_ASKED = "the upgrade was not asked for"


@dataclass(frozen=True)
class Choice:
    """The base with the reason for it; or none, why, and what that makes of the upgrade (SKIP or UNVERIFIED)."""

    base: Base | None
    reason: str
    without: Outcome = Outcome.SKIP


def choose(
    *,
    target: Target,
    stages: Collection[Tier],
    versions: Sequence[Published],
    reachable: Collection[str],
    own: Version | None,
    meta: RecipeMeta,
    asked: str | None,
) -> Choice:
    """Choose the base and how it is deployed.

    Args:
        target: what is under test.
        stages: the tiers that were asked for.
        versions: all published ones, oldest first.
        reachable: names of the tags of the target and of all that came before it.
        own: the target's own version; None if nothing says it.
        meta: what recipe.yml says.
        asked: the version that `--base` names.

    Raises UsageError if a base is asked for that cannot be one.
    """
    if asked is not None and Tier.UPGRADE not in stages:
        raise UsageError("--base is for the upgrade, and --stages leaves that out", hint="--stages install,upgrade")
    found = _choose(
        target=target, stages=stages, versions=versions, reachable=reachable, own=own, meta=meta, asked=asked
    )
    return _deployable(found, versions)


def _choose(
    *,
    target: Target,
    stages: Collection[Tier],
    versions: Sequence[Published],
    reachable: Collection[str],
    own: Version | None,
    meta: RecipeMeta,
    asked: str | None,
) -> Choice:
    """Choose the base (DESIGN §3.4): explicit, else what recipe.yml pins, else by the rule."""
    if Tier.UPGRADE not in stages:
        return Choice(None, NOT_ASKED)
    if reason := meta.skip.get(Tier.UPGRADE):
        return Choice(None, f"the upgrade is skipped: {reason}")
    if asked is not None:
        return _chosen(_find(asked, versions, said="--base"), "asked for by --base")
    if meta.base_version:
        return _pinned(_find(meta.base_version, versions, said="recipe.yml: base.version"), target, own)
    return _by_rule(target=target, versions=versions, reachable=reachable, own=own, oldest=meta.base_from)


def _by_rule(
    *,
    target: Target,
    versions: Sequence[Published],
    reachable: Collection[str],
    own: Version | None,
    oldest: str,
) -> Choice:
    """Take the highest published version that is not above the target's own, and is another commit."""
    if not versions:
        return Choice(None, f"{NOTHING}: no version is published")
    if own is None:
        return Choice(None, _unknown(versions), Outcome.UNVERIFIED)
    others = [one for one in versions if one.commit != target.commit]
    below = [one for one in others if one.version <= own]
    if not below:
        return _none_below(own, before=[one for one in others if one.version.text in reachable])
    best = max(below, key=lambda one: one.version)
    if oldest and best.version < Version(oldest):
        reason = f"{NOTHING}: {best.version} is older than {oldest}, the oldest that recipe.yml supports"
        return Choice(None, reason)
    return _chosen(best, _why(target, own, versions))


def _none_below(own: Version, *, before: Sequence[Published]) -> Choice:
    """Choose no base: all that came before the target is above its own version, or there was nothing."""
    if not before:
        return Choice(None, f"{NOTHING}: no other published version is at or below {own}")
    reason = (
        f"the commit's own version is {own}, but {before[-1].version} is published and came before it: "
        "raise the version label, or name the base by --base"
    )
    return Choice(None, reason, Outcome.UNVERIFIED)


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


def _pinned(one: Published, target: Target, own: Version | None) -> Choice:
    """Take the version that recipe.yml names, unless it is the target or above it: only --base may say that."""
    if one.commit == target.commit:
        reason = f"recipe.yml: base.version {one.version} is the commit under test: an upgrade to itself tests nothing"
        return Choice(None, reason, Outcome.UNVERIFIED)
    if own is not None and one.version > own:
        reason = f"recipe.yml: base.version {one.version} is above {own}, the target's own: that is a downgrade"
        return Choice(None, reason, Outcome.UNVERIFIED)
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


def notes(target: Target, base: Base | None, versions: Sequence[Published], own: Version | None) -> Iterator[str]:
    """Say what a reader of the choice would otherwise miss."""
    if base and base.commit == target.commit:
        yield f"base and target are the same commit {target.commit}: the upgrade will be unverified"
    elif base and own is not None and Version(base.version) > own:
        yield f"the base {base.version} is above {own}, the target's own version: the upgrade is a downgrade"
    if base and base.mode is BaseMode.CHAOS:
        first, *more = _lightweight(versions)
        yield (
            f"the tag {first} is lightweight{f' and so are {len(more)} more' if more else ''}, for which abra deploys "
            "no published version (lint R014): the base is deployed from its checkout (base_mode chaos); "
            f"to mend it: git tag -f -a -m {first} {first} {first}"
        )
