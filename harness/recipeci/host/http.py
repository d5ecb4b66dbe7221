"""The only place that makes HTTP requests to apps: through a cell's network, TLS verified by the cell's authority."""

from __future__ import annotations

import socket
import ssl
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from recipeci.host.clock import Clock, SystemClock

BODY_BYTES = 2 * 1024 * 1024
"""Of a longer answer only this much is read."""


class Connect(Protocol):
    """Opens a TCP connection somewhere: `Cell.connect`."""

    def __call__(self, host: str, port: int, *, timeout: float) -> socket.socket:
        """Connect within `timeout` seconds, or raise OSError."""


@dataclass(frozen=True)
class Answer:
    """What came back: header names in lower case, the body up to BODY_BYTES, the time from connect to the end."""

    status: int
    url: str
    headers: Mapping[str, str]
    body: bytes
    seconds: float


class HttpFailed(Exception):
    """There was no answer; `reason` says why in a few words, `reset` that a connection ended too early."""

    def __init__(self, url: str, reason: str, *, reset: bool = False) -> None:
        """Keep what was asked for and why it did not come."""
        super().__init__(f"{url}: {reason}")
        self.url = url
        self.reason = reason
        self.reset = reset


class Http:
    """Asks for pages: each request over a connection of its own, never following a redirect."""

    def __init__(self, *, connect: Connect, ca_file: Path, clock: Clock | None = None) -> None:
        """Take what opens connections and the one authority that is believed."""
        self._connect = connect
        self._tls = ssl.create_default_context(cafile=str(ca_file))
        self._clock = clock or SystemClock()

    def get(self, url: str, *, timeout: float = 10) -> Answer:
        """Ask for a page; the whole answer must be there within `timeout` seconds.

        Raises:
            HttpFailed: refused, reset, too late, TLS not right, or no HTTP.
        """
        from recipeci.host import transport  # noqa: PLC0415 - httpx takes 0.1 s

        began = self._clock.monotonic()
        status, headers, body = transport.get(
            url, connect=self._connect, tls=self._tls, clock=self._clock, deadline=began + timeout, limit=BODY_BYTES
        )
        return Answer(status, url, headers, body, self._clock.monotonic() - began)
