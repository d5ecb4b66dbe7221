"""service.decide: who may, which commit, and what is told; over all that a forge and a queue can say at once."""

from __future__ import annotations

import dataclasses
from typing import Any

import pytest
from recipeci.model import Tier
from recipeci.service import decide as deciding
from recipeci.service.command import find
from recipeci.service.decide import Decision, Facts, Ignore, Refuse, Start, Stop, decide
from recipeci.service.model import (
    Cancel,
    Command,
    Comment,
    End,
    Help,
    Permission,
    Test,
    Unknown,
    User,
    Via,
)

from unit.decisions import (
    AFTER,
    ALICE,
    ASKED,
    BEFORE,
    BOB,
    BOT,
    COMMENT,
    FORK,
    HEAD,
    HOME,
    MAY,
    MOMENT_BEFORE,
    OLD,
    OTHER,
    PULL,
    SAME,
    WHEN,
    pull,
    request,
    start,
)

POLLED = dataclasses.replace(COMMENT, via=Via.POLL, head=None)
FACTS = Facts(BOT, ALICE, Permission.WRITE, PULL, author=Permission.WRITE, last_push=BEFORE)
MAY_NOT = (Permission.NONE, Permission.READ)


def decided(comment: Comment = COMMENT, command: Command | None = None, **facts: Any) -> Decision:  # noqa: ANN401 - fields of Facts
    """Decide about a comment; `pull` may be given by the fields that differ."""
    found = command if command is not None else find(comment.body)
    assert found is not None
    return decide(comment, found, repository=HOME, facts=dataclasses.replace(FACTS, **facts))


def said(decision: Decision) -> str:
    """Return the answer of a refusal."""
    assert isinstance(decision, Refuse), decision
    return decision.answer


# Who.


@pytest.mark.parametrize("permission", MAY)
@pytest.mark.parametrize("comment", [COMMENT, POLLED], ids=["webhook", "poll"])
def test_who_may_write_starts_a_run_of_the_head(permission: Permission, comment: Comment) -> None:
    assert decided(comment, permission=permission) == start()


@pytest.mark.parametrize("permission", MAY_NOT)
@pytest.mark.parametrize("comment", [COMMENT, POLLED], ids=["webhook", "poll"])
@pytest.mark.parametrize("command", [Test(), Test(HEAD), Cancel(), Help(), Unknown("x")])
def test_who_may_not_write_starts_and_ends_nothing_and_is_told_once(
    permission: Permission, comment: Comment, command: Command
) -> None:
    facts = {"permission": permission, "requests": (request(1),)}
    answer = "This needs a maintainer: someone with write permission here can comment `!testme`."
    assert decided(comment, command, **facts) == Refuse(answer, once=True)
    assert decided(comment, command, **facts, asked_for_maintainer=True) == Ignore("user 12 has no write permission")
    assert decided(comment, command, **facts, pull=pull(is_open=False)) == Ignore("user 12 has no write permission")


@pytest.mark.parametrize(
    "named",
    [None, User(99, "alice"), User(112, "alice"), User(1, "alice"), User(-1, "Ghost"), BOB],
    ids=["deleted or renamed", "re-created", "a number that ends alike", "the bot's", "a ghost", "somebody else"],
)
@pytest.mark.parametrize("permission", MAY)
@pytest.mark.parametrize("command", [Test(), Test(HEAD), Cancel(), Help(), Unknown("x")])
def test_whose_name_is_not_his_any_more_is_nobody(named: User | None, permission: Permission, command: Command) -> None:
    decision = decided(command=command, named=named, permission=permission, requests=(request(1),))
    assert decision == Ignore("the name of user 12 is not that user's any more")


def test_who_has_another_name_now_and_the_same_number_is_the_same() -> None:
    assert decided(named=User(12, "Alice-2")) == start()


def test_whoever_lost_the_permission_since_is_told_what_a_stranger_is() -> None:
    assert decided() == start()
    assert isinstance(decided(permission=Permission.READ), Refuse)


@pytest.mark.parametrize("permission", Permission)
@pytest.mark.parametrize("command", [Test(), Cancel(), Help(), Unknown("x")])
def test_our_own_words_are_no_command(permission: Permission, command: Command) -> None:
    own = dataclasses.replace(COMMENT, author=BOT)
    assert decided(own, command, named=BOT, permission=permission) == Ignore("it is our own comment")


