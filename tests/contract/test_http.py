"""Requests to real servers on loopback: what comes back, and each way in which nothing does."""

from __future__ import annotations

import contextlib
import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from recipeci.host.cell import certificates
from recipeci.host.http import BODY_BYTES, Answer, Http, HttpFailed

DOMAIN = "ci.test"
SECONDS = 60.0
"""For an answer that comes; a busy machine takes its time."""
OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nX-It: yes\r\n\r\nhi"


@dataclass
class Server:
    """A server that does the same to each connection; `seen` is what clients sent first."""

    port: int
    ended: threading.Event = field(default_factory=threading.Event)
    seen: list[bytes] = field(default_factory=list)
    names: list[str] = field(default_factory=list)

    def connect(self, host: str, port: int, *, timeout: float) -> socket.socket:
        """What a cell's `connect` is elsewhere: every name is this server."""
        assert host
        assert port in (80, 443)
        return socket.create_connection(("127.0.0.1", self.port), timeout=timeout)


Handle = Callable[[Server, socket.socket], object]


@pytest.fixture
def tls(tmp_path: Path) -> Path:
    """A folder with an authority and the certificate of its domain."""
    folder = tmp_path / "tls"
    folder.mkdir()
    certificates.write(folder, name="test", domain=DOMAIN)
    return folder


@contextlib.contextmanager
def serving(handle: Handle, *, tls: Path | None = None) -> Iterator[Server]:
    """Serve on loopback until the block ends."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        server = Server(listener.getsockname()[1])
        context = context_of(server, tls) if tls else None
        thread = threading.Thread(target=accept, args=(listener, server, context, handle))
        thread.start()
        try:
            yield server
        finally:
            server.ended.set()
            listener.shutdown(socket.SHUT_RDWR)
            thread.join()


def context_of(server: Server, tls: Path) -> ssl.SSLContext:
    """The server's side of TLS; it notes the names that clients ask for."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(tls / "proxy" / "cert.pem", tls / "proxy" / "key.pem")
    context.sni_callback = lambda _socket, name, _context: server.names.append(name)
    return context


def accept(
    listener: socket.socket,
    server: Server,
    context: ssl.SSLContext | None,
    handle: Handle,
) -> None:
    """Take one connection after the other."""
    while not server.ended.is_set():
        try:
            connection, _ = listener.accept()
        except OSError:
            return
        with connection, contextlib.suppress(OSError):
            if context is None:
                handle(server, connection)
            else:
                with context.wrap_socket(connection, server_side=True) as secure:
                    handle(server, secure)


def says(answer: bytes) -> Handle:
    """Read the request, give the answer, hang up."""

    def handle(server: Server, connection: socket.socket) -> None:
        server.seen.append(connection.recv(65536))
        connection.sendall(answer)

    return handle


def http(server: Server, tls: Path) -> Http:
    return Http(connect=server.connect, ca_file=tls / "ca.pem")


def got(server: Server, tls: Path, url: str) -> Answer:
    """Ask a server that answers."""
    return http(server, tls).get(url, timeout=SECONDS)


def test_an_answer_has_status_headers_in_lower_case_and_body(tls: Path) -> None:
    with serving(says(OK), tls=tls) as server:
        answer = got(server, tls, f"https://app.{DOMAIN}/x?y=1")
    assert (answer.status, answer.body, answer.headers["x-it"]) == (200, b"hi", "yes")
    assert answer.url == f"https://app.{DOMAIN}/x?y=1"
    assert answer.seconds > 0


def test_the_apps_name_is_asked_for_in_tls_and_in_http(tls: Path) -> None:
    with serving(says(OK), tls=tls) as server:
        got(server, tls, f"https://app.{DOMAIN}/x?y=1")
    assert server.names == [f"app.{DOMAIN}"]
    lines = server.seen[0].split(b"\r\n")
    assert lines[0] == b"GET /x?y=1 HTTP/1.1"
    assert f"Host: app.{DOMAIN}".encode() in lines


def test_a_redirect_is_an_answer_and_is_not_followed(tls: Path) -> None:
    with serving(says(b"HTTP/1.1 302 Found\r\nLocation: /there\r\nContent-Length: 0\r\n\r\n")) as server:
        answer = got(server, tls, f"http://app.{DOMAIN}/")
    assert (answer.status, answer.headers["location"]) == (302, "/there")
    assert len(server.seen) == 1


