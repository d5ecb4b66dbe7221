"""No verdict rests on what is only believed of abra: each switch of miniabra may be the other way round."""

from __future__ import annotations

import dataclasses
import shutil
import sys

import pytest
from lab.repository import Built
from miniabra.habits import Habits
from recipeci.model import Tier

from e2e.program import Ended, Recipeci, for_recipe

pytestmark = pytest.mark.cell
SWITCHES = [field.name for field in dataclasses.fields(Habits)]


def run_with(habits: str, *, recipeci: Recipeci, recipe: Built) -> Ended:
    """Run the lab recipe with miniabra behind a program that sets its switches."""
    program = recipeci.folder / "abra" / "abra"
    shutil.copytree(recipeci.package, program.parent / "miniabra")
    command = f"{sys.executable} -I {program.parent}/miniabra/__main__.py"
    program.write_text(f'#!/bin/sh\nMINIABRA_HABITS={habits} exec {command} "$@"\n')
    program.chmod(0o755)
    options = for_recipe("custom-html", source=recipe.path, stages=",".join(Tier))
    return recipeci.run(*(str(program) if word == "builtin" else word for word in options))


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
