"""host.git against a forge: what it brings, what it answers, and how it is reached."""

from __future__ import annotations

import socket
from pathlib import Path

import pytest
from recipeci.errors import HostError, UsageError
from recipeci.host.credential import Credential
from recipeci.host.git import clone, remote_tags, source_of
from recipeci.model import Commit, Tag

from recipe_git.forges import forge_of, forge_that_answers
from recipe_git.made import FORGE, Made, runner


def test_a_recipe_from_its_forge_with_its_tags_and_a_pull_requests_commit(made: Made, tmp_path: Path) -> None:
    made.git("checkout", "--quiet", "--detach")
    wanted = made.commit("pull request")
    made.git("update-ref", "refs/pull/7/head", str(wanted))
    made.git("checkout", "--quiet", "main")
    made.git("clone", "--quiet", "--mirror", ".", str(tmp_path / "forge" / "recipe.git"))
    with forge_of(tmp_path / "forge") as forge:
        found = clone(runner, source_of(None, recipe="recipe", forge=forge), tmp_path / "clone")
        assert str(found.newest) == made.git("rev-parse", "main")
        assert [tag.name for tag in found.tags()] == ["1.0.0+1"]
        found.get(wanted)
        found.checkout(wanted)
        with pytest.raises(UsageError, match=f"has no commit {'e' * 40}"):
            found.get(Commit("e" * 40))
        with pytest.raises(UsageError, match="has no recipe 'other'"):
            clone(runner, source_of(None, recipe="other", forge=forge), tmp_path / "other")
    with pytest.raises(HostError, match="cannot be reached"):
        found.get(Commit("d" * 40))


def test_tags_are_listed_without_a_clone(made: Made, tmp_path: Path) -> None:
    released, head = made.git("rev-parse", "HEAD"), made.commit("second")
    made.git("tag", "2.0.0+2")
    made.git("tag", "-a", "about-a-tag", "-m", "x", "1.0.0+1")
    made.git("clone", "--quiet", "--mirror", ".", str(tmp_path / "forge" / "recipe.git"))
    login = "reader:a-token-of-16-characters"
    with forge_of(tmp_path / "forge", login=login) as forge:
        source = source_of(None, recipe="recipe", forge=forge)
        found = remote_tags(runner, source, credential=Credential(forge, *login.split(":")))
        with pytest.raises(HostError, match="wants a password"):
            remote_tags(runner, source)
    assert set(found) == {
        Tag("1.0.0+1", Commit(released), annotated=True),
        Tag("2.0.0+2", head, annotated=False),
        Tag("about-a-tag", Commit(released), annotated=True),
    }


def test_a_repository_without_tags_has_none_and_one_that_is_not_there_is_said_not_to_be(tmp_path: Path) -> None:
    (tmp_path / "forge").mkdir()
    runner.run(["git", "init", "--quiet", "--bare", str(tmp_path / "forge" / "empty.git")], timeout=30)
    with forge_of(tmp_path / "forge") as forge:
        assert remote_tags(runner, source_of(f"{forge}/empty.git", recipe="x", forge=FORGE)) == ()
        with pytest.raises(UsageError, match="there is no such repository"):
            remote_tags(runner, source_of(f"{forge}/none.git", recipe="x", forge=FORGE))


@pytest.mark.parametrize(
    ("status", "kind", "sentence"),
    [
        (401, HostError, "wants a password"),
        (403, HostError, "wants a password"),
        (404, UsageError, "has no recipe 'nextcloud'"),
        (500, HostError, "cannot be reached.*500"),
        (200, UsageError, "is no git repository"),
    ],
)
def test_what_a_forge_answers(tmp_path: Path, status: int, kind: type[Exception], sentence: str) -> None:
    with forge_that_answers(
        status, b"<!DOCTYPE html>\n<html><body>Welcome to this web site</body></html>\n" * 3
    ) as forge:
        source = source_of(None, recipe="nextcloud", forge=forge)
        with pytest.raises(kind, match=sentence) as caught:
            clone(runner, source, tmp_path / "clone")
    assert type(caught.value) is kind
    assert "\n" not in str(caught.value)


def test_a_source_by_url_that_is_not_there(tmp_path: Path) -> None:
    with (
        forge_that_answers(404) as forge,
        pytest.raises(UsageError, match=r"/org/x\.git: there is no such repository"),
    ):
        clone(runner, source_of(f"{forge}/org/x.git", recipe="x", forge=FORGE), tmp_path / "clone")


def test_a_forge_behind_a_proxy_is_asked_through_it(tmp_path: Path) -> None:
    source = source_of("https://forge.invalid/org/x.git", recipe="x", forge=FORGE)
    with (
        forge_that_answers(404) as proxy,
        pytest.raises(HostError, match=r"cannot be reached: .*(?:CONNECT|proxy)"),
    ):
        clone(runner, source, tmp_path / "clone", network={"https_proxy": proxy, "GIT_SSH_COMMAND": "x"})


def test_the_machines_certificates_are_used(tmp_path: Path) -> None:
    with forge_that_answers(404) as forge:
        source = source_of(f"{forge.replace('http:', 'https:')}/x.git", recipe="x", forge=FORGE)
        for name in ("GIT_SSL_CAINFO", "SSL_CERT_FILE", "NIX_SSL_CERT_FILE"):
            with pytest.raises(HostError, match="SSL CA cert"):
                clone(runner, source, tmp_path / name, network={name: "/no/such/authorities"})


def test_git_is_looked_up_where_it_is_said_to_be(made: Made, tmp_path: Path) -> None:
    with pytest.raises(HostError, match="git is not on this machine"):
        clone(runner, source_of(str(made.folder), recipe="x", forge=FORGE), tmp_path / "c", path=str(tmp_path))


def test_a_forge_that_is_not_reached(tmp_path: Path) -> None:
    with socket.socket() as nobody:  # bound, and nobody listens
        nobody.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{nobody.getsockname()[1]}/x.git"
        with pytest.raises(HostError, match=r"/x\.git cannot be reached: Failed to connect") as caught:
            clone(runner, source_of(url, recipe="x", forge=FORGE), tmp_path / "clone")
    assert caught.value.exit_code == 3
    assert caught.value.hint
