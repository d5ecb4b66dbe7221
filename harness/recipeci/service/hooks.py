"""The only place that takes webhook deliveries: the body as it came is judged by `events`, and stored before we answer.

What is not stored is answered with an error and found later by the poller. Answers are short and constant: the forge
keeps them, and shows them to people.
"""

from __future__ import annotations

import logging

from flask import Response, request
from werkzeug.exceptions import RequestEntityTooLarge

from recipeci.errors import HostError
from recipeci.host.clock import Clock
from recipeci.service import events, intake
from recipeci.service.events import Ignored, Ping
from recipeci.service.metrics import Deliveries
from recipeci.service.model import Comment
from recipeci.service.store import Database

log = logging.getLogger(__name__)
RESULTS = {intake.TAKEN: "taken", intake.KNOWN: "known"}
"""How an answer of the intake is counted; any other one is why the comment is left alone."""


class Hook:
    """Answers deliveries; used by all threads of the web server."""

    def __init__(self, *, database: Database, clock: Clock, secrets: tuple[str, ...], deliveries: Deliveries) -> None:
        """Take where comments are stored, and what they are signed with."""
        self._database = database
        self._clock = clock
        self._secrets = tuple(secret.encode() for secret in secrets)
        self._deliveries = deliveries

    def __call__(self) -> Response:
        """Answer the delivery that Flask holds for this thread."""
        result, status, words = self._taken()
        self._deliveries.count(result)
        return Response(f"{words}\n", status=status, content_type="text/plain; charset=utf-8")

    def _taken(self) -> tuple[str, int, str]:
        """Return how the delivery is counted, and its answer."""
        try:
            event = events.read(list(request.headers), _body(), secrets=self._secrets)
        except events.Refused as e:
            log.info("a delivery is refused: %s", e.message)
            return "refused", e.status, e.message
        match event:
            case Ping():
                return "ping", 200, "here we are"
            case Ignored(reason):
                return "ignored", 200, f"ignored: {reason}"
            case Comment():
                return self._stored(event)

    def _stored(self, comment: Comment) -> tuple[str, int, str]:
        """Store a comment, and only then say so."""
        try:
            answer = intake.take(self._database, comment, clock=self._clock)
        except HostError as e:
            log.warning("%s is not stored: %s", comment, e.message)
            return "unavailable", 503, "it cannot be stored now: it will be found by listing"
        log.info("%s: %s", comment, answer)
        if answer in RESULTS:
            return RESULTS[answer], 202, answer
        return "ignored", 200, f"ignored: {answer}"


def _body() -> bytes:
    """Return the body as it came; raises Refused if it is too large, of which not all is read."""
    try:
        return request.get_data(cache=False)
    except RequestEntityTooLarge as e:
        raise events.Refused("the body is too large", status=413) from e
