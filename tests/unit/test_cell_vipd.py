"""Which rules stand in for IPVS: worked out from what Docker's API says, without a kernel."""

from __future__ import annotations

from typing import Any

from recipeci.host.cell import vipd
from recipeci.host.cell.vipd import Port


def service(name: str, *, vips: dict[str, str], ports: list[dict[str, Any]] | None = None) -> dict[str, Any]:
    virtual = [{"NetworkID": network, "Addr": address} for network, address in vips.items()]
    return {"ID": name, "Endpoint": {"VirtualIPs": virtual, "Ports": ports or []}}


def task(name: str, *, state: str = "running", **addresses: str) -> dict[str, Any]:
    attached = [{"Network": {"ID": network}, "Addresses": [address]} for network, address in addresses.items()]
    return {"ServiceID": name, "Status": {"State": state}, "NetworksAttachments": attached}


def published(number: int, *, mode: str = "ingress") -> dict[str, Any]:
    return {"Protocol": "tcp", "PublishedPort": number, "TargetPort": 80, "PublishMode": mode}


def test_an_address_goes_to_the_running_tasks_of_its_service_on_that_network() -> None:
    tasks = [
        task("web", front="10.1.0.5/24", back="10.2.0.5/24"),
        task("web", front="10.1.0.4/24"),
        task("web", state="starting", front="10.1.0.6/24"),
        task("db", front="10.1.0.7/24"),
    ]
    services = [service("web", vips={"front": "10.1.0.2/24", "back": "10.2.0.2/24"})]
    want = vipd.wanted(services, tasks, ingress="")
    assert want.networks == {"front": {"10.1.0.2": ("10.1.0.4", "10.1.0.5")}, "back": {"10.2.0.2": ("10.2.0.5",)}}


def test_a_service_without_an_address_of_its_own_is_left_alone() -> None:
    """A service in dnsrr mode has none, one that is just made has an empty one."""
    services: list[dict[str, Any]] = [{"ID": "a"}, {"ID": "b", "Endpoint": {}}, service("c", vips={"n": ""})]
    assert vipd.wanted(services, [task("c", n="10.0.0.3/24")], ingress="").networks == {}


def test_a_task_without_networks_is_no_trouble() -> None:
    assert vipd.wanted([], [{"Status": {"State": "running"}, "NetworksAttachments": None}], ingress="").networks == {}


def test_only_ports_of_the_ingress_mode_are_published() -> None:
    services = [service("web", vips={}, ports=[published(8081), published(80, mode="host")])]
    want = vipd.wanted(services, [task("web", ingress="10.0.0.9/24", back="10.2.0.2/24")], ingress="ingress")
    assert want.ports == (Port("tcp", 8081, ("10.0.0.9",)),)


def test_several_tasks_take_turns() -> None:
    assert vipd.balanced(["10.0.0.3"]) == "10.0.0.3"
    assert vipd.balanced(["10.0.0.3", "10.0.0.4"]) == "numgen inc mod 2 map { 0 : 10.0.0.3, 1 : 10.0.0.4 }"


def test_an_address_without_a_task_has_no_rule() -> None:
    rules = vipd.network_rules({"10.0.0.2": ("10.0.0.3",), "10.0.0.5": ()})
    assert "ip daddr 10.0.0.2 meta l4proto { tcp, udp, sctp } dnat to 10.0.0.3" in rules
    assert "10.0.0.5" not in rules
    assert "ct status dnat masquerade" in rules


def test_a_table_replaces_the_one_before_at_once() -> None:
    lines = vipd.network_rules({"10.0.0.2": ("10.0.0.3",)}).splitlines()
    assert lines[:3] == ["add table ip recipeci_vip", "delete table ip recipeci_vip", "table ip recipeci_vip {"]


def test_a_published_port_goes_to_the_ingress_namespace_and_from_there_to_a_task() -> None:
    ports = (Port("tcp", 8081, ("10.0.0.9",)), Port("udp", 53, ()))
    into = vipd.ingress_rules(ports)
    out = vipd.gateway_rules(ports, gateway="172.18.0.2")
    assert "tcp dport 8081 dnat to 10.0.0.9" in into
    assert out.count("fib daddr type local tcp dport 8081 dnat to 172.18.0.2:8081") == 2  # from outside, from inside
    assert "dport 53" not in into + out


def test_only_addresses_of_one_host_are_read_from_an_interface() -> None:
    listing = "    inet 10.0.1.6/24 brd 10.0.1.255 scope global eth0\n    inet 10.0.1.2/32 scope global eth0\n"
    assert vipd.addresses_on(listing) == {"10.0.1.2"}
