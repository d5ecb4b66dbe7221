"""The program that stands in for IPVS in a cell whose kernel has none: service addresses by nftables.

Run inside the cell by our Python with -I -S: `vipd.py DOCKER_SOCKET EXEC_ROOT`; the standard library, nft, ip and
nsenter are all that is there. Docker makes a network namespace for each overlay network (`lb_…`) and asks the kernel to
share out connections to a service's address among its tasks; where that fails we do it: the address is put on the
namespace's interface and rewritten, round robin, to the tasks that run. Ports published in ingress mode likewise.
"""

from __future__ import annotations

import http.client
import json
import os
import re
import socket
import subprocess  # noqa: TID251 - a program of its own: nothing of the package is there
import sys
import threading
import time  # noqa: TID251
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

NETWORK_ID_DIGITS = 9
"""Docker names a balancer's namespace `lb_` and so many digits of its network's id."""
GATEWAY_BRIDGE = "docker_gwbridge"
IDLE_SECONDS, BUSY_SECONDS, BUSY_FOR_SECONDS = 5.0, 0.2, 3.0
"""After an event the manager's view of tasks lags a little: look often for a while."""

Json = dict[str, Any]


@dataclass(frozen=True)
class Port:
    """A port published in ingress mode, and its service's tasks on the ingress network."""

    protocol: str
    number: int
    tasks: tuple[str, ...]


@dataclass(frozen=True)
class Wanted:
    """What the services ask for: addresses with their tasks by network id, and published ports."""

    networks: Mapping[str, Mapping[str, tuple[str, ...]]]
    ports: tuple[Port, ...]


def wanted(services: Iterable[Json], tasks: Iterable[Json], *, ingress: str) -> Wanted:
    """Work out what is to be balanced; only tasks that run (and so are healthy) count, as with IPVS."""
    running = _addresses(tasks)
    networks: dict[str, dict[str, tuple[str, ...]]] = {}
    ports: list[Port] = []
    for service in services:
        endpoint = service.get("Endpoint") or {}
        for virtual in endpoint.get("VirtualIPs") or []:
            network, address = virtual["NetworkID"], virtual.get("Addr", "").partition("/")[0]
            if address:
                networks.setdefault(network, {})[address] = running.get((service["ID"], network), ())
        published = [port for port in endpoint.get("Ports") or [] if port.get("PublishMode") == "ingress"]
        behind = running.get((service["ID"], ingress), ())
        ports += [Port(port["Protocol"], port["PublishedPort"], behind) for port in published]
    return Wanted(networks, tuple(sorted(ports, key=lambda port: (port.protocol, port.number))))


def _addresses(tasks: Iterable[Json]) -> dict[tuple[str, str], tuple[str, ...]]:
    """Return the addresses of running tasks by (service id, network id)."""
    found: dict[tuple[str, str], set[str]] = {}
    for task in tasks:
        if task["Status"]["State"] != "running":
            continue
        for attachment in task.get("NetworksAttachments") or []:
            key = (task.get("ServiceID", ""), attachment["Network"]["ID"])
            found.setdefault(key, set()).update(a.partition("/")[0] for a in attachment.get("Addresses") or [])
    return {key: tuple(sorted(addresses)) for key, addresses in found.items()}


def balanced(addresses: Sequence[str]) -> str:
    """Return nft's words for "one of these, in turn"."""
    if len(addresses) == 1:
        return addresses[0]
    pairs = ", ".join(f"{number} : {address}" for number, address in enumerate(addresses))
    return f"numgen inc mod {len(addresses)} map {{ {pairs} }}"


def network_rules(addresses: Mapping[str, Sequence[str]]) -> str:
    """Return the nft table of one network's balancer; an address without a task gets no rule, and so refuses."""
    rules = [
        f"ip daddr {address} meta l4proto {{ tcp, udp, sctp }} dnat to {balanced(tasks)}"
        for address, tasks in sorted(addresses.items())
        if tasks
    ]
    return table("recipeci_vip", rules, after="ct status dnat masquerade")


