"""service.sending: the one comment, and a forge that wants to be left alone, may not be asked, or was away."""

from __future__ import annotations

import pytest
from recipeci.errors import HostError
from recipeci.service import card
from recipeci.service.forge import ForgeRefused, ForgeUnavailable, Found, Gone
from recipeci.service.model import End
from recipeci.service.sending import Sending
from recipeci.service.store import outbox

from unit.bridge import BOT, HOME, MAINTAINER, URL, Scene
from unit.sends import LOST, again, begin, end, outbox_of, states, until_sent


def test_the_one_comment_is_edited_in_place_and_tells_the_newest(bridge: Scene, sending: Sending) -> None:
    for number in range(1, 4):
        begin(bridge)
        sending.step()
        end(bridge, number, End.FAIL, f"reason {number}")
        sending.step()
    (body,) = bridge.forge.bodies()
    assert body.startswith(card.MARKER)
    assert f"{URL}/runs/3" in body
    assert bridge.forge.asked.count("make_comment") == 1


def test_after_the_loss_of_the_database_our_comment_is_found_again(bridge: Scene, sending: Sending) -> None:
    bridge.forge.add_comment(5, MAINTAINER, f"{card.MARKER}\nI am not you")
    known = bridge.forge.add_comment(5, BOT, f"{card.MARKER}\nof an earlier life")
    begin(bridge)
    sending.step()
    assert len(bridge.forge.bodies()) == 2
    assert bridge.forge.bodies()[0] == f"{card.MARKER}\nI am not you"
    assert bridge.column("SELECT comment FROM card") == [known]


def test_a_comment_that_somebody_deleted_is_made_again(bridge: Scene, sending: Sending) -> None:
    begin(bridge)
    sending.step()
    bridge.forge.comments_of.clear()
    end(bridge, 1)
    sending.step()
    assert len(bridge.forge.bodies()) == 1
    assert bridge.forge.asked.count("make_comment") == 2


def test_what_changes_while_it_is_sent_is_sent_again(bridge: Scene, sending: Sending) -> None:
    number = begin(bridge)

    def meanwhile(name: str) -> None:
        if name == "make_comment":
            bridge.forge.look = lambda _: None
            end(bridge, number)

    bridge.forge.look = meanwhile
    sending.step()
    assert f"{End.PASS}" in bridge.forge.bodies()[0]
    assert "waiting" not in outbox_of(bridge).values()


def test_a_busy_forge_is_left_alone_by_all(bridge: Scene, sending: Sending) -> None:
    begin(bridge)
    begin(bridge, pull=6)
    bridge.forge.fails("set_status", ForgeUnavailable("busy", retry_after=30))
    sending.step()
    done = len(bridge.forge.asked)
    bridge.clock.seconds += 29
    sending.step()
    assert len(bridge.forge.asked) == done
    until_sent(bridge, sending)


def test_a_shorter_wish_does_not_end_a_longer_one(bridge: Scene, sending: Sending) -> None:
    sending.quiet_until = bridge.clock.monotonic()
    begin(bridge)
    long = bridge.clock.monotonic() + 30
    bridge.forge.look = lambda _: setattr(sending, "quiet_until", long)
    bridge.forge.fails("set_status", ForgeUnavailable("no answer"), after=True)
    sending.step()
    assert sending.quiet_until == long


def a_day_in_vain(bridge: Scene, sending: Sending) -> None:
    """Let a day go by, with an attempt each hour."""
    for _ in range(26):
        sending.step()
        bridge.clock.seconds += 3600


def test_a_token_that_may_not_is_tried_again_and_given_up_after_a_day(bridge: Scene, sending: Sending) -> None:
    number = begin(bridge)
    bridge.forge.fails("set_status", *[ForgeRefused("the token may not", status=403)] * 26)
    sending.step()
    bridge.clock.seconds += 59
    sending.step()
    assert bridge.forge.asked.count("set_status") == 1
    a_day_in_vain(bridge, sending)
    assert bridge.rows("SELECT state, error FROM outbox WHERE key = 'status:1:pending'") == [
        ("given up", "the token may not")
    ]
    end(bridge, number)  # its turn comes now, and it has a day of its own
    until_sent(bridge, sending)
    assert states(bridge) == [("/runs/1", "success")]


