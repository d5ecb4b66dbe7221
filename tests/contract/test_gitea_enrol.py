"""service.enrol with the real Gitea and the real database: what it makes, and the token that it refuses."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from pathlib import Path

import giteascene
import pytest
from giteascene import SCOPES, Scene
from lab.gitea import LabGitea, Person
from recipeci import service_serving
from recipeci.errors import UsageError
from recipeci.host.clock import SystemClock
from recipeci.service.enrol import Enrolled, enrol, wanted
from recipeci.service.gitea import Gitea
from recipeci.service.setup import Bridge
from recipeci.service.store import Database, repositories

SECRET = "a-secret-of-a-test"
HOOK = "http://127.0.0.1:9/hooks/gitea"


@pytest.fixture(scope="module")
def shared(gitea: LabGitea, tmp_path_factory: pytest.TempPathFactory) -> Scene:
    return giteascene.scene(gitea, tmp_path_factory.mktemp("scene"))


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    database = Database(tmp_path / "recipeci.db")
    yield database
    database.close()


def bridge(scene: Scene, database: Database, *, secret: str = SECRET) -> Bridge:
    return Bridge(
        database=database.path,
        forge=scene.lab.url,
        url="http://127.0.0.1:9",
        host="127.0.0.1",
        port=9,
        token="",
        webhook_secrets=(secret,),
    )


def enrolled(
    scene: Scene,
    database: Database,
    recipe: str | None = "app",
    *,
    name: str = "",
    by: Person | None = None,
    scopes: tuple[str, ...] = SCOPES,
    secret: str = SECRET,
    with_webhook: bool = True,
) -> Enrolled:
    """Enrol the scene's repository, with a token of the bot's."""
    with giteascene.adapter(scene.lab, by or scene.bot, *scopes) as forge:
        return enrol(
            wanted(name or scene.home.full_name, recipe, forge=forge, with_webhook=with_webhook),
            bridge=bridge(scene, database, secret=secret),
            database=database,
            forge=forge,
            clock=SystemClock(),
        )


def hooks(scene: Scene) -> list[dict[str, object]]:
    """Return the repository's webhooks."""
    return list(scene.lab.do("GET", f"repos/{scene.home.full_name}/hooks"))


def stored(database: Database) -> list[str]:
    with database.reading() as tx:
        return [repository.full_name for repository in repositories.enrolled(tx)]


@pytest.fixture
def scene(shared: Scene) -> Iterator[Scene]:
    """The shared repository, without a webhook before and after."""
    yield shared
    for hook in hooks(shared):
        shared.lab.do("DELETE", f"repos/{shared.home.full_name}/hooks/{hook['id']}")


def test_a_repository_is_stored_and_has_one_webhook_for_comments_under_pull_requests(
    scene: Scene, database: Database
) -> None:
    done = enrolled(scene, database)
    (hook,) = hooks(scene)
    assert (hook["id"], hook["type"], hook["active"]) == (done.webhook, "gitea", True)
    assert hook["config"] == {"content_type": "json", "url": HOOK}
    assert hook["events"] == ["pull_request_comment"]
    assert done.was == ""
    with database.reading() as tx:
        assert repositories.find(tx, scene.home.id) == done.repository
    assert (done.repository.full_name, done.repository.recipe) == (scene.home.full_name, "app")
    assert done.repository.clone_url == f"{scene.lab.url}/{scene.home.full_name}.git"
    assert done.repository.since == done.repository.cursor


def test_done_twice_it_is_there_once_and_counts_from_the_first_time(scene: Scene, database: Database) -> None:
    first = enrolled(scene, database)
    with database.writing() as tx:
        tx.change("UPDATE repository SET since = '2026-01-01T00:00:00Z'")
    second = enrolled(scene, database, "other", secret="another-secret-of-a-test")
    assert (first.was, second.was) == ("", "app")
    assert [hook["id"] for hook in hooks(scene)] == [second.webhook]
    assert second.webhook != first.webhook, "a webhook's secret cannot be changed"
    assert (second.repository.since, second.repository.recipe) == ("2026-01-01T00:00:00Z", "other")


def test_it_is_said_what_an_enrolment_changed(
    scene: Scene, database: Database, capsys: pytest.CaptureFixture[str]
) -> None:
    """As `recipeci enroll` says it: without `=RECIPE` it is called as the repository again, which nobody may miss."""
    given = dataclasses.replace(bridge(scene, database), token=scene.lab.token(scene.bot.login, *SCOPES))
    name = scene.home.full_name
    for recipe in ("app", "other", "other"):
        service_serving.enroll(name, recipe, given, with_webhook=False)
    service_serving.remove(name, given)
    service_serving.enroll(name, "app", given, with_webhook=False)
    assert capsys.readouterr().out.splitlines() == [
        f"{name} is enrolled: recipe app; no webhook: by polling alone",
        f"{name} was enrolled before, and is up to date: recipe other instead of app; no webhook: by polling alone",
        f"{name} was enrolled before, and is up to date: recipe other; no webhook: by polling alone",
        f"{name} is not enrolled any more",
        f"{name} is enrolled: recipe app; no webhook: by polling alone",
    ]


def test_webhooks_of_others_are_left_alone(scene: Scene, database: Database) -> None:
    config = {"url": "http://127.0.0.1:9/hooks/other", "content_type": "json"}
    fields = {"type": "gitea", "config": config, "events": ["push"], "active": True}
    other = scene.lab.do("POST", f"repos/{scene.home.full_name}/hooks", fields=fields)["id"]
    enrolled(scene, database)
    done = enrolled(scene, database)
    assert {hook["id"] for hook in hooks(scene)} == {other, done.webhook}