@pytest.mark.parametrize(("repository", "number"), [(6, 7), (5, 8)])
@pytest.mark.parametrize("command", [Test(), Cancel()])
def test_an_answer_about_something_else_is_none(repository: int, number: int, command: Command) -> None:
    comment = dataclasses.replace(COMMENT, repository=repository)
    decision = decided(comment, command, pull=pull(number=number), requests=(request(1),))
    assert decision == Ignore("the forge's answer is about another pull request")


# Which commit.

UNSURE = "It is not certain which commit was the head when you commented."
SINCE = "The head was pushed after you commented."
NAME_IT = "Its author has no write permission here, so the commit must be named."
OFFER = f"If you have looked at the newest changes, comment:\n\n```\n!testme {HEAD}\n```"


@pytest.mark.parametrize(
    ("last_push", "polled", "told"),
    [
        (BEFORE, "", ""),
        (MOMENT_BEFORE, "", ""),
        (SAME, UNSURE, ""),
        (AFTER, UNSURE, SINCE),
        (None, UNSURE, UNSURE),
        ("yesterday", UNSURE, SINCE),
        ("2026-11-29T11:00:00", UNSURE, SINCE),
        ("", UNSURE, SINCE),
    ],
)
def test_the_head_is_tested_if_it_was_the_head_when_it_was_said(last_push: str | None, polled: str, told: str) -> None:
    assert decided(POLLED, last_push=last_push) == (Refuse(f"{polled} {OFFER}") if polled else start())
    assert decided(COMMENT, last_push=last_push) == (Refuse(f"{told} {OFFER}") if told else start())


@pytest.mark.parametrize("last_push", WHEN)
def test_a_head_that_has_moved_since_is_tested_as_the_event_names_it(last_push: str | None) -> None:
    moved = dataclasses.replace(COMMENT, head=OLD)
    assert decided(moved, last_push=last_push, was_head=True) == start(OLD)
    assert decided(moved, last_push=last_push) == Refuse(f"{UNSURE} {OFFER}")


@pytest.mark.parametrize("last_push", WHEN)
@pytest.mark.parametrize("head", [None, HEAD, OLD])
@pytest.mark.parametrize("author", Permission)
def test_a_named_commit_is_tested_if_it_is_the_head(
    last_push: str | None, head: str | None, author: Permission
) -> None:
    comment = dataclasses.replace(COMMENT, head=head)
    assert decided(comment, Test(HEAD), last_push=last_push, author=author) == start()
    for sha in (OLD, OTHER):
        answer = said(decided(comment, Test(sha), last_push=last_push, author=author))
        assert answer == f"`{sha}` is not the head of this pull request now. {OFFER}"


@pytest.mark.parametrize("author", MAY_NOT)
@pytest.mark.parametrize("last_push", WHEN)
@pytest.mark.parametrize("head", [None, HEAD, OLD])
def test_of_an_author_without_permission_the_commit_must_be_named(
    author: Permission, last_push: str | None, head: str | None
) -> None:
    decision = decided(dataclasses.replace(COMMENT, head=head), author=author, last_push=last_push)
    assert decision == Refuse(f"{NAME_IT} {OFFER}")


@pytest.mark.parametrize("stages", [tuple(Tier), (Tier.INSTALL, Tier.UPGRADE)])
def test_the_line_that_is_offered_is_a_command_that_starts_the_run_that_was_asked_for(stages: tuple[Tier, ...]) -> None:
    answer = said(decided(command=Test(None, stages), author=Permission.NONE))
    (line,) = [line for line in answer.splitlines() if line.startswith("!testme")]
    assert decided(dataclasses.replace(COMMENT, body=line), author=Permission.NONE) == start(stages=stages)


@pytest.mark.parametrize("head", ["", "main", "a" * 64, HEAD[:39], HEAD.upper(), "`\n!testme"])
def test_a_head_that_is_no_full_sha_is_neither_tested_nor_repeated(head: str) -> None:
    assert isinstance(decided(POLLED, pull=pull(head=head)), Ignore)
    answer = said(decided(pull=pull(head=head), author=Permission.NONE))
    assert answer == f"{NAME_IT} Look at the changes again, and comment `!testme <40 hex digits>`."


@pytest.mark.parametrize("stages", [tuple(Tier), (Tier.INSTALL,), (Tier.BACKUP, Tier.RESTORE)])
def test_the_stages_are_those_that_were_asked_for(stages: tuple[Tier, ...]) -> None:
    assert decided(command=Test(None, stages)) == start(stages=stages)


@pytest.mark.parametrize("head_url", [None, FORK])
def test_the_source_is_the_heads_repository_if_it_is_there(head_url: str | None) -> None:
    decision = decided(pull=pull(head_url=head_url))
    assert isinstance(decision, Start)
    assert (decision.asked.head_url, decision.asked.clone_url) == (head_url, HOME.clone_url)


