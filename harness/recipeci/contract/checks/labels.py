"""The only place that checks the labels that abra sets: they are the proof of what is deployed."""

from __future__ import annotations

import re

from recipeci.contract.lab import Lab
from recipeci.contract.repository import LABEL, OLD, RECIPE
from recipeci.contract.results import Observed

DIGITS = 8
SHORT = re.compile(r"[0-9a-f]{7,12}")


def the_recipe_is_a_label(lab: Lab) -> Observed:
    """Look at the label `recipe`."""
    lab.app()
    lab.deploy(OLD, "-f")
    return Observed(lab.label("recipe") == RECIPE, f"recipe={lab.label('recipe')}")


def the_version_is_a_label(lab: Lab) -> Observed:
    """Deploy a version whose compose file says another."""
    lab.app()
    lab.deploy(OLD, "-f")
    return Observed(lab.label("version") == OLD, f"version={lab.label('version')}")


def chaos_is_a_label(lab: Lab) -> Observed:
    """Deploy a version, then by chaos."""
    lab.app()
    lab.deploy(OLD, "-f")
    pinned = lab.label("chaos")
    lab.recipe.checkout("main")
    lab.deployed()
    return Observed((pinned, lab.label("chaos")) == ("false", "true"), f"chaos={pinned}, then {lab.label('chaos')}")


def the_chaos_version_has_eight_digits(lab: Lab) -> Observed:
    """Deploy a clean commit by chaos."""
    lab.app()
    lab.deployed()
    value, commit = lab.label("chaos-version") or "", lab.recipe.head
    return Observed(value == commit[:DIGITS], f"chaos-version={value} of {commit}")


def a_dirty_tree_is_marked(lab: Lab) -> Observed:
    """Deploy by chaos with an untracked file."""
    lab.app()
    lab.recipe.write("untracked.yml", "{}\n")
    lab.deployed()
    value = lab.label("chaos-version") or ""
    return Observed(value.endswith("+U"), f"chaos-version={value}")


def chaos_keeps_the_compose_files_version(lab: Lab) -> Observed:
    """Deploy by chaos, and look at the label `version`."""
    lab.app()
    lab.deployed()
    return Observed(lab.label("version") == LABEL, f"version={lab.label('version')}, in the compose file {LABEL}")


def without_tags_the_version_is_a_commit(lab: Lab) -> Observed:
    """Deploy a recipe that has published nothing."""
    lab.recipe.git("tag", "--delete", *lab.recipe.git("tag").split())
    lab.app(pin=lab.recipe.head[:DIGITS])
    lab.deploy("-f")
    value = lab.label("version") or ""
    return Observed(bool(SHORT.fullmatch(value)) and lab.recipe.head.startswith(value), f"version={value}")


def only_app_has_the_labels(lab: Lab) -> Observed:
    """Look at the labels of another service."""
    compose = lab.recipe.compose()
    other = {**compose["services"]["app"], "deploy": {"replicas": 0}}
    lab.recipe.write_compose({**compose, "services": {**compose["services"], "other": other}})
    lab.app()
    lab.deployed()
    service = lab.needed(lab.service("other"), "the second service was not deployed")
    ours = [key for key in service.labels if key.startswith("coop-cloud.")]
    return Observed(not ours, f"the other service has {len(ours)} of them")


CHECKS = (
    the_recipe_is_a_label,
    the_version_is_a_label,
    chaos_is_a_label,
    the_chaos_version_has_eight_digits,
    a_dirty_tree_is_marked,
    chaos_keeps_the_compose_files_version,
    without_tags_the_version_is_a_commit,
    only_app_has_the_labels,
)
