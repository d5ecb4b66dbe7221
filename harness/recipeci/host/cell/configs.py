"""The only place that writes the configuration of a cell's daemons: dockerd, dnsmasq and Traefik, as values."""

from __future__ import annotations

import base64
import json
from collections.abc import Sequence

from recipeci.host.cell.spec import ADDRESS, INSIDE, PROXY_SUBNET

DNS_LOG = "dns.log"
"""In the cell's /run: each question and who asked it."""
CONTAINERD_SOCKET = "/run/docker/containerd/containerd.sock"
"""We start containerd: a dockerd that starts its own asks it too early once, and asks again only after a second."""
PROXY_NETWORK = "proxy"
PROXY_SERVICE = "traefik"
STACK_LABEL = "com.docker.stack.namespace"
BOT_STACK = "backupbot"
BOT_SERVICE = f"{BOT_STACK}_app"
BOT_REPOSITORY = f"{BOT_STACK}_backups"
"""The volume with the restic repository."""
BOT_SECRET = f"{BOT_STACK}_restic_password_v1"
PROXY_HOST = "traefik"
"""`traefik.DOMAIN` answers the proxy's own ping, and nothing else does: an app may have a page `/ping`."""

_ONE_ZONE = "TZif2" + "\0" * 15 + "\0\0\0\0" * 4 + "\0\0\0\1" + "\0\0\0\4" + "\0" * 6 + "UTC\0"
LOCALTIME = f"{_ONE_ZONE}{_ONE_ZONE}\nUTC0\n"
"""/etc/localtime for UTC, in the format of RFC 8536: the host need not have any time zones."""


def daemon_json() -> str:
    """Return dockerd's settings: usual places, its own cgroup driver, the cell's resolver for containers.

    The storage driver is named because some versions prefer another one on some file systems, and the containerd
    image store would not see the layers that the cell is lent (facts store.md §3).
    """
    settings = {
        "dns": [ADDRESS],
        "exec-root": "/run/docker",
        "pidfile": "/run/dockerd.pid",
        "exec-opts": ["native.cgroupdriver=cgroupfs"],
        "storage-driver": "overlay2",
        "features": {"containerd-snapshotter": False},
    }
    return json.dumps(settings, indent=2)


def dnsmasq_conf(domain: str) -> str:
    """Return the resolver's settings: every name in the domain is the proxy, everything else is refused at once.

    `local=` is a must: without it the question for an AAAA is refused and not answered with "no data", and musl
    then takes the whole look-up for failed.
    """
    lines = [
        "no-resolv",
        "no-hosts",
        "bind-interfaces",
        f"listen-address={ADDRESS}",
        f"local=/{domain}/",
        f"address=/{domain}/{ADDRESS}",
        "servers-file=/run/dns.servers",
        "log-queries=extra",
        f"log-facility=/run/{DNS_LOG}",
        "pid-file=/run/dns.pid",
        "user=root",
    ]
    return "\n".join(lines) + "\n"


def etc_files(domain: str) -> dict[str, str]:
    """Return the text files of the cell's own /etc, by their path in it."""
    return {
        "passwd": "root:x:0:0::/root:/bin/sh\nnobody:x:65534:65534::/nonexistent:/usr/sbin/nologin\n",
        "group": "root:x:0:\nnogroup:x:65534:\n",
        "nsswitch.conf": "passwd: files\ngroup: files\nhosts: files dns\n",
        "resolv.conf": f"nameserver {ADDRESS}\n",
        "hosts": f"127.0.0.1 localhost\n{ADDRESS} cell\n",
        "localtime": LOCALTIME,  # many recipes mount these two; a mount of what is not there is refused
        "timezone": "Etc/UTC\n",
        "docker/daemon.json": daemon_json(),
        "docker/containerd.toml": containerd_toml(),
        "dnsmasq.conf": dnsmasq_conf(domain),
    }


def swarm() -> dict[str, object]:
    """Return the swarm as Docker's API takes it."""
    return {"ListenAddr": "0.0.0.0:2377", "AdvertiseAddr": ADDRESS}


def proxy_network() -> dict[str, object]:
    """Return the network on which apps meet their proxy, as Docker's API takes it."""
    pool = {"Config": [{"Subnet": PROXY_SUBNET}]}
    return {"Name": PROXY_NETWORK, "Driver": "overlay", "Attachable": True, "IPAM": pool}


def proxy_arguments() -> tuple[str, ...]:
    """Return Traefik's command line: entry points as Co-op Cloud's recipe has them, certificates from a file.

    Traefik talks to the tasks' own addresses, so that it needs no service VIPs. Resolver names that do not exist
    cost a line in its log, and the router takes the default certificate: nothing has to be defined for them.
    """
    return (
        "--providers.swarm.endpoint=unix:///var/run/docker.sock",
        "--providers.swarm.exposedByDefault=false",
        "--providers.swarm.network=proxy",
        "--providers.swarm.refreshSeconds=500ms",
        f"--providers.file.filename={INSIDE}/proxy/dynamic.yml",
        "--entrypoints.web.address=:80",
        "--entrypoints.web.http.redirections.entryPoint.to=web-secure",
        "--entrypoints.web-secure.address=:443",
        "--entrypoints.web-secure.http.tls=true",
        "--core.defaultRuleSyntax=v2",
        "--ping=true",
        "--ping.manualRouting=true",
        "--global.checkNewVersion=false",
        "--global.sendAnonymousUsage=false",
    )


