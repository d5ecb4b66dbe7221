"""Plans as run.plan makes them of a recipe with three published versions: honest defaults, to be varied by a case."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from pathlib import Path

from recipeci.model import AuthorFile, Commit, Tag, Target, Tier
from recipeci.recipe.discovery import Brought
from recipeci.recipe.metadata import RecipeMeta
from recipeci.recipe.versions import Published, Version, published
from recipeci.run.plan import GENERIC_FOLDER, Plan, Step, make_plan

HEAD = Commit("f" * 40)
DEMO = (Tier.INSTALL, Tier.UPGRADE)


def commit(number: int) -> Commit:
    return Commit(f"{number:040x}")


def versions(*names: str, lightweight: tuple[str, ...] = ()) -> tuple[Published, ...]:
    """Published versions; the n-th named is commit n."""
    return published(Tag(name, commit(n), annotated=name not in lightweight) for n, name in enumerate(names, start=1))


THREE = versions("1.0.0+1", "1.1.0+2", "2.0.0+3")


def plan(
    *,
    target: Target | None = None,
    own: str | None = "2.1.0+4",
    found: tuple[Published, ...] = THREE,
    stages: tuple[Tier, ...] = DEMO,
    base: str | None = None,
    meta: RecipeMeta | None = None,
    brought: Sequence[Brought] = (),
    skip_generic: Mapping[Tier, str] | None = None,
    reachable: Collection[str] = (),
) -> Plan:
    return make_plan(
        recipe="custom-html",
        target=target or Target(HEAD),
        stages=stages,
        versions=found,
        reachable=reachable,
        own=Version(own) if own else None,
        meta=meta or RecipeMeta(),
        asked_base=base,
        brought=brought,
        skip_generic=skip_generic,
    )


def at(version: str) -> Target:
    """A published version as the target, asked for by its name."""
    (one,) = (one for one in THREE if one.version.text == version)
    return Target(one.commit, version=version)


def step_of(made: Plan, tier: Tier) -> Step:
    (step,) = (step for step in made.steps if step.tier is tier)
    return step


def upgrade(made: Plan) -> Step:
    return step_of(made, Tier.UPGRADE)


def generic(tier: Tier) -> AuthorFile:
    return AuthorFile("generic", GENERIC_FOLDER / f"test_{tier}.py")


def ours(name: str) -> AuthorFile:
    return AuthorFile("recipeci", Path("/overlays/custom-html") / name)


def theirs(name: str) -> AuthorFile:
    return AuthorFile("repo", Path("tests") / name)


def all_of(make: Callable[[str], AuthorFile]) -> Brought:
    """What an author brings that has everything."""
    suites: dict[Tier, tuple[AuthorFile, ...]] = {
        tier: (make(f"test_{tier}.py"),) for tier in Tier if tier is not Tier.CUSTOM
    }
    return Brought(
        {**suites, Tier.CUSTOM: (make("custom/test_a.py"), make("custom/test_b.py"))},
        (make("ops.py"),),
        (make("install_steps.sh"),),
    )