def test_each_request_has_a_connection_of_its_own(tls: Path) -> None:
    with serving(says(OK)) as server:
        client = http(server, tls)
        assert [client.get(f"http://app.{DOMAIN}/", timeout=SECONDS).status for _ in range(3)] == [200] * 3
    assert len(server.seen) == 3


def test_an_answer_without_end_is_cut(tls: Path) -> None:
    def endless(server: Server, connection: socket.socket) -> None:
        connection.recv(65536)
        connection.sendall(b"HTTP/1.1 200 OK\r\n\r\n")
        while not server.ended.is_set():
            connection.sendall(b"x" * 65536)

    with serving(endless) as server:
        assert len(got(server, tls, f"http://app.{DOMAIN}/").body) == BODY_BYTES


def test_an_answer_that_drips_is_too_late_whatever_keeps_coming(tls: Path) -> None:
    """Without an end to all of it the reason would be that the server hung up in the middle."""

    def drip(server: Server, connection: socket.socket) -> None:
        connection.recv(65536)
        connection.sendall(b"HTTP/1.1 200 OK\r\nX: ")
        for _ in range(1000):
            if server.ended.wait(0.05):
                return
            connection.sendall(b"x")

    with serving(drip) as server, pytest.raises(HttpFailed) as failed:
        http(server, tls).get(f"http://app.{DOMAIN}/", timeout=0.5)
    assert failed.value.reason == "no answer in time"


def nothing(_server: Server, connection: socket.socket) -> None:
    """Read, and hang up."""
    connection.recv(65536)


def reset(_server: Server, connection: socket.socket) -> None:
    """Hang up without having read what came: the kernel resets the connection."""
    connection.recv(1)


@pytest.mark.parametrize(
    ("handle", "reason"),
    [
        (nothing, "no HTTP answer: Server disconnected without sending a response."),
        (reset, "connection reset"),
        (says(b"SSH-2.0-OpenSSH\r\n\r\n"), "no HTTP answer: "),
        (says(b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhi"), "no HTTP answer: "),
    ],
    ids=["hang-up", "reset", "not-http", "cut-off"],
)
def test_without_an_answer_the_reason_is_said(tls: Path, handle: Handle, reason: str) -> None:
    with serving(handle) as server, pytest.raises(HttpFailed) as failed:
        got(server, tls, f"http://app.{DOMAIN}/")
    assert failed.value.reason.startswith(reason)
    assert str(failed.value).startswith(f"http://app.{DOMAIN}/: ")


def test_silence_is_no_answer_in_time(tls: Path) -> None:
    with serving(lambda server, _: server.ended.wait(SECONDS)) as server, pytest.raises(HttpFailed) as failed:
        http(server, tls).get(f"http://app.{DOMAIN}/", timeout=1)
    assert str(failed.value) == f"http://app.{DOMAIN}/: no answer in time"


def test_a_refused_connection_is_said(tls: Path) -> None:
    with socket.socket() as nobody:
        nobody.bind(("127.0.0.1", 0))  # ours, so that nobody else listens there, and no more than that
        with pytest.raises(HttpFailed) as failed:
            got(Server(nobody.getsockname()[1]), tls, f"http://app.{DOMAIN}/")
    assert failed.value.reason == "connection refused"


@pytest.mark.parametrize(
    ("host", "authority", "reason"),
    [
        (f"app.{DOMAIN}", "other", "certificate refused: unable to get local issuer certificate"),
        ("app.example.org", "tls", "certificate refused: Hostname mismatch"),
        (f"a.b.{DOMAIN}", "tls", "certificate refused: Hostname mismatch"),
    ],
)
def test_a_certificate_that_is_not_right_is_no_answer(
    tls: Path, tmp_path: Path, host: str, authority: str, reason: str
) -> None:
    (tmp_path / "other").mkdir()
    certificates.write(tmp_path / "other", name="other", domain=DOMAIN)
    with serving(says(OK), tls=tls) as server, pytest.raises(HttpFailed) as failed:
        got(server, tmp_path / authority, f"https://{host}/")
    assert failed.value.reason.startswith(reason)
    assert server.seen == []


def test_plain_http_where_tls_was_asked_for_is_said(tls: Path) -> None:
    with serving(says(OK)) as server, pytest.raises(HttpFailed, match="TLS failed"):
        got(server, tls, f"https://app.{DOMAIN}/")


def test_an_address_that_is_none_is_said(tls: Path) -> None:
    with serving(says(OK)) as server, pytest.raises(HttpFailed):
        got(server, tls, "ftp://app.ci.test/")
    assert server.seen == []
