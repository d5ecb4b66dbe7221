"""service.gitea against the real Gitea: each question, each effect, and what becomes of them when things are gone."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import giteascene
import pytest
from giteascene import Scene
from lab.gitea import LabGitea
from recipeci.host.clock import SystemClock
from recipeci.service.forge import ForgeRefused, ForgeUnavailable, Gone
from recipeci.service.gitea import Gitea
from recipeci.service.model import Permission, User

MARKER = "<!-- recipeci -->"


@pytest.fixture(scope="module")
def shared(gitea: LabGitea, tmp_path_factory: pytest.TempPathFactory) -> Scene:
    """A repository whose pull requests are many tests'."""
    return giteascene.scene(gitea, tmp_path_factory.mktemp("scene"))


@pytest.fixture
def scene(shared: Scene) -> Scene:
    """A pull request of this test's own."""
    return shared.again()


@pytest.fixture
def alone(gitea: LabGitea, tmp_path: Path) -> Scene:
    """A repository of this test's own."""
    return giteascene.scene(gitea, tmp_path)


@pytest.fixture
def bot(request: pytest.FixtureRequest) -> Iterator[Gitea]:
    """The adapter with the token of the scene's bot."""
    of = next((name for name in ("alone", "scene") if name in request.fixturenames), "shared")
    here: Scene = request.getfixturevalue(of)
    with giteascene.adapter(here.lab, here.bot) as adapter:
        yield adapter


# --- users, repositories


def test_who_we_are(shared: Scene, bot: Gitea) -> None:
    assert bot.myself() == User(shared.bot.id, shared.bot.login)


def test_a_user_has_the_number_whatever_the_case_of_the_name(shared: Scene, bot: Gitea) -> None:
    assert bot.permission(shared.repository, shared.owner.login.upper()).user == User(
        shared.owner.id, shared.owner.login
    )


def test_a_name_that_nobody_has_is_gone(shared: Scene, bot: Gitea) -> None:
    with pytest.raises(Gone):
        bot.permission(shared.repository, "nobody-is-called-so")


@pytest.mark.parametrize(
    "name", ["", ".", "..", "a/b", "../../admin/users", "a b", "a?b", "a#b", "ü", "x" * 200, "a\n", "%2e"]
)
def test_a_name_that_nobody_can_have_is_gone_too(shared: Scene, bot: Gitea, name: str) -> None:
    with pytest.raises(Gone, match="cannot be the name"):
        bot.permission(shared.repository, name)
    with pytest.raises(Gone, match="cannot be the name"):
        bot.repository(f"owner/{name}/x")


def test_a_repository_by_name_and_by_number(shared: Scene, bot: Gitea) -> None:
    by_name = bot.repository(shared.home.full_name)
    assert by_name == bot.repository_by_number(shared.home.id)
    assert (by_name.id, by_name.full_name, by_name.private) == (shared.home.id, shared.home.full_name, False)
    assert by_name.clone_url == f"{shared.lab.url}/{shared.home.full_name}.git"


def test_a_renamed_repository_is_found_by_its_number_alone(alone: Scene, bot: Gitea) -> None:
    name = alone.lab.name("renamed")
    alone.lab.do("PATCH", f"repos/{alone.home.full_name}", fields={"name": name})
    assert bot.repository_by_number(alone.home.id).full_name == f"{alone.owner.login}/{name}"
    with pytest.raises(ForgeRefused) as caught:
        bot.repository(alone.home.full_name)
    assert caught.value.status in range(300, 400)


def test_a_repository_that_is_not_there_or_not_shown_is_gone(shared: Scene, bot: Gitea) -> None:
    hidden = shared.lab.repository(shared.owner, private=True)
    for name in (hidden.full_name, f"{shared.owner.login}/nothing"):
        with pytest.raises(Gone):
            bot.repository(name)
    for number in (hidden.id, 2**40):
        with pytest.raises(Gone):
            bot.repository_by_number(number)


def test_what_strangers_cannot_see_is_private(alone: Scene, bot: Gitea) -> None:
    """A repository's own setting, and its owner's."""
    alone.lab.do("PATCH", f"repos/{alone.home.full_name}", fields={"private": True})
    assert bot.repository(alone.home.full_name).private
    alone.lab.do("PATCH", f"repos/{alone.home.full_name}", fields={"private": False})
    assert not bot.repository(alone.home.full_name).private
    for visibility in ("limited", "private"):
        alone.lab.change(alone.owner, visibility=visibility)
        assert bot.repository(alone.home.full_name).private


def test_a_token_that_was_taken_away_is_refused(shared: Scene) -> None:
    with (
        Gitea(shared.lab.url, "0" * 40, clock=SystemClock()) as stranger,
        pytest.raises(ForgeRefused) as caught,
    ):
        stranger.myself()
    assert caught.value.status == 401


