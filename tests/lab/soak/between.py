"""The only place that stands between the bridge and a real forge: the API fails, and webhooks get lost."""

from __future__ import annotations

import contextlib
import http.client
import threading
import urllib.parse
from collections.abc import Iterator, Mapping

from recipeci.host.clock import SystemClock

from lab.fakeforge import faulty
from lab.fakeforge.deliveries import Deliveries
from lab.fakeforge.faulty import Raw

HOOK = "/hooks/gitea"
"""Where the bridge takes webhooks, and so where the forge sends them."""
PASSED_ON = ("authorization", "content-type", "accept")
BROUGHT_BACK = ("content-type", "x-total-count", "location", "retry-after")
SECONDS = 30.0


class Between(faulty.Server):
    """Passes requests on to a forge, and the forge's webhooks to the bridge.

    Attributes:
        forge: the real one's address.
        target: where webhooks go.
        secret: what they are signed with.
    """

    def __init__(self, forge: str, *, target: str, secret: str, seed: int) -> None:
        """Listen; all goes well yet."""
        super().__init__(seed=seed)
        self._forge = urllib.parse.urlsplit(forge)
        self.target = target
        self.secret = secret
        self.deliveries = Deliveries(clock=SystemClock(), seed=seed + 1)

    def answer(self, method: str, path: str, headers: Mapping[str, str], body: bytes) -> Raw:
        """Ask the forge; raise RuntimeError if it does not answer, for that is none of the faults that we make."""
        try:
            return self._asked(method, path, headers, body)
        except (OSError, http.client.HTTPException) as e:
            msg = f"the forge does not answer to {method} {path}"
            raise RuntimeError(msg) from e

    def _asked(self, method: str, path: str, headers: Mapping[str, str], body: bytes) -> Raw:
        given = {name: value for name, value in headers.items() if name.lower() in PASSED_ON}
        with contextlib.closing(http.client.HTTPConnection(self._forge.netloc, timeout=SECONDS)) as connection:
            connection.request(method, path, body=body, headers=given)
            answer = connection.getresponse()
            back = {name: value for name, value in answer.getheaders() if name.lower() in BROUGHT_BACK}
            return Raw(answer.status, answer.read(), back)

    def late(self, method: str, path: str, headers: Mapping[str, str], body: bytes) -> None:
        """Ask the forge, and tell nobody."""
        self.answer(method, path, headers, body)

    def spared(self, method: str, path: str, headers: Mapping[str, str], body: bytes) -> Raw | None:  # noqa: ARG002
        """Take a webhook."""
        if path != HOOK:
            return None
        told = {name: value for name, value in headers.items() if name.startswith("X-") or name == "Content-Type"}
        self.deliveries.deliver(self.target, body, told, secret=self.secret)
        return Raw(200)


@contextlib.contextmanager
def standing(forge: str, *, target: str, secret: str, seed: int) -> Iterator[Between]:
    """Stand there until the end of the block."""
    with Between(forge, target=target, secret=secret, seed=seed) as between:
        thread = threading.Thread(target=between.serve_forever)
        thread.start()
        try:
            yield between
        finally:
            between.shutdown()
            thread.join()
