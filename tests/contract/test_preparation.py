"""run.preparation with real git and Docker's real client: what a recipe's files say before anything runs."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytest
from lab import repository
from recipeci.host import engine
from recipeci.host.command import LocalRunner
from recipeci.host.docker_cli import DockerCli
from recipeci.model import Request, Settings
from recipeci.recipe.coverage import Coverage
from recipeci.run.environment import Environment
from recipeci.run.preparation import Preparation, prepared
from recipeci.run.source import given, sourced

BASE = Path(__file__).parents[1] / "canaries" / "base"
HEALTHCHECK = "    healthcheck:"
runner = LocalRunner()


def preparation(folder: Path, *edits: tuple[str, str, str], recipe: str = "canary") -> Preparation:
    """Prepare a run of the base canary with these replacements (file, old, new)."""
    made = folder / "made"
    made.mkdir()
    rows = [f"{{in: {file}, old: {_quoted(old)}, new: {_quoted(new)}}}" for file, old, new in edits]
    (made / "history.yml").write_text(
        f"about: x\nsteps: [{{message: first, lay: ['{BASE}'], edit: [{', '.join(rows)}]}}]\n"
    )
    source = repository.build(made, folder / "source").path
    request, settings = Request(recipe, source=str(source)), Settings()
    found = sourced(request, settings, given(request, settings), into=folder / "clone", runner=runner)
    docker = DockerCli(engine.find(None).docker, runner=runner)
    return prepared(Environment(found.plan, "a1b2c3.ci.test", "a1b2c3_ci_test", found.clone, docker))


def _quoted(text: str) -> str:
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n") + '"'


def with_env(*lines: str) -> tuple[str, str, str]:
    """Return the replacement that gives the service an environment."""
    rows: Sequence[str] = [f"      - {line}\n" for line in lines]
    return ("compose.yml", HEALTHCHECK, f"    environment:\n{''.join(rows)}{HEALTHCHECK}")


def test_a_good_recipe_has_nothing_to_say(tmp_path: Path) -> None:
    made = preparation(tmp_path)
    assert made == Preparation((), "", ("nginx:1.22.1",), coverage=Coverage(enabled=False))


def test_what_is_wrong_with_backup_labels_is_a_finding_of_its_own_that_forbids_nothing(tmp_path: Path) -> None:
    labels = '      labels:\n        - "backupbot.backup=true"\n        - "backupbot.backup.path=/x"\n'
    made = preparation(tmp_path, ("compose.yml", "      labels:\n", labels))
    assert made.findings == ()
    assert len(made.backup_findings) == 1
    assert "ignores backupbot.backup.path" in made.backup_findings[0]
    assert made.coverage is not None
    assert made.coverage.enabled


def test_variables_that_nothing_sets_are_noted_and_no_finding(tmp_path: Path) -> None:
    made = preparation(tmp_path, with_env("A=${DOMIAN}", "B=$OTHER", "C=${THIRD:-x}", "D=$$FOURTH", "E=${DOMAIN}"))
    assert made.findings == ()
    assert made.notes == (
        "compose.yml uses DOMIAN, OTHER, which neither .env.sample nor abra.sh nor this run sets: empty",
    )


@pytest.mark.parametrize(
    "where",
    [
        (".env.sample", "TYPE=canary\n", "TYPE=canary\nDOMIAN=\n"),
        (".env.sample", "TYPE=canary\n", "TYPE=canary\n#DOMIAN=', `www.example.com`'\n"),
        ("abra.sh", "# The base", "export DOMIAN=$(x)\n# The base"),
    ],
)
def test_a_variable_that_a_file_sets_to_whatever_or_offers_to_set_is_not(
    tmp_path: Path, where: tuple[str, str, str]
) -> None:
    assert preparation(tmp_path, with_env("A=${DOMIAN}"), where).notes == ()


def test_a_recipe_by_another_name_than_its_samples_is_a_finding(tmp_path: Path) -> None:
    made = preparation(tmp_path, recipe="wrongname")
    assert made.findings == (".env.sample: TYPE is 'canary', and the recipe is called 'wrongname'",)
