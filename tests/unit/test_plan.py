"""run.plan: the base rule of DESIGN §3.4 and what becomes of each tier."""

from __future__ import annotations

import dataclasses
import itertools

import pytest
from recipeci.errors import UsageError
from recipeci.model import BaseMode, Commit, LeftOut, Tag, Target, Tier
from recipeci.recipe.metadata import RecipeMeta
from recipeci.recipe.versions import Published, Version, published
from recipeci.run.plan import Fate, Plan, Step, describe, from_checkout, make_plan

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
) -> Plan:
    return make_plan(
        recipe="custom-html",
        target=target or Target(HEAD),
        stages=stages,
        versions=found,
        own=Version(own) if own else None,
        meta=meta or RecipeMeta(),
        asked_base=base,
    )


def at(version: str) -> Target:
    """A published version as the target, asked for by its name."""
    (one,) = (one for one in THREE if one.version.text == version)
    return Target(one.commit, version=version)


def upgrade(made: Plan) -> Step:
    (step,) = (step for step in made.steps if step.tier is Tier.UPGRADE)
    return step


# --- the base rule


@pytest.mark.parametrize(
    ("own", "base"),
    [
        ("2.1.0+4", "2.0.0+3"),  # not published yet: the highest there is
        ("2.0.0+3", "2.0.0+3"),  # the label still says the published version: that one, since the commit is another
        ("1.5.0+2", "1.1.0+2"),  # a branch of an older series: never a downgrade
        ("1.0.1+1", "1.0.0+1"),
        ("1.0.0+1", "1.0.0+1"),
        ("2.0.0+2", "1.1.0+2"),  # below 2.0.0+3 by its app part
        ("9.9.9+9", "2.0.0+3"),
    ],
)
def test_the_base_of_an_untagged_commit_is_the_highest_not_above_its_own_version(own: str, base: str) -> None:
    made = plan(own=own)
    assert made.base is not None
    assert made.base.version == base
    assert made.base.why == f"the highest published version that is not above {own}, the commit's own version"
    assert upgrade(made).fate is Fate.RUN


@pytest.mark.parametrize(("version", "base"), [("2.0.0+3", "1.1.0+2"), ("1.1.0+2", "1.0.0+1")])
def test_the_base_of_a_published_version_is_the_next_lower_one(version: str, base: str) -> None:
    made = plan(target=at(version), own=version)
    assert made.base is not None
    assert (made.base.version, made.base.why) == (base, f"the next published version below {version}")


@pytest.mark.parametrize(("version", "base"), [("2.0.0+3", "1.1.0+2"), ("1.1.0+2", "1.0.0+1")])
def test_a_released_head_has_the_version_before_as_its_base(version: str, base: str) -> None:
    """Control 10: the head is its newest version, asked for by sha or not at all."""
    made = plan(target=Target(at(version).commit), own=version)
    assert made.base is not None
    assert (made.base.version, made.base.mode) == (base, BaseMode.PINNED)


def test_the_rule_never_gives_the_commit_under_test_nor_one_above() -> None:
    names = ["0.9.0+1", "1.0.0+1", "1.0.1+1", "1.0.1+2", "1.1.0+1"]
    for size in range(len(names) + 1):
        for chosen in itertools.combinations(names, size):
            found = versions(*chosen)
            for own, number in itertools.product(names, range(7)):
                target = Target(commit(number))
                made = plan(found=found, own=own, target=target)
                fit = [one for one in found if one.version <= Version(own) and one.commit != target.commit]
                assert (made.base.version if made.base else None) == (fit[-1].version.text if fit else None)
                assert upgrade(made).fate is (Fate.RUN if fit else Fate.SKIP)


def test_two_tags_of_one_commit_are_not_two_versions_to_upgrade_between() -> None:
    same = commit(7)
    found = published(
        [Tag("1.0.0+1", commit(1), annotated=True), *(Tag(v, same, annotated=True) for v in ("1.1.0+1", "1.2.0+1"))]
    )
    made = plan(found=found, target=Target(same, version="1.2.0+1"), own="1.2.0+1")
    assert made.base is not None
    assert made.base.version == "1.0.0+1"


