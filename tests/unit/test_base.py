"""run.base: the base rule of DESIGN §3.4, by way of the plan."""

from __future__ import annotations

import dataclasses
import itertools

import pytest
from recipeci.errors import UsageError
from recipeci.model import BaseMode, Tag, Target, Tier
from recipeci.recipe.metadata import RecipeMeta
from recipeci.recipe.versions import Version, published
from recipeci.run.plan import Fate, Step, from_checkout

from unit.plans import HEAD, at, commit, plan, upgrade, versions

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


def test_a_skip_needs_that_no_other_version_came_before_the_target() -> None:
    names, own = ["1.0.6+1", "1.1.0+1", "1.1.0+2"], "1.0.5+1"
    found = versions(*names)
    for size, number in itertools.product(range(len(names) + 1), range(5)):
        for before in itertools.combinations(names, size):
            made = plan(found=found, own=own, target=Target(commit(number)), reachable=before)
            later = [one for one in found if one.version.text in before and one.commit != made.target.commit]
            assert upgrade(made).fate is (Fate.UNVERIFIED if later else Fate.SKIP)


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


def test_a_version_label_below_what_came_before_is_no_reason_to_skip() -> None:
    """Else whoever forgets the label, or lowers it, has the upgrade skipped and the level as before."""
    before = ("1.0.0+1", "1.1.0+2", "nested")  # 2.0.0+3 is of another branch
    made = plan(own="0.1.0+1", reachable=before)
    assert made.base is None
    assert upgrade(made).fate is Fate.UNVERIFIED
    assert upgrade(made).reason == (
        "the commit's own version is 0.1.0+1, but 1.1.0+2 is published and came before it: "
        "raise the version label, or name the base by --base"
    )
    asked = plan(own="0.1.0+1", reachable=before, base="1.1.0+2")
    assert (asked.base is not None, upgrade(asked).fate) == (True, Fate.RUN)


@pytest.mark.parametrize("before", [(), ("nested",)])
def test_versions_of_another_branch_say_nothing_of_a_low_label(before: tuple[str, ...]) -> None:
    step = upgrade(plan(own="0.1.0+1", reachable=before))
    assert step.fate is Fate.SKIP
    assert step.reason == "structural: nothing to upgrade from: no other published version is at or below 0.1.0+1"


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


def test_a_base_above_the_target_is_taken_only_if_it_is_asked_for_and_called_a_downgrade() -> None:
    made = plan(target=at("1.0.0+1"), own="1.0.0+1", base="1.1.0+2")
    assert made.base is not None
    assert made.base.version == "1.1.0+2"
    assert made.notes == ("the base 1.1.0+2 is above 1.0.0+1, the target's own version: the upgrade is a downgrade",)


@pytest.mark.parametrize("own", ["1.1.0+2", "1.1.0+3", None])
def test_a_base_that_is_not_known_to_be_above_the_target_is_no_downgrade(own: str | None) -> None:
    assert plan(own=own, base="1.1.0+2").notes == ()


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


def test_recipe_yml_cannot_make_an_upgrade_of_a_downgrade() -> None:
    made = plan(target=at("1.0.0+1"), own="1.0.0+1", meta=RecipeMeta(base_version="1.1.0+2"))
    assert made.base is None
    assert upgrade(made).fate is Fate.UNVERIFIED
    assert upgrade(made).reason == (
        "recipe.yml: base.version 1.1.0+2 is above 1.0.0+1, the target's own: that is a downgrade"
    )


@pytest.mark.parametrize("own", ["1.1.0+2", "1.1.0+3", None])
def test_recipe_yml_may_name_a_base_that_is_not_known_to_be_above_the_target(own: str | None) -> None:
    made = plan(own=own, meta=RecipeMeta(base_version="1.1.0+2"))
    assert made.base is not None
    assert (made.base.version, made.notes) == ("1.1.0+2", ())


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