def ingress_rules(ports: Iterable[Port]) -> str:
    """Return the nft table of the ingress network's own namespace: published port to task."""
    rules = [f"{p.protocol} dport {p.number} dnat to {balanced(p.tasks)}" for p in ports if p.tasks]
    return table("recipeci_vip", rules, after='ct status dnat oifname "eth0" masquerade')


def gateway_rules(ports: Iterable[Port], *, gateway: str) -> str:
    """Return the nft table of the cell: its own published ports to the ingress namespace, also for what runs in it."""
    rules = [
        f"fib daddr type local {p.protocol} dport {p.number} dnat to {gateway}:{p.number}" for p in ports if p.tasks
    ]
    after = f'oifname "{GATEWAY_BRIDGE}" fib saddr type local masquerade'
    return table("recipeci_ingress", rules, after=after, output=True)


def table(name: str, rules: Sequence[str], *, after: str, output: bool = False) -> str:
    """Return the text that replaces a whole nft table at once."""
    body = "\n    ".join(rules)
    out = f"  chain out {{ type nat hook output priority -110;\n    {body}\n  }}\n" if output else ""
    return (
        f"add table ip {name}\ndelete table ip {name}\ntable ip {name} {{\n"
        f"  chain pre {{ type nat hook prerouting priority -110;\n    {body}\n  }}\n{out}"
        f"  chain post {{ type nat hook postrouting priority 90;\n    {after}\n  }}\n}}\n"
    )


def addresses_on(listing: str, *, prefix: int = 32) -> frozenset[str]:
    """Read the output of `ip -4 addr show`: the addresses with that prefix length."""
    return frozenset(re.findall(rf"inet ([0-9.]+)/{prefix}\b", listing))


class Engine:
    """Docker's API at a Unix socket."""

    def __init__(self, path: str) -> None:
        """Take the socket's path."""
        self._path = path

    def get(self, path: str) -> Any:  # noqa: ANN401 - JSON
        """Return what the API answers; OSError or HTTPException if it does not."""
        connection = self._connection(timeout=20)
        try:
            connection.request("GET", path)
            answer = connection.getresponse()
            body = answer.read()
        finally:
            connection.close()
        if answer.status != http.HTTPStatus.OK:
            raise OSError(f"{path}: {answer.status} {body[:200]!r}")
        return json.loads(body)

    def events(self, happened: threading.Event) -> None:
        """Set `happened` at each event until the connection ends."""
        connection = self._connection(timeout=None)
        connection.request("GET", "/events")
        answer = connection.getresponse()
        while answer.readline():
            happened.set()

    def _connection(self, *, timeout: float | None) -> http.client.HTTPConnection:
        connection = http.client.HTTPConnection("docker")
        connection.sock = socket.socket(socket.AF_UNIX)
        connection.sock.settimeout(timeout)
        connection.sock.connect(self._path)
        return connection


