"""The only place where a cell speaks to its own dockerd: it makes the swarm, its proxy network, proxy and backup bot.

Without the SDK: it leaves sockets open where a dockerd ends while it is asked, which is what a cell's dockerd does, and
its import takes 0.2 s. Requests have no version: the daemon's newest, of which only what is old is used.
"""

from __future__ import annotations

import contextlib
import http
import http.client
import json
import socket
import urllib.parse
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from recipeci.errors import HostError
from recipeci.host.cell import configs

_SECONDS = 30.0
_HOPELESS = 3
"""So many failed tasks of a service of ours end the wait for it."""


class EngineApi:
    """The dockerd at a socket; every method raises HostError if it refuses, or is not there."""

    def __init__(self, path: Path) -> None:
        """Take the socket's path."""
        self._path = path

    def is_up(self) -> bool:
        """Say whether dockerd answers yet."""
        try:
            self._call("GET", "/_ping")
        except HostError:
            return False
        return True

    def make_swarm(self) -> None:
        """Make a one-node swarm and the network on which apps meet their proxy."""
        self._call("POST", "/swarm/init", configs.swarm())
        self._call("POST", "/networks/create", configs.proxy_network())

    def is_ready(self) -> bool:
        """Say whether the node takes tasks."""
        return [node["Status"]["State"] for node in self._get("/nodes")] == ["ready"]

    def start_proxy(self, image: str) -> None:
        """Create the proxy's service; it comes up by itself."""
        self._call("POST", "/services/create", configs.proxy_service(image))

    def start_bot(self, image: str, *, password: bytes) -> None:
        """Create the backup bot's repository, password and service; it comes up by itself."""
        self._call("POST", "/volumes/create", configs.bot_repository())
        secret = json.loads(self._call("POST", "/secrets/create", configs.bot_secret(password)))["ID"]
        self._call("POST", "/services/create", configs.bot_service(image, secret=secret))

    def problem(self, service: str) -> str | None:
        """Return why a service of ours cannot run: its image is not there, or it has failed again and again."""
        tasks: list[dict[str, Any]] = self._get("/tasks", service=[service])
        reasons = [task["Status"].get("Err", "") for task in tasks if task["Status"]["State"] in {"rejected", "failed"}]
        missing = [reason for reason in reasons if "No such image" in reason]
        if missing or len(reasons) >= _HOPELESS:
            return f"its task cannot run: {(missing or reasons)[0]}"
        return None

    def container(self, service: str) -> str | None:
        """Return a running container of a service, None if there is none yet."""
        label = [f"com.docker.swarm.service.name={service}"]
        found = self._get("/containers/json", label=label, status=["running"])
        return str(found[0]["Id"]) if found else None

    def run(self, container: str, argv: Sequence[str]) -> int:
        """Run a command in a container to its end; return its exit code."""
        made = json.loads(self._call("POST", f"/containers/{container}/exec", {"Cmd": argv, "AttachStdout": True}))
        self._call("POST", f"/exec/{made['Id']}/start", {"Detach": False})
        return int(self._get(f"/exec/{made['Id']}/json")["ExitCode"])

    def container_starts(self) -> Iterator[None]:
        """Yield once when listening, and then for each container that starts, until dockerd ends."""
        target = _filtered("/events", type=["container"], event=["start"])
        with self._answer("GET", target, timeout=None) as answer:
            yield
            while answer.readline():
                yield

    def services_by_address(self) -> Mapping[str, str]:
        """Return who has each address from which a container asks the resolver: its service, else its own name."""
        names = {
            container["Id"]: container["Labels"].get("com.docker.swarm.service.name")
            or container["Names"][0].lstrip("/")
            for container in self._get("/containers/json")
        }
        found: dict[str, str] = {}
        for network in self._get("/networks", driver=["bridge"]):
            inspected = self._get(f"/networks/{network['Id']}")
            for container, endpoint in (inspected["Containers"] or {}).items():
                found[endpoint["IPv4Address"].partition("/")[0]] = names.get(container, endpoint["Name"])
        return found

    def _get(self, target: str, **filters: list[str]) -> Any:  # noqa: ANN401 - JSON
        """Return what is there."""
        return json.loads(self._call("GET", _filtered(target, **filters)))

    def _call(self, method: str, target: str, body: object = None) -> bytes:
        """Return the answer's body."""
        with self._answer(method, target, body=body, timeout=_SECONDS) as answer:
            content = answer.read()
        if answer.status >= http.HTTPStatus.BAD_REQUEST:
            msg = f"the cell's dockerd refused {method} {target}: {_message(content)}"
            raise HostError(msg)
        return content

    @contextlib.contextmanager
    def _answer(
        self, method: str, target: str, *, body: object = None, timeout: float | None
    ) -> Iterator[http.client.HTTPResponse]:
        """Ask, and hang up whatever happens."""
        try:
            with socket.socket(socket.AF_UNIX) as connection:
                connection.settimeout(timeout)
                connection.connect(str(self._path))
                talk = http.client.HTTPConnection("docker")
                talk.sock = connection
                content = None if body is None else json.dumps(body)
                talk.request(method, target, content, {"Content-Type": "application/json"})
                with talk.getresponse() as answer:
                    yield answer
        except (OSError, http.client.HTTPException) as error:
            msg = f"the cell's dockerd does not answer: {error}"
            raise HostError(msg) from error


def _filtered(target: str, **filters: list[str]) -> str:
    """Return an address with Docker's filters."""
    return f"{target}?{urllib.parse.urlencode({'filters': json.dumps(filters)})}" if filters else target


def _message(content: bytes) -> str:
    """Return what dockerd says, whatever form it has."""
    try:
        return str(json.loads(content)["message"])
    except (ValueError, KeyError, TypeError):
        return content.decode(errors="replace")
