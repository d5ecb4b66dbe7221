"""A forge that answers as a test says: by whole answers, or by whatever goes wrong with one."""

from __future__ import annotations

import contextlib
import socket
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

HEAD_END = b"\r\n\r\n"
SECONDS = 60.0
"""Who connects and says nothing is given up after so long."""
Handle = Callable[["FakeForge", socket.socket], None]


@dataclass(frozen=True)
class Asked:
    """One request, as it came."""

    method: str
    target: str
    headers: dict[str, str]
    body: bytes


@dataclass
class FakeForge:
    """What it is asked, and what it does then."""

    handle: Handle
    port: int
    asked: list[Asked] = field(default_factory=list)
    ended: threading.Event = field(default_factory=threading.Event)

    @property
    def url(self) -> str:
        """Its address."""
        return f"http://127.0.0.1:{self.port}"


@contextlib.contextmanager
def serving(handle: Handle) -> Iterator[FakeForge]:
    """Serve until the block ends: each connection gets one request answered."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        forge = FakeForge(handle, listener.getsockname()[1])
        thread = threading.Thread(target=_accept, args=(listener, forge))
        thread.start()
        try:
            yield forge
        finally:
            forge.ended.set()
            listener.shutdown(socket.SHUT_RDWR)
            thread.join()


def says(status: str, body: bytes = b"", **headers: str) -> Handle:
    """Give one answer, whatever is asked."""

    def handle(_: FakeForge, connection: socket.socket) -> None:
        connection.sendall(answer(status, body, **headers))

    return handle


def answer(status: str, body: bytes = b"", **headers: str) -> bytes:
    """Return an answer as it goes over the wire."""
    lines = {"Content-Type": "application/json", "Content-Length": str(len(body)), "Connection": "close"}
    lines |= {name.replace("_", "-"): value for name, value in headers.items()}
    head = [f"HTTP/1.1 {status}", *(f"{name}: {value}" for name, value in lines.items())]
    return "\r\n".join([*head, "", ""]).encode() + body


def _accept(listener: socket.socket, forge: FakeForge) -> None:
    while not forge.ended.is_set():
        try:
            connection, _ = listener.accept()
        except OSError:
            return
        with connection, contextlib.suppress(OSError):
            connection.settimeout(SECONDS)
            forge.asked.append(_read(connection))
            forge.handle(forge, connection)


def _read(connection: socket.socket) -> Asked:
    """Read a request."""
    data = b""
    while HEAD_END not in data:
        data += _more(connection)
    head, _, body = data.partition(HEAD_END)
    first, *lines = head.decode().split("\r\n")
    headers = {name.lower(): value for name, _, value in (line.partition(": ") for line in lines)}
    while len(body) < int(headers.get("content-length", "0")):
        body += _more(connection)
    method, target, _ = first.split(" ")
    return Asked(method, target, headers, body)


def _more(connection: socket.socket) -> bytes:
    """Read what is there; whoever has hung up says nothing more, however long his request was to be."""
    part = connection.recv(65536)
    if not part:
        raise OSError("hung up")
    return part
