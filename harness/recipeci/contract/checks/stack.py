"""The only place that checks what becomes of compose files and env: services, environment, configs."""

from __future__ import annotations

from recipeci.contract.lab import Lab
from recipeci.contract.repository import RECIPE
from recipeci.contract.results import Observed

CONFIG = {"conf": {"name": "${STACK_NAME}_conf_v1", "file": "conf"}}


def dropped_services_stay(lab: Lab) -> Observed:
    """Deploy a version without a service that the one before had."""
    compose = lab.recipe.compose()
    helper = {**compose["services"]["app"], "deploy": {"replicas": 0}}
    lab.recipe.write_compose({**compose, "services": {**compose["services"], "helper": helper}})
    lab.app()
    lab.deployed()
    lab.recipe.write_compose(compose)
    lab.deploy("-C")
    there = lab.service("helper") is not None
    return Observed(there, "it is still there" if there else "it is gone")


def compose_file_may_name_itself(lab: Lab) -> Observed:
    """Deploy with a `COMPOSE_FILE` that is built up over two lines."""
    compose = lab.recipe.compose()
    more = {"version": "3.8", "services": {"more": {**compose["services"]["app"], "deploy": {"replicas": 0}}}}
    lab.recipe.write_compose(more, name="compose.more.yml")
    lab.recipe.commit()
    lab.app('COMPOSE_FILE="compose.yml"', 'COMPOSE_FILE="$COMPOSE_FILE:compose.more.yml"')
    lab.deployed()
    return Observed(lab.service("more") is not None, ", ".join(lab.names("service")))


def a_changed_config_is_refused(lab: Lab) -> Observed:
    """Deploy a config of the same name with another content."""
    lab.recipe.write("conf", "one\n")
    lab.recipe.change(service={"configs": ["conf"]}, configs=CONFIG)
    lab.app()
    lab.deployed()
    lab.recipe.write("conf", "two\n")
    answer = lab.deploy("-C")
    return Observed(bool(answer.fatal), answer.words)


def the_env_is_given_to_the_app(lab: Lab) -> Observed:
    """Look for the app's env in the environment of the service `app`."""
    lab.app("MINE=of the env")
    lab.deployed()
    env = lab.environment()
    named = env.get("TYPE", env.get("RECIPE", ""))
    given = env.get("MINE") == "of the env" and named.startswith(f"{RECIPE}:")
    return Observed(given, f"MINE={env.get('MINE')}, TYPE={named or None}")


def the_compose_files_environment_wins(lab: Lab) -> Observed:
    """Set a key in the app's env that the compose file sets too."""
    lab.app("FIXED=of the env")
    lab.deployed()
    value = lab.environment().get("FIXED", "")
    return Observed(value == "of the compose file", f"it is the value {value or 'of nobody'}")


def exports_are_seen(lab: Lab) -> Observed:
    """Interpolate an export of abra.sh."""
    value = _interpolated(lab, "EXPORTED")
    return Observed(value == "v1", f"it is {value!r}")


def exports_win_over_the_env(lab: Lab) -> Observed:
    """Interpolate a key that both abra.sh and the app's env have."""
    value = _interpolated(lab, "EXPORTED", "EXPORTED=v7")
    return Observed(value == "v1", f"it is {value!r}, of v1 in abra.sh and v7 in the env")


def quoted_exports_count(lab: Lab) -> Observed:
    """Interpolate an export whose value is in quotes."""
    value = _interpolated(lab, "QUOTED")
    return Observed(value == "v1", f"it is {value!r}")


def _interpolated(lab: Lab, name: str, *lines: str) -> str:
    """Return what a variable is in the compose file, seen in a label: abra puts no label of the recipe's there."""
    lab.recipe.change(labels=[f"probe=${{{name}:-}}"])
    lab.app(*lines)
    return lab.deployed().labels.get("probe", "")


CHECKS = (
    dropped_services_stay,
    compose_file_may_name_itself,
    a_changed_config_is_refused,
    the_env_is_given_to_the_app,
    the_compose_files_environment_wins,
    exports_are_seen,
    exports_win_over_the_env,
    quoted_exports_count,
)
