"""The only place that knows the host's faults by their words: what looks like the recipe's failure and is not."""

from __future__ import annotations

import re

from recipeci.errors import HostError

FAULTS = {
    "no space left on device": re.compile(r"no space left on device|ENOSPC", re.IGNORECASE),
    "no free service address": re.compile(r"could not find an available IP|VIP exhaust", re.IGNORECASE),
    "registry refuses": re.compile(
        r"toomanyrequests|too many requests|received unexpected HTTP status: 5\d\d", re.IGNORECASE
    ),
    "image unavailable": re.compile(r"No such image|manifest unknown|pull access denied", re.IGNORECASE),
    "Docker is gone": re.compile(r"Cannot connect to the Docker daemon|rpc error: code = Unavailable", re.IGNORECASE),
}


def fault(words: str) -> str:
    """Return the name of the host's fault that these words tell of, or nothing."""
    return next((name for name, pattern in FAULTS.items() if pattern.search(words)), "")


def blame(words: str) -> None:
    """Raise HostError if these words tell of a fault of the host's."""
    if name := fault(words):
        raise HostError(f"{name}: {words}", hint="it is not the recipe's fault; the run can be repeated")
