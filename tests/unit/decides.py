"""What tests of service.deciding share: what was decided, and whether anything follows."""

from __future__ import annotations

from recipeci.service.forge import ForgeUnavailable
from recipeci.service.store import requests

from unit.bridge import Scene

DAY = 24 * 3600.0
DOWN = ForgeUnavailable("the forge is down")
OUTBOX = "SELECT key FROM outbox WHERE state = 'waiting' ORDER BY id"
SHAS = "SELECT sha FROM request ORDER BY id"


def decisions(bridge: Scene) -> list[tuple[str, str]]:
    return [(state, words) for state, words in bridge.rows("SELECT state, decision FROM comment ORDER BY id")]


def of_pull(bridge: Scene) -> list[int]:
    """Return the requests in the order in which our comment tells of them."""
    with bridge.database.reading() as tx:
        return [request.id for request in requests.of_pull(tx, repository=7, pull=5)]


def nothing_follows(bridge: Scene) -> bool:
    return bridge.column(SHAS) == [] and bridge.column(OUTBOX) == []
