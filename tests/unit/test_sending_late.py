"""service.sending: what comes through after we stopped waiting for it is put right, and nothing waits for that."""

from __future__ import annotations

import pytest
from recipeci.errors import HostError
from recipeci.service import card
from recipeci.service.forge import ForgeRefused
from recipeci.service.sending import Sending

from unit.bridge import BOT, HOME, MAINTAINER, Scene
from unit.sends import LOST, again, begin, end, outbox_of, states, until_sent


def comes_late(bridge: Scene, sending: Sending, effect: str) -> None:
    """Have one attempt at an effect time out, and another one succeed."""
    bridge.forge.fails(effect, LOST)
    sending.step()
    bridge.clock.seconds += 2
    sending.step()
    assert "waiting" not in outbox_of(bridge).values()


def a_while_later(bridge: Scene, sending: Sending) -> None:
    """Let as much time pass as we look back, and some more."""
    for _ in range(20):
        bridge.clock.seconds += 61
        sending.step()


def test_a_comment_that_comes_after_we_stopped_waiting_for_it_is_removed(bridge: Scene, sending: Sending) -> None:
    begin(bridge)
    comes_late(bridge, sending, "make_comment")
    known = bridge.column("SELECT comment FROM card")
    bridge.forge.make_comment(HOME, 5, f"{card.MARKER}\nqueued")
    bridge.forge.add_comment(5, MAINTAINER, f"{card.MARKER}\nI am not you")
    a_while_later(bridge, sending)
    assert [number for number, author, *_ in bridge.forge.comments_of[5] if author == BOT] == known
    assert len(bridge.forge.bodies()) == 2


def test_a_look_is_not_given_up_for_what_failed_a_day_before_it_was_sent(bridge: Scene, sending: Sending) -> None:
    begin(bridge)
    bridge.forge.fails("make_comment", LOST)
    sending.step()
    bridge.clock.seconds += 25 * 3600
    comes_late(bridge, sending, "make_comment")
    bridge.forge.make_comment(HOME, 5, f"{card.MARKER}\nqueued")
    bridge.forge.fails("own_comments", LOST)
    a_while_later(bridge, sending)
    assert len(bridge.forge.bodies()) == 1


def test_where_the_comment_that_we_know_was_deleted_the_late_one_is_taken_up(bridge: Scene, sending: Sending) -> None:
    begin(bridge)
    comes_late(bridge, sending, "make_comment")
    late = bridge.forge.make_comment(HOME, 5, f"{card.MARKER}\nof an age ago")
    bridge.forge.remove_comment(HOME, *bridge.column("SELECT comment FROM card"))
    a_while_later(bridge, sending)
    assert bridge.column("SELECT comment FROM card") == [late]
    (body,) = bridge.forge.bodies()
    assert "/runs/1)" in body


def test_an_older_text_that_comes_late_does_not_stay(bridge: Scene, sending: Sending) -> None:
    begin(bridge)
    sending.step()
    (queued,) = bridge.forge.bodies()
    end(bridge, 1)
    comes_late(bridge, sending, "edit_comment")
    (number,) = bridge.column("SELECT comment FROM card")
    bridge.forge.edit_comment(HOME, number, queued)
    a_while_later(bridge, sending)
    (body,) = bridge.forge.bodies()
    assert "**pass**" in body


def test_a_pending_status_that_comes_late_does_not_stay_over_the_end(bridge: Scene, sending: Sending) -> None:
    begin(bridge)
    comes_late(bridge, sending, "set_status")
    end(bridge, 1)
    sending.step()
    bridge.forge.statuses.append(bridge.forge.statuses[0])
    a_while_later(bridge, sending)
    assert states(bridge) == [("/runs/1", state) for state in ("pending", "success", "pending", "success")]


def test_what_was_put_right_is_looked_at_again(bridge: Scene, sending: Sending) -> None:
    begin(bridge)
    comes_late(bridge, sending, "set_status")
    end(bridge, 1)
    sending.step()
    bridge.forge.statuses.append(bridge.forge.statuses[0])
    bridge.forge.fails("set_status", LOST)
    a_while_later(bridge, sending)
    assert states(bridge)[-1] == ("/runs/1", "success")


def test_a_process_that_died_at_an_effect_looks_for_it_later_too(bridge: Scene, sending: Sending) -> None:
    bridge.forge.fails("make_comment", KeyboardInterrupt())
    begin(bridge)
    with pytest.raises(KeyboardInterrupt):
        sending.step()
    until_sent(bridge, again(bridge))
    bridge.forge.make_comment(HOME, 5, f"{card.MARKER}\nqueued")
    a_while_later(bridge, again(bridge))
    assert len(bridge.forge.bodies()) == 1


def test_what_is_not_in_doubt_is_not_looked_at_and_what_is_not_for_ever(bridge: Scene, sending: Sending) -> None:
    begin(bridge)
    sending.step()
    done = len(bridge.forge.asked)
    a_while_later(bridge, sending)
    assert len(bridge.forge.asked) == done
    end(bridge, 1)
    comes_late(bridge, sending, "set_status")
    a_while_later(bridge, sending)
    assert bridge.column("SELECT look FROM outbox WHERE look IS NOT NULL") == []
    done = len(bridge.forge.asked)
    a_while_later(bridge, sending)
    assert len(bridge.forge.asked) == done


def test_a_look_waits_for_what_is_newer_and_holds_nothing_up(bridge: Scene, sending: Sending) -> None:
    begin(bridge)
    comes_late(bridge, sending, "set_status")
    end(bridge, 1)
    sending.step()  # a look is ahead, and this is sent beside it
    assert states(bridge)[-1] == ("/runs/1", "success")
    begin(bridge)
    bridge.forge.fails("set_status", LOST)
    bridge.clock.seconds += 1
    sending.step()  # and as long as this one waits, nothing older is set over it
    bridge.clock.seconds += 1000
    bridge.forge.fails("set_status", LOST)
    sending.step()
    assert states(bridge) == [("/runs/1", "pending"), ("/runs/1", "success")]
    a_while_later(bridge, sending)
    assert states(bridge)[-1] == ("/runs/2", "pending")


@pytest.mark.parametrize("refusal", [ForgeRefused("the token may not", status=403), LOST])
def test_a_forge_that_cannot_be_looked_at_is_left_alone_after_a_day(
    bridge: Scene, sending: Sending, refusal: HostError
) -> None:
    begin(bridge)
    comes_late(bridge, sending, "set_status")
    bridge.forge.fails("shows_status", *[refusal] * 3000)
    for _ in range(26):
        bridge.clock.seconds += 3600
        for _ in range(2):
            sending.step()
            bridge.clock.seconds += 61
    assert bridge.column("SELECT look FROM outbox WHERE look IS NOT NULL") == []
    assert set(outbox_of(bridge).values()) == {"sent"}


def test_pending_said_again_in_doubt_is_not_taken_for_the_first_time_that_it_was_said(
    bridge: Scene, sending: Sending
) -> None:
    first, second = begin(bridge), begin(bridge)
    sending.step()
    end(bridge, first)

    def then_dies(name: str) -> None:
        if name == "set_status":
            bridge.forge.look = lambda _: None
            bridge.forge.fails("set_status", KeyboardInterrupt())

    bridge.forge.look = then_dies
    with pytest.raises(KeyboardInterrupt):
        sending.step()  # the end is shown, and we die before the next request leaves
    until_sent(bridge, again(bridge))
    assert states(bridge)[-1] == (f"/runs/{second}", "pending")
