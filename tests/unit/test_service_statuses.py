"""service.statuses and service.backoff: what a commit's status says, and how long nobody is asked again."""

from __future__ import annotations

import dataclasses

import pytest
from hypothesis import given
from hypothesis import strategies as st
from recipeci.model import Tier
from recipeci.service import backoff, statuses
from recipeci.service.model import Asked, End, Repository, Request, State, Status

from unit.properties import tried

PROPERTY = tried(300)
SHA = "4f0c1a2b" * 5
URL = "https://ci.test"
HOME = Repository(5, "recipes/web", "web", False, "https://forge.test/recipes/web.git", "", "")  # noqa: FBT003
OPEN = Request(12, 5, Asked("web", SHA, tuple(Tier), HOME.clone_url, None, 7), State.OPEN, 0.0)


def final(end: End, reason: str = "") -> Status:
    request = dataclasses.replace(OPEN, state=State.FINAL, end=end, reason=reason)
    return statuses.final(request, url=URL)


def test_from_its_decision_on_a_request_is_pending() -> None:
    assert statuses.pending(OPEN, url=URL) == Status(
        SHA, "pending", "recipeci/web", "run 12 is queued or runs", "https://ci.test/runs/12"
    )


@pytest.mark.parametrize(
    ("end", "reason", "state", "description"),
    [
        (End.PASS, "pass", "success", "run 12: pass"),
        (End.PASS, "pass (built-in abra)", "success", "run 12: pass (built-in abra)"),
        (End.FAIL, "install: app is unhealthy", "failure", "run 12: fail: install: app is unhealthy"),
        (End.UNVERIFIED, "custom: no tests", "failure", "run 12: unverified: custom: no tests"),
        (End.ERROR, "the worker is gone", "error", "run 12: error: the worker is gone"),
        (End.SUPERSEDED, "superseded by run 13", "error", "run 12: superseded by run 13"),
        (End.CANCELLED, "cancelled by bob", "error", "run 12: cancelled by bob"),
        (End.CANCELLED, "the sweep gave up", "error", "run 12: cancelled: the sweep gave up"),
        (End.ERROR, "it took longer than 60 s", "error", "run 12: error: it took longer than 60 s"),
        (End.FAIL, "pass", "failure", "run 12: fail: pass"),
        (End.ERROR, "", "error", "run 12: error"),
    ],
)
def test_each_end_has_one_final_status(end: End, reason: str, state: str, description: str) -> None:
    assert final(end, reason) == Status(SHA, state, "recipeci/web", description, "https://ci.test/runs/12")


@pytest.mark.parametrize("end", End)
def test_only_a_pass_is_a_success_and_none_is_pending(end: End) -> None:
    assert (final(end).state == "success") is (end is End.PASS)
    assert final(end).state in ("success", "failure", "error")


def test_a_request_without_an_end_has_no_final_status() -> None:
    with pytest.raises(ValueError, match="request 12 has not ended"):
        statuses.final(OPEN, url=URL)


def test_the_context_is_the_recipe_that_was_asked_for_and_the_address_is_the_requests() -> None:
    asked = dataclasses.replace(OPEN.asked, recipe="nextcloud")
    found = statuses.pending(dataclasses.replace(OPEN, id=13, asked=asked), url=URL)
    assert (found.context, found.target_url) == ("recipeci/nextcloud", "https://ci.test/runs/13")


@pytest.mark.parametrize(
    ("reason", "shown"),
    [
        ("x\n\ny\tz", "x y z"),
        ("\x1b[31mred", "[31mred"),
        ("a\u202eb\u200bc", "a b c"),
        ("x" * 200, "x" * (140 - len("run 12: fail: ") - 1) + "…"),
        ("é" * 126, "é" * 126),
    ],
)
def test_a_description_is_one_short_line_of_what_can_be_seen(reason: str, shown: str) -> None:
    assert final(End.FAIL, reason).description == f"run 12: fail: {shown}"


@PROPERTY
@given(reason=st.text(), end=st.sampled_from(End))
def test_property_a_description_is_short_and_printable_and_says_the_end(reason: str, end: End) -> None:
    found = final(end, reason)
    assert len(found.description) <= 140
    assert found.description.isprintable()
    assert found.description.startswith(f"run 12: {end.value}")
    assert found.state == final(end).state


# backoff


@pytest.mark.parametrize(
    ("attempts", "longest"),
    [(0, 1), (1, 2), (2, 4), (3, 8), (4, 16), (5, 32), (6, 60), (7, 60), (10, 60), (1000, 60), (10**9, 60)],
)
def test_each_pause_is_longer_and_none_is_longer_than_a_minute(attempts: int, longest: float) -> None:
    pauses = [backoff.delay(attempts) for _ in range(200)]
    assert all(0.75 * longest <= pause <= longest for pause in pauses)
    assert len(set(pauses)) > 100  # not all who wait come at once


@pytest.mark.parametrize("attempts", [0, 5, 100])
@pytest.mark.parametrize("wanted", [0.0, 0.1, 61.0, 3600.0])
def test_who_wants_to_be_left_alone_is(attempts: int, wanted: float) -> None:
    assert backoff.delay(attempts, retry_after=wanted) >= wanted


def test_after_a_day_it_is_given_up() -> None:
    day = 24 * 3600.0
    assert not backoff.is_over(1000.0, now=1000.0)
    assert not backoff.is_over(1000.0, now=1000.0 + day)
    assert backoff.is_over(1000.0, now=1001.0 + day)
    assert not backoff.is_over(1000.0, now=0.0)  # a clock that was set back
    assert not backoff.is_over(1000.0, now=1001.0 + day, tried=backoff.GIVEN_UP_TRIES - 1)


def test_no_pause_is_longer_than_what_a_time_is_believed_for() -> None:
    assert backoff.delay(0, retry_after=1e9) == backoff.MOST_SECONDS
