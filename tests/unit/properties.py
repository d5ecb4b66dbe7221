"""The only place that says how properties are tried: no time is held against one, since the machine may be busy."""

from __future__ import annotations

from hypothesis import HealthCheck, settings


def tried(times: int = 100) -> settings:
    """Return the settings of a property that is tried so often; each time others, and what fails is printed."""
    return settings(
        max_examples=times, deadline=None, database=None, suppress_health_check=[HealthCheck.too_slow], print_blob=True
    )
