"""host.git and what a private repository is cloned by: its host alone is shown it, and nobody else ever holds it."""

from __future__ import annotations

import base64
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest
from recipeci.errors import HostError
from recipeci.host.command import Completed, LocalRunner
from recipeci.host.credential import HELPER, Credential
from recipeci.host.git import clone, source_of

from recipe_git.forges import forge_of, forge_that_sends_on
from recipe_git.made import ENV, FORGE, Made

USER, TOKEN = "reader", "a-token-that-may-only-read/%'$x"
LOGIN = f"{USER}:{TOKEN}"


class Recording(LocalRunner):
    """Runs programs for real, and keeps what each was given."""

    def __init__(self) -> None:
        self.arguments: list[str] = []
        self.environments: list[Mapping[str, str]] = []

    def run(self, argv: Sequence[str], **more: Any) -> Completed:  # noqa: ANN401 - Runner's own
        self.arguments.append(" ".join(argv))
        self.environments.append(more.get("env") or {})
        return super().run(argv, **more)


@pytest.fixture
def root(made: Made, tmp_path: Path) -> Path:
    """The folder of a forge with one recipe, and a commit of it that only a pull request has."""
    made.git("checkout", "--quiet", "--detach")
    made.git("update-ref", "refs/pull/7/head", str(made.commit("pull request")))
    made.git("checkout", "--quiet", "main")
    made.git("clone", "--quiet", "--mirror", ".", str(tmp_path / "forge" / "recipe.git"))
    return tmp_path / "forge"


def holders(folder: Path) -> list[str]:
    """Return the files below a folder that hold the token, as it is or as it is sent."""
    forms = (TOKEN.encode(), base64.b64encode(LOGIN.encode()))
    files = (file for file in folder.rglob("*") if file.is_file())
    return [str(file) for file in files if any(form in file.read_bytes() for form in forms)]


def test_a_private_repository_is_cloned_and_its_commits_are_had(made: Made, root: Path, tmp_path: Path) -> None:
    wanted = made.git("rev-parse", "refs/pull/7/head")
    with forge_of(root, login=LOGIN) as forge:
        source = source_of(f"{forge}/recipe.git", recipe="recipe", forge=FORGE)
        with pytest.raises(HostError, match="wants a password"):
            clone(LocalRunner(), source, tmp_path / "without")
        found = clone(LocalRunner(), source, tmp_path / "with", credential=Credential(forge, USER, TOKEN))
        found.repository.ask(source, ["fetch", "--quiet", "origin", wanted])
    assert [tag.name for tag in found.tags()] == ["1.0.0+1"]


def test_a_wrong_token_is_the_hosts_matter_and_is_not_repeated(root: Path, tmp_path: Path) -> None:
    with forge_of(root, login=f"{USER}:another-token-altogether") as forge:
        source = source_of(f"{forge}/recipe.git", recipe="recipe", forge=FORGE)
        with pytest.raises(HostError, match="wants a password") as caught:
            clone(LocalRunner(), source, tmp_path / "c", credential=Credential(forge, USER, TOKEN))
    assert TOKEN not in f"{caught.value} {caught.value.__cause__} {caught.value.hint}"


def test_it_is_in_no_argument_in_no_file_and_given_to_no_git_but_the_one_that_asks(root: Path, tmp_path: Path) -> None:
    runner = Recording()
    with forge_of(root, login=LOGIN) as forge:
        source = source_of(f"{forge}/recipe.git", recipe="recipe", forge=FORGE)
        found = clone(runner, source, tmp_path / "c", credential=Credential(forge, USER, TOKEN))
        asked = len(runner.environments)
        found.checkout(found.newest)
        found.tags()
    assert not [argv for argv in runner.arguments if TOKEN in argv]
    told = [number for number, env in enumerate(runner.environments) if TOKEN in env.values()]
    assert told == [0, 1]  # clone, and fetch of the tags
    assert asked > len(told)  # others were watched too
    assert holders(tmp_path / "c") == []
    assert TOKEN not in repr(found)


def test_an_address_with_a_login_would_be_found(root: Path, tmp_path: Path) -> None:
    """Negative control of the test above: what it looks for, made by the way that is not ours."""
    runner = Recording()
    with forge_of(root, login=f"{USER}:plain-{USER}-token") as forge:
        url = forge.replace("//", f"//{USER}:plain-{USER}-token@") + "/recipe.git"
        runner.run(["git", "clone", "--quiet", url, str(tmp_path / "c")], timeout=120, env=ENV)
    assert [argv for argv in runner.arguments if f"plain-{USER}-token" in argv]
    config = tmp_path / "c" / ".git" / "config"
    assert f"plain-{USER}-token" in config.read_text()
    config.write_text(TOKEN)
    assert holders(tmp_path / "c") == [str(config)]


def test_git_in_a_cell_is_not_told(root: Path, tmp_path: Path) -> None:
    with forge_of(root, login=LOGIN) as forge:
        source = source_of(f"{forge}/recipe.git", recipe="recipe", forge=FORGE)
        found = clone(LocalRunner(), source, tmp_path / "c", credential=Credential(forge, USER, TOKEN))
        assert found.repository.git.credential is not None
        runner = Recording()
        with pytest.raises(HostError):
            found.seen_by(runner).repository.ask(source, ["fetch", "origin"])
    assert not [env for env in runner.environments if TOKEN in env.values()]


def test_another_host_is_not_shown_it(root: Path, tmp_path: Path) -> None:
    runner, shown = Recording(), list[str]()
    with forge_of(root, login="other:other-token-of-16", shown=shown) as forge:
        source = source_of(f"{forge}/recipe.git", recipe="recipe", forge=FORGE)
        for number, origin in enumerate(("https://forge.invalid", forge.replace("127.0.0.1", "localhost"))):
            with pytest.raises(HostError, match="wants a password"):
                clone(runner, source, tmp_path / str(number), credential=Credential(origin, USER, TOKEN))
    assert shown == []
    assert not [env for env in runner.environments if TOKEN in env.values()]


class ForAnyHost(Credential):
    """What a careless author would have made: the mistake that the test below must see."""

    @property
    def config(self) -> tuple[str, str]:
        return "credential.helper", HELPER


@pytest.mark.parametrize(("kind", "is_shown"), [(Credential, False), (ForAnyHost, True)])
def test_a_host_that_sends_git_elsewhere_does_not_get_it_there(
    root: Path, tmp_path: Path, kind: type[Credential], *, is_shown: bool
) -> None:
    shown: list[str] = []
    elsewheres = forge_of(root, login="other:other-token-of-16", shown=shown)
    with elsewheres as elsewhere, forge_that_sends_on(elsewhere) as forge:
        source = source_of(f"{forge}/recipe.git", recipe="recipe", forge=FORGE)
        with pytest.raises(HostError, match="wants a password"):
            clone(LocalRunner(), source, tmp_path / "c", credential=kind(forge, USER, TOKEN))
    assert bool(shown) is is_shown
