"""run.environment with real git: what an app's `.env` becomes, from one commit of its recipe to another."""

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
from recipeci.run.source import given, sourced

BASE = Path(__file__).parents[1] / "canaries" / "base"
DOMAIN, VERSION = "a1b2c3.ci.test", "1.0.0+1.22.1"
runner = LocalRunner()


def environment(folder: Path, *, base: str, head: str, meta: RecipeMeta | None = None) -> Environment:
    """Return what a run sets that upgrades a published version to a head; each has a `.env.sample` of its own."""
    samples = {"base": base, "head": head}
    for name, sample in samples.items():
        (folder / "made" / name).mkdir(parents=True)
        (folder / "made" / name / ".env.sample").write_text(sample)
    steps = [
        {"message": "first", "lay": [str(BASE), "base"], "tag": VERSION},
        {
            "message": "second",
            "lay": ["head"],
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
