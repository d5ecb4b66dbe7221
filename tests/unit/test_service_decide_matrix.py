"""service.decide: over all that a forge and a queue can say at once, a run starts only where it may."""

from __future__ import annotations

import dataclasses
import itertools
from collections.abc import Iterator

from hypothesis import given
from hypothesis import strategies as st
from recipeci.model import FULL_SHA
from recipeci.service.decide import Facts, Ignore, Refuse, Start, Stop, decide
from recipeci.service.model import (
    Command,
    Comment,
    Permission,
    Test,
    User,
    Via,
)

from unit.decisions import (
    ALICE,
    BEFORE,
    BOT,
    COMMANDS,
    COMMENT,
    HEAD,
    HOME,
    MAY,
    MOMENT_BEFORE,
    OLD,
    OTHER,
    PROPERTY,
    PULLS,
    QUEUES,
    SAME,
    USERS,
    WHEN,
    pull,
    start,
)


def matrix() -> Iterator[tuple[Comment, Command, Facts]]:
    """Yield all that can come together."""
    heads = ((None, False), (HEAD, False), (OLD, False), (OLD, True))
    for (head, was), user, may, command, here, author, push, queue in itertools.product(
        heads, USERS, Permission, COMMANDS, PULLS, (Permission.READ, Permission.WRITE), WHEN, QUEUES
    ):
        comment = dataclasses.replace(COMMENT, head=head, via=Via.WEBHOOK if head else Via.POLL)
        yield comment, command, Facts(BOT, user, may, here, author, push, was, **queue)


def rightly(comment: Comment, command: Command, facts: Facts, decision: Start) -> bool:
    """Say again, in other words, when a run may start, and of what."""
    asked, named = decision.asked, command.sha if isinstance(command, Test) else None
    old_enough = facts.last_push in (BEFORE, MOMENT_BEFORE)
    known = {
        "named": named is not None and named == facts.pull.head,
        "moved": named is None and comment.head is not None and comment.head != facts.pull.head and facts.was_head,
        "event": named is None and comment.head == facts.pull.head and (old_enough or facts.last_push == SAME),
        "poll": named is None and comment.head is None and old_enough,
    }
    sha = {"named": named, "moved": comment.head, "event": comment.head, "poll": facts.pull.head}
    ways = [way for way, holds in known.items() if holds]
    return (
        isinstance(command, Test)
        and facts.named is not None
        and facts.named.id == comment.author.id
        and facts.permission in MAY
        and facts.pull.is_open
        and facts.queued < 500
        and facts.cancelled_by is None
        and (named is not None or facts.author in MAY)
        and len(ways) == 1
        and asked.sha == sha[ways[0]]
        and FULL_SHA.match(asked.sha) is not None
        and (asked.recipe, asked.pull, asked.clone_url) == (HOME.recipe, comment.pull, HOME.clone_url)
        and asked.stages == command.stages
    )


def test_over_the_whole_matrix_a_run_starts_only_where_it_may_and_always_of_the_right_commit() -> None:
    counted = dict.fromkeys((Start, Stop, Refuse, Ignore), 0)
    for comment, command, facts in matrix():
        decision = decide(comment, command, repository=HOME, facts=facts)
        counted[type(decision)] += 1
        if isinstance(decision, Start):
            assert rightly(comment, command, facts, decision), (comment, command, facts, decision)
        if isinstance(decision, Start | Stop):
            assert facts.named == ALICE
            assert facts.permission in MAY
    assert sum(counted.values()) == 4 * 4 * 5 * 7 * 3 * 2 * 7 * 5
    assert all(counted.values()), counted


def test_over_the_whole_matrix_a_run_starts_wherever_it_may() -> None:
    """The other side: a refusal is of something that is wrong."""
    for comment, command, facts in matrix():
        if not isinstance(command, Test) or isinstance(decide(comment, command, repository=HOME, facts=facts), Start):
            continue
        for sha in (HEAD, OLD, OTHER):
            assert not rightly(comment, command, facts, start(sha, stages=command.stages))


SHAS = st.sampled_from([HEAD, OLD, OTHER])
TIMES = st.sampled_from(WHEN) | st.datetimes().map(lambda moment: f"{moment.isoformat(timespec='seconds')}Z")


@PROPERTY
@given(
    number=st.integers(-2, 20),
    named=st.none() | st.builds(User, st.integers(-2, 20), st.sampled_from(["alice", "bob"])),
    permission=st.sampled_from(Permission),
    author=st.sampled_from(Permission),
    head=st.none() | SHAS,
    now=SHAS,
    last_push=st.none() | TIMES,
    was_head=st.booleans(),
    command=st.sampled_from(COMMANDS),
    is_open=st.booleans(),
    queued=st.integers(0, 600),
)
def test_property_nothing_but_a_writer_of_the_same_number_starts_a_run(
    *,
    number: int,
    named: User | None,
    permission: Permission,
    author: Permission,
    head: str | None,
    now: str,
    last_push: str | None,
    was_head: bool,
    command: Command,
    is_open: bool,
    queued: int,
) -> None:
    comment = dataclasses.replace(COMMENT, author=User(number, "alice"), head=head)
    facts = Facts(BOT, named, permission, pull(head=now, is_open=is_open), author, last_push, was_head, queued=queued)
    decision = decide(comment, command, repository=HOME, facts=facts)
    if isinstance(decision, Start | Stop):
        assert named is not None
        assert (named.id, permission in MAY, number != BOT.id) == (number, True, True)
    if isinstance(decision, Start):
        assert isinstance(command, Test)
        assert decision.asked.sha == (command.sha or head or now)
        assert command.sha in (None, now)
        assert command.sha is not None or author in MAY
        assert command.sha is not None or head in (None, now) or was_head
