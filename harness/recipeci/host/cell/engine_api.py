"""The only place where a cell speaks to its own dockerd: it makes the swarm, its proxy network and its proxy."""

from __future__ import annotations

import contextlib
import http
import http.client
import json
import socket
import urllib.parse
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from recipeci.errors import HostError
from recipeci.host.cell import configs
from recipeci.host.cell.spec import ADDRESS, PROXY_SUBNET

if TYPE_CHECKING:
    import docker

_SECONDS = 30
_HOPELESS = 3
"""So many failed tasks of the proxy end the wait for it."""


def load() -> None:
    """Import the SDK now: it takes 0.2 s, which are best spent while a dockerd comes up."""
    import docker  # noqa: F401, PLC0415


@contextlib.contextmanager
def client(path: Path) -> Iterator[docker.APIClient]:
    """Speak to the dockerd at a socket.

    Raises:
        HostError: whatever it refuses, or that it is not there.
    """
    import docker  # noqa: PLC0415 - see load
    import requests  # noqa: PLC0415

    try:
        api = docker.APIClient(base_url=f"unix://{path}", version=_version(path), timeout=_SECONDS)
        with contextlib.closing(api):
            yield api
    except docker.errors.APIError as error:
        msg = f"the cell's dockerd refused: {error.explanation or error}"
        raise HostError(msg) from error
    except (docker.errors.DockerException, requests.exceptions.RequestException) as error:
        msg = f"the cell's dockerd does not answer: {error}"
        raise HostError(msg) from error


def is_up(path: Path) -> bool:
    """Say whether dockerd answers yet."""
    try:
        with _asked(path, "/_ping", timeout=_SECONDS) as answer:
            return answer.status == http.HTTPStatus.OK
    except (OSError, http.client.HTTPException):
        return False


def _version(path: Path) -> str:
    """Return the version of the API; asked by the SDK itself it would leave a socket open where nobody answers."""
    try:
        with _asked(path, "/version", timeout=_SECONDS) as answer:
            return str(json.load(answer)["ApiVersion"])
    except (OSError, http.client.HTTPException, ValueError) as error:
        msg = f"the cell's dockerd does not answer: {error}"
        raise HostError(msg) from error


@contextlib.contextmanager
def _asked(path: Path, target: str, *, timeout: float | None) -> Iterator[http.client.HTTPResponse]:
    """Ask without the SDK, and hang up whatever happens."""
    with socket.socket(socket.AF_UNIX) as connection:
        connection.settimeout(timeout)
        connection.connect(str(path))
        talk = http.client.HTTPConnection("docker")
        talk.sock = connection
        talk.request("GET", target)
        with talk.getresponse() as answer:
            yield answer


def make_swarm(api: docker.APIClient) -> None:
    """Make a one-node swarm and the network on which apps meet their proxy."""
    import docker.types  # noqa: PLC0415

    api.init_swarm(advertise_addr=ADDRESS)
    pool = docker.types.IPAMPool(subnet=PROXY_SUBNET)
    api.create_network(
        configs.PROXY_NETWORK, driver="overlay", attachable=True, ipam=docker.types.IPAMConfig(pool_configs=[pool])
    )


def is_ready(api: docker.APIClient) -> bool:
    """Say whether the node takes tasks."""
    return [node["Status"]["State"] for node in api.nodes()] == ["ready"]


def start_proxy(api: docker.APIClient, image: str) -> None:
    """Create the proxy's service; it comes up by itself.

    Posted as it is: the SDK's own call looks for credentials of the user's registries, and may run a helper for them.
    """
    answer = api.post(f"{api.base_url}/services/create", json=configs.proxy_service(image))
    if not answer.ok:
        msg = f"the cell's dockerd refused its proxy: {answer.json().get('message', '')}"
        raise HostError(msg)


def proxy_problem(api: docker.APIClient) -> str | None:
    """Return why the proxy cannot run: its image is not there, or it has failed again and again."""
    tasks: list[dict[str, Any]] = api.tasks(filters={"service": configs.PROXY_SERVICE})  # type: ignore[no-untyped-call]
    reasons = [task["Status"].get("Err", "") for task in tasks if task["Status"]["State"] in {"rejected", "failed"}]
    missing = [reason for reason in reasons if "No such image" in reason]
    if missing or len(reasons) >= _HOPELESS:
        return f"its task cannot run: {(missing or reasons)[0]}"
    return None


def container_starts(path: Path) -> Iterator[None]:
    """Yield once when listening, and then for each container that starts, until dockerd ends.

    Raises:
        OSError, http.client.HTTPException: how it ends.
    """
    filters = urllib.parse.quote(json.dumps({"type": ["container"], "event": ["start"]}))
    with _asked(path, f"/events?filters={filters}", timeout=None) as answer:
        yield
        while answer.readline():
            yield


def services_by_address(api: docker.APIClient) -> Mapping[str, str]:
    """Return who has each address from which a container asks the resolver: its service, else its own name."""
    names = {
        container["Id"]: container["Labels"].get("com.docker.swarm.service.name") or container["Names"][0].lstrip("/")
        for container in api.containers(all=True)
    }
    found: dict[str, str] = {}
    for network in api.networks(filters={"driver": "bridge"}):
        for container, endpoint in (api.inspect_network(network["Id"])["Containers"] or {}).items():
            found[endpoint["IPv4Address"].partition("/")[0]] = names.get(container, endpoint["Name"])
    return found
