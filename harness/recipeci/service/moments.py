"""The only place that reckons with a forge's times, which are texts: ISO 8601 in UTC, to the second. Pure."""

from __future__ import annotations

import datetime


def moved(moment: str, by: datetime.timedelta) -> str:
    """Return a moment so much later."""
    return _text(datetime.datetime.fromisoformat(moment) + by)


def middle(first: str, last: str) -> str:
    """Return the moment between two; of two that are a second apart the first."""
    begin = datetime.datetime.fromisoformat(first)
    return _text(begin + (datetime.datetime.fromisoformat(last) - begin) / 2)


def _text(moment: datetime.datetime) -> str:
    return moment.astimezone(datetime.UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