def test_nothing_is_published() -> None:
    """Control 12."""
    made = plan(found=(), own="0.1.0+1")
    assert (made.base, made.first_commit) == (None, HEAD)
    assert upgrade(made) == Step(
        Tier.UPGRADE, Fate.SKIP, "structural: nothing to upgrade from: no version is published"
    )


@pytest.mark.parametrize("target", [at("1.0.0+1"), Target(at("1.0.0+1").commit)])
def test_the_first_version_has_nothing_to_upgrade_from(target: Target) -> None:
    step = upgrade(plan(target=target, own="1.0.0+1"))
    assert step.fate is Fate.SKIP
    assert step.reason == "structural: nothing to upgrade from: no other published version is at or below 1.0.0+1"


def test_an_unknown_own_version_is_no_reason_to_skip() -> None:
    """There are versions, so a skip would be a green that nobody earned."""
    made = plan(own=None)
    assert made.base is None
    assert upgrade(made).fate is Fate.UNVERIFIED
    assert "of 3 published versions none is known to be the one before this commit" in upgrade(made).reason
    assert "--base" in upgrade(made).reason
    assert plan(own=None, base="1.0.0+1").base is not None


def test_a_lightweight_tag_is_deployed_from_its_checkout() -> None:
    """Control 13."""
    made = plan(found=versions("1.0.0+1", "1.1.0+2", lightweight=("1.1.0+2",)), own="1.2.0+1")
    assert made.base is not None
    assert (made.base.version, made.base.mode) == ("1.1.0+2", BaseMode.CHAOS)
    (note,) = made.notes
    assert note.startswith("the tag 1.1.0+2 is lightweight, for which abra deploys no published version (lint R014)")
    assert note.endswith("(base_mode chaos); to mend it: git tag -f -a -m 1.1.0+2 1.1.0+2 1.1.0+2")


@pytest.mark.parametrize("asked", [None, "1.1.0+2"])
def test_a_lightweight_tag_of_another_version_forbids_a_pinned_base_too(asked: str | None) -> None:
    """The lint of abra asks for all tags before it deploys any version."""
    made = plan(
        found=versions("0.9.0+1", "1.0.0+1", "1.1.0+2", lightweight=("0.9.0+1", "1.0.0+1")), own="1.2.0+1", base=asked
    )
    assert made.base is not None
    assert (made.base.version, made.base.mode) == ("1.1.0+2", BaseMode.CHAOS)
    (note,) = made.notes
    assert note.startswith("the tag 0.9.0+1 is lightweight and so are 1 more")


def test_a_base_that_abras_lint_refuses_is_deployed_from_its_checkout_and_named_with_why() -> None:
    before = plan()
    made = from_checkout(before, errors=("R012 config version are vendored",))
    assert before.base is not None
    assert made.base == dataclasses.replace(before.base, mode=BaseMode.CHAOS)
    assert made.notes[-1].startswith(
        "abra deploys no version that its lint refuses, as it does 2.0.0+3 for R012 config version are vendored: "
    )


def test_annotated_tags_are_deployed_by_name() -> None:
    made = plan(found=versions("1.0.0+1", "1.1.0+2"), own="1.2.0+1")
    assert made.base is not None
    assert (made.base.mode, made.notes) == (BaseMode.PINNED, ())


# --- an explicit base


def test_a_base_that_is_asked_for_wins_over_everything() -> None:
    meta = RecipeMeta(base_version="1.1.0+2", base_from="1.1.0+2")
    made = plan(base="1.0.0+1", meta=meta)
    assert made.base is not None
    assert (made.base.version, made.base.commit, made.base.why) == ("1.0.0+1", commit(1), "asked for by --base")


