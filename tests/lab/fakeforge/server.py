"""The only place that serves the double by HTTP: its API with faults, and a door for tests beside it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from lab.fakeforge import faulty, shapes
from lab.fakeforge.api import Api
from lab.fakeforge.deliveries import Deliveries, Plan, Webhooks
from lab.fakeforge.faulty import Raw
from lab.fakeforge.state import Comment, Hook, Issue, NoSuchThing, Repository, State, Status, User

CONTROL = "/control"
SAID = frozenset(
    (
        *("add_user", "rename", "hide", "remove_user", "add_repository", "permit", "add_issue", "push", "show_pushes"),
        *("close", "lose_head", "comment", "edit", "delete", "add_status", "add_hook"),
    )
)
"""What a test may have the forge's people do."""


class Forge(faulty.Server):
    """The double on a port of its own."""

    def __init__(self, *, key: str, seed: int) -> None:
        """Listen on loopback; `key` opens the door for tests."""
        super().__init__(seed=seed)
        self.key = key
        self.state = State()
        self.api = Api(self.state, base=self.base)
        self.deliveries = Deliveries(clock=self.state.clock, seed=seed + 1)
        self.state.told = Webhooks(self.state, self.deliveries, base=self.base).told

    def answer(self, method: str, path: str, headers: Mapping[str, str], body: bytes) -> Raw:
        """Answer as the API does."""
        found = self.api.answer(method, path, authorization=headers.get("Authorization", ""), body=body)
        return faulty.as_json(found.status, found.shape, found.headers)

    def late(self, method: str, path: str, headers: Mapping[str, str], body: bytes) -> None:
        """Answer nobody; the journal tells that it was late."""
        with self.state.lock:
            before = len(self.state.journal)
            self.answer(method, path, headers, body)
            for row in self.state.journal[before:]:
                row["late"] = True

    def spared(self, method: str, path: str, headers: Mapping[str, str], body: bytes) -> Raw | None:  # noqa: ARG002
        """Do what a test wants; whoever has no key gets nothing."""
        if path != CONTROL:
            return None
        if headers.get("X-Key") != self.key:
            return faulty.as_json(404, {"message": "not found"})
        wanted = json.loads(body)
        try:
            done = self.control(wanted["do"], wanted["with"])
        except (NoSuchThing, KeyError, TypeError, ValueError, AttributeError) as e:
            return faulty.as_json(400, {"message": f"{type(e).__name__}: {e}"})
        return faulty.as_json(200, done)

    def control(self, what: str, given: Mapping[str, Any]) -> Any:  # noqa: ANN401 - JSON
        """Do what a test wants."""
        if what in SAID:
            return _plain(getattr(self.state, what)(**given))
        return getattr(self, f"_{what}")(**given)

    def _all(self, wanted: list[dict[str, Any]]) -> list[Any]:
        return [self.control(one["do"], one["with"]) for one in wanted]

    def _faults(self, rates: Mapping[str, float], silence: float) -> None:
        self.fail(rates, silence=silence)

    def _plan(self, **rates: Any) -> None:  # noqa: ANN401 - rates and switches
        self.deliveries.plan = Plan(**rates)

    def _told(self) -> dict[str, Any]:
        """Return all that a judge needs."""
        with self.state.lock:
            return {
                "journal": list(self.state.journal),
                "deliveries": dict(self.deliveries.count),
                "refused": list(self.deliveries.refused),
                "accepted": list(self.deliveries.accepted),
                "faults": dict(self.faults.count),
                "asked": self.faults.asked,
                "comments": {
                    str(home.id): [shapes.comment(one, home, base=self.base) for one in home.comments.values()]
                    for home in self.state.repositories.values()
                },
            }

    def _is_idle(self) -> bool:
        return self.deliveries.is_idle

    def _delivered(self) -> int:
        """Return how many deliveries there were, with those that were dropped."""
        return self.deliveries.count.get("all", 0)

    def _journal(self, after: int = 0) -> list[dict[str, Any]]:
        with self.state.lock:
            return self.state.journal[after:]

    def _head(self, repository: int, number: int) -> str | None:
        return self.state.issue(repository, number).head


def serve(*, address: Path, key: str, seed: int) -> None:
    """Serve for ever; the address is written to a file once it is listened on."""
    forge = Forge(key=key, seed=seed)
    fresh = address.with_suffix(".fresh")
    fresh.write_text(forge.base)
    fresh.rename(address)
    forge.serve_forever()


def _plain(found: Any) -> Any:  # noqa: ANN401 - JSON
    """Return what a test is told of what it had done."""
    match found:
        case Repository():
            return {"id": found.id, "full_name": found.full_name}
        case Issue():
            return {"number": found.number, "head": found.head}
        case Comment():
            return {"id": found.id, "created": found.created}
        case User() | Hook() | Status():
            return {"id": found.id}
        case _:
            return found
