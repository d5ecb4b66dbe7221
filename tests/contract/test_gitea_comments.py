"""service.gitealists against the real Gitea: which comments a listing has, and when the head was pushed."""

from __future__ import annotations

import urllib.parse
from collections.abc import Iterator

import giteascene
import pytest
from giteascene import SINCE, Scene
from lab.gitea import LabGitea
from recipeci.host.clock import SystemClock, until
from recipeci.service.gitea import Gitea
from recipeci.service.model import User, Via


@pytest.fixture(scope="module")
def shared(gitea: LabGitea, tmp_path_factory: pytest.TempPathFactory) -> Scene:
    """A repository whose pull requests are many tests'."""
    return giteascene.scene(gitea, tmp_path_factory.mktemp("scene"))


@pytest.fixture
def scene(shared: Scene) -> Scene:
    """A pull request of this test's own."""
    return shared.again()


@pytest.fixture
def silent(shared: Scene) -> Scene:
    """The shared repository, in which nobody has said anything."""
    shared.lab.silence(shared.home)
    return shared


@pytest.fixture
def bot(shared: Scene) -> Iterator[Gitea]:
    """The adapter with the bot's token."""
    with giteascene.adapter(shared.lab, shared.bot) as adapter:
        yield adapter


def listed(scene: Scene, bot: Gitea, *, since: str = SINCE) -> list[int]:
    """List the repository's comments; return their numbers."""
    return [comment.id for comment in bot.comments(scene.repository, since=since).comments]


def said(scene: Scene, body: str = "!testme", *, seconds: int = 0) -> int:
    """Have the contributor comment, so long ago; return the comment's number."""
    number = int(scene.lab.comment(scene.pull, scene.contributor, body)["id"])
    if seconds:
        scene.lab.backdate("comment", number, seconds=seconds)
    return number


# --- comments


def test_a_comment_is_listed_as_it_was_made(silent: Scene, bot: Gitea) -> None:
    made = silent.lab.comment(silent.pull, silent.contributor, "!testme\r\n<b>ü</b>")
    listing = bot.comments(silent.repository, since=SINCE)
    (comment,) = listing.comments
    assert (comment.id, comment.pull, comment.body) == (made["id"], silent.pull.number, "!testme\r\n<b>ü</b>")
    assert comment.author == User(silent.contributor.id, silent.contributor.login)
    assert (comment.repository, comment.repository_name) == (silent.home.id, silent.home.full_name)
    assert (comment.via, comment.head) == (Via.POLL, None)
    assert comment.created == listing.newest == made["created_at"]


def test_what_was_made_in_the_second_itself_counts_as_since(silent: Scene, bot: Gitea) -> None:
    number = said(silent)
    at = bot.comments(silent.repository, since=SINCE).comments[0].created
    assert listed(silent, bot, since=at) == [number]
    assert bot.comments(silent.repository, since="2100-01-01T00:00:00Z").newest is None


def test_comments_come_in_the_order_in_which_they_were_made(silent: Scene, bot: Gitea) -> None:
    numbers = [said(silent, seconds=seconds) for seconds in (1000, 4000, 2000, 3000)]
    assert listed(silent, bot) == [numbers[1], numbers[3], numbers[2], numbers[0]]


def test_an_edited_comment_comes_again_and_is_left_out(silent: Scene, bot: Gitea) -> None:
    """Gitea lists by when a comment was changed, in the order in which they were made."""
    old, new = said(silent, "hello", seconds=500), said(silent, seconds=100)
    before = bot.comments(silent.repository, since=SINCE)
    silent.lab.edit(silent.home, silent.owner, old, "!testme")
    after = bot.comments(silent.repository, since=str(before.newest))
    assert [comment.id for comment in before.comments] == [old, new]
    assert [comment.id for comment in after.comments] == [new]
    assert str(after.newest) > str(before.newest)


def test_the_forge_lists_what_was_changed_until_a_second_and_in_it(silent: Scene) -> None:
    """By this a list that somebody filled with edited comments is read in parts."""
    old, middle, new = (said(silent, "hello", seconds=seconds) for seconds in (300, 200, 100))
    everything = f"repos/{silent.home.full_name}/issues/comments"
    until = next(row["updated_at"] for row in silent.lab.do("GET", everything) if row["id"] == middle)
    asked = f"{everything}?{urllib.parse.urlencode({'since': SINCE, 'before': until})}"
    assert [row["id"] for row in silent.lab.do("GET", asked)] == [old, middle]
    silent.lab.edit(silent.home, silent.owner, old, "edited")
    assert [row["id"] for row in silent.lab.do("GET", asked)] == [middle]
    assert [row["id"] for row in silent.lab.do("GET", everything)] == [old, middle, new]


def test_a_deleted_comment_is_in_no_list(silent: Scene, bot: Gitea) -> None:
    gone, stays = said(silent), said(silent)
    silent.lab.delete_comment(silent.home, gone)
    assert listed(silent, bot) == [stays]


def test_comments_under_an_issue_and_in_a_review_are_not_listed(silent: Scene, bot: Gitea) -> None:
    issue = silent.lab.do("POST", f"repos/{silent.home.full_name}/issues", fields={"title": "no pull request"})
    path = f"repos/{silent.home.full_name}/issues/{issue['number']}/comments"
    silent.lab.do("POST", path, by=silent.contributor, fields={"body": "!testme"})
    review(silent, code=1)
    listing = bot.comments(silent.repository, since=SINCE)
    assert listing.comments == ()
    assert listing.newest is not None