def proxy_service(image: str) -> dict[str, object]:
    """Return the proxy's service as Docker's API takes it: ports 80 and 443 of the cell, the socket, certificates."""
    mounts = [
        {"Type": "bind", "Source": "/run/docker.sock", "Target": "/var/run/docker.sock"},
        {"Type": "bind", "Source": str(INSIDE), "Target": str(INSIDE), "ReadOnly": True},
    ]
    return {
        "Name": PROXY_SERVICE,
        "Labels": {STACK_LABEL: PROXY_SERVICE},  # every service of a real host is of some stack
        "TaskTemplate": {
            "ContainerSpec": {"Image": image, "Args": list(proxy_arguments()), "Mounts": mounts},
            "Networks": [{"Target": PROXY_NETWORK}],
            "RestartPolicy": {"Condition": "any", "Delay": 1_000_000_000},
        },
        "EndpointSpec": {"Ports": [_published(port) for port in (80, 443)]},
    }


def bot_repository() -> dict[str, object]:
    """Return the volume with the restic repository as Docker's API takes it."""
    return {"Name": BOT_REPOSITORY, "Labels": {STACK_LABEL: BOT_STACK}}


def bot_secret(password: bytes) -> dict[str, object]:
    """Return the repository's password as Docker's API takes it."""
    return {"Name": BOT_SECRET, "Data": base64.b64encode(password).decode()}


def bot_service(image: str, *, secret: str) -> dict[str, object]:
    """Return the backup bot's service as Docker's API takes it; `secret` is the id of the repository's password.

    As Co-op Cloud's recipe has it: abra finds it by the label, the password is a file. Its own schedule names a day
    that never comes, so that each snapshot is one that was asked for.
    """
    mounts = [
        {"Type": "bind", "Source": "/run/docker.sock", "Target": "/var/run/docker.sock"},
        {"Type": "bind", "Source": "/var/lib/docker/volumes", "Target": "/var/lib/docker/volumes"},
        {"Type": "volume", "Source": BOT_REPOSITORY, "Target": "/backups"},
    ]
    env = {
        "RESTIC_REPOSITORY": "/backups",
        "RESTIC_PASSWORD_FILE": "/run/secrets/restic_password",
        "CRON_SCHEDULE": "0 0 31 2 *",
    }
    file = {"Name": "restic_password", "UID": "0", "GID": "0", "Mode": 0o400}
    return {
        "Name": BOT_SERVICE,
        "Labels": {STACK_LABEL: BOT_STACK, "coop-cloud.backupbot.enabled": "true"},
        "TaskTemplate": {
            "ContainerSpec": {
                "Image": image,
                "Env": [f"{key}={value}" for key, value in env.items()],
                "Mounts": mounts,
                "Secrets": [{"SecretID": secret, "SecretName": BOT_SECRET, "File": file}],
            },
            "RestartPolicy": {"Condition": "any", "Delay": 1_000_000_000},
        },
    }


def _published(port: int) -> dict[str, object]:
    """Publish a port on the cell's address itself, without the swarm's ingress network."""
    return {"Protocol": "tcp", "TargetPort": port, "PublishedPort": port, "PublishMode": "host"}


def proxy_dynamic(domain: str) -> str:
    """Return Traefik's file provider (JSON, which is YAML): certificate, ping, what recipes may name with `@file`.

    `security@file` is what Co-op Cloud's recipe has. Its other middlewares ask a server or a password file of the
    operator's; here they let everything through, so that the app is what answers.
    """
    certificate = {"certFile": f"{INSIDE}/proxy/cert.pem", "keyFile": f"{INSIDE}/proxy/key.pem"}
    ping = {
        "rule": f"Host(`{PROXY_HOST}.{domain}`) && Path(`/ping`)",
        "service": "ping@internal",
        "entryPoints": ["web-secure"],
        "tls": {},
    }
    passing: dict[str, object] = {"headers": {"customRequestHeaders": {"X-Recipeci-Passed": "1"}}}
    middlewares = {
        "security": {"headers": _SECURITY_HEADERS},
        **dict.fromkeys(("basicauth", "keycloak", "error-pages-middleware"), passing),
    }
    return json.dumps(
        {
            "http": {"routers": {"ping": ping}, "middlewares": middlewares},
            "tls": {
                "certificates": [certificate],
                "stores": {"default": {"defaultCertificate": certificate}},
                "options": {"default": {"minVersion": "VersionTLS12"}},
            },
        },
        indent=2,
    )


def containerd_toml() -> str:
    """Return containerd's settings, as dockerd writes them for a containerd of its own."""
    lines = [
        "version = 2",
        'root = "/var/lib/docker/containerd/daemon"',
        'state = "/run/docker/containerd/daemon"',
        'disabled_plugins = ["io.containerd.grpc.v1.cri"]',
        "[grpc]",
        f'address = "{CONTAINERD_SOCKET}"',
    ]
    return "\n".join(lines) + "\n"


def dockerd_argv(dockerd: str, *, tini: str) -> Sequence[str]:
    """Return what the cell's first process becomes: dockerd under tini."""
    return [tini, "--", dockerd, "--containerd", CONTAINERD_SOCKET, "-H", "unix:///run/docker.sock"]


_SECURITY_HEADERS: dict[str, object] = {
    "frameDeny": True,
    "browserXssFilter": True,
    "contentTypeNosniff": True,
    "stsIncludeSubdomains": True,
    "stsPreload": True,
    "stsSeconds": 31536000,
}