def test_the_commit_under_test_can_be_its_own_base_only_if_that_is_asked_for() -> None:
    """Control 1: the upgrade is carried out and will be unverified."""
    made = plan(target=at("1.1.0+2"), own="1.1.0+2", base="1.1.0+2")
    assert made.base is not None
    assert made.base.commit == made.target.commit
    assert made.notes == (f"base and target are the same commit {commit(2)}: the upgrade will be unverified",)


@pytest.mark.parametrize(
    ("asked", "hint"),
    [
        ("1.1.0", "published: 1.1.0+2"),
        ("1.1.0+3", "published: 1.1.0+2"),
        ("7.7.7+7", "published: 2.0.0+3, 1.1.0+2, 1.0.0+1"),
        ("main", "published: 2.0.0+3, 1.1.0+2, 1.0.0+1"),
        ("", "published: 2.0.0+3, 1.1.0+2, 1.0.0+1"),
    ],
)
def test_a_base_that_is_not_published(asked: str, hint: str) -> None:
    with pytest.raises(UsageError, match=r"--base: .* is not a published version") as caught:
        plan(base=asked)
    assert caught.value.hint == hint


def test_no_base_can_be_asked_for_where_nothing_is_published() -> None:
    with pytest.raises(UsageError) as caught:
        plan(found=(), base="1.0.0+1")
    assert caught.value.hint == "no version of this recipe is published"


def test_a_base_without_the_upgrade_is_a_mistake() -> None:
    with pytest.raises(UsageError, match="--base is for the upgrade"):
        plan(base="1.0.0+1", stages=(Tier.INSTALL,))


# --- recipe.yml


def test_recipe_yml_names_the_base() -> None:
    made = plan(meta=RecipeMeta(base_version="1.0.0+1"))
    assert made.base is not None
    assert (made.base.version, made.base.why) == ("1.0.0+1", "named by recipe.yml: base.version")


def test_recipe_yml_names_a_base_that_is_not_published() -> None:
    with pytest.raises(UsageError, match=r"recipe\.yml: base\.version: 1\.0\.1\+1 is not a published version"):
        plan(meta=RecipeMeta(base_version="1.0.1+1"))


def test_recipe_yml_cannot_make_the_commit_under_test_its_own_base() -> None:
    made = plan(target=at("2.0.0+3"), own="2.0.0+3", meta=RecipeMeta(base_version="2.0.0+3"))
    assert made.base is None
    assert upgrade(made).fate is Fate.UNVERIFIED
    assert "an upgrade to itself tests nothing" in upgrade(made).reason


@pytest.mark.parametrize(
    ("oldest", "own", "base"),
    [
        ("1.1.0+2", "2.1.0+1", "2.0.0+3"),
        ("2.0.0+3", "2.1.0+1", "2.0.0+3"),
        ("1.1.0", "1.1.5+1", "1.1.0+2"),
        ("1.1.0+2", "1.0.5+1", None),
        ("3.0.0", "9.0.0+1", None),
    ],
)
def test_no_base_older_than_recipe_yml_supports(oldest: str, own: str, base: str | None) -> None:
    made = plan(own=own, meta=RecipeMeta(base_from=oldest))
    assert (made.base.version if made.base else None) == base
    if base is None:
        assert upgrade(made).fate is Fate.SKIP
        assert upgrade(made).reason.endswith(f"is older than {oldest}, the oldest that recipe.yml supports")


def test_a_tier_that_recipe_yml_skips() -> None:
    meta = RecipeMeta(skip={Tier.UPGRADE: "no data yet", Tier.RESTORE: "no state"})
    made = plan(stages=tuple(Tier), meta=meta)
    assert made.base is None, "what is not upgraded needs no base"
    assert made.first_commit == HEAD
    assert {step.tier: (step.fate, step.reason) for step in made.steps if step.fate is Fate.SKIP} == {
        Tier.UPGRADE: (Fate.SKIP, "declared: no data yet"),
        Tier.RESTORE: (Fate.SKIP, "declared: no state"),
    }