def test_without_a_webhook_it_is_polled(scene: Scene, database: Database) -> None:
    done = enrolled(scene, database, with_webhook=False)
    assert (done.webhook, hooks(scene)) == (None, [])
    assert stored(database) == [scene.home.full_name]


def test_the_recipe_is_called_as_the_repository_unless_something_else_is_said(scene: Scene, database: Database) -> None:
    assert enrolled(scene, database, None).repository.recipe == scene.home.full_name.partition("/")[2]


@pytest.mark.parametrize(
    ("name", "recipe", "words"),
    [
        ("", "app", "OWNER/REPO"),
        ("owner", "app", "OWNER/REPO"),
        ("owner/repo/x", "app", "OWNER/REPO"),
        ("../admin/users", "app", "OWNER/REPO"),
        ("owner/re po", "app", "OWNER/REPO"),
        ("owner/repo", "../x", "recipe name"),
        ("owner/repo", "Upper", "recipe name"),
        ("owner/repo", "x" * 64, "recipe name"),
        ("owner/My.Repo", None, "recipe name"),
        ("nobody/nothing", "app", "no repository nobody/nothing"),
    ],
)
def test_what_cannot_be_enrolled_is_said_in_a_sentence(scene: Scene, name: str, recipe: str | None, words: str) -> None:
    with pytest.raises(UsageError) as caught, giteascene.adapter(scene.lab, scene.bot) as forge:
        wanted(name, recipe, forge=forge)
    assert words in f"{caught.value.message} {caught.value.hint}"


@pytest.mark.parametrize(
    ("scopes", "words"),
    [
        (("write:issue", "write:repository"), ["read users"]),
        (("read:user", "write:repository"), ["read comments", "comment (scope write:issue)"]),
        (("read:user", "read:issue", "write:repository"), ["comment (scope write:issue)"]),
        (("read:user", "write:issue", "read:repository"), ["set commit statuses", "make webhooks"]),
        (("read:user", "write:issue"), ["does not show"]),
    ],
)
def test_a_token_of_too_few_scopes_is_refused_by_name(
    scene: Scene, database: Database, scopes: tuple[str, ...], words: list[str]
) -> None:
    before = everything(scene)
    with pytest.raises(UsageError) as caught:
        enrolled(scene, database, scopes=scopes)
    assert [word for word in words if word not in caught.value.message] == []
    assert caught.value.message.count(";") == max(0, len(words) - 1)
    assert everything(scene) == before
    assert stored(database) == []


def test_a_token_that_the_forge_does_not_know_is_told_from_one_of_too_few_scopes(scene: Scene) -> None:
    with pytest.raises(UsageError) as caught, Gitea(scene.lab.url, "0" * 40, clock=SystemClock()) as forge:
        wanted(scene.home.full_name, "app", forge=forge)
    assert caught.value.hint == "bridge.token_file has a token that the forge does not know: make another one there"


@pytest.mark.parametrize(
    ("permission", "words"),
    [
        ("write", ["ask who may write", "make webhooks"]),
        ("read", ["ask who may write", "set commit statuses", "make webhooks"]),
    ],
)
def test_a_user_of_too_few_rights_is_refused_by_name(
    scene: Scene, database: Database, permission: str, words: list[str]
) -> None:
    person = scene.lab.person()
    scene.lab.grant(scene.home, person, permission)
    with pytest.raises(UsageError) as caught:
        enrolled(scene, database, by=person)
    assert [word for word in words if word not in caught.value.message] == []
    assert (hooks(scene), stored(database)) == ([], [])


def everything(scene: Scene) -> tuple[object, ...]:
    """Return all that a probe could have changed."""
    issues = scene.lab.do("GET", f"repos/{scene.home.full_name}/issues?state=all&limit=50")
    comments = scene.lab.do("GET", f"repos/{scene.home.full_name}/issues/comments")
    return (len(issues), comments, scene.lab.statuses(scene.home, scene.pull.head), hooks(scene))


def test_the_question_what_a_token_may_changes_nothing(scene: Scene) -> None:
    before = everything(scene)
    with giteascene.adapter(scene.lab, scene.bot) as forge:
        assert forge.permits(scene.home.full_name, owner=scene.owner.login, with_webhook=True) == ()
    assert everything(scene) == before


def test_an_organisation_with_a_team_of_which_the_bot_may_not_know(gitea: LabGitea) -> None:
    boss, bot, maintainer = gitea.person("boss"), gitea.person("bot"), gitea.person("maintainer")
    organisation = gitea.organisation(boss)
    home = gitea.repository(boss, organisation=organisation, auto_init=True)
    gitea.grant(home, bot, "admin")
    team = gitea.team(organisation, "write", maintainer, of=home)
    with giteascene.adapter(gitea, bot) as forge:
        (lacking,) = forge.permits(home.full_name, owner=organisation, with_webhook=True)
        assert lacking.startswith("ask who is in the team team-")
        gitea.do("PUT", f"teams/{team}/members/{bot.login}")
        assert forge.permits(home.full_name, owner=organisation, with_webhook=True) == ()
        assert forge.permission(giteascene.enrolled(gitea, home), maintainer.login).permission.may_write
    without = tuple(scope for scope in SCOPES if scope != "read:organization")
    with giteascene.adapter(gitea, bot, *without) as forge:
        assert len(forge.permits(home.full_name, owner=organisation, with_webhook=True)) == 1