# --- pull requests


def test_a_pull_request(shared: Scene, bot: Gitea) -> None:
    pull = bot.pull(shared.repository, shared.pull.number)
    assert (pull.number, pull.head, pull.is_open) == (shared.pull.number, shared.pull.head, True)
    assert pull.author == User(shared.contributor.id, shared.contributor.login)
    assert pull.head_url == f"{shared.lab.url}/{shared.home.full_name}.git"


def test_a_pull_request_from_a_fork_names_the_fork(scene: Scene, bot: Gitea, gitea: LabGitea) -> None:
    stranger = gitea.person("stranger")
    fork = gitea.fork(scene.home, stranger)
    sha = scene.work.commit({"other": "x"}, branch="other")
    scene.work.push(gitea.address(fork, stranger), "other")
    made = gitea.pull(scene.home, stranger, head=f"{stranger.login}:other", sha=sha)
    pull = bot.pull(scene.repository, made.number)
    assert (pull.head, pull.head_url) == (sha, f"{gitea.url}/{fork.full_name}.git")
    gitea.delete_repository(fork)
    pull = bot.pull(scene.repository, made.number)
    assert (pull.head, pull.head_url, pull.is_open) == (sha, None, False)


def test_who_pushes_for_a_branch_without_a_right_to_write_has_no_repository(
    scene: Scene, bot: Gitea, gitea: LabGitea
) -> None:
    """Gitea says that such a head is in the repository itself, whose code an operator may have allowed to run."""
    stranger = gitea.person("stranger")
    sha = scene.work.commit({"other": "y"}, branch=gitea.name("topic"))
    topic = ("--push-option", "topic=other", "--push-option", "title=other")
    scene.work.git("push", "--quiet", *topic, gitea.address(scene.home, stranger), "HEAD:refs/for/main")
    opened = gitea.do("GET", f"repos/{scene.home.full_name}/pulls?state=open")
    (number,) = [pull["number"] for pull in opened if pull["user"]["login"] == stranger.login]
    pull = bot.pull(scene.repository, number)
    assert not bot.permission(scene.repository, stranger.login).permission.may_write
    assert (pull.author.login, pull.head, pull.head_url) == (stranger.login, sha, None)


def test_the_head_after_a_push_and_after_a_forced_one(scene: Scene, bot: Gitea) -> None:
    for amend in (False, True):
        sha = scene.push("more", amend=amend)
        assert bot.pull(scene.repository, scene.pull.number).head == sha


def test_a_closed_and_a_merged_pull_request_are_not_open(scene: Scene, bot: Gitea) -> None:
    scene.lab.close_pull(scene.pull)
    assert not bot.pull(scene.repository, scene.pull.number).is_open
    scene.lab.do("PATCH", f"repos/{scene.home.full_name}/pulls/{scene.pull.number}", fields={"state": "open"})
    scene.lab.merge(scene.pull)
    pull = bot.pull(scene.repository, scene.pull.number)
    assert (pull.is_open, pull.head) == (False, scene.pull.head)


def test_a_pull_request_that_is_not_there_and_an_issue_are_gone(shared: Scene, bot: Gitea) -> None:
    issue = shared.lab.do("POST", f"repos/{shared.home.full_name}/issues", fields={"title": "no pull request"})
    for number in (issue["number"], 999, 0, -1):
        with pytest.raises(Gone):
            bot.pull(shared.repository, number)


def test_the_author_of_a_pull_request_who_is_deleted_is_nobody_with_a_right(scene: Scene, bot: Gitea) -> None:
    ghost = scene.lab.person("ghost")
    scene.lab.grant(scene.home, ghost, "write")
    sha = scene.work.commit({"ghost": "x"}, branch="ghost")
    scene.work.push(scene.lab.address(scene.home, ghost), "ghost")
    made = scene.lab.pull(scene.home, ghost, head="ghost", sha=sha)
    scene.lab.delete(ghost, purge=False)
    author = bot.pull(scene.repository, made.number).author
    assert author.id < 1
    with pytest.raises(Gone):
        bot.permission(scene.repository, author.login)


# --- the comment


def test_comments_are_made_edited_removed_and_found_again_as_ours(scene: Scene, bot: Gitea) -> None:
    scene.lab.comment(scene.pull, scene.contributor, f"{MARKER}\nI am the bot")
    scene.lab.comment(scene.pull, scene.bot, "about something else")
    number = bot.make_comment(scene.repository, scene.pull.number, f"{MARKER}\nfirst")
    second = bot.make_comment(scene.repository, scene.pull.number, f"{MARKER}\nsecond")
    bot.edit_comment(scene.repository, number, f"{MARKER}\nedited")
    edited, other = bot.own_comments(scene.repository, scene.pull.number, marker=MARKER, myself=bot.myself())
    assert (edited.id, edited.body) == (number, f"{MARKER}\nedited")
    assert (other.id, other.body) == (second, f"{MARKER}\nsecond")
    for _ in range(2):  # one that is gone is no error
        bot.remove_comment(scene.repository, second)
    assert bot.own_comments(scene.repository, scene.pull.number, marker=MARKER, myself=bot.myself()) == (edited,)


