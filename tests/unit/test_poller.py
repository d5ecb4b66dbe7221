"""service.poller: what was said while nobody listened is found, each comment once."""

from __future__ import annotations

import contextlib
import dataclasses
import sqlite3
from typing import Any, Self, cast

import pytest
from recipeci.errors import HostError
from recipeci.service.forge import ForgeUnavailable, Found, Gone, Listing
from recipeci.service.model import Via
from recipeci.service.poller import Poller
from recipeci.service.store import inbox, overview, repositories

from unit.bridge import HOME, Scene, at

IDS = "SELECT id FROM comment ORDER BY id"
CURSOR = "SELECT cursor FROM repository ORDER BY id"


@pytest.fixture
def poller(bridge: Scene) -> Poller:
    return Poller(bridge.database, bridge.forge, bridge.clock)


def polled(bridge: Scene, body: str = "!testme", **other: Any) -> int:  # noqa: ANN401 - of a comment
    """Have a comment be listed; return its number."""
    comment = bridge.comment(body, via=Via.POLL, head=None, **other)
    known = bridge.forge.listings.get(HOME.id, Listing(()))
    bridge.forge.listings[HOME.id] = Listing((*known.comments, comment), newest=comment.created)
    return comment.id


def test_comments_are_listed_from_a_minute_before_the_cursor(bridge: Scene, poller: Poller) -> None:
    first = polled(bridge)
    poller.step()
    assert bridge.forge.since == ["2026-01-01T23:59:00Z"]
    assert bridge.column(IDS) == [first]
    assert bridge.column(CURSOR) == [at(0)]
    bridge.clock.seconds += 10
    second = polled(bridge)
    poller.step()
    assert bridge.forge.since[1:] == [at(-60)]
    assert bridge.column(IDS) == [first, second]
    assert bridge.column("SELECT via FROM comment") == ["poll", "poll"]


def test_a_comment_that_came_by_webhook_is_known(bridge: Scene, poller: Poller) -> None:
    comment = bridge.says()
    bridge.forge.listings[HOME.id] = Listing((dataclasses.replace(comment, via=Via.POLL, head=None),), comment.created)
    poller.step()
    assert bridge.rows("SELECT via, head FROM comment") == [("webhook", comment.head)]


def test_a_comment_that_was_listed_is_known_to_the_webhook(bridge: Scene, poller: Poller) -> None:
    number = polled(bridge)
    poller.step()
    with bridge.database.writing() as tx:
        assert not inbox.take(tx, bridge.comment(id=number), now=bridge.clock.epoch())
    assert bridge.column(IDS) == [number]


def test_the_cursor_never_goes_back(bridge: Scene, poller: Poller) -> None:
    bridge.forge.listings[HOME.id] = Listing((), newest="2025-12-31T00:00:00Z")
    poller.step()
    assert bridge.column(CURSOR) == [HOME.cursor]


def test_a_forge_whose_clock_was_ahead_hides_nothing_once_it_is_set_right(bridge: Scene, poller: Poller) -> None:
    """What is said in the hour after that has times before the newest one that was listed."""
    bridge.forge.listings[HOME.id] = Listing((), newest=at(3600))
    poller.step()
    assert bridge.column(CURSOR) == [at(0)]
    bridge.clock.seconds += 60
    number = polled(bridge, created=at(30))
    poller.step()
    assert bridge.forge.since[-1] <= at(0)
    assert bridge.column(IDS) == [number]


def test_a_cut_listing_goes_on_whatever_the_forges_clock_says(bridge: Scene, poller: Poller) -> None:
    """The next one begins where it ended, or it would be the same comments again."""
    bridge.forge.listings[HOME.id] = Listing((), newest=at(3600), is_cut=True)
    poller.step()
    poller.step()
    assert bridge.forge.since[-1] == at(3600)


def test_where_nothing_was_said_the_cursor_stays(bridge: Scene, poller: Poller) -> None:
    bridge.forge.listings[HOME.id] = Listing(())
    poller.step()
    assert bridge.column(CURSOR) == [HOME.cursor]


def test_an_edited_comment_moves_the_cursor_and_is_not_taken(bridge: Scene, poller: Poller) -> None:
    bridge.forge.listings[HOME.id] = Listing((), newest=at(5))
    bridge.clock.seconds += 10
    poller.step()
    assert (bridge.column(IDS), bridge.column(CURSOR)) == ([], [at(5)])


def test_without_an_answer_the_cursor_stays(bridge: Scene, poller: Poller) -> None:
    number = polled(bridge)
    bridge.forge.fails("comments", ForgeUnavailable("down"))
    with pytest.raises(ForgeUnavailable):
        poller.step()
    assert (bridge.column(IDS), bridge.column(CURSOR)) == ([], [HOME.cursor])
    poller.step()
    assert bridge.column(IDS) == [number]


def test_the_cursor_follows_only_when_all_comments_are_in(bridge: Scene, poller: Poller) -> None:
    first = polled(bridge)
    polled(bridge, cast("str", None))  # a bug at one of them
    with pytest.raises(AttributeError):
        poller.step()
    assert (bridge.column(IDS), bridge.column(CURSOR)) == ([first], [HOME.cursor])


def test_a_known_comment_is_not_read_again(bridge: Scene, poller: Poller) -> None:
    polled(bridge)
    poller.step()
    with bridge.database.reading() as tx:
        taken = tx.all("SELECT * FROM comment")
    listing = bridge.forge.listings[HOME.id]
    # It would raise if anybody looked for a command in it.
    bridge.forge.listings[HOME.id] = dataclasses.replace(
        listing, comments=tuple(dataclasses.replace(comment, body=cast("str", None)) for comment in listing.comments)
    )
    poller.step()
    with bridge.database.reading() as tx:
        assert tx.all("SELECT * FROM comment") == taken