def test_what_was_stored_by_a_clock_that_was_ahead_is_sent(bridge: Scene, sending: Sending) -> None:
    bridge.clock.seconds += 365 * 24 * 3600
    begin(bridge)
    bridge.clock.seconds -= 365 * 24 * 3600
    sending.step()
    assert set(outbox_of(bridge).values()) == {"sent"}


def test_the_time_that_we_were_away_is_no_time_of_trying(bridge: Scene, sending: Sending) -> None:
    begin(bridge)
    bridge.forge.fails("set_status", *[LOST] * 2)
    bridge.forge.fails("make_comment", *[LOST] * 2)
    for _ in range(2):
        bridge.clock.seconds += 25 * 3600
        sending.step()
    assert set(outbox_of(bridge).values()) == {"waiting"}
    until_sent(bridge, sending)
    assert states(bridge) == [("/runs/1", "pending")]


def test_news_of_a_card_have_a_day_of_their_own(bridge: Scene, sending: Sending) -> None:
    begin(bridge)
    locked = ForgeRefused("the conversation is locked", status=403)
    bridge.forge.fails("make_comment", *[locked] * 3000)
    for _ in range(24 * 60 - 2):
        sending.step()
        bridge.clock.seconds += 60
    end(bridge, 1)
    for _ in range(4):
        sending.step()
        bridge.clock.seconds += 60
    assert outbox_of(bridge)["card:7:5"] == "waiting"
    bridge.forge.troubles.clear()
    until_sent(bridge, sending)
    assert "**pass**" in bridge.forge.bodies()[0]


def test_a_card_that_was_given_up_is_sent_once_there_is_news(bridge: Scene, sending: Sending) -> None:
    begin(bridge)
    bridge.forge.fails("make_comment", *[LOST] * 26)
    a_day_in_vain(bridge, sending)
    assert outbox_of(bridge)["card:7:5"] == "given up"
    bridge.forge.troubles.clear()
    end(bridge, 1)
    until_sent(bridge, sending)
    assert len(bridge.forge.bodies()) == 1


def test_trouble_with_one_is_not_the_others(bridge: Scene, sending: Sending) -> None:
    begin(bridge)
    begin(bridge, pull=6)
    bridge.forge.fails("make_comment", ValueError("what nobody has thought of"))
    with pytest.raises(ValueError, match="thought of"):
        sending.step()  # the loop says it
    assert len(bridge.forge.bodies(5) + bridge.forge.bodies(6)) == 1
    assert len(states(bridge)) >= 1


def test_a_database_that_cannot_be_written_lets_nothing_out(
    bridge: Scene, sending: Sending, monkeypatch: pytest.MonkeyPatch
) -> None:
    begin(bridge)

    def full(*_: object, **__: object) -> bool:
        raise HostError("no space")

    monkeypatch.setattr("recipeci.service.store.outbox.begun", full)
    with pytest.raises(HostError):
        sending.step()
    assert bridge.forge.effects() == 0


def test_a_repository_that_was_renamed_is_spoken_to_by_its_new_name(bridge: Scene, sending: Sending) -> None:
    """While we were down: its old name may be another repository's by now, which must not hear of what ran here."""
    end(bridge, begin(bridge), End.FAIL)
    bridge.forge.found[HOME.id] = Found(HOME.id, "coop/new", private=False, clone_url="https://forge.test/coop/new.git")
    sending.step()
    assert bridge.forge.addressed == ["coop/new"] * 2
    assert len(bridge.forge.bodies()) == 1


def test_what_a_repository_is_called_is_asked_again_before_each_attempt(bridge: Scene, sending: Sending) -> None:
    bridge.forge.fails("repository_by_number", Gone("there is no 7", status=404), LOST)
    begin(bridge)
    sending.step()
    assert bridge.forge.effects() == 0
    until_sent(bridge, sending)
    assert states(bridge) == [("/runs/1", "pending")]
    assert len(bridge.forge.bodies()) == 1


def test_nothing_is_sent_twice_by_a_second_bridge_that_read_the_same(bridge: Scene) -> None:
    """What is sent or overtaken between the reading and the doing is not done."""
    begin(bridge)
    with bridge.database.reading() as tx:
        effects = outbox.due(tx, now=bridge.clock.epoch())
    again(bridge).step()
    late = again(bridge)
    for effect in effects:
        late._send(effect)
    assert states(bridge) == [("/runs/1", "pending")]
    assert len(bridge.forge.bodies()) == 1
