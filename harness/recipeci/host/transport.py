"""The only place that knows httpx and httpcore: requests with a deadline over sockets that somebody else opens."""

from __future__ import annotations

import contextlib
import select
import socket
import ssl
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

import httpcore
import httpx

from recipeci.host.clock import Clock
from recipeci.host.http import Connect, HttpFailed

Left = Callable[[], float]
"""Returns how many seconds the request under way still has; raises TooLate if none."""
KEPT = 4
KEPT_SECONDS = 15.0
"""An idle connection of a session is hung up after so long, before the other side does it."""


class TooLate(Exception):
    """The request's time is over."""


class Stream(httpcore.NetworkStream):
    """One connection; every operation ends by the request's deadline, however slowly the other side drips."""

    def __init__(self, connection: socket.socket, *, left: Left) -> None:
        """Take an open connection."""
        self._connection = connection
        self._left = left

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:  # noqa: ARG002 - the deadline counts
        """Return what is there, at most `max_bytes`; empty at the end."""
        self._limit()
        return self._connection.recv(max_bytes)

    def write(self, buffer: bytes, timeout: float | None = None) -> None:  # noqa: ARG002
        """Send all of it."""
        self._limit()
        self._connection.sendall(buffer)

    def close(self) -> None:
        """Hang up."""
        self._connection.close()

    def start_tls(
        self,
        ssl_context: ssl.SSLContext,
        server_hostname: str | None = None,
        timeout: float | None = None,  # noqa: ARG002
    ) -> httpcore.NetworkStream:
        """Do the handshake and verify who answers."""
        self._limit()
        try:
            wrapped = ssl_context.wrap_socket(self._connection, server_hostname=server_hostname)
        except BaseException:
            self._connection.close()
            raise
        return Stream(wrapped, left=self._left)

    def get_extra_info(self, info: str) -> Any:  # noqa: ANN401 - httpcore's
        """Return what httpcore asks for: the TLS object; whether there is something to read, which ends an idle one."""
        if info == "is_readable":
            return _is_readable(self._connection)
        return self._connection if info == "ssl_object" and isinstance(self._connection, ssl.SSLSocket) else None

    def _limit(self) -> None:
        """Leave the next operation what is left of the time."""
        self._connection.settimeout(self._left())


class Backend(httpcore.NetworkBackend):
    """Opens connections by a function of ours."""

    def __init__(self, connect: Connect, *, left: Left) -> None:
        """Take the function, and what tells the time that a request still has."""
        self._connect = connect
        self._left = left

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,  # noqa: ARG002 - the deadline counts
        local_address: str | None = None,  # noqa: ARG002 - httpcore's signature
        socket_options: Iterable[Any] | None = None,  # noqa: ARG002
    ) -> httpcore.NetworkStream:
        """Connect."""
        return Stream(self._connect(host, port, timeout=self._left()), left=self._left)


class Transport(httpx.BaseTransport):
    """Requests over connections of a `Backend`."""

    def __init__(self, backend: Backend, *, tls: ssl.SSLContext, kept: int = 0) -> None:
        """Take the backend, whom to believe, and how many idle connections are kept."""
        self._pool = httpcore.ConnectionPool(
            ssl_context=tls,
            network_backend=backend,
            max_connections=None,
            max_keepalive_connections=kept,
            keepalive_expiry=KEPT_SECONDS,
            http2=False,
        )

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        """Send it as it is."""
        url = httpcore.URL(
            scheme=request.url.raw_scheme, host=request.url.raw_host, port=request.url.port, target=request.url.raw_path
        )
        answer = self._pool.handle_request(
            httpcore.Request(request.method, url, headers=request.headers.raw, content=request.stream)
        )
        return httpx.Response(answer.status, headers=answer.headers, stream=_Body(answer), extensions=answer.extensions)

    def close(self) -> None:
        """Hang up."""
        self._pool.close()


class _Body(httpx.SyncByteStream):
    """The body as it comes."""

    def __init__(self, answer: httpcore.Response) -> None:
        self._answer = answer

    def __iter__(self) -> Iterator[bytes]:
        yield from self._answer.iter_stream()

    def close(self) -> None:
        self._answer.close()


