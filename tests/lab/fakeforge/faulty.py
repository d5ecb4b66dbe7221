"""The only place that serves HTTP as badly as a `Faults` says: before what was asked for is done, or after it."""

from __future__ import annotations

import contextlib
import http.server
import json
import socket
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol, cast

from recipeci.host.clock import SystemClock

from lab.fakeforge.faults import Fault, Faults

NO_CONTENT = 204
LATE_SECONDS = 2.0
"""How long after the connection has ended something is done that is late."""


@dataclass(frozen=True)
class Raw:
    """An answer as it goes over the wire."""

    status: int
    body: bytes = b""
    headers: Mapping[str, str] = field(default_factory=dict)


def as_json(status: int, shape: Any, headers: Mapping[str, str] | None = None) -> Raw:  # noqa: ANN401 - JSON
    """Return an answer with a body of JSON."""
    body = b"" if status == NO_CONTENT else json.dumps(shape).encode()
    return Raw(status, body, {"Content-Type": "application/json", **(headers or {})})


class Answering(Protocol):
    """What a server has that answers badly; `silence`: seconds that whoever gets no answer waits."""

    faults: Faults
    silence: float

    def answer(self, method: str, path: str, headers: Mapping[str, str], body: bytes) -> Raw:
        """Do what is asked."""

    def late(self, method: str, path: str, headers: Mapping[str, str], body: bytes) -> None:
        """Do what is asked, for whoever does not wait for it any more."""

    def spared(self, method: str, path: str, headers: Mapping[str, str], body: bytes) -> Raw | None:
        """Do what is never answered badly; None: it is none of that."""


class Server(http.server.ThreadingHTTPServer):
    """A server on a port of its own, on loopback; a thread a connection."""

    daemon_threads = True
    request_queue_size = 128

    def __init__(self, *, seed: int) -> None:
        """Listen; nothing fails yet."""
        super().__init__(("127.0.0.1", 0), Door)
        self.base = f"http://127.0.0.1:{self.server_port}"
        self.faults = Faults(seed=seed)
        self.silence = 2.0

    def handle_error(self, *who: Any) -> None:  # noqa: ANN401 - the interface's
        """Say nothing of whoever asked and is gone, as those are whom a storm kills; print everything else."""
        if not isinstance(sys.exception(), ConnectionError):
            super().handle_error(*who)

    def fail(self, rates: Mapping[str, float], *, silence: float) -> None:
        """Fail so often from now on."""
        self.silence = silence
        self.faults.set({Fault(name): rate for name, rate in rates.items()})


class Door(http.server.BaseHTTPRequestHandler):
    """Answers one connection."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    def do_GET(self) -> None:
        """Answer whatever is asked."""
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        asked = (self.command, self.path, dict(self.headers.items()), body)
        spared = self._server.spared(*asked)
        if spared is not None:
            return self._write(spared)
        fault = self._server.faults.next()
        answer = self._server.answer(*asked) if fault is None or fault.is_after else None
        return self._write(cast("Raw", answer)) if fault is None else self._fail(fault, answer, *asked)

    do_POST = do_PATCH = do_DELETE = do_PUT = do_GET  # noqa: N815 - the interface's

    def log_message(self, *_: object) -> None:
        """Say nothing: the journal has it."""

    def _fail(self, fault: Fault, answer: Raw | None, *asked: Any) -> None:  # noqa: ANN401 - what `answer` takes
        match fault:
            case Fault.ERROR | Fault.ERROR_AFTER:
                self._write(as_json(500, {"message": ""}))
            case Fault.PAGE:
                self._write(Raw(502, b"<html><body>Bad Gateway</body></html>", {"Content-Type": "text/html"}))
            case Fault.BUSY:
                self._write(as_json(429, {"message": ""}, {"Retry-After": self._server.faults.retry_after()}))
            case Fault.CUT | Fault.CUT_AFTER:
                self._hang_up()
            case Fault.HALF_AFTER:
                self._write(answer or Raw(200), half=True)
                self._hang_up()
            case Fault.SILENCE | Fault.SILENCE_AFTER:
                SystemClock().sleep(self._server.silence)
                self._hang_up()
            case Fault.LATE:
                SystemClock().sleep(self._server.silence)
                self._hang_up()
                SystemClock().sleep(LATE_SECONDS)
                self._server.late(*asked)

    def _hang_up(self) -> None:
        self.close_connection = True
        with contextlib.suppress(OSError):  # the other end was faster
            self.connection.shutdown(socket.SHUT_RDWR)

    def _write(self, answer: Raw, *, half: bool = False) -> None:
        """Write an answer at once; half of it: it says that there is more."""
        said = {**answer.headers, "Content-Length": str(len(answer.body))}
        head = "".join(f"{name}: {value}\r\n" for name, value in said.items())
        first = f"HTTP/1.1 {answer.status} {self.responses.get(answer.status, ('',))[0]}\r\n{head}\r\n".encode()
        self.wfile.write(first + (answer.body[: len(answer.body) // 2] if half else answer.body))

    @property
    def _server(self) -> Answering:
        return cast("Answering", self.server)