def test_no_comment_is_read_while_others_cannot_write(bridge: Scene, poller: Poller) -> None:
    found = []

    class Body(str):
        """Says whether somebody else can write while it is read."""

        __slots__ = ()

        def encode(self, *args: str, **more: str) -> bytes:
            with contextlib.closing(sqlite3.connect(bridge.database.path, timeout=0)) as other:
                other.execute("BEGIN IMMEDIATE")
                found.append("wrote")
            return super().encode(*args, **more)

    polled(bridge, Body("!testme"))
    poller.step()
    assert found == ["wrote"]


class Counted(str):
    """A body that notes when it is read."""

    __slots__ = ("reads",)
    reads: list[str]

    def __new__(cls, text: str, reads: list[str]) -> Self:
        """Take where to note it."""
        body = super().__new__(cls, text)
        body.reads = reads
        return body

    def encode(self, *args: str, **more: str) -> bytes:
        """Note it."""
        self.reads.append(str(self))
        return super().encode(*args, **more)


def test_talk_is_read_once_however_often_it_is_listed(bridge: Scene, poller: Poller) -> None:
    """The last minute of a quiet repository is listed for ever, and some Markdown takes seconds to read."""
    reads: list[str] = []
    number = bridge.comment("").id
    polled(bridge, Counted("> !testme", reads), id=number)
    for _ in range(3):
        poller.step()
    assert reads == ["> !testme"]
    bridge.forge.listings[HOME.id] = Listing(())
    polled(bridge, "!testme", id=number)
    poller.step()
    assert bridge.column(IDS) == [number]


def test_talk_is_known_by_its_repository(bridge: Scene, poller: Poller) -> None:
    other = dataclasses.replace(HOME, id=8, full_name="coop/other", clone_url="https://forge.test/coop/other.git")
    with bridge.database.writing() as tx:
        repositories.enrol(tx, other)
    bridge.forge.found[8] = Found(8, other.full_name, private=False, clone_url=other.clone_url)
    reads: list[str] = []
    polled(bridge, Counted("> !testme", reads))
    (mine,) = bridge.forge.listings[HOME.id].comments
    bridge.forge.listings[8] = Listing((dataclasses.replace(mine, repository=8, repository_name=other.full_name),))
    for _ in range(3):
        poller.step()
    assert len(reads) == 2


def test_a_repository_that_is_gone_is_an_alert_and_no_trouble(bridge: Scene, poller: Poller) -> None:
    bridge.forge.fails("repository_by_number", Gone("not there", status=404))
    poller.step()
    with bridge.database.reading() as tx:
        (alert,) = overview.alerts(tx, now=bridge.clock.epoch())
        home = repositories.find(tx, HOME.id)
    assert alert.what == f"the forge does not have repository {HOME.id} any more"
    assert home is not None
    assert (home.is_gone, home.private) == (True, True)
    bridge.forge.listings[HOME.id] = Listing(())
    poller.step()
    with bridge.database.reading() as tx:
        assert overview.alerts(tx, now=bridge.clock.epoch()) == ()
        assert repositories.find(tx, HOME.id) == HOME


def test_a_removed_repository_that_becomes_private_is_hidden_and_not_listed(bridge: Scene, poller: Poller) -> None:
    with bridge.database.writing() as tx:
        repositories.remove(tx, HOME.id)
    bridge.forge.found[HOME.id] = dataclasses.replace(bridge.forge.found[HOME.id], private=True)
    poller.step()
    assert bridge.forge.listed == []
    with bridge.database.reading() as tx:
        home = repositories.find(tx, HOME.id)
    assert home is not None
    assert home.private


def test_the_trouble_of_one_repository_is_not_the_others(bridge: Scene, poller: Poller) -> None:
    other = dataclasses.replace(HOME, id=8, full_name="coop/a-first", clone_url="https://forge.test/coop/a.git")
    with bridge.database.writing() as tx:
        repositories.enrol(tx, other)
    bridge.forge.found[8] = Found(8, other.full_name, private=False, clone_url=other.clone_url)
    number = polled(bridge)
    bridge.forge.fails("comments", HostError("the first one is gone"))
    with pytest.raises(HostError, match="the first one is gone"):
        poller.step()
    assert bridge.column(IDS) == [number]


def test_what_was_said_before_the_enrolment_is_left_alone(bridge: Scene, poller: Poller) -> None:
    polled(bridge, created="2025-12-31T23:59:59Z")
    number = polled(bridge, created="2026-01-01T00:00:00Z")
    poller.step()
    assert bridge.column(IDS) == [number]


def test_talk_is_left_alone(bridge: Scene, poller: Poller) -> None:
    polled(bridge, "> !testme\n\nwhat does this do?")
    poller.step()
    assert bridge.column(IDS) == []


def test_a_renamed_repository_is_listed_under_its_new_name(bridge: Scene, poller: Poller) -> None:
    """Its old name may be another repository's by now."""
    now = Found(HOME.id, "coop/renamed", private=True, clone_url="https://forge.test/coop/renamed.git")
    bridge.forge.found[HOME.id] = now
    bridge.forge.listings[HOME.id] = Listing(())
    poller.step()
    columns = "SELECT full_name, private, clone_url FROM repository WHERE id = 7"
    assert bridge.rows(columns) == [(now.full_name, 1, now.clone_url)]
    assert bridge.forge.listed == [now.full_name]
