"""run.environment with real git: what an app's `.env` becomes, from one commit of its recipe to another.

With run.preparation and Docker's client: what comes of the compose files that it names.
"""

from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest
import yaml
from lab import repository
from recipeci.host import engine
from recipeci.host.command import LocalRunner
from recipeci.host.docker_cli import DockerCli
from recipeci.model import Request, Settings
from recipeci.recipe.envfile import EnvFile
from recipeci.recipe.metadata import RecipeMeta
from recipeci.run.environment import Environment
from recipeci.run.preparation import prepared
from recipeci.run.source import given, sourced

BASE = Path(__file__).parents[1] / "canaries" / "base"
DOMAIN, VERSION = "a1b2c3.ci.test", "1.0.0+1.22.1"
runner = LocalRunner()


def environment(
    folder: Path, *, base: str, head: str, meta: RecipeMeta | None = None, old: str = "services: {}"
) -> Environment:
    """Return what a run sets that upgrades a published version to a head; each has a `.env.sample` of its own.

    The base has a second compose file, `old`, which the head has not.
    """
    samples = {"base": base, "head": head}
    for name, sample in samples.items():
        (folder / "made" / name).mkdir(parents=True)
        (folder / "made" / name / ".env.sample").write_text(sample)
    (folder / "made" / "base" / "compose.old.yml").write_text(f"version: '3.8'\n{old}\n")
    steps = [
        {"message": "first", "lay": [str(BASE), "base"], "tag": VERSION},
        {
            "message": "second",
            "lay": ["head"],
            "remove": ["compose.old.yml"],
            "edit": [{"in": "compose.yml", "old": f"version={VERSION}", "new": "version=1.1.0+1.22.1"}],
        },
    ]
    (folder / "made" / "history.yml").write_text(yaml.safe_dump({"about": "x", "steps": steps}))
    source = repository.build(folder / "made", folder / "source").path
    request, settings = Request("canary", source=str(source)), Settings()
    found = sourced(request, settings, given(request, settings), into=folder / "clone", runner=runner)
    assert found.plan.base is not None
    plan = dataclasses.replace(found.plan, meta=meta or RecipeMeta())
    return Environment(plan, DOMAIN, "a1b2c3_ci_test", found.clone, DockerCli(engine.find(None).docker, runner=runner))


def sample(*lines: str) -> str:
    return "".join(f"{line}\n" for line in ("TYPE=canary", "DOMAIN=canary.example.com", *lines))


# --- what `app new` made at another commit


def test_an_env_that_was_made_at_another_commit_is_made_again_from_the_first_ones_sample(tmp_path: Path) -> None:
    found = environment(
        tmp_path,
        base=sample("MODE=old", "#OTHER=x", "URL=https://canary.example.com/"),
        head=sample("MODE=new", "NEWER=1"),
    )
    of_another = EnvFile.parse(f"TYPE=canary:1.1.0+1.22.1\nDOMAIN={DOMAIN}\nMODE=new\nNEWER=1\n")
    assert found.remade(of_another).text == (
        f"TYPE=canary:1.1.0+1.22.1\nDOMAIN={DOMAIN}\nMODE=old\n#OTHER=x\nURL=https://{DOMAIN}/\n"
    )


@pytest.mark.parametrize(
    ("first", "other", "made"),
    [
        ("RECIPE=canary", "TYPE=canary:7e57ab1e", "RECIPE=canary:7e57ab1e"),
        ("TYPE=canary", "RECIPE=canary:7e57ab1e", "TYPE=canary:7e57ab1e"),
        ("TYPE=canary # its name", "TYPE=canary:7e57ab1e", "TYPE=canary:7e57ab1e # its name"),
        ("TYPE=canary", "TYPE=canary", "TYPE=canary"),  # an abra that pins nothing
    ],
)
def test_of_it_the_pin_is_kept_by_the_key_that_the_first_commits_sample_has(
    tmp_path: Path, first: str, other: str, made: str
) -> None:
    found = environment(tmp_path, base=f"{first}\nA=1\n", head=sample())
    assert found.remade(EnvFile.parse(f"{other}\nB=2\n")).text == f"{made}\nA=1\n"


# --- what is set for the base alone


def upgraded(found: Environment, steps: EnvFile | None = None) -> tuple[list[str], tuple[str, ...]]:
    """Return the lines of the target's env, without what each has, and what is said of them."""
    first = steps or found.first(found.sample(found.plan.first_commit))
    env, notes = found.upgraded(first)
    return [line for line in env.text.splitlines() if not line.startswith(("TYPE=", "DOMAIN=", "LETS_ENCRYPT_"))], notes


