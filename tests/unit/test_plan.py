"""run.plan: what becomes of each tier, whose files are run in it, and what is left out."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from recipeci.errors import UsageError
from recipeci.model import LeftOut, Target, Tier
from recipeci.recipe.discovery import Brought
from recipeci.recipe.metadata import RecipeMeta, load
from recipeci.run.describing import describe
from recipeci.run.plan import Fate, Step, without_backup

from unit.plans import DEMO, HEAD, all_of, at, commit, generic, ours, plan, step_of, theirs, upgrade

# --- recipe.yml


def test_a_tier_that_recipe_yml_skips() -> None:
    meta = RecipeMeta(skip={Tier.UPGRADE: "no data yet", Tier.RESTORE: "no state"})
    made = plan(stages=tuple(Tier), meta=meta, brought=(all_of(ours),))
    assert made.base is None, "what is not upgraded needs no base"
    assert made.first_commit == HEAD
    assert {step.tier: (step.fate, step.reason) for step in made.steps if step.fate is Fate.SKIP} == {
        Tier.UPGRADE: (Fate.SKIP, "declared: no data yet"),
        Tier.RESTORE: (Fate.SKIP, "declared: no state"),
    }
    assert made.left_out == (
        LeftOut("/overlays/custom-html/test_upgrade.py", "declared: no data yet"),
        LeftOut("/overlays/custom-html/test_restore.py", "declared: no state"),
    )


def test_nothing_can_be_restored_where_the_backup_is_skipped() -> None:
    made = plan(stages=tuple(Tier), meta=RecipeMeta(skip={Tier.BACKUP: "no state"}))
    assert step_of(made, Tier.RESTORE) == Step(Tier.RESTORE, Fate.SKIP, "declared: the backup is skipped: no state")


# --- authors' files


def test_all_sources_add_and_none_replaces_another() -> None:
    made = plan(stages=tuple(Tier), brought=(all_of(ours), all_of(theirs)))
    for step in made.steps:
        assert step.fate is Fate.RUN
        name = f"test_{step.tier}.py"
        if step.tier is Tier.CUSTOM:
            customs = [make(f"custom/test_{letter}.py") for make in (ours, theirs) for letter in "ab"]
            assert (list(step.suites), step.hooks) == (customs, ())
        else:
            assert step.suites == (generic(step.tier), ours(name), theirs(name))
            assert step.hooks == (ours("ops.py"), theirs("ops.py"))
    assert made.install_steps == (ours("install_steps.sh"), theirs("install_steps.sh"))
    assert made.left_out == ()


def test_a_recipe_that_no_author_wrote_anything_for_has_our_own_suites() -> None:
    made = plan(stages=tuple(Tier))
    assert [step.suites for step in made.steps] == [
        *((generic(tier),) for tier in Tier if tier is not Tier.CUSTOM),
        (),
    ]
    assert step_of(made, Tier.CUSTOM) == Step(Tier.CUSTOM, Fate.SKIP, "structural: no custom tests")


def test_custom_tests_that_are_not_allowed_are_counted_where_they_are_missed() -> None:
    refused = [f"tests/{name}" for name in ("custom/test_a.py", "custom/conftest.py", "custom/x/test_b.py", "ops.py")]
    why = "not allowed: recipe x from source y is not on the allowlist"
    brought = Brought(left_out=tuple(LeftOut(path, why) for path in refused))
    made = plan(stages=tuple(Tier), brought=(Brought(), brought))
    assert step_of(made, Tier.CUSTOM).reason == (
        "structural: no custom tests (2 of the repository's left out: not allowed)"
    )
    assert made.left_out == brought.left_out
    more = plan(stages=tuple(Tier), brought=(all_of(ours), brought))
    assert step_of(more, Tier.CUSTOM).suites == (ours("custom/test_a.py"), ours("custom/test_b.py"))
    assert more.left_out == brought.left_out


@pytest.mark.parametrize(
    ("brought", "header"),
    [
        ((), "generic=run, overlay=none"),
        ((all_of(ours),), "generic=run, overlay=recipeci"),
        ((all_of(theirs),), "generic=run, overlay=repo"),
        ((all_of(ours), all_of(theirs)), "generic=run, overlay=recipeci+repo"),
    ],
)
def test_the_header_of_a_tier(brought: tuple[Brought, ...], header: str) -> None:
    made = plan(stages=tuple(Tier), brought=brought)
    assert upgrade(made).header == f"===== TIER: upgrade ({header}) ====="
    custom = header.replace("generic=run", "generic=none")
    assert step_of(made, Tier.CUSTOM).header == f"===== TIER: custom ({custom}) ====="


# --- generic suites that are skipped


def test_a_generic_suite_that_recipe_yml_skips_is_said_loudly() -> None:
    made = plan(meta=RecipeMeta(skip_generic={Tier.INSTALL: "slow"}), brought=(all_of(ours),))
    install, after = made.steps
    assert (install.fate, install.no_generic, install.suites) == (Fate.RUN, "slow", (ours("test_install.py"),))
    assert after.suites == (generic(Tier.UPGRADE), ours("test_upgrade.py"))
    assert install.header == "===== TIER: install (generic=skip, overlay=recipeci) ====="
    assert made.generic_skipped == (Tier.INSTALL,)
    assert made.notes == ("the generic suite of install is skipped, so there will be no level: slow",)


def test_a_generic_suite_that_the_caller_skips_and_recipe_ymls_reason_before_his() -> None:
    meta = RecipeMeta(skip_generic={Tier.BACKUP: "slow"}, skip={Tier.RESTORE: "no state"})
    asked: dict[Tier, str] = {tier: "CCCI_SKIP_GENERIC is set" for tier in Tier if tier is not Tier.CUSTOM}
    made = plan(stages=(*DEMO, Tier.BACKUP, Tier.RESTORE), meta=meta, skip_generic=asked)
    assert [step.no_generic for step in made.steps] == [asked[Tier.INSTALL], asked[Tier.UPGRADE], "slow", ""]
    assert made.generic_skipped == (*DEMO, Tier.BACKUP), "what is not carried out is not carried out without it"
    assert [note.rpartition(": ")[2] for note in made.notes] == [*[asked[Tier.INSTALL]] * 2, "slow"]


def test_no_generic_suite_is_skipped_unless_somebody_says_so() -> None:
    made = plan(stages=tuple(Tier))
    assert (made.generic_skipped, made.notes) == ((), ())


# --- a picture that is asked for


@pytest.mark.parametrize("text", ["{}", "{path: /}", "{path: /login, wait: '#main', mask: [.clock]}"])
def test_that_no_screenshot_is_made_is_noted_where_one_is_asked_for(tmp_path: Path, text: str) -> None:
    (tmp_path / "recipe.yml").write_text(f"screenshot: {text}\n")
    made = plan(meta=load(tmp_path))
    note = "screenshot: not made: recipe.yml asks for one, and this recipeci takes no pictures yet"
    assert made.notes == (note,)
    assert f"note      : {note}" in describe(made)


# --- a recipe without backup labels


def test_a_recipe_without_backup_labels_has_nothing_to_back_up_or_restore() -> None:
    """Control 18."""
    before = plan(stages=tuple(Tier), brought=(all_of(ours), all_of(theirs)))
    after = without_backup(before)
    for tier in (Tier.BACKUP, Tier.RESTORE):
        assert step_of(after, tier) == Step(tier, Fate.SKIP, "structural: no backup labels")
    for tier in (*DEMO, Tier.CUSTOM):
        assert step_of(after, tier) == step_of(before, tier)
    assert [(file.path.rpartition("/")[2], file.reason) for file in after.left_out] == [
        (f"test_{tier}.py", "structural: no backup labels") for tier in ("backup", "backup", "restore", "restore")
    ]


def test_a_declared_skip_keeps_its_reason_without_backup_labels() -> None:
    before = plan(stages=tuple(Tier), meta=RecipeMeta(skip={Tier.RESTORE: "no state"}))
    after = without_backup(before)
    assert step_of(after, Tier.RESTORE) == step_of(before, Tier.RESTORE)
    assert step_of(after, Tier.BACKUP).fate is Fate.SKIP


def test_without_backup_labels_no_generic_suite_of_theirs_counts_as_skipped() -> None:
    before = plan(stages=tuple(Tier), meta=RecipeMeta(skip_generic={Tier.BACKUP: "slow"}))
    assert before.generic_skipped == (Tier.BACKUP,)
    assert without_backup(before).generic_skipped == ()


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


def test_no_stage_at_all() -> None:
    with pytest.raises(UsageError, match="no stage is left to run"):
        plan(stages=())


@pytest.mark.parametrize(("fate", "reason"), [(Fate.RUN, "why"), (Fate.SKIP, ""), (Fate.UNVERIFIED, "")])
def test_a_step_is_left_undone_only_with_a_reason(fate: Fate, reason: str) -> None:
    with pytest.raises(ValueError, match="with the reason"):
        Step(Tier.BACKUP, fate, reason)


@pytest.mark.parametrize(
    "files", [{"suites": (generic(Tier.BACKUP),)}, {"hooks": (ours("ops.py"),)}, {"no_generic": "slow"}]
)
def test_a_step_that_is_left_undone_runs_nothing(files: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="and yet with"):
        Step(Tier.BACKUP, Fate.SKIP, "why", **files)


def test_first_is_the_base_if_there_is_one() -> None:
    made = plan()
    assert made.base is not None
    assert made.first_commit == made.base.commit == commit(3)


# --- for people


def test_the_plan_as_lines() -> None:
    why = "not allowed: why"
    repository = Brought(hooks=(theirs("ops.py"),), left_out=(LeftOut("tests/custom/test_a.py", why),))
    meta = RecipeMeta(skip={Tier.BACKUP: "no state"}, skip_generic={Tier.UPGRADE: "slow"})
    made = plan(stages=(*DEMO, Tier.BACKUP, Tier.CUSTOM), meta=meta, brought=(all_of(ours), repository))
    assert describe(made) == (
        "recipe    : custom-html",
        f"target    : {HEAD} (own version 2.1.0+4)",
        f"base      : 2.0.0+3 {commit(3)} (pinned): {made.base_reason}",
        "env steps : recipeci overlay  /overlays/custom-html/install_steps.sh",
        "install   : run         deploy",
        "  hooks   : recipeci overlay  /overlays/custom-html/ops.py",
        "  hooks   : repo overlay      tests/ops.py",
        "  suite   : generic           test_install.py",
        "  suite   : recipeci overlay  /overlays/custom-html/test_install.py",
        "upgrade   : run         upgrade, without the generic suite: slow",
        "  hooks   : recipeci overlay  /overlays/custom-html/ops.py",
        "  hooks   : repo overlay      tests/ops.py",
        "  suite   : recipeci overlay  /overlays/custom-html/test_upgrade.py",
        "backup    : skip        declared: no state",
        "custom    : run         no op",
        "  suite   : recipeci overlay  /overlays/custom-html/custom/test_a.py",
        "  suite   : recipeci overlay  /overlays/custom-html/custom/test_b.py",
        "not asked : restore",
        "left out  : tests/custom/test_a.py: not allowed: why",
        "left out  : /overlays/custom-html/test_backup.py: declared: no state",
        "note      : the generic suite of upgrade is skipped, so there will be no level: slow",
    )


def test_the_plan_of_uncommitted_work_says_so() -> None:
    lines = "\n".join(describe(plan(target=Target(HEAD, uncommitted=True), own=None, found=())))
    assert f"{HEAD} (uncommitted work, own version unknown)" in lines
    assert "note      : the target is uncommitted work" in lines
    assert "base      : none: structural: nothing to upgrade from: no version is published" in lines


def test_the_plan_of_a_version_names_it() -> None:
    assert f"target    : {commit(3)} (version 2.0.0+3)" in describe(plan(target=at("2.0.0+3"), own="2.0.0+3"))
