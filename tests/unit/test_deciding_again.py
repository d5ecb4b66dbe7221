"""service.deciding: a forge that does not answer is asked again, and after a day no more; none holds up another."""

from __future__ import annotations

import dataclasses

import pytest
from recipeci.errors import HostError
from recipeci.service.backoff import GIVEN_UP_TRIES
from recipeci.service.deciding import Deciding
from recipeci.service.forge import ForgeRefused, ForgeUnavailable, Found
from recipeci.service.model import Pull, Repository

from unit.bridge import HOME, MAINTAINER, OTHER_SHA, SHA, URL, Scene, at
from unit.decides import DAY, DOWN, SHAS, decisions, nothing_follows


@pytest.mark.parametrize("question", ["myself", "repository_by_number", "permission", "pull", "last_push"])
@pytest.mark.parametrize("error", [DOWN, ForgeRefused("no", status=403)], ids=["down", "refused"])
def test_without_an_answer_nothing_follows_and_it_is_asked_again(
    bridge: Scene, deciding: Deciding, question: str, error: HostError
) -> None:
    bridge.forge.fails(question, error)
    bridge.says()
    deciding.step()
    assert decisions(bridge) == [("new", error.message)]
    assert nothing_follows(bridge)
    bridge.clock.seconds += 1
    deciding.step()
    assert decisions(bridge) == [("decided", f"start {SHA}")]
    assert bridge.column(SHAS) == [SHA]


def test_a_forge_that_wants_to_be_left_alone_is_left_alone(bridge: Scene, deciding: Deciding) -> None:
    bridge.forge.fails("pull", ForgeUnavailable("busy", retry_after=120))
    bridge.says()
    deciding.step()
    asked = len(bridge.forge.asked)
    bridge.clock.seconds += 119
    deciding.step()
    assert len(bridge.forge.asked) == asked
    bridge.clock.seconds += 1
    deciding.step()
    assert bridge.column(SHAS) == [SHA]


def test_the_pauses_grow(bridge: Scene, deciding: Deciding) -> None:
    bridge.forge.fails("pull", *[DOWN] * 20)
    bridge.says()
    times: list[float] = []
    while len(times) < 9:
        deciding.step()
        (due,) = bridge.column("SELECT due FROM comment")
        times.append(due - bridge.clock.epoch())
        bridge.clock.seconds += times[-1]
    for number, pause in enumerate(times):
        assert 0.75 * min(60, 2**number) <= pause <= min(60, 2**number)


def tries(bridge: Scene, deciding: Deciding, *, until: float) -> None:
    """Let time pass, a minute at a time."""
    while bridge.clock.seconds < until:
        deciding.step()
        bridge.clock.seconds += 60


def test_after_a_day_it_is_given_up(bridge: Scene, deciding: Deciding) -> None:
    bridge.forge.fails("pull", *[DOWN] * 2000)
    bridge.says()
    tries(bridge, deciding, until=DAY)
    deciding.step()
    assert decisions(bridge) == [("new", "the forge is down")]
    tries(bridge, deciding, until=DAY + 120)
    assert decisions(bridge) == [("given up", "the forge is down")]
    deciding.step()
    assert nothing_follows(bridge)


def test_the_time_that_we_were_away_does_not_count(bridge: Scene, deciding: Deciding) -> None:
    bridge.forge.fails("pull", DOWN)
    bridge.says()
    bridge.clock.seconds += DAY + 3600
    deciding.step()
    assert decisions(bridge) == [("new", "the forge is down")]
    bridge.clock.seconds += 1
    deciding.step()
    assert bridge.column(SHAS) == [SHA]


def test_we_and_the_forge_were_away_for_a_day_and_it_comes_later(bridge: Scene, deciding: Deciding) -> None:
    bridge.forge.fails("pull", *[DOWN] * (GIVEN_UP_TRIES - 1))
    bridge.says()
    deciding.step()
    bridge.clock.seconds += DAY + 3600
    tries(bridge, deciding, until=DAY + 3600 + GIVEN_UP_TRIES * 60)
    assert bridge.column(SHAS) == [SHA]


@pytest.mark.parametrize("has_failed", [False, True])
def test_a_clock_that_was_ahead_and_was_set_back_holds_up_nothing(
    bridge: Scene, deciding: Deciding, *, has_failed: bool
) -> None:
    bridge.clock.jump = 365 * DAY
    bridge.says()
    if has_failed:
        bridge.forge.fails("pull", DOWN)
        deciding.step()
    bridge.clock.jump = 0
    bridge.says()
    deciding.step()
    assert [words for _, words in decisions(bridge)] == [f"start {SHA}", f"start {SHA}, replaces 1"]


def test_a_clock_that_is_set_gives_nothing_up(bridge: Scene, deciding: Deciding) -> None:
    bridge.forge.fails("pull", DOWN, DOWN)
    bridge.says()
    deciding.step()
    bridge.clock.jump = 365 * DAY
    deciding.step()
    bridge.clock.seconds += 60
    deciding.step()
    assert bridge.column(SHAS) == [SHA]


