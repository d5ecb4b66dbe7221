"""service.moments: times of a forge, which are texts, and stay in the form in which they can be compared."""

from __future__ import annotations

import datetime

from hypothesis import given
from hypothesis import strategies as st
from recipeci.service import moments

from unit.properties import tried

SINCE = "2026-01-01T00:00:00Z"
SECONDS = st.integers(min_value=0, max_value=10**9)


def after(seconds: int) -> str:
    """Return a moment so long after SINCE."""
    return moments.moved(SINCE, datetime.timedelta(seconds=seconds))


def test_a_moment_is_moved_to_the_second() -> None:
    assert (after(60), after(-1)) == ("2026-01-01T00:01:00Z", "2025-12-31T23:59:59Z")


@tried()
@given(SECONDS)
def test_whoever_halves_a_time_again_and_again_comes_to_its_first_second(length: int) -> None:
    """By this a listing that is too long is narrowed, and nobody stays at it for ever."""
    last = after(length)
    for _ in range(length.bit_length()):
        assert SINCE <= moments.middle(SINCE, last) < last or last == SINCE
        last = moments.middle(SINCE, last)
    assert last == SINCE
