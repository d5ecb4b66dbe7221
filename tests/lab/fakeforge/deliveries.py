"""The only place that delivers the double's webhooks: signed over the bytes that are sent, once, and never again.

As with the real one a receiver that is not there loses the event. A plan makes it worse, by chance and from a seed.
"""

from __future__ import annotations

import hashlib
import heapq
import hmac
import http.client
import itertools
import json
import random
import threading
import urllib.parse
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from recipeci.host.clock import Clock

from lab.fakeforge import shapes
from lab.fakeforge.state import Comment, Repository, State

THREADS = 4
ANSWER_SECONDS = 5.0


@dataclass(frozen=True)
class Plan:
    """How badly events are delivered.

    Attributes:
        dropped: the rate of events that are not delivered at all.
        repeated: the rate of those that come again, up to three times.
        late: the rate of those that others overtake.
        forged: the rate of events beside which one of somebody else comes, who has no secret.
        seconds: how late at most.
        with_head: whether the events name the head of the pull request.
    """

    dropped: float = 0.0
    repeated: float = 0.0
    late: float = 0.0
    forged: float = 0.0
    seconds: float = 2.0
    with_head: bool = True


BAD = Plan(dropped=0.3, repeated=0.3, late=0.1, forged=0.01)


@dataclass(frozen=True)
class Delivery:
    """One request that is to be sent."""

    url: str
    body: bytes
    headers: Mapping[str, str]
    kind: str


class Webhooks:
    """Has the webhooks of the double's repositories told of its comments."""

    def __init__(self, state: State, deliveries: Deliveries, *, base: str) -> None:
        """Take the forge, how its events are delivered, and its address."""
        self._state = state
        self._deliveries = deliveries
        self._base = base

    def told(self, home: Repository, comment: Comment, action: str) -> None:
        """Tell every webhook of a repository that wants to know of a comment there."""
        kind = "issue_comment" if home.issues[comment.number].head is None else "pull_request_comment"
        for hook in home.hooks.values():
            if hook.active and kind in hook.events:
                with_head = self._deliveries.plan.with_head
                event = shapes.event(comment, home, self._state, action=action, base=self._base, with_head=with_head)
                body = as_bytes(event)
                self._deliveries.deliver(hook.url, body, _headers(body, hook.secret, kind=kind), secret=hook.secret)