def test_a_pull_request_that_is_gone_is_ignored(bridge: Scene, deciding: Deciding) -> None:
    bridge.says(pull=6)
    deciding.step()
    assert decisions(bridge) == [("decided", "ignore: there is no 6")]
    assert nothing_follows(bridge)


def test_a_repository_is_known_by_its_number_whatever_it_is_called_now(bridge: Scene, deciding: Deciding) -> None:
    bridge.forge.found[HOME.id] = Found(
        HOME.id, "coop/renamed", private=True, clone_url="https://forge.test/coop/renamed.git"
    )
    bridge.says()
    deciding.step()
    assert bridge.rows("SELECT full_name, private, clone_url FROM repository") == [
        ("coop/renamed", 1, "https://forge.test/coop/renamed.git")
    ]
    assert '"clone_url": "https://forge.test/coop/renamed.git"' in bridge.column("SELECT asked FROM request")[0]


def test_of_a_pull_request_an_older_comment_is_decided_first(bridge: Scene, deciding: Deciding) -> None:
    bridge.forge.pulls[6] = Pull(6, MAINTAINER, OTHER_SHA, HOME.clone_url, is_open=True)
    bridge.forge.pushes[6] = at(-60)
    bridge.says()
    bridge.forge.fails("pull", DOWN)
    deciding.step()
    bridge.says("!testme cancel")
    bridge.says(pull=6, head=OTHER_SHA)
    deciding.step()
    assert [state for state, _ in decisions(bridge)] == ["new", "new", "decided"]
    bridge.clock.seconds += 1
    deciding.step()
    assert [words for _, words in decisions(bridge)] == [f"start {SHA}", "cancel 2", f"start {OTHER_SHA}"]


def test_a_bug_at_one_comment_holds_up_no_other(bridge: Scene, deciding: Deciding) -> None:
    bridge.forge.pulls[6] = Pull(6, MAINTAINER, OTHER_SHA, HOME.clone_url, is_open=True)
    bridge.forge.pushes[6] = at(-60)
    bridge.says()
    bridge.says(pull=6, head=OTHER_SHA)
    bridge.forge.fails("pull", ValueError("what nobody has thought of"))
    with pytest.raises(ValueError, match="thought of"):
        deciding.step()  # the loop says it
    assert sorted(state for state, _ in decisions(bridge)) == ["decided", "new"]


def test_what_follows_is_all_there_or_nothing(
    bridge: Scene, deciding: Deciding, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever dies in the middle of the transaction has done nothing."""
    bridge.says()

    def dies(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("recipeci.service.store.outbox.card", dies)
    with pytest.raises(KeyboardInterrupt):
        deciding.step()
    assert decisions(bridge) == [("new", "")]
    assert nothing_follows(bridge)
    monkeypatch.undo()
    deciding.step()
    assert bridge.column(SHAS) == [SHA]


def test_whoever_decides_second_changes_nothing(
    bridge: Scene, deciding: Deciding, monkeypatch: pytest.MonkeyPatch
) -> None:
    bridge.says()
    other = Deciding(bridge.database, bridge.forge, bridge.clock, URL)
    once = bridge.forge.last_push

    def meanwhile(repository: Repository, pull: Pull, *, before: int) -> str | None:
        monkeypatch.undo()
        other.step()
        return once(repository, pull, before=before)

    monkeypatch.setattr(bridge.forge, "last_push", meanwhile)
    deciding.step()
    assert bridge.column(SHAS) == [SHA]
    assert bridge.column("SELECT version FROM outbox") == [1, 1]


def test_a_push_between_two_questions_does_not_hide_the_head_that_the_event_named(
    bridge: Scene, deciding: Deciding, monkeypatch: pytest.MonkeyPatch
) -> None:
    bridge.says()

    def overtaken(*_: object, **__: object) -> None:
        """The timeline's last push is of another head than the one that was asked about."""
        bridge.forge.pulls[5] = dataclasses.replace(bridge.forge.pulls[5], head="e" * 40)

    monkeypatch.setattr(bridge.forge, "last_push", overtaken)
    deciding.step()
    assert decisions(bridge) == [("decided", f"start {SHA}")]


def test_a_push_between_two_questions_hides_none_that_came_before_the_event(
    bridge: Scene, deciding: Deciding, monkeypatch: pytest.MonkeyPatch
) -> None:
    bridge.says()
    bridge.forge.heads = []

    def overtaken(*_: object, **__: object) -> None:
        bridge.forge.pulls[5] = dataclasses.replace(bridge.forge.pulls[5], head="e" * 40)

    monkeypatch.setattr(bridge.forge, "last_push", overtaken)
    deciding.step()
    assert decisions(bridge)[0][1].startswith("refuse: It is not certain")
    assert bridge.column(SHAS) == []


def test_what_the_timeline_does_not_tell_for_now_is_asked_again(bridge: Scene, deciding: Deciding) -> None:
    bridge.forge.pulls[5] = dataclasses.replace(bridge.forge.pulls[5], head="e" * 40)
    bridge.forge.fails("was_head", DOWN)
    bridge.says()
    deciding.step()
    assert decisions(bridge) == [("new", DOWN.message)]
    bridge.clock.seconds += 1
    deciding.step()
    assert bridge.column(SHAS) == [SHA]
