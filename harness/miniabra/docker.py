"""The only place that runs Docker's client."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from miniabra import command
from miniabra.environment import Environment
from miniabra.errors import Fatal

STACK_LABEL = "com.docker.stack.namespace"
OF_THE_CLIENT = frozenset(
    {"DOCKER_API_VERSION", "DOCKER_CERT_PATH", "DOCKER_CUSTOM_HEADERS", "DOCKER_TLS", "DOCKER_TLS_VERIFY"}
)
"""Keys that an app's env must not hand to the client; host, context and configuration are given as options instead."""
OBEYED = re.compile(
    r"LD_.*|GLIBC_TUNABLES|GCONV_PATH|GETCONF_DIR|HOSTALIASES|LOCALDOMAIN|LOCPATH|MALLOC_TRACE|NIS_PATH|NLSPATH"
    r"|RESOLV_HOST_CONF|RES_OPTIONS|TZDIR|BASH_ENV|BASHOPTS|SHELLOPTS|PS4|PATH|HOME|DOCKER_CLI_.*"
)
"""Keys with which an app's env would have code run in the client. abra interpolates by itself and can take them."""


class Printed(yaml.CSafeLoader):
    """The YAML that the client prints: a plain word is text there, whatever YAML 1.1 has for it, but for these few.

    Numbers stay text too: nobody here counts with them.
    """

    yaml_implicit_resolvers: dict[str, list[tuple[str, re.Pattern[str]]]] = {}  # noqa: RUF012 - PyYAML's own, declared so


Printed.add_implicit_resolver("tag:yaml.org,2002:null", re.compile(r"null\Z"), ["n"])
Printed.add_implicit_resolver("tag:yaml.org,2002:bool", re.compile(r"(?:true|false)\Z"), ["t", "f"])


def printed(text: str) -> dict[str, Any]:
    """Read a compose file that the client printed."""
    return dict(yaml.load(text, Loader=Printed))  # noqa: S506 - made of a safe one


@dataclass(frozen=True)
class Docker:
    """The client, talking to one daemon."""

    environment: Environment

    def config(self, files: Sequence[Path], *, env: Mapping[str, str], interpolate: bool = True) -> dict[str, Any]:
        """Return the merged compose file; without interpolation it is checked and given as it was written.

        Raises Fatal with the client's words if it is not valid.
        """
        raw = [] if interpolate else ["--skip-interpolation"]
        text = self._docker("stack", "config", *raw, *_compose(files), env=env)
        return printed(text)

    def deploy(self, stack: str, files: Sequence[Path], *, env: Mapping[str, str]) -> None:
        """Create or update a stack. Nothing is pruned: a service that the files no longer name stays (facts A-21)."""
        options = ["--resolve-image", "always", "--with-registry-auth"]
        self._docker("stack", "deploy", *options, *_compose(files), stack, env=env)

    def remove_stack(self, stack: str) -> None:
        """Ask for a stack to be removed; its tasks and networks are still going when this returns (facts A-22)."""
        self._docker("stack", "rm", stack)

    def services(self, stack: str) -> tuple[str, ...]:
        """Return the names of a stack's services."""
        return self._lines("service", "ls", "--filter", f"label={STACK_LABEL}={stack}", "--format", "{{.Name}}")

    def labelled(self, label: str) -> tuple[str, ...]:
        """Return the names of the services with a label, `key=value`."""
        return self._lines("service", "ls", "--filter", f"label={label}", "--format", "{{.Name}}")

    def containers(self, service: str) -> tuple[str, ...]:
        """Return the running containers of a service."""
        label = f"label=com.docker.swarm.service.name={service}"
        return self._lines("ps", "--filter", label, "--filter", "status=running", "--format", "{{.ID}}")

    def run_in(self, container: str, argv: Sequence[str], *, env: Mapping[str, str]) -> int:
        """Run a program in a container, its output ours; return its exit code."""
        given = [part for key, value in env.items() for part in ("--env", f"{key}={value}")]
        ours = self.environment
        return command.show(self._argv("exec", *given, container, *argv), env=ours.for_children, path=ours.path)

    def replicas(self, stack: str) -> dict[str, str]:
        """Return of each service how many of its tasks run, `1/1`."""
        lines = self._lines("stack", "services", stack, "--format", "{{.Name}} {{.Replicas}}")
        return {line.split()[0]: line.split()[1] for line in lines}

    def update_states(self, services: Sequence[str]) -> dict[str, str]:
        """Return of each service how its last update stands; empty if there was none."""
        form = "{{.Spec.Name}} {{if .UpdateStatus}}{{.UpdateStatus.State}}{{end}}"
        lines = self._lines("service", "inspect", "--format", form, *services) if services else ()
        return {name: state.strip() for name, _, state in (line.partition(" ") for line in lines)}

    def secrets(self) -> frozenset[str]:
        """Return the names of the swarm's secrets."""
        return frozenset(self._lines("secret", "ls", "--format", "{{.Name}}"))

    def create_secret(self, name: str, value: bytes) -> None:
        """Store a secret, without a label, as abra does."""
        self._docker("secret", "create", name, "-", stdin=value)

    def remove_secret(self, name: str) -> None:
        """Remove a secret that nothing uses."""
        self._docker("secret", "rm", name)

    def volumes(self, stack: str) -> tuple[str, ...]:
        """Return the names of a stack's volumes."""
        return self._lines("volume", "ls", "--filter", f"label={STACK_LABEL}={stack}", "--format", "{{.Name}}")

    def remove_volume(self, name: str) -> None:
        """Remove a volume that nothing uses."""
        self._docker("volume", "rm", name)

    def _lines(self, *args: str) -> tuple[str, ...]:
        return tuple(line for line in self._docker(*args).splitlines() if line.strip())

    def _docker(self, *args: str, env: Mapping[str, str] | None = None, stdin: bytes = b"") -> str:
        ours = self.environment
        if obeyed := sorted(key for key in env or {} if OBEYED.fullmatch(key)):
            raise Fatal(f"the app's env sets {', '.join(obeyed)}, which miniabra cannot hand to Docker's client")
        given = {key: value for key, value in (env or {}).items() if key not in OF_THE_CLIENT}
        done = command.run(self._argv(*args), env={**ours.for_children, **given}, path=ours.path, stdin=stdin)
        if done.code:
            raise Fatal(done.reason)
        return done.out

    def _argv(self, *args: str) -> list[str]:
        ours = self.environment
        return ["docker", "--host", ours.docker_host, "--config", ours.docker_config, *args]


def _compose(files: Sequence[Path]) -> list[str]:
    """Give each file as an option."""
    return [part for file in files for part in ("--compose-file", str(file))]