def test_a_generic_suite_that_recipe_yml_skips() -> None:
    made = plan(meta=RecipeMeta(skip_generic={Tier.INSTALL: "slow"}))
    install, after = made.steps
    assert (install.fate, install.generic, install.no_generic) == (Fate.RUN, False, "slow")
    assert after.generic
    assert install.header == "===== TIER: install (generic=none, overlay=none) ====="


# --- stages


def test_steps_are_in_order_whatever_order_is_asked_for() -> None:
    made = plan(stages=(Tier.RESTORE, Tier.UPGRADE, Tier.INSTALL))
    assert [step.tier for step in made.steps] == [Tier.INSTALL, Tier.UPGRADE, Tier.RESTORE]
    assert [step.op for step in made.steps] == ["deploy", "upgrade", "restore"]


def test_a_stage_that_is_not_asked_for_is_not_planned() -> None:
    made = plan(stages=(Tier.INSTALL,))
    assert [step.tier for step in made.steps] == [Tier.INSTALL]
    assert made.not_asked == (Tier.UPGRADE, Tier.BACKUP, Tier.RESTORE, Tier.CUSTOM)
    assert (made.base, made.base_reason) == (None, "the upgrade was not asked for")
    assert made.first_commit == HEAD


def test_what_is_not_there_yet_is_unverified_and_never_a_pass() -> None:
    made = plan(stages=tuple(Tier))
    later = [step for step in made.steps if step.tier not in DEMO]
    assert [(step.tier, step.fate) for step in later] == [
        (tier, Fate.UNVERIFIED) for tier in (Tier.BACKUP, Tier.RESTORE, Tier.CUSTOM)
    ]
    assert all(step.reason.startswith("not available yet (") for step in later)
    assert made.not_asked == ()


def test_no_stage_at_all() -> None:
    with pytest.raises(UsageError, match="no stage is left to run"):
        plan(stages=())


@pytest.mark.parametrize(("fate", "reason"), [(Fate.RUN, "why"), (Fate.SKIP, ""), (Fate.UNVERIFIED, "")])
def test_a_step_is_left_undone_only_with_a_reason(fate: Fate, reason: str) -> None:
    with pytest.raises(ValueError, match="with the reason"):
        Step(Tier.BACKUP, fate, reason)


def test_the_header_of_a_tier() -> None:
    assert upgrade(plan()).header == "===== TIER: upgrade (generic=run, overlay=none) ====="


def test_first_is_the_base_if_there_is_one() -> None:
    made = plan()
    assert made.base is not None
    assert made.first_commit == made.base.commit == commit(3)


# --- for people


def test_the_plan_as_lines() -> None:
    made = plan(stages=(*DEMO, Tier.BACKUP), meta=RecipeMeta(skip={Tier.BACKUP: "no state"}))
    made = dataclasses.replace(made, left_out=(LeftOut("tests/ops.py", "recipe code is not run"),))
    assert describe(made) == (
        "recipe    : custom-html",
        f"target    : {HEAD} (own version 2.1.0+4)",
        f"base      : 2.0.0+3 {commit(3)} (pinned): {made.base_reason}",
        "install   : run         deploy, then generic suite",
        "upgrade   : run         upgrade, then generic suite",
        "backup    : skip        declared: no state",
        "not asked : restore, custom",
        "left out  : tests/ops.py: recipe code is not run",
    )


def test_the_plan_of_uncommitted_work_says_so() -> None:
    lines = "\n".join(describe(plan(target=Target(HEAD, uncommitted=True), own=None, found=())))
    assert f"{HEAD} (uncommitted work, own version unknown)" in lines
    assert "note      : the target is uncommitted work" in lines
    assert "base      : none: structural: nothing to upgrade from: no version is published" in lines


def test_the_plan_of_a_version_names_it() -> None:
    assert f"target    : {commit(3)} (version 2.0.0+3)" in describe(plan(target=at("2.0.0+3"), own="2.0.0+3"))
