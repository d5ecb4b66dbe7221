"""What a cell's daemons are told."""

from __future__ import annotations

import datetime
import io
import ipaddress
import json
import zoneinfo

from recipeci.host.cell import configs
from recipeci.host.cell.spec import ADDRESS


def test_the_resolver_answers_the_domain_and_has_nobody_to_ask() -> None:
    lines = configs.dnsmasq_conf("ci.test").splitlines()
    assert f"address=/ci.test/{ADDRESS}" in lines
    assert "local=/ci.test/" in lines  # else AAAA is refused, and musl fails the whole look-up
    assert "no-resolv" in lines
    assert not [line for line in lines if line.startswith("server=")]


def test_dockerd_gives_containers_the_cells_resolver_and_uses_the_lent_layers() -> None:
    settings = json.loads(configs.daemon_json())
    assert settings["dns"] == [ADDRESS]
    assert settings["storage-driver"] == "overlay2"
    assert settings["features"] == {"containerd-snapshotter": False}
    assert settings["exec-opts"] == ["native.cgroupdriver=cgroupfs"]


def test_the_proxy_has_the_entry_points_of_co_op_clouds() -> None:
    arguments = configs.proxy_arguments()
    assert "--entrypoints.web.address=:80" in arguments
    assert "--entrypoints.web.http.redirections.entryPoint.to=web-secure" in arguments
    assert "--entrypoints.web-secure.address=:443" in arguments


def test_the_proxy_sees_only_what_asks_for_it_and_asks_nobody_outside() -> None:
    arguments = configs.proxy_arguments()
    assert "--providers.swarm.exposedByDefault=false" in arguments
    assert "--providers.swarm.network=proxy" in arguments
    assert "--global.checkNewVersion=false" in arguments
    assert "--global.sendAnonymousUsage=false" in arguments
    assert not [argument for argument in arguments if "acme" in argument]


def test_the_proxy_network_has_room_for_every_service_and_is_open_to_containers() -> None:
    network = json.loads(json.dumps(configs.proxy_network()))
    assert ipaddress.ip_network(network["IPAM"]["Config"][0]["Subnet"]).prefixlen <= 16
    assert (network["Name"], network["Driver"], network["Attachable"]) == ("proxy", "overlay", True)
    assert configs.swarm()["AdvertiseAddr"] == ADDRESS


def test_the_proxys_ports_are_the_cells_own_and_not_the_ingress_networks() -> None:
    service = configs.proxy_service("traefik:v3")
    spec = json.loads(json.dumps(service))
    assert [(port["PublishedPort"], port["PublishMode"]) for port in spec["EndpointSpec"]["Ports"]] == [
        (80, "host"),
        (443, "host"),
    ]
    assert spec["TaskTemplate"]["ContainerSpec"]["Image"] == "traefik:v3"


def test_the_bot_is_found_by_its_label_and_has_volumes_socket_and_password() -> None:
    spec = json.loads(json.dumps(configs.bot_service("bot:1", secret="id")))
    assert spec["Labels"]["coop-cloud.backupbot.enabled"] == "true"
    container = spec["TaskTemplate"]["ContainerSpec"]
    mounts = {mount["Target"]: mount.get("ReadOnly", False) for mount in container["Mounts"]}
    assert mounts == dict.fromkeys(["/var/run/docker.sock", "/var/lib/docker/volumes", "/backups"], False)
    assert container["Secrets"][0]["SecretID"] == "id"
    assert container["Secrets"][0]["File"]["Name"] == "restic_password"
    assert not [one for one in container["Env"] if one.startswith("RESTIC_PASSWORD=")]


def test_every_service_of_ours_is_of_a_stack() -> None:
    for service in (configs.proxy_service("t:1"), configs.bot_service("b:1", secret="id")):
        labels = service["Labels"]
        assert isinstance(labels, dict)
        assert labels[configs.STACK_LABEL]


def test_the_proxys_ping_is_under_a_name_of_its_own() -> None:
    dynamic = json.loads(configs.proxy_dynamic("ci.test"))
    assert dynamic["http"]["routers"]["ping"]["rule"] == "Host(`traefik.ci.test`) && Path(`/ping`)"
    assert "--ping.manualRouting=true" in configs.proxy_arguments()


def test_what_recipes_name_in_the_proxys_files_is_there() -> None:
    dynamic = json.loads(configs.proxy_dynamic("ci.test"))
    assert {"security", "basicauth", "keycloak", "error-pages-middleware"} <= set(dynamic["http"]["middlewares"])
    assert "default" in dynamic["tls"]["options"]
    assert dynamic["tls"]["stores"]["default"]["defaultCertificate"]["certFile"] == "/etc/recipeci/proxy/cert.pem"


def test_the_cells_time_is_utc() -> None:
    zone = zoneinfo.ZoneInfo.from_file(io.BytesIO(configs.etc_files("ci.test")["localtime"].encode("ascii")))
    now = datetime.datetime(2026, 7, 1, tzinfo=zone)
    assert (now.tzname(), now.utcoffset()) == ("UTC", datetime.timedelta())
