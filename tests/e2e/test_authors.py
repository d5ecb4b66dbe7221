"""Whose files a run uses, as `--plan` tells it: the operator's overlay, and the repository's own only if allowed."""

from __future__ import annotations

import dataclasses
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from lab import forge
from lab.repository import Built

from e2e.program import Ended, Recipeci

pytestmark = pytest.mark.cell
FILES = {
    "tests/conftest.py": "raise SystemExit('imported')\n",
    "tests/custom/test_pages.py": "def test_pages(): pass\n",
    "tests/install_steps.sh": "exit 1\n",
    "tests/ops.py": "def pre_upgrade(app: broken\n",
    "tests/recipe.yml": "skip: {upgrade: no}\n",
    "tests/test_install.py": "def test_install(): pass\n",
}
CODE = sorted(FILES.keys() - {"tests/recipe.yml"})


@dataclass(frozen=True)
class World:
    """A recipe whose repository brings tests; the same on two forges; an overlay of the operator's."""

    recipeci: Recipeci
    folder: Path
    url: str

    def plan(self, *options: str) -> Ended:
        """Return what `--plan` prints."""
        words = ("--recipe", "custom-html", *options, "--plan")
        return self.recipeci.start_as_is(*words, folder=self.folder / "r").end()

    def allowing(self, *lines: str) -> tuple[str, str]:
        """Return the option of an allowlist of these lines."""
        (self.folder / "allowlist").write_text("".join(f"{line}\n" for line in lines))
        return "--allowlist", str(self.folder / "allowlist")

    @property
    def forge(self) -> tuple[str, str]:
        """The option of settings with the default forge."""
        (self.folder / "settings.yml").write_text(f"forge: {self.url}/recipes\n")
        return "--config", str(self.folder / "settings.yml")


@pytest.fixture
def world(recipeci: Recipeci, custom_html: Built) -> Iterator[World]:
    """Make all of it."""
    folder = recipeci.folder
    for name, text in FILES.items():
        (custom_html.path / name).parent.mkdir(parents=True, exist_ok=True)
        (custom_html.path / name).write_text(text)
    me = ("-c", "user.name=me", "-c", "user.email=me@example.org")
    git = ("git", "-C", str(custom_html.path), *me)
    subprocess.run([*git, "add", "--all"], check=True)
    subprocess.run([*git, "commit", "--quiet", "-m", "test: tests of its own"], check=True)
    for owner in ("recipes", "someone"):
        bare = folder / "web" / owner / "custom-html.git"
        subprocess.run([*git, "clone", "--quiet", "--bare", str(custom_html.path), str(bare)], check=True)
    overlay = folder / "overlays" / "custom-html"
    (overlay / "custom").mkdir(parents=True)
    (overlay / "test_install.py").write_text("def test_ours(): pass\n")
    (overlay / "custom" / "test_ours.py").write_text("def test_ours(): pass\n")
    with forge.serving(folder / "web") as address:
        yield World(recipeci, folder, address)


def refused(ended: Ended) -> dict[str, str]:
    """Return the files that the plan leaves out since they are not allowed, with the reason."""
    assert ended.code == 0, ended.err
    rows = [line.removeprefix("left out  : ").split(": ", 1) for line in ended.out.splitlines() if "left out" in line]
    assert ["tests/recipe.yml", "a recipe.yml of the recipe's own repository is never read"] in rows
    return {path: reason for path, reason in rows if reason.startswith("not allowed: ")}


def test_without_an_allowlist_nothing_of_the_repository_is_used(world: World) -> None:
    source = f"{world.url}/recipes/custom-html.git"
    why = (
        f"not allowed: recipe custom-html from source {source} is not on the allowlist (there is none, or it is empty)"
    )
    assert refused(world.plan(*world.forge)) == dict.fromkeys(CODE, why)
    assert refused(world.plan(*world.forge, *world.allowing("# nothing"))) == dict.fromkeys(CODE, why)


def test_the_name_on_the_allowlist_is_of_the_default_forge_and_of_no_other_source(world: World) -> None:
    """Control 9."""
    allowed = world.allowing("custom-html")
    assert refused(world.plan(*world.forge, *allowed)) == {}
    other = f"{world.url}/someone/custom-html.git"
    why = f"is not on the allowlist, which has it from {world.url}/recipes/custom-html"
    found = refused(world.plan(*world.forge, "--source", other, *allowed))
    assert found == dict.fromkeys(CODE, f"not allowed: recipe custom-html from source {other} {why}")
    both = world.allowing("custom-html", f"custom-html {other}")
    assert refused(world.plan(*world.forge, "--source", other, *both)) == {}
    assert refused(world.plan(*world.forge, "--source", other, *world.allowing(f"other {other}"))).keys() == set(CODE)


def test_a_folders_code_is_allowed_by_its_own_option_alone(world: World, custom_html: Built) -> None:
    source = ("--source", str(custom_html.path))
    why = "not allowed: code from a folder runs only with --allow-local-code"
    assert refused(world.plan(*source, *world.allowing("custom-html"))) == dict.fromkeys(CODE, why)
    assert refused(world.plan(*source, "--allow-local-code")) == {}


def test_what_is_left_out_of_custom_is_said_where_it_is_missed(world: World) -> None:
    made = world.plan(*world.forge)
    assert "tests/custom/test_pages.py: not allowed: " in made.out


def test_an_overlay_and_an_allowed_repository_add_to_each_other(world: World, custom_html: Built) -> None:
    overlays = ("--overlays", str(world.folder / "overlays"))
    made = world.plan("--source", str(custom_html.path), "--allow-local-code", *overlays)
    lines = made.out.splitlines()
    ours = world.folder / "overlays" / "custom-html"
    start = lines.index("install   : run         deploy")
    assert lines[start + 1 : start + 5] == [
        "  hooks   : repo overlay      tests/ops.py",
        "  suite   : generic           test_install.py",
        f"  suite   : recipeci overlay  {ours}/test_install.py",
        "  suite   : repo overlay      tests/test_install.py",
    ]
    start = lines.index("custom    : run         no op")
    assert lines[start + 1 : start + 3] == [
        f"  suite   : recipeci overlay  {ours}/custom/test_ours.py",
        "  suite   : repo overlay      tests/custom/test_pages.py",
    ]
    assert "env steps : repo overlay      tests/install_steps.sh" in lines
    assert refused(made) == {}


def test_without_custom_tests_that_are_allowed_the_tier_is_skipped_and_says_so(world: World) -> None:
    why = "structural: no custom tests (1 of the repository's left out: not allowed)"
    assert f"custom    : skip        {why}" in world.plan(*world.forge).out.splitlines()


def test_generic_suites_that_are_skipped_are_said_loudly_and_never_by_the_environment_of_a_job(world: World) -> None:
    """Control 13."""
    local = dataclasses.replace(world, recipeci=dataclasses.replace(world.recipeci, env={"CCCI_SKIP_GENERIC": "1"}))
    made = local.plan(*world.forge)
    assert "install   : run         deploy, without the generic suite: CCCI_SKIP_GENERIC is set" in made.out
    assert "note      : the generic suite of install is skipped, so there will be no level" in made.out
    for starter in ("CI", "DRONE"):
        env = {"CCCI_SKIP_GENERIC": "1", starter: "true"}
        job = dataclasses.replace(world, recipeci=dataclasses.replace(world.recipeci, env=env))
        refusal = job.plan(*world.forge)
        assert (refusal.code, refusal.out) == (2, "")
        assert f"CCCI_SKIP_GENERIC is for local work, and {starter} is set" in refusal.err