class Balancers:
    """The namespaces in which Docker balances; brought to what is wanted, and left alone while nothing changes."""

    def __init__(self, engine: Engine, *, namespaces: Path) -> None:
        """Take the API and Docker's folder of network namespaces."""
        self._engine = engine
        self._namespaces = namespaces
        self._done: dict[str, object] = {}
        self._ingress = ""

    def sync(self) -> None:
        """Look once, and set what has changed."""
        if not self._ingress:
            self._ingress = next((n["Id"] for n in self._engine.get("/networks") if n.get("Ingress")), "")
        tasks = self._engine.get("/tasks?filters=%7B%22desired-state%22%3A%5B%22running%22%5D%7D")
        want = wanted(self._engine.get("/services"), tasks, ingress=self._ingress)
        there = {entry.name for entry in self._namespaces.iterdir()} if self._namespaces.is_dir() else set()
        for network, addresses in want.networks.items():
            if (name := f"lb_{network[:NETWORK_ID_DIGITS]}") in there:
                self._set_network(name, addresses)
        if "ingress_sbox" in there and (want.ports or "ingress_sbox" in self._done):
            self._set_ingress(want.ports)

    def _set_network(self, name: str, addresses: Mapping[str, Sequence[str]]) -> None:
        """Give one network's balancer its addresses and rules; a namespace that is made anew is set anew."""
        rules = network_rules(addresses)
        state = ((self._namespaces / name).stat().st_ino, rules, tuple(sorted(addresses)))
        if self._done.get(name) == state:
            return
        show = self._run(["ip", "-4", "addr", "show", "dev", "eth0"], inside=name)
        if show.returncode:
            return  # half built: at the next look
        have = addresses_on(show.stdout)
        for address in set(addresses) - have:
            self._run(["ip", "addr", "add", f"{address}/32", "dev", "eth0"], inside=name)
        for address in have - set(addresses):
            self._run(["ip", "addr", "del", f"{address}/32", "dev", "eth0"], inside=name)
        if self._forwards(name) and self._run(["nft", "-f", "-"], inside=name, text=rules).returncode == 0:
            self._done[name] = state

    def _set_ingress(self, ports: tuple[Port, ...]) -> None:
        """Publish ports; Docker itself has put the redirect from published to target port into the tasks."""
        if self._done.get("ingress_sbox") == ports:
            return
        show = self._run(["ip", "-4", "addr", "show", "dev", "eth1"], inside="ingress_sbox")
        gateway = re.search(r"inet ([0-9.]+)/", show.stdout)
        if gateway is None:
            return
        Path(f"/proc/sys/net/ipv4/conf/{GATEWAY_BRIDGE}/route_localnet").write_text("1")
        forwards = self._forwards("ingress_sbox")
        into = self._run(["nft", "-f", "-"], inside="ingress_sbox", text=ingress_rules(ports))
        out = self._run(["nft", "-f", "-"], text=gateway_rules(ports, gateway=gateway[1]))
        if forwards and into.returncode == 0 and out.returncode == 0:
            self._done["ingress_sbox"] = ports

    def _forwards(self, name: str) -> bool:
        """Let a namespace forward, which IPVS would not need; new ones take their setting from the machine's first."""
        return self._run(["tee", "/proc/sys/net/ipv4/ip_forward"], inside=name, text="1").returncode == 0

    def _run(self, argv: Sequence[str], *, inside: str = "", text: str = "") -> subprocess.CompletedProcess[str]:
        """Run a program, in one of the namespaces if named; its complaints go to our log."""
        enter = ["nsenter", f"--net={self._namespaces / inside}"] if inside else []
        done = subprocess.run([*enter, *argv], input=text, text=True, capture_output=True, check=False, timeout=20)
        if done.returncode:
            _log(f"{' '.join(argv)} in {inside or 'the cell'}: {done.stderr.strip()}")
        return done


def serve(engine: Engine, balancers: Balancers) -> None:
    """Follow the swarm for ever; an API that does not answer (yet, or just now) is asked again."""
    happened = threading.Event()
    threading.Thread(target=_follow, args=(engine, happened), daemon=True).start()
    busy_until = 0.0
    while True:
        try:
            balancers.sync()
        except (OSError, http.client.HTTPException, ValueError, KeyError, subprocess.SubprocessError) as error:
            _log(f"not set: {error!r}")
            busy_until = time.monotonic() + BUSY_FOR_SECONDS
        busy = time.monotonic() < busy_until
        if happened.wait(BUSY_SECONDS if busy else IDLE_SECONDS):
            happened.clear()
            busy_until = time.monotonic() + BUSY_FOR_SECONDS
            time.sleep(BUSY_SECONDS / 4)


def _follow(engine: Engine, happened: threading.Event) -> None:
    """Listen for events for ever."""
    while True:
        try:
            engine.events(happened)
        except (OSError, http.client.HTTPException) as error:
            _log(f"no events: {error!r}")
        happened.set()
        time.sleep(BUSY_SECONDS)


def _log(text: str) -> None:
    """Write a line to our log."""
    sys.stderr.write(f"{text}\n")
    sys.stderr.flush()


def main() -> None:
    """Serve, and be there again if we should ever end before the cell does."""
    while child := os.fork():
        os.waitpid(child, 0)
        time.sleep(BUSY_SECONDS)
    engine = Engine(sys.argv[1])
    serve(engine, Balancers(engine, namespaces=Path(sys.argv[2]) / "netns"))


if __name__ == "__main__":
    main()
