"""The only place that talks to Docker: its socket, by HTTP, with the standard library."""

from __future__ import annotations

import http
import http.client
import json
import socket
import struct
import urllib.parse
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from minibot.errors import Failed

SOCKET = Path("/var/run/docker.sock")
SERVICE_LABEL = "com.docker.swarm.service.name"
FRAME = struct.Struct(">BxxxL")
NOT_STARTED = 126
"""The code of a command that could not be started, as shells have it."""


@dataclass(frozen=True)
class Ended:
    """A command that ended in a container: its code, and what it printed."""

    code: int
    out: str


class Docker:
    """The daemon at a socket; every method raises Failed with its words if it refuses or is not there."""

    def __init__(self, path: Path = SOCKET) -> None:
        """Take the socket's path."""
        self._path = path

    def services(self) -> list[dict[str, Any]]:
        """Return the swarm's services, as the API has them."""
        return list(json.loads(self._call("GET", "/services")))

    def container(self, service: str) -> str | None:
        """Return the running container of a service that was made last, None if there is none."""
        filters = {"label": [f"{SERVICE_LABEL}={service}"], "status": ["running"]}
        found = json.loads(self._call("GET", f"/containers/json?{urllib.parse.urlencode({'filters': _json(filters)})}"))
        newest = max(found, key=lambda container: int(container["Created"]), default=None)
        return None if newest is None else str(newest["Id"])

    def run(self, container: str, argv: list[str]) -> Ended:
        """Run a command in a container to its end; one that cannot be started has the code 126."""
        asked = {"AttachStdout": True, "AttachStderr": True, "Cmd": argv}
        made = json.loads(self._call("POST", f"/containers/{container}/exec", asked))["Id"]
        try:
            out = text(self._call("POST", f"/exec/{made}/start", {"Detach": False, "Tty": False}))
        except Failed as error:
            return Ended(NOT_STARTED, str(error))
        return Ended(int(json.loads(self._call("GET", f"/exec/{made}/json"))["ExitCode"]), out)

    def _call(self, method: str, target: str, body: object = None) -> bytes:
        """Return the answer's body, read to its end however long that takes: a hook may dump a database."""
        try:
            with socket.socket(socket.AF_UNIX) as connection:
                connection.connect(str(self._path))
                talk = http.client.HTTPConnection("docker")
                talk.sock = connection
                content = None if body is None else _json(body)
                talk.request(method, target, content, {"Content-Type": "application/json"})
                with talk.getresponse() as answer:
                    content_of_answer = answer.read()
        except (OSError, http.client.HTTPException) as error:
            raise Failed(f"Docker at {self._path} does not answer: {error}") from error
        if answer.status >= http.HTTPStatus.BAD_REQUEST:
            raise Failed(f"Docker refused {method} {target}: {_message(content_of_answer)}")
        return content_of_answer


def text(stream: bytes) -> str:
    """Return what a command printed, of the frames that Docker sends: 8 bytes with the length, then the piece."""
    pieces, at = [], 0
    while at + FRAME.size <= len(stream):
        _, length = FRAME.unpack_from(stream, at)
        pieces.append(stream[at + FRAME.size : at + FRAME.size + length])
        at += FRAME.size + length
    return b"".join(pieces).decode(errors="replace")


def _json(data: object) -> str:
    return json.dumps(data)


def _message(content: bytes) -> str:
    try:
        return str(json.loads(content)["message"])
    except (ValueError, KeyError, TypeError):
        return content.decode(errors="replace").strip()