class Deliveries:
    """Sends events in threads of its own, as its plan says; `count` has what became of them."""

    def __init__(self, *, clock: Clock, seed: int) -> None:
        """Begin with a plan that does nothing bad."""
        self._clock = clock
        self._random = random.Random(seed)  # noqa: S311 - chance that can be had again
        self._waiting: list[tuple[float, int, Delivery]] = []
        self._number = itertools.count()
        self._condition = threading.Condition()
        self._sending = 0
        self.plan = Plan()
        self.count: dict[str, int] = {}
        self.refused: list[str] = []
        """What a signed event was answered with, if that was not a yes."""
        self.accepted: list[str] = []
        """What a forged event was answered with, if that was a yes."""
        for _ in range(THREADS):
            threading.Thread(target=self._run, daemon=True).start()

    def deliver(self, url: str, body: bytes, headers: Mapping[str, str], *, secret: str) -> None:
        """Deliver an event, signed with a secret, as the plan says."""
        plan, chance = self.plan, self._random
        if chance.random() < plan.forged:
            self._put(self._forged(url, body, headers, secret), after=0)
        again = chance.randint(1, 3) if chance.random() < plan.repeated else 0
        self._counted("all", 1 + again)
        if chance.random() < plan.dropped:
            self._counted("dropped", 1 + again)
            return
        late = chance.uniform(plan.seconds / 4, plan.seconds) if chance.random() < plan.late else 0.0
        self._counted("late", int(late > 0))
        self._counted("repeated", again)
        for copy in range(1 + again):
            after = late + (chance.uniform(0, plan.seconds) if copy else 0)
            self._put(Delivery(url, body, headers, "signed"), after=after)

    @property
    def is_idle(self) -> bool:
        """Whether nothing is to be sent, and nothing is being sent."""
        with self._condition:
            return not self._waiting and not self._sending

    def _forged(self, url: str, body: bytes, headers: Mapping[str, str], secret: str) -> Delivery:
        """Return an event that never was, signed in one of the ways of those who have no secret."""
        event = json.loads(body)
        comment = event["comment"] | {"id": 10**9 + next(self._number), "body": "!testme"}
        body = as_bytes(event | {"action": "created", "comment": comment, "sender": comment["user"]})
        wrong = self._random.choice(
            (
                {},
                {"X-Gitea-Signature": ""},
                _signatures(body, "somebody's secret"),
                _signatures(body, ""),
                _signatures(json.dumps(json.loads(body)).encode(), secret),
            )
        )
        others = {name: value for name, value in headers.items() if "Signature" not in name}
        return Delivery(url, body, others | wrong, "forged")

    def _put(self, delivery: Delivery, *, after: float) -> None:
        with self._condition:
            due = self._clock.monotonic() + after
            heapq.heappush(self._waiting, (due, next(self._number), delivery))
            self._condition.notify()

    def _run(self) -> None:
        while True:
            delivery = self._next()
            try:
                self._send(delivery)
            finally:
                with self._condition:
                    self._sending -= 1

    def _next(self) -> Delivery:
        with self._condition:
            while not self._waiting or self._waiting[0][0] > self._clock.monotonic():
                left = self._waiting[0][0] - self._clock.monotonic() if self._waiting else None
                self._condition.wait(left)
            self._sending += 1
            return heapq.heappop(self._waiting)[2]

    def _send(self, delivery: Delivery) -> None:
        url = urllib.parse.urlsplit(delivery.url)
        connection = http.client.HTTPConnection(url.hostname or "", url.port, timeout=ANSWER_SECONDS)
        try:
            connection.request("POST", url.path, body=delivery.body, headers=dict(delivery.headers))
            answer = connection.getresponse()
            words = f"{answer.status} {answer.read().decode(errors='replace')[:200]}"
        except (OSError, http.client.HTTPException):
            self._counted(f"{delivery.kind} lost", 1)
            return
        finally:
            connection.close()
        self._judge(delivery, status=answer.status, words=words)

    def _judge(self, delivery: Delivery, *, status: int, words: str) -> None:
        """Keep what is wrong: a signed event that was not taken, a forged one that was."""
        self._counted(f"{delivery.kind} {status}", 1)
        is_yes = 200 <= status < 300
        if delivery.kind == "signed" and not is_yes and len(self.refused) < 20:
            self.refused.append(words)
        if delivery.kind == "forged" and is_yes:
            self.accepted.append(words)

    def _counted(self, what: str, number: int) -> None:
        with self._condition:
            self.count[what] = self.count.get(what, 0) + number


def as_bytes(event: Mapping[str, Any]) -> bytes:
    """Return an event as Go writes it: indented, and with what HTML minds escaped."""
    text = json.dumps(event, indent=2, ensure_ascii=False)
    for char in "<>&\u2028\u2029":
        text = text.replace(char, f"\\u{ord(char):04x}")
    return text.encode()


def _headers(body: bytes, secret: str, *, kind: str) -> dict[str, str]:
    kinds = {"Event": "issue_comment", "Event-Type": kind, "Delivery": str(uuid.uuid4())}
    named = {f"X-{forge}-{name}": value for forge in ("Gitea", "Gogs") for name, value in kinds.items()}
    return {"Content-Type": "application/json", "X-GitHub-Event": "issue_comment"} | named | _signatures(body, secret)


def _signatures(body: bytes, secret: str) -> dict[str, str]:
    """Sign as the forge does: without a secret the headers are there, and empty."""
    signed = hmac.new(secret.encode(), body, hashlib.sha256).hexdigest() if secret else ""
    old = hmac.new(secret.encode(), body, hashlib.sha1).hexdigest() if secret else ""
    return {
        "X-Gitea-Signature": signed,
        "X-Gogs-Signature": signed,
        "X-Hub-Signature-256": f"sha256={signed}",
        "X-Hub-Signature": f"sha1={old}",
    }