def test_without_a_comment_of_ours_none_is_found(scene: Scene, bot: Gitea) -> None:
    scene.lab.comment(scene.pull, scene.contributor, f"{MARKER}\nI am the bot")
    assert bot.own_comments(scene.repository, scene.pull.number, marker=MARKER, myself=bot.myself()) == ()


def test_a_comment_that_somebody_deleted_is_gone(scene: Scene, bot: Gitea) -> None:
    number = bot.make_comment(scene.repository, scene.pull.number, "hello")
    scene.lab.delete_comment(scene.home, number)
    with pytest.raises(Gone):
        bot.edit_comment(scene.repository, number, "again")


def test_a_comment_of_the_greatest_length_is_kept_as_it_is(scene: Scene, bot: Gitea) -> None:
    body = "ü" * 65_000
    number = bot.make_comment(scene.repository, scene.pull.number, body)
    assert [comment["body"] for comment in scene.lab.comments(scene.pull) if comment["id"] == number] == [body]


def test_a_locked_conversation_takes_our_comment_and_an_archived_repository_none(alone: Scene, bot: Gitea) -> None:
    alone.lab.do("PUT", f"repos/{alone.home.full_name}/issues/{alone.pull.number}/lock", fields={"lock_reason": ""})
    assert bot.make_comment(alone.repository, alone.pull.number, "hello")
    alone.lab.do("PATCH", f"repos/{alone.home.full_name}", fields={"archived": True})
    with pytest.raises(ForgeRefused) as caught:
        bot.make_comment(alone.repository, alone.pull.number, "hello")
    assert caught.value.status == 423


# --- statuses


def test_a_status_is_set_and_known_by_context_state_and_address(scene: Scene, bot: Gitea) -> None:
    status = scene.status(scene.pull.head)
    assert not bot.shows_status(scene.repository, status)
    bot.set_status(scene.repository, status)
    assert bot.shows_status(scene.repository, status)
    assert bot.shows_status(scene.repository, replace(status, description="other words"))
    for other in (
        replace(status, state="success"),
        replace(status, context="recipeci/other"),
        replace(status, target_url="https://ci.test/runs/2"),
    ):
        assert not bot.shows_status(scene.repository, other)


@pytest.mark.parametrize("state", ["pending", "success", "failure", "error"])
def test_every_state_that_the_bridge_has_is_one_of_the_forge(scene: Scene, bot: Gitea, state: str) -> None:
    bot.set_status(scene.repository, scene.status(scene.pull.head, state=state))
    (shown,) = scene.lab.statuses(scene.home, scene.pull.head)
    assert (shown["status"], shown["context"], shown["target_url"]) == (state, "recipeci/app", "https://ci.test/runs/1")


def test_of_many_statuses_the_newest_is_shown_also_within_one_second(scene: Scene, bot: Gitea) -> None:
    others = scene.status(scene.pull.head, run=99)
    for run in range(1, 64):
        bot.set_status(scene.repository, scene.status(scene.pull.head, run=run))
        bot.set_status(scene.repository, replace(others, context="recipeci/other"))
    shown = [run for run in range(1, 65) if bot.shows_status(scene.repository, scene.status(scene.pull.head, run=run))]
    assert shown == [63]
    assert bot.shows_status(scene.repository, replace(others, context="recipeci/other"))


def test_a_commit_that_is_not_there_has_no_status_and_gets_none(shared: Scene, bot: Gitea) -> None:
    """Gitea calls it a fault of its own, so it is tried until it is given up."""
    status = shared.status("0123456789" * 4)
    assert not bot.shows_status(shared.repository, status)
    with pytest.raises(ForgeUnavailable):
        bot.set_status(shared.repository, status)


def test_a_commit_that_a_forced_push_left_behind_still_gets_its_status(scene: Scene, bot: Gitea) -> None:
    scene.push("other", amend=True)
    bot.set_status(scene.repository, scene.status(scene.pull.head, state="error"))
    assert bot.shows_status(scene.repository, scene.status(scene.pull.head, state="error"))


def test_a_bot_that_may_only_write_does_not_learn_what_others_may(shared: Scene) -> None:
    writer = shared.lab.person("writer")
    shared.lab.grant(shared.home, writer, "write")
    with giteascene.adapter(shared.lab, writer) as adapter:
        assert adapter.permission(shared.repository, writer.login).permission is Permission.WRITE
        with pytest.raises(ForgeRefused) as caught:
            adapter.permission(shared.repository, shared.contributor.login)
        assert caught.value.status == 403
