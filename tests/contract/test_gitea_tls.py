"""service.gitea by https: only a forge for whose certificate an authority of this machine stands is told the token."""

from __future__ import annotations

import contextlib
import socket
import ssl
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from fakeforge import SECONDS, answer
from forgecalls import TOKEN
from recipeci.host.cell import certificates
from recipeci.host.clock import SystemClock
from recipeci.service.forge import ForgeUnavailable
from recipeci.service.gitea import Gitea
from recipeci.service.model import User


@dataclass
class Secure:
    """A forge by TLS; `heard` is what clients said inside."""

    port: int
    heard: list[bytes] = field(default_factory=list)


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with an authority and the certificate of `localhost`."""
    folder = tmp_path_factory.mktemp("tls")
    certificates.write(folder, name="test", domain="localhost")
    return folder


@contextlib.contextmanager
def serving(authority: Path) -> Iterator[Secure]:
    """Serve until the block ends."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(authority / "proxy" / "cert.pem", authority / "proxy" / "key.pem")
    with socket.create_server(("127.0.0.1", 0)) as listener:
        forge = Secure(listener.getsockname()[1])
        thread = threading.Thread(target=_accept, args=(listener, context, forge))
        thread.start()
        try:
            yield forge
        finally:
            listener.shutdown(socket.SHUT_RDWR)
            thread.join()


def _accept(listener: socket.socket, context: ssl.SSLContext, forge: Secure) -> None:
    while True:
        try:
            connection, _ = listener.accept()
        except OSError:
            return
        with connection, contextlib.suppress(OSError), context.wrap_socket(connection, server_side=True) as inside:
            forge.heard.append(inside.recv(65536))
            inside.sendall(answer("200 OK", b'{"id": 2, "login": "ann"}'))


def asked(forge: Secure, host: str) -> User:
    """Ask who we are."""
    with Gitea(f"https://{host}:{forge.port}", TOKEN, clock=SystemClock(), timeout=SECONDS) as gitea:
        return gitea.myself()


def test_a_forge_that_this_machine_believes_is_asked(authority: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(authority / "ca.pem"))
    with serving(authority) as forge:
        assert asked(forge, "localhost") == User(2, "ann")
    assert f"Authorization: token {TOKEN}".encode() in forge.heard[0]


def test_a_certificate_that_nobody_stands_for_is_refused_before_the_token_is_told(authority: Path) -> None:
    with serving(authority) as forge, pytest.raises(ForgeUnavailable, match="certificate refused"):
        asked(forge, "localhost")
    assert forge.heard == []


def test_a_certificate_of_another_host_is_too(authority: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(authority / "ca.pem"))
    with serving(authority) as forge, pytest.raises(ForgeUnavailable, match="certificate refused"):
        asked(forge, "127.0.0.1")
    assert forge.heard == []
