"""The only place that speaks to a command in a container over a connection that Docker's API hands over for it.

Docker's SDK reads the answer's head through a buffer and then the output past it: what the buffer already held is lost.
"""

from __future__ import annotations

import contextlib
import json
import selectors
import socket
import threading
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Self

from recipeci.host.clock import Clock

OUTPUT_BYTES = 8 * 1024 * 1024
"""More than this no command may print: cut off it would pass for all."""
HEAD_BYTES = 64 * 1024
HEAD_END = b"\r\n\r\n"
FRAME = 8
"""Bytes before each piece of output: which stream, three zeros, its length."""
CONNECT_SECONDS = 60.0
LOOK_SECONDS = 0.25
READ = 65536


class Refused(Exception):
    """Docker did not start the command: its HTTP status and its words."""

    def __init__(self, status: int, words: str) -> None:
        """Keep both."""
        super().__init__(words)
        self.status = status
        self.words = words


@dataclass(frozen=True)
class Cut:
    """When a command is no longer listened to: at a monotonic time, or when somebody says so."""

    clock: Clock
    deadline: float
    stop: threading.Event

    def why(self) -> str:
        """Return why it is over, or nothing."""
        if self.stop.is_set():
            return "the suite has ended"
        return "its time is over" if self.clock.monotonic() >= self.deadline else ""


class Demultiplexer:
    """Takes output apart as Docker sends it: frames of two streams, however they are cut."""

    def __init__(self) -> None:
        """Begin with nothing."""
        self._rest = b""
        self.streams = {1: bytearray(), 2: bytearray()}

    def take(self, data: bytes) -> None:
        """Take more of it.

        Raises OSError for what is no frame.
        """
        self._rest += data
        while len(self._rest) >= FRAME:
            size = int.from_bytes(self._rest[4:FRAME], "big")
            if self._rest[0] not in self.streams or self._rest[1:4] != b"\0\0\0":
                raise OSError(f"no frame of a container's output: {self._rest[:FRAME]!r}")
            if len(self._rest) < FRAME + size:
                return
            self.streams[self._rest[0]] += self._rest[FRAME : FRAME + size]
            self._rest = self._rest[FRAME + size :]

    @property
    def size(self) -> int:
        """How much there is."""
        return len(self._rest) + sum(map(len, self.streams.values()))

    def finish(self) -> tuple[bytes, bytes]:
        """Return both streams.

        Raises OSError if the end is missing.
        """
        if self._rest:
            raise OSError("a container's output ended in the middle")
        return bytes(self.streams[1]), bytes(self.streams[2])


class Hijacked:
    """One command's connection; made, it is running.

    Raises Refused if Docker does not start it, OSError if it cannot be reached.
    """

    def __init__(self, path: Path, *, version: str, exec_id: str) -> None:
        """Start the command that Docker knows by this id."""
        self.cut_short = ""
        """Why it was not listened to until its end."""
        self._socket = socket.socket(socket.AF_UNIX)
        try:
            self._socket.settimeout(CONNECT_SECONDS)
            self._socket.connect(str(path))
            self._socket.sendall(_request(version, exec_id))
            self._early = self._head()
        except BaseException:
            self._socket.close()
            raise

    def __enter__(self) -> Self:
        """Return it."""
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        """Hang up."""
        self._socket.close()

    def talk(self, data: bytes, *, cut: Cut) -> tuple[bytes, bytes]:
        """Give the command its input and return all that it prints, until its end.

        If it is cut, `cut_short` says why and nothing is returned. Raises OSError if the connection breaks.
        """
        output = Demultiplexer()
        output.take(self._early)
        self._socket.settimeout(0)
        with selectors.DefaultSelector() as selector:
            events = selectors.EVENT_READ | (selectors.EVENT_WRITE if data else 0)
            selector.register(self._socket, events)
            rest = memoryview(data)
            while not (why := cut.why() or _too_much(output)):
                for _, ready in selector.select(LOOK_SECONDS):
                    if ready & selectors.EVENT_WRITE:
                        rest = self._give(rest, selector)
                    if ready & selectors.EVENT_READ and not self._listen(output):
                        return output.finish()
        self.cut_short = why
        return b"", b""

    def _give(self, rest: memoryview, selector: selectors.BaseSelector) -> memoryview:
        """Send what goes; at its end, or if nobody reads it any more, say that no more comes."""
        try:
            rest = rest[self._socket.send(rest) :]
        except BlockingIOError:
            return rest
        except (BrokenPipeError, ConnectionResetError):
            rest = rest[:0]
        if not rest:
            selector.modify(self._socket, selectors.EVENT_READ)
            with contextlib.suppress(OSError):  # the other side has closed already
                self._socket.shutdown(socket.SHUT_WR)
        return rest

    def _listen(self, output: Demultiplexer) -> bool:
        """Take what is there; False at its end."""
        try:
            data = self._socket.recv(READ)
        except BlockingIOError:
            return True
        output.take(data)
        return bool(data)

    def _head(self) -> bytes:
        """Read the answer's head, byte for byte no further than its end; return what came with it."""
        got = b""
        while HEAD_END not in got:
            got += self._more(got)
        head, _, early = got.partition(HEAD_END)
        status = int(head.split(b" ", 2)[1])
        if status in (101, 200):
            return early
        raise Refused(status, self._words(head, early))

    def _words(self, head: bytes, body: bytes) -> str:
        """Return Docker's reason."""
        sizes = [line.split(b":")[1] for line in head.split(b"\r\n") if line.lower().startswith(b"content-length:")]
        while sizes and len(body) < min(int(sizes[0]), HEAD_BYTES):
            body += self._more(body)
        try:
            return str(json.loads(body)["message"])
        except (ValueError, KeyError, TypeError):
            return body.decode(errors="replace").strip()

    def _more(self, sofar: bytes) -> bytes:
        data = self._socket.recv(READ)
        if not data or len(sofar) > HEAD_BYTES:
            raise OSError("Docker's answer ended in the middle")
        return data


def _request(version: str, exec_id: str) -> bytes:
    """Return the request that starts a command and makes the connection its own."""
    body = json.dumps({"Detach": False, "Tty": False}).encode()
    head = [
        f"POST /v{version}/exec/{exec_id}/start HTTP/1.1",
        "Host: docker",
        "Content-Type: application/json",
        "Connection: Upgrade",
        "Upgrade: tcp",
        f"Content-Length: {len(body)}",
    ]
    return "\r\n".join(head).encode() + HEAD_END + body


def _too_much(output: Demultiplexer) -> str:
    return f"it printed more than {OUTPUT_BYTES // 1024 // 1024} MiB" if output.size > OUTPUT_BYTES else ""
