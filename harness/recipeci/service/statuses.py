"""The only place that words commit statuses: one that says `pending`, and one final, of each request. Pure."""

from __future__ import annotations

from recipeci.service.model import End, Request, Status

STATES = {
    End.PASS: "success",
    End.FAIL: "failure",
    End.UNVERIFIED: "failure",
    End.ERROR: "error",
    End.SUPERSEDED: "error",
    End.CANCELLED: "error",
}
"""What the forge calls each end."""
DESCRIPTION = 140
"""Characters that forges show of a description."""


def context(request: Request) -> str:
    """Return the name under which a commit has our status: the same at a request's end as at its beginning."""
    return f"recipeci/{request.asked.recipe}"


def page(url: str, request: int) -> str:
    """Return the address of a request's page; by it a status is told from those of other requests."""
    return f"{url}/runs/{request}"


def pending(request: Request, *, url: str) -> Status:
    """Return the status that a request has from the moment of its decision."""
    return _status(request, "pending", f"run {request.id} is queued or runs", url=url)


def final(request: Request, *, url: str) -> Status:
    """Return the status of a request that has ended.

    Raises:
        ValueError: it has not.
    """
    if request.end is None:
        raise ValueError(f"request {request.id} has not ended")
    end, reason = request.end.value, request.reason
    says = reason if reason.startswith(end) else f"{end}: {reason}" if reason else end
    return _status(request, STATES[request.end], f"run {request.id}: {says}", url=url)


def _status(request: Request, state: str, words: str, *, url: str) -> Status:
    line = " ".join("".join(char if char.isprintable() else " " for char in words).split())
    short = line if len(line) <= DESCRIPTION else f"{line[: DESCRIPTION - 1]}…"
    return Status(request.asked.sha, state, context(request), short, page(url, request.id))
