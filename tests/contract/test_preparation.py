"""run.preparation with real git and Docker's real client: what a recipe's files say before anything runs."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytest
from lab import repository
from recipeci.errors import RecipeInvalid
from recipeci.host import engine
from recipeci.host.command import LocalRunner
from recipeci.host.docker_cli import DockerCli
from recipeci.model import Request, Settings
from recipeci.recipe.coverage import Coverage
from recipeci.recipe.envfile import EnvFile
from recipeci.run.environment import Environment
from recipeci.run.preparation import Preparation, prepared
from recipeci.run.source import given, sourced

BASE = Path(__file__).parents[1] / "canaries" / "base"
HEALTHCHECK = "    healthcheck:"
runner = LocalRunner()


def preparation(folder: Path, *edits: tuple[str, str, str], recipe: str = "canary") -> Preparation:
    """Prepare a run of the base canary with these replacements (file, old, new)."""
    return prepared(environment(folder, *edits, recipe=recipe))


def environment(folder: Path, *edits: tuple[str, str, str], recipe: str = "canary") -> Environment:
    """Return what a run of that canary sets, its target not yet checked out."""
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
    return Environment(found.plan, "a1b2c3.ci.test", "a1b2c3_ci_test", found.clone, docker)


def with_env_file(folder: Path, path: str) -> Environment:
    """Return what a run sets whose target is checked out and reads an `env_file`; beside it lies a host's `app.env`."""
    (folder / "host").mkdir()
    (folder / "host" / "app.env").write_text("TOKEN=of-the-host")
    found = environment(folder, ("compose.yml", HEALTHCHECK, f"    env_file: {path}\n{HEALTHCHECK}"))
    found.clone.checkout(found.plan.target.commit)
    (found.clone.folder / "conf").mkdir()
    (found.clone.folder / "conf" / "app.env").write_text("TOKEN=of-the-recipe")
    return found


def token(found: Environment, env: EnvFile) -> str:
    """Return what the app's service would have as TOKEN."""
    return next(service.environment["TOKEN"] for service in found.resolved(env).services.values())


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


@pytest.mark.parametrize("target", ["../host", "conf/../../host", "inner/../../host", "way"])
def test_an_env_file_that_a_link_leads_out_of_the_recipe_is_not_read(tmp_path: Path, target: str) -> None:
    found = with_env_file(tmp_path, "way/app.env")
    (found.clone.folder / "inner").symlink_to("conf")
    (found.clone.folder / "way").symlink_to(target)
    with pytest.raises(
        RecipeInvalid, match=r"compose\.yml: services\.app\.env_file is 'way/app\.env', which is no file in"
    ):
        found.resolved(found.fresh())


@pytest.mark.parametrize(
    "path",
    ["absent.env", "conf", ".git/config", "x" * 300, r'"conf/app.env\0"', r'"conf\0/app.env"'],
)
def test_an_env_file_that_is_not_there_is_a_finding(tmp_path: Path, path: str) -> None:
    found = with_env_file(tmp_path, path)
    with pytest.raises(RecipeInvalid, match="which is no file in the recipe"):
        found.resolved(found.fresh())


def test_an_env_file_behind_two_links_that_stay_is_read(tmp_path: Path) -> None:
    found = with_env_file(tmp_path, "way/app.env")
    (found.clone.folder / "inner").symlink_to(".")
    (found.clone.folder / "way").symlink_to("inner/conf")
    assert token(found, found.fresh()) == "of-the-recipe"


def test_an_env_file_is_looked_for_beside_the_first_compose_file(tmp_path: Path) -> None:
    found = with_env_file(tmp_path, "app.env")
    (found.clone.folder / "conf" / "first.yml").write_text("version: '3.8'\nservices: {}\n")
    env = found.fresh().set("COMPOSE_FILE", "conf/first.yml:compose.yml")
    assert token(found, env) == "of-the-recipe"
    (found.clone.folder / "app.env").write_text("TOKEN=beside-the-second")
    (found.clone.folder / "conf" / "app.env").unlink()
    (found.clone.folder / "conf" / "app.env").symlink_to(tmp_path / "host" / "app.env")
    with pytest.raises(RecipeInvalid, match="which is no file in the recipe"):
        found.resolved(env)


def test_a_compose_file_named_by_way_of_a_link_does_not_move_the_folder_beside_it(tmp_path: Path) -> None:
    """Docker takes `..` away by its letters to find that folder, which would be the one above the clone."""
    found = with_env_file(tmp_path, "host/app.env")
    folder = found.clone.folder
    (folder / "deep" / "er" / "host").mkdir(parents=True)
    (folder / "deep" / "er" / "host" / "app.env").write_text("TOKEN=x")
    (folder / "compose.yml").rename(folder / "deep" / "first.yml")
    (folder / "way").symlink_to("deep/er/host")
    with pytest.raises(RecipeInvalid, match=r"COMPOSE_FILE names way/\.\./\.\./first\.yml, which is not in the recipe"):
        found.resolved(found.fresh().set("COMPOSE_FILE", "way/../../first.yml"))