@pytest.mark.parametrize(
    ("base", "head", "lines", "what"),
    [
        (["MODE=old"], ["MODE=new"], ["MODE=new"], "what .env.sample says: MODE=new"),
        ([], ["MODE=new # why"], ["MODE=new # why"], "what .env.sample says: MODE=new # why"),
        (["MODE=old"], [], [], "unset, as in .env.sample"),
        (["#MODE=old"], ["#MODE=new"], ["#MODE=old"], "unset, as in .env.sample"),
        (["MODE=$DOMAIN", "MODE=$MODE.x"], ["MODE=a", "MODE=$MODE.b"], ["MODE=a", "MODE=$MODE.b"], "what .env.sample"),
    ],
)
def test_what_is_set_for_the_base_alone_is_for_the_target_what_its_own_sample_says(
    tmp_path: Path, base: list[str], head: list[str], lines: list[str], what: str
) -> None:
    meta = RecipeMeta(env_base={"MODE": "mended $x"})
    found = environment(tmp_path, base=sample(*base), head=sample(*head), meta=meta)
    assert "MODE='mended $x'" in found.first(found.sample(found.plan.first_commit)).text
    env, notes = upgraded(found)
    assert env == lines
    (note,) = notes
    assert note.startswith(f"MODE of env_base is the base's alone: for the target it is {what}")


@pytest.mark.parametrize(
    ("env", "env_head", "line"),
    [
        ({"MODE": "ours"}, {}, "MODE=ours # length=9"),
        ({"MODE": "ours"}, {"MODE": "heads"}, "MODE=heads # length=3"),
        ({}, {"MODE": "heads"}, "MODE=heads # length=3"),
    ],
)
def test_it_is_what_recipe_yml_says_of_the_target_if_it_says_that(
    tmp_path: Path, env: dict[str, str], env_head: dict[str, str], line: str
) -> None:
    meta = RecipeMeta(env=env, env_base={"MODE": "mended"}, env_head=env_head)
    found = environment(tmp_path, base=sample("MODE=old # length=3"), head=sample("MODE=new # length=9"), meta=meta)
    assert upgraded(found) == ([line], ())


def test_what_is_the_runs_own_is_that_again_and_not_told(tmp_path: Path) -> None:
    meta = RecipeMeta(env_base={"LETS_ENCRYPT_ENV": "staging"})
    lines = sample("LETS_ENCRYPT_ENV=production")
    found = environment(tmp_path, base=lines, head=lines, meta=meta)
    assert "LETS_ENCRYPT_ENV=staging" in found.first(found.sample(found.plan.first_commit)).text
    env, notes = found.upgraded(found.first(found.sample(found.plan.first_commit)))
    assert env.values()["LETS_ENCRYPT_ENV"] == ""
    assert notes == ()


def test_a_compose_file_of_the_base_alone_is_none_of_the_targets(tmp_path: Path) -> None:
    meta = RecipeMeta(env_base={"COMPOSE_FILE": "compose.yml:compose.mend.yml"})
    head = sample('COMPOSE_FILE="compose.yml"', 'COMPOSE_FILE="$COMPOSE_FILE:compose.ports.yml"')
    found = environment(tmp_path, base=sample('COMPOSE_FILE="compose.yml"'), head=head, meta=meta)
    first = found.first(found.sample(found.plan.first_commit))
    second, _ = found.upgraded(first)
    assert first.compose_files == ("compose.yml", "compose.mend.yml")
    assert second.compose_files == ("compose.yml", "compose.ports.yml")


def test_what_install_steps_made_of_it_stays(tmp_path: Path) -> None:
    meta = RecipeMeta(env_base={"MODE": "mended"})
    found = environment(tmp_path, base=sample("MODE=old"), head=sample("MODE=new"), meta=meta)
    assert upgraded(found, EnvFile.parse(sample("MODE=of-the-steps"))) == (["MODE=of-the-steps"], ())
    longer = EnvFile.parse(sample("MODE=mended", "MODE=$MODE-more"))
    assert upgraded(found, longer)[0] == ["MODE=new", "MODE=$MODE-more"]


def test_a_key_that_is_new_in_the_targets_sample_is_told(tmp_path: Path) -> None:
    found = environment(tmp_path, base=sample("MODE=old"), head=sample("MODE=new", "NEWER=1"))
    assert upgraded(found) == (["MODE=old", "NEWER=1"], ("new in .env.sample and added to the app's env: NEWER=1",))


# --- what is known of both deployments before


def test_a_base_that_is_no_stack_with_its_own_sample_is_at_fault(tmp_path: Path) -> None:
    made = prepared(environment(tmp_path, base=sample("COMPOSE_FILE=compose.yml:gone.yml"), head=sample()))
    assert made.base_fault == "COMPOSE_FILE names gone.yml, which is not in the recipe"


def test_a_target_that_is_no_stack_with_the_bases_env_is_no_fault_of_the_bases(tmp_path: Path) -> None:
    """The upgrade fails by it; the images are those of the base and of the target as its own sample makes it."""
    found = environment(
        tmp_path,
        base=sample("COMPOSE_FILE=compose.yml:compose.old.yml"),
        head=sample(),
        old="services: {app: {image: 'nginx:1.26.3'}}",
    )
    made = prepared(found)
    assert (made.findings, made.base_fault) == ((), "")
    assert made.images == ("nginx:1.26.3", "nginx:1.22.1")
