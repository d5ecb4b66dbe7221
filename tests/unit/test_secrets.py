"""run.secrets: what a task template shows, and which given values cannot be kept secret."""

from __future__ import annotations

import dataclasses
from pathlib import Path, PurePosixPath

import pytest
from recipeci.host.clock import SystemClock
from recipeci.model import Commit, Request, Settings, Target, Tier
from recipeci.recipe.metadata import RecipeMeta
from recipeci.redact import Redactor
from recipeci.run import secrets, workspace
from recipeci.run.plan import Fate, Plan, Step
from recipeci.run.secrets import Reference, references

from unit.builders import template

PLAN = Plan(
    recipe="custom-html",
    target=Target(Commit("ab" * 20)),
    base=None,
    base_reason="",
    steps=(Step(Tier.INSTALL, Fate.RUN),),
    meta=RecipeMeta(),
)


def shown(name: str, file: str) -> dict[str, object]:
    return {"File": {"Name": file, "UID": "0", "GID": "0", "Mode": 292}, "SecretID": "x", "SecretName": name}


def test_a_secret_is_shown_under_its_folder_or_where_its_target_says() -> None:
    spec = dict(template())
    spec["ContainerSpec"] = {"Secrets": [shown("st_a_v1", "a"), shown("st_b_v1", "/etc/app/b")]}
    assert references(spec) == (
        Reference("st_a_v1", PurePosixPath("/run/secrets/a")),
        Reference("st_b_v1", PurePosixPath("/etc/app/b")),
    )


@pytest.mark.parametrize("container", [None, {}, {"Secrets": None}, {"Secrets": [{"SecretName": "x", "File": None}]}])
def test_a_task_without_secrets_shows_none(container: object) -> None:
    assert references({"ContainerSpec": container}) == ()


@pytest.mark.parametrize("value", ["custom-html", "ab" * 20, "abababab", "unverified", "chaos_version"])
def test_a_given_value_that_every_report_holds_is_not_masked(value: str, short: Path) -> None:
    plan = dataclasses.replace(PLAN, meta=RecipeMeta(secrets={"token": value.encode(), "other": b"k7HqXw2mP"}))
    redactor = Redactor()
    settings = Settings(cache=short / "cache")
    with workspace.opened(Request("custom-html"), settings, source="s", clock=SystemClock()) as place:
        secrets.begin(redactor, place=place, plan=plan)
    assert redactor.mask(f"{value} k7HqXw2mP") == f"{value} ***"
    assert redactor.not_masked == {"token": "its value is a word that every report holds"}
