"""No verdict rests on what is only believed of abra: each switch of miniabra may be the other way round."""

from __future__ import annotations

import dataclasses
import shutil
from pathlib import Path

import pytest
from lab import repository
from lab.repository import Built
from miniabra.habits import Habits
from recipeci.model import Tier

from e2e import onefile
from e2e.program import Ended, Recipeci, for_recipe

pytestmark = pytest.mark.cell
CANARIES = Path(__file__).parents[1] / "canaries"
OF_NEW = ["new_takes_version", "new_chaos_moves_checkout"]
SWITCHES = [field.name for field in dataclasses.fields(Habits)]


def run_with(
    habits: str, *, recipeci: Recipeci, recipe: Built, name: str = "custom-html", stages: str = ",".join(Tier)
) -> Ended:
    """Run a recipe with miniabra behind a program that sets its switches."""
    script = f'#!/bin/sh\nMINIABRA_HABITS={habits} exec {onefile.COMMAND} "$@"\n'
    program = onefile.make(recipeci.folder / "abra" / "abra", script, recipeci.package)
    options = for_recipe(name, source=recipe.path, stages=stages)
    return recipeci.run(*(str(program) if word == "builtin" else word for word in options))


def annotated(canary: str, *, folder: Path) -> Built:
    """Make a canary's repository with annotated tags where it has lightweight ones."""
    for name in ("base", canary):
        shutil.copytree(CANARIES / name, folder / "canaries" / name)
    history = folder / "canaries" / canary / repository.HISTORY
    history.write_text(history.read_text().replace("lightweight:", "tag:"))
    return repository.build(history.parent, folder / "canary")


def is_green(ended: Ended) -> bool:
    return ended.code == 0 and ended.report["deploys"] == 1 and ended.report["leftovers"] == []


def test_all_beliefs_may_be_wrong_at_once(recipeci: Recipeci, custom_html: Built) -> None:
    ended = run_with("all", recipeci=recipeci, recipe=custom_html)
    assert is_green(ended), ended.out + ended.err


@pytest.mark.long
@pytest.mark.parametrize("switch", SWITCHES)
def test_each_belief_may_be_wrong_alone(switch: str, recipeci: Recipeci, custom_html: Built) -> None:
    ended = run_with(switch, recipeci=recipeci, recipe=custom_html)
    assert is_green(ended), ended.out + ended.err


def test_control_a_switch_that_is_none_reaches_miniabra_and_is_refused(recipeci: Recipeci, custom_html: Built) -> None:
    ended = run_with("none_such", recipeci=recipeci, recipe=custom_html)
    assert not is_green(ended)
    assert "no switch none_such" in ended.out + ended.err


@pytest.mark.parametrize("habits", ["all", *(pytest.param(name, marks=pytest.mark.long) for name in ["", *OF_NEW])])
def test_an_upgrade_that_fails_by_the_bases_env_fails_whichever_sample_a_new_app_has(
    habits: str, recipeci: Recipeci, folder: Path
) -> None:
    made = annotated("env-of-the-head", folder=folder)
    ended = run_with(habits, recipeci=recipeci, recipe=made, name="canary", stages="install,upgrade")
    outcomes = {tier["name"]: tier["outcome"] for tier in ended.report["tiers"]}
    assert outcomes == {"install": "pass", "upgrade": "fail"}, ended.out + ended.err
    assert "test old = new" in ended.report["tiers"][1]["reason"]
    assert ended.report["base_mode"] == "pinned"
