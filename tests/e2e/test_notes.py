"""The lab recipe notes through all tiers with its overlay: an application with a database, whose dump is backed up."""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from lab import repository
from lab.repository import Edit

from e2e.program import Ended, Recipeci, for_recipe

pytestmark = pytest.mark.cell
TESTS = Path(__file__).parents[1]
OVERLAYS = ("--overlays", str(TESTS / "recipes"))
STAGES = "install,upgrade,backup,restore,custom"


def run(recipeci: Recipeci, *edits: Edit) -> Ended:
    """Run notes through all tiers, its files edited from its first version on."""
    recipe = recipeci.folder / "recipe"
    shutil.copytree(TESTS / "lab" / "recipes" / "notes", recipe)
    for edit in edits:
        edit.apply(recipe / "1.0.0+1.0.0")
    source = repository.build(recipe, recipeci.folder / "notes").path
    return recipeci.run(*for_recipe("notes", source=source, stages=STAGES), *OVERLAYS)


def outcomes(ended: Ended) -> dict[str, str]:
    return {tier["name"]: tier["outcome"] for tier in ended.report["tiers"]}


def failed(report: Mapping[str, Any], tier: str) -> set[str]:
    """Return the tests of a tier that failed."""
    (found,) = (one for one in report["tiers"] if one["name"] == tier)
    return {test["name"] for suite in found["suites"] for test in suite["tests"] if test["outcome"] == "fail"}


def test_notes_outlive_upgrade_backup_and_restore(recipeci: Recipeci) -> None:
    ended = run(recipeci)
    assert ended.code == 0, ended.out + ended.err
    assert outcomes(ended) == dict.fromkeys(STAGES.split(","), "pass")
    assert (ended.report["level"], ended.report["deploys"], ended.report["leftovers"]) == (5, 1, [])
    assert {image["ref"] for image in ended.report["images"]} == {"lab/notes:1.0.0", "lab/notes:1.1.0", "postgres:15"}
    rows = {(row["service"], row["path"]): (row["outcome"], row["reason"]) for row in ended.report["canary"]}
    assert rows["app", "/srv/uploads"][0] == "pass"
    assert rows["db", "/var/lib/postgresql/data"] == ("skip", "not canaried: only a dump is promised")


def test_control_a_dump_that_nobody_loads_is_found_by_the_overlay_alone(recipeci: Recipeci) -> None:
    """The files come back, and so does the dump; what is in the database only its author can ask."""
    ended = run(recipeci, Edit("compose.yml", '        backupbot.restore.post-hook: "/pg_backup.sh restore"\n', ""))
    assert (ended.code, outcomes(ended)["restore"]) == (1, "fail"), ended.out
    assert failed(ended.report, "restore") == {"test_the_notes_are_those_of_the_backup"}


def test_control_a_dump_that_fails_fails_the_backup(recipeci: Recipeci) -> None:
    broken = Edit("pg_backup.sh", '"$POSTGRES_DB" > "$dump.new"', 'no-such-database > "$dump.new"')
    ended = run(recipeci, broken)
    assert (ended.code, outcomes(ended)["backup"], outcomes(ended)["restore"]) == (1, "fail", "unverified"), ended.out
    (reason,) = (tier["reason"] for tier in ended.report["tiers"] if tier["name"] == "backup")
    assert "pre-hook" in reason
    assert 'database "no-such-database" does not exist' in reason