def test_what_was_said_in_another_repository_is_not_listed(silent: Scene, bot: Gitea) -> None:
    other = silent.lab.repository(silent.owner)
    issue = silent.lab.do("POST", f"repos/{other.full_name}/issues", by=silent.owner, fields={"title": "x"})
    path = f"repos/{other.full_name}/issues/{issue['number']}/comments"
    silent.lab.do("POST", path, by=silent.owner, fields={"body": "!testme"})
    assert bot.comments(silent.repository, since=SINCE).newest is None


def test_who_was_deleted_says_nothing_any_more(silent: Scene, bot: Gitea) -> None:
    ghost = silent.lab.person("ghost")
    silent.lab.comment(silent.pull, ghost, "!testme")
    silent.lab.delete(ghost, purge=False)
    assert listed(silent, bot) == []


def test_all_of_several_pages_are_had(silent: Scene, bot: Gitea) -> None:
    numbers = [said(silent) for _ in range(53)]
    assert listed(silent, bot) == numbers


def test_a_comment_that_is_longer_than_all_that_is_read_hides_no_other(silent: Scene, bot: Gitea) -> None:
    numbers = [said(silent), said(silent, "x" * 9_000_000), said(silent)]
    assert listed(silent, bot) == [numbers[0], numbers[2]]
    number = bot.make_comment(silent.repository, silent.pull.number, "<!-- x -->")
    found = bot.own_comments(silent.repository, silent.pull.number, marker="<!-- x -->", myself=bot.myself())
    assert [one.id for one in found] == [number]


# --- when the head was pushed


def pushed(scene: Scene, bot: Gitea) -> str:
    """Return when the head was pushed, once the timeline says so: Gitea writes that after the push has ended."""

    def observe() -> str | None:
        return bot.last_push(scene.repository, bot.pull(scene.repository, scene.pull.number))

    found = until(
        observe,
        lambda at: at is not None,
        what="the push in the timeline",
        clock=SystemClock(),
        timeout=60,
        delay=0.05,
        successes=1,
    )
    assert found is not None
    return found


def review(scene: Scene, *, code: int) -> None:
    """Review the pull request, with so many comments on its code."""
    comments = [{"path": "change", "body": "hm", "new_position": 1} for _ in range(code)]
    path = f"repos/{scene.home.full_name}/pulls/{scene.pull.number}/reviews"
    scene.lab.do("POST", path, by=scene.owner, fields={"body": "!testme", "event": "COMMENT", "comments": comments})


def rows(scene: Scene, *, page: int = 1) -> list[int]:
    """Return the numbers of the pushes on a page of the timeline, oldest first."""
    path = f"repos/{scene.home.full_name}/issues/{scene.pull.number}/timeline?limit=50&page={page}"
    return [row["id"] for row in scene.lab.do("GET", path) or () if row["type"] == "pull_push"]


def test_the_first_head_was_pushed_when_the_pull_request_was_made(scene: Scene, bot: Gitea) -> None:
    made = scene.lab.do("GET", f"repos/{scene.home.full_name}/pulls/{scene.pull.number}")["created_at"]
    assert pushed(scene, bot) >= made


def test_a_push_is_the_newest_one(scene: Scene, bot: Gitea) -> None:
    pushed(scene, bot)
    scene.lab.backdate("comment", rows(scene)[0], seconds=1000)
    before = pushed(scene, bot)
    scene.push("more")
    assert pushed(scene, bot) > before


def test_a_forced_push_is_the_newest_one(scene: Scene, bot: Gitea) -> None:
    """Gitea has two rows for it, and takes commits that are gone out of the older ones."""
    scene.push("more")
    pushed(scene, bot)
    for number in rows(scene):
        scene.lab.backdate("comment", number, seconds=1000)
    before = pushed(scene, bot)
    scene.push("other", amend=True)
    assert pushed(scene, bot) > before


@pytest.mark.parametrize("amend", [False, True])
def test_what_was_the_head_before_a_comment_is_told_from_what_was_pushed_since(
    scene: Scene, bot: Gitea, *, amend: bool
) -> None:
    seen = scene.pull.head
    number = said(scene)
    newer = scene.push("more", amend=amend)
    pushed(scene, bot)
    scene.push("and more")
    pull = bot.pull(scene.repository, scene.pull.number)
    assert bot.was_head(scene.repository, pull, newer, before=number) is False
    pushed(scene, bot)
    assert bot.was_head(scene.repository, pull, newer, before=number) is False
    assert bot.was_head(scene.repository, pull, seen, before=number) is True


def test_a_head_that_the_timeline_does_not_name_is_of_nobody_knows_when(scene: Scene, bot: Gitea) -> None:
    """As long as the row of a push is not yet there, or if it never comes."""
    pushed(scene, bot)
    scene.push("more")
    pushed(scene, bot)
    pull = bot.pull(scene.repository, scene.pull.number)
    scene.lab.forget("comment", rows(scene)[-1])
    assert bot.last_push(scene.repository, pull) is None


def test_many_other_rows_hide_no_push(scene: Scene, bot: Gitea) -> None:
    for _ in range(55):
        said(scene)
    scene.push("more")
    assert pushed(scene, bot)


def test_a_push_behind_a_page_that_is_hidden_is_not_seen_and_nothing_is_made_of_it(scene: Scene, bot: Gitea) -> None:
    """Comments on code are in no timeline, and a page of nothing else looks as the end does."""
    pushed(scene, bot)
    review(scene, code=120)
    head = scene.push("more")
    until(
        lambda: rows(scene, page=3),
        bool,
        what="the push in the timeline",
        clock=SystemClock(),
        timeout=60,
        delay=0.05,
        successes=1,
    )
    assert bot.pull(scene.repository, scene.pull.number).head == head
    last = bot.last_push(scene.repository, bot.pull(scene.repository, scene.pull.number))
    assert last is None
