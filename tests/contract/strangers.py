"""The only place that speaks to the web server as strangers do: by bytes over a connection, all at once or a few."""

from __future__ import annotations

import contextlib
import socket
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TypeVar

import httpx
from recipeci.host.clock import SystemClock, until
from recipeci.service.web import Limits

T = TypeVar("T")
SECONDS = 60.0
THROWN_OUT_SECONDS = 30.0
"""By then an impatient server has thrown out whoever drips."""
CLOCK = SystemClock()
IMPATIENT = Limits(connections=20, seconds=1)
"""A second is soon over on a busy machine, also for who meant no harm: whatever is tried here may be tried again."""


def connected(client: httpx.Client) -> socket.socket:
    return socket.create_connection((client.base_url.host, client.base_url.port or 0), timeout=SECONDS)


def raw(client: httpx.Client, *sent: bytes) -> bytes:
    """Send bytes over a connection of their own; return all that comes back until it is closed, or is whole."""
    with connected(client) as plug:
        came = b""
        with contextlib.suppress(OSError):  # whoever is refused while he goes on sending finds the connection reset
            for part in sent:
                plug.sendall(part)
            plug.shutdown(socket.SHUT_WR)
        with contextlib.suppress(OSError):
            while part := plug.recv(65536):
                came += part
    return came


def head(headers: Mapping[str, str], *more: str, path: str = "/hooks/gitea", method: str = "POST") -> bytes:
    lines = [f"{method} {path} HTTP/1.1", "Host: ci.test", "Connection: close"]
    return "\r\n".join([*lines, *(f"{name}: {value}" for name, value in headers.items()), *more, "", ""]).encode()


def chunks(body: bytes, size: int) -> bytes:
    parts = [body[at : at + size] for at in range(0, len(body), size)]
    return b"".join(b"%x\r\n%s\r\n" % (len(part), part) for part in parts) + b"0\r\n\r\n"


def status(answer: bytes) -> int:
    return int(answer.split(b" ", 2)[1])


def dripped_request(client: httpx.Client) -> int:
    """Begin a request, and send a byte of it now and then until we are thrown out; return how many were sent."""
    dripped = 0
    with connected(client) as plug:

        def drip() -> bool:
            nonlocal dripped
            try:
                dripped += plug.send(b"x")
                return plug.recv(1000) == b""
            except BlockingIOError:
                return False
            except ConnectionError:
                return True

        plug.settimeout(0.0)
        with contextlib.suppress(ConnectionError):
            plug.sendall(head({}, "Content-Length: 1000"))
            until(
                drip,
                bool,
                what="the end of the dripping",
                clock=CLOCK,
                timeout=THROWN_OUT_SECONDS,
                delay=0.1,
                successes=1,
            )
    return dripped


def dripped_answer(client: httpx.Client, path: str) -> bool:
    """Take an answer by a few bytes now and then until we are thrown out; say whether it had begun before."""
    with socket.socket() as plug, contextlib.suppress(ConnectionError):
        plug.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        plug.settimeout(SECONDS)
        plug.connect((client.base_url.host, client.base_url.port or 0))
        plug.sendall(head({}, path=path, method="GET"))
        if not (began := plug.recv(12)) or not is_held(plug):
            return False
        assert status(began) == 200

        def drip() -> bool:
            with contextlib.suppress(ConnectionError):
                plug.recv(10)
            return not is_held(plug)

        until(drip, bool, what="the end of the answer", clock=CLOCK, timeout=THROWN_OUT_SECONDS, delay=0.1, successes=1)
        return True
    return False


def in_time(attempt: Callable[[], T], ready: Callable[[T], bool] = bool) -> T:
    """Try until an attempt was not interrupted by the server's impatience, which is no fault of either side."""
    return until(attempt, ready, what="an attempt in time", clock=CLOCK, timeout=SECONDS, delay=0.01, successes=1)


def answered(ask: Callable[[], httpx.Response]) -> int:
    """Return the status of an answer; 0 if we were thrown out before."""
    try:
        return ask().status_code
    except httpx.TransportError:
        return 0


def is_held(plug: socket.socket) -> bool:
    """Say whether the other side still has a connection, by the kernel's table: what it sent may come later."""
    ends = [f":{name[1]:04X}" for name in (plug.getpeername(), plug.getsockname())]
    rows = [row.split() for row in Path("/proc/net/tcp").read_text().splitlines()[1:]]
    return any(row[3] == "01" and row[1].endswith(ends[0]) and row[2].endswith(ends[1]) for row in rows)
