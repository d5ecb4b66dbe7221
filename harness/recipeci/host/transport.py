"""The only place that knows httpx and httpcore: requests over sockets that somebody else opens, with one deadline."""

from __future__ import annotations

import socket
import ssl
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import httpcore
import httpx

from recipeci.host.clock import Clock
from recipeci.host.http import Connect, HttpFailed


class TooLate(Exception):
    """The request's time is over."""


class Stream(httpcore.NetworkStream):
    """One connection; every operation ends by the request's deadline, however slowly the other side drips."""

    def __init__(self, connection: socket.socket, *, clock: Clock, deadline: float) -> None:
        """Take an open connection."""
        self._connection = connection
        self._clock = clock
        self._deadline = deadline

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
        return Stream(wrapped, clock=self._clock, deadline=self._deadline)

    def get_extra_info(self, info: str) -> Any:  # noqa: ANN401 - httpcore's
        """Return what httpcore asks for: the TLS object."""
        return self._connection if info == "ssl_object" and isinstance(self._connection, ssl.SSLSocket) else None

    def _limit(self) -> None:
        """Leave the next operation what is left of the time."""
        self._connection.settimeout(_left(self._clock, self._deadline))


class Backend(httpcore.NetworkBackend):
    """Opens connections by a function of ours."""

    def __init__(self, connect: Connect, *, clock: Clock, deadline: float) -> None:
        """Take the function and the request's deadline."""
        self._connect = connect
        self._clock = clock
        self._deadline = deadline

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,  # noqa: ARG002 - the deadline counts
        local_address: str | None = None,  # noqa: ARG002 - httpcore's signature
        socket_options: Iterable[Any] | None = None,  # noqa: ARG002
    ) -> httpcore.NetworkStream:
        """Connect."""
        connection = self._connect(host, port, timeout=_left(self._clock, self._deadline))
        return Stream(connection, clock=self._clock, deadline=self._deadline)


class Transport(httpx.BaseTransport):
    """One request over one connection of a `Backend`."""

    def __init__(self, backend: Backend, *, tls: ssl.SSLContext) -> None:
        """Take the backend, and whom to believe."""
        self._pool = httpcore.ConnectionPool(
            ssl_context=tls, network_backend=backend, max_keepalive_connections=0, http2=False
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


def get(
    url: str, *, connect: Connect, tls: ssl.SSLContext, clock: Clock, deadline: float, limit: int
) -> tuple[int, Mapping[str, str], bytes]:
    """Ask for a page: (status, headers, at most `limit` bytes of the body).

    Raises:
        HttpFailed: there was no answer by the deadline, a monotonic time of the clock.
    """
    transport = Transport(Backend(connect, clock=clock, deadline=deadline), tls=tls)
    try:
        with (
            httpx.Client(transport=transport, trust_env=False, follow_redirects=False) as client,
            client.stream("GET", url) as response,
        ):
            body = _read(response, limit=limit)
            return response.status_code, dict(response.headers), body
    except (
        httpx.HTTPError,
        httpx.InvalidURL,
        httpcore.UnsupportedProtocol,
        httpcore.ProtocolError,
        OSError,
        TooLate,
    ) as error:
        raise HttpFailed(url, _reason(error)) from error


def _read(response: httpx.Response, *, limit: int) -> bytes:
    """Read the body, no more than `limit` bytes."""
    body = bytearray()
    for part in response.iter_bytes():
        body += part
        if len(body) >= limit:
            break
    return bytes(body[:limit])


def _left(clock: Clock, deadline: float) -> float:
    """Return how many seconds are left."""
    left = deadline - clock.monotonic()
    if left <= 0:
        raise TooLate
    return left


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