class Session:
    """Requests to a server over connections that are kept; each request has its own deadline. Any thread may use it."""

    def __init__(self, *, connect: Connect, tls: ssl.SSLContext, clock: Clock, kept: int = KEPT) -> None:
        """Take what opens connections, and whom to believe."""
        self._clock = clock
        self._requests = threading.local()
        backend = Backend(connect, left=self._left)
        self._client = httpx.Client(
            transport=Transport(backend, tls=tls, kept=kept), trust_env=False, follow_redirects=False
        )

    def request(
        self, method: str, url: str, *, deadline: float, limit: int, headers: Mapping[str, str], body: bytes = b""
    ) -> tuple[int, Mapping[str, str], bytes]:
        """Ask: (status, headers, at most `limit` bytes of the body).

        Raises:
            HttpFailed: there was no answer by the deadline, a monotonic time of the clock.
        """
        self._requests.deadline = deadline
        with _failing(url), self._client.stream(method, url, headers=headers, content=body) as response:
            return response.status_code, dict(response.headers), _read(response, limit=limit)

    def close(self) -> None:
        """Hang up all connections."""
        self._client.close()

    def _left(self) -> float:
        """Return how many seconds the request of this thread still has."""
        left: float = self._requests.deadline - self._clock.monotonic()
        if left <= 0:
            raise TooLate
        return left


def get(
    url: str, *, connect: Connect, tls: ssl.SSLContext, clock: Clock, deadline: float, limit: int
) -> tuple[int, Mapping[str, str], bytes]:
    """Ask for a page over a connection of its own: (status, headers, at most `limit` bytes of the body).

    Raises:
        HttpFailed: there was no answer by the deadline, a monotonic time of the clock.
    """
    with contextlib.closing(Session(connect=connect, tls=tls, clock=clock, kept=0)) as session:
        return session.request("GET", url, deadline=deadline, limit=limit, headers={})


def tcp(host: str, port: int, *, timeout: float) -> socket.socket:
    """Connect over this machine's own network: a `Connect`."""
    connection = socket.create_connection((host, port), timeout=timeout)
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)  # a request goes out in two parts
    return connection


@contextlib.contextmanager
def _failing(url: str) -> Iterator[None]:
    """Turn whatever goes wrong with a request into HttpFailed."""
    try:
        yield
    except (
        httpx.HTTPError,
        httpx.InvalidURL,
        httpcore.UnsupportedProtocol,
        httpcore.ProtocolError,
        OSError,
        TooLate,
    ) as error:
        raise HttpFailed(url, _reason(error), reset=_is_reset(error)) from error


def _read(response: httpx.Response, *, limit: int) -> bytes:
    """Read the body, no more than `limit` bytes."""
    body = bytearray()
    for part in response.iter_bytes():
        body += part
        if len(body) >= limit:
            break
    return bytes(body[:limit])


def _is_readable(connection: socket.socket) -> bool:
    """Say whether reading would not wait; `select` would not do for a process with many files."""
    poll = select.poll()
    poll.register(connection, select.POLLIN)
    return bool(poll.poll(0))


def _is_reset(error: BaseException) -> bool:
    """Say whether a connection that was there ended before an answer: also one that was kept for too long."""
    gone = isinstance(error, (ConnectionResetError, BrokenPipeError, ConnectionAbortedError))
    return gone or isinstance(error, httpcore.RemoteProtocolError)


def _reason(error: BaseException) -> str:
    """Say in a few words why there was no answer."""
    match error:
        case TooLate() | TimeoutError():
            reason = "no answer in time"
        case ssl.SSLCertVerificationError():
            reason = f"certificate refused: {error.verify_message}"
        case ssl.SSLError():
            reason = f"TLS failed: {error.reason or error}"
        case ConnectionRefusedError():
            reason = "connection refused"
        case ConnectionError():
            reason = "connection reset"
        case OSError():
            reason = error.strerror or str(error)
        case _:
            reason = f"no HTTP answer: {error}"
    return reason