@pytest.mark.parametrize("head_url", ["ssh://x/y", "-oProxyCommand=x", "https://x/a b", "https://x/\n", ""])
def test_a_source_that_no_program_should_get_runs_nothing(head_url: str) -> None:
    assert isinstance(decided(pull=pull(head_url=head_url)), Ignore)


def test_the_recipe_is_what_the_enrolment_says() -> None:
    other = dataclasses.replace(HOME, recipe="other", full_name="a/web")
    decision = decide(COMMENT, Test(), repository=other, facts=FACTS)
    assert isinstance(decision, Start)
    assert decision.asked.recipe == "other"


# What is queued.


@pytest.mark.parametrize("command", [Test(), Test(HEAD)])
def test_a_closed_pull_request_is_not_tested(command: Command) -> None:
    assert (
        said(decided(command=command, pull=pull(is_open=False)))
        == "This pull request is closed: nothing of it is tested."
    )


@pytest.mark.parametrize(("queued", "full"), [(0, False), (499, False), (500, True), (10_000, True)])
def test_a_full_queue_takes_no_more(queued: int, full: bool) -> None:  # noqa: FBT001 - a case
    expected = Refuse(f"The queue is full ({queued} requests). Try again later.") if full else start()
    assert decided(queued=queued) == expected
    assert decided(command=Help(), queued=queued) == Refuse(f"What can be said here:\n\n{deciding.KNOWN}")


def test_what_has_not_begun_is_replaced_and_what_runs_is_not() -> None:
    requests = (request(1), request(2, running=True), request(3))
    assert decided(requests=requests) == start(replaces=(1, 3))


@pytest.mark.parametrize("command", [Test(), Test(HEAD)])
def test_what_a_newer_comment_cancelled_does_not_begin(command: Command) -> None:
    assert decided(command=command, cancelled_by=2000) == Ignore("comment 2000, which is newer, cancels it")


@pytest.mark.parametrize("end", [None, *End])
@pytest.mark.parametrize("sha", [HEAD, OLD])
def test_a_wish_that_is_older_than_another_is_outdated_unless_its_commit_has_a_verdict(
    end: End | None, sha: str
) -> None:
    asked = dataclasses.replace(ASKED, sha=sha)
    newer = dataclasses.replace(request(9, comment=2000), end=end, asked=asked)
    has_verdict = end in (End.PASS, End.FAIL, End.UNVERIFIED) and sha == HEAD
    assert decided(newer=newer) == (start() if has_verdict else start(outdated_by=9))


@pytest.mark.parametrize("is_open", [True, False])
def test_cancel_ends_what_is_queued_and_what_runs(is_open: bool) -> None:  # noqa: FBT001 - a case
    requests = (request(1), request(2, running=True))
    decision = decided(command=Cancel(), requests=requests, pull=pull(is_open=is_open))
    assert decision == Stop((1, 2), "Cancelled: run 1, run 2.")


def test_cancel_ends_nothing_that_was_asked_for_later() -> None:
    later, before = request(2, comment=1043), request(1, comment=1041)
    assert decided(command=Cancel(), requests=(before, later)) == Stop((1,), "Cancelled: run 1.")
    assert decided(command=Cancel(), requests=(later,)) == Stop((), "Nothing is queued or running here.")


def test_cancel_ends_what_nobody_commented_for() -> None:
    """An operator's rerun has no comment."""
    rerun = dataclasses.replace(request(3), comment=None)
    assert decided(command=Cancel(), requests=(rerun,)) == Stop((3,), "Cancelled: run 3.")


def test_cancel_of_nothing_says_so() -> None:
    assert decided(command=Cancel()) == Stop((), "Nothing is queued or running here.")


def test_help_and_what_is_not_known_are_answered_with_what_is() -> None:
    known = said(decided(command=Help()))
    assert known.startswith("What can be said here:\n\n- `!testme`: ")
    for line in ("!testme <40 hex digits>", "!testme --stages install,upgrade", "!testme cancel", "!testme help"):
        assert f"- `{line}`: " in known
    assert said(decided(command=Unknown("That is odd"))) == f"That is odd. {known}"


@pytest.mark.parametrize("form", [form for form, _ in deciding.FORMS])
def test_each_form_that_is_told_is_one(form: str) -> None:
    command = find(form.replace("<40 hex digits>", HEAD))
    assert isinstance(command, Test | Cancel | Help)
