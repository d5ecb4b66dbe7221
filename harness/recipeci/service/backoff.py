"""The only place that says how long to wait before a forge or an engine is asked again, and when to stop. Pure."""

from __future__ import annotations

import random

LONGEST_SECONDS = 60.0
GIVEN_UP_SECONDS = 24 * 3600.0
"""After a day nobody waits for it any more; the operator is told (`/healthz`)."""
GIVEN_UP_TRIES = 20
"""And not before so many attempts: of that day we may have been away ourselves, or the clock was set."""
MOST_SECONDS = 3600.0
"""No pause is longer. What is due later than that was stored by a clock that was ahead: it is due now."""


def delay(attempts: int, *, retry_after: float = 0.0, longest: float = LONGEST_SECONDS) -> float:
    """Return seconds until the next attempt: 1, 2, 4 … `longest`, a little less at random.

    It is never less than the other side wants, up to MOST_SECONDS.
    """
    wanted = min(longest, 2.0 ** min(attempts, 10))
    return max(min(retry_after, MOST_SECONDS), wanted * random.uniform(0.75, 1.0))  # noqa: S311 - so that not all come at once


def is_over(since: float, *, now: float, tried: int = GIVEN_UP_TRIES) -> bool:
    """Say whether something was tried for so long, and so often, in vain that it is given up.

    `since`: when that was noted for the first time; before it nobody may have tried.
    """
    return now - since > GIVEN_UP_SECONDS and tried >= GIVEN_UP_TRIES
