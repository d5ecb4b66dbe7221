"""service.enrol.remove: a repository is not let go of while its commits would go on saying that something runs."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from recipeci.errors import UsageError
from recipeci.model import Tier
from recipeci.service import ending, enrol
from recipeci.service.enrol import Removed
from recipeci.service.forge import ForgeRefused, ForgeUnavailable, Gone
from recipeci.service.judging import Judgement
from recipeci.service.model import Asked, End
from recipeci.service.sending import Sending
from recipeci.service.setup import Bridge

from unit.bridge import HOME, SHA, URL, DeclaredForge, Scene, scene

ASKED = Asked("web", SHA, tuple(Tier), HOME.clone_url, HOME.clone_url, pull=5)


class WithoutWebhooks(DeclaredForge):
    """A forge whose repositories tell nobody of anything."""

    def webhooks(self, full_name: str, url: str) -> tuple[int, ...]:  # noqa: ARG002
        return ()


@pytest.fixture
def bridge(tmp_path: Path) -> Iterator[Scene]:
    with scene(tmp_path) as made:
        made.forge = WithoutWebhooks()
        yield made


@pytest.fixture
def setup(tmp_path: Path) -> Bridge:
    return Bridge(
        database=tmp_path / "bridge.sqlite",
        forge="https://forge.test",
        url=URL,
        host="127.0.0.1",
        port=1,
        token="t",
        webhook_secrets=("s",),
    )


def remove(bridge: Scene, setup: Bridge) -> Removed:
    return enrol.remove("coop/web", bridge=setup, database=bridge.database, forge=bridge.forge)


def ends(bridge: Scene) -> None:
    """Have a run end that the forge shows as pending."""
    sending = Sending(bridge.database, bridge.forge, bridge.clock, URL)
    with bridge.database.writing() as tx:
        number = ending.begin(tx, ASKED, repository=HOME.id, url=URL, now=bridge.clock.epoch())
    sending.step()
    with bridge.database.writing() as tx:
        ending.end(tx, number, Judgement(End.FAIL, "fail"), url=URL, now=bridge.clock.epoch())


@pytest.mark.parametrize(
    "answer",
    [None, ForgeUnavailable("down"), ForgeRefused("the token may not", status=403)],
    ids=["yes", "down", "403"],
)
def test_it_is_refused_while_an_end_is_to_be_shown(bridge: Scene, setup: Bridge, answer: Exception | None) -> None:
    ends(bridge)
    bridge.forge.fails("repository_by_number", *([answer] if answer else []))
    with pytest.raises(UsageError, match=r"coop/web: the forge does not show yet how run 1 ended"):
        remove(bridge, setup)
    assert bridge.column("SELECT enrolled FROM repository") == [1]
    Sending(bridge.database, bridge.forge, bridge.clock, URL).step()
    assert [status.state for status in bridge.forge.statuses] == ["pending", "failure"]
    assert remove(bridge, setup).trouble == ""
    assert bridge.column("SELECT enrolled FROM repository") == [0]


def test_what_the_forge_does_not_have_any_more_can_be_removed(bridge: Scene, setup: Bridge) -> None:
    ends(bridge)
    bridge.forge.fails("repository_by_number", *[Gone("there is no 7", status=404)] * 2)
    assert remove(bridge, setup).trouble == "there is no 7"
    assert bridge.column("SELECT enrolled FROM repository") == [0]
    assert bridge.column("SELECT DISTINCT state FROM outbox WHERE state = 'waiting'") == []


def test_a_comment_that_waits_is_no_reason_to_refuse(bridge: Scene, setup: Bridge) -> None:
    ends(bridge)
    bridge.forge.fails("edit_comment", ForgeRefused("the conversation is locked", status=403))
    Sending(bridge.database, bridge.forge, bridge.clock, URL).step()
    assert bridge.column("SELECT key FROM outbox WHERE state = 'waiting'") == ["card:7:5"]
    assert remove(bridge, setup).trouble == ""
