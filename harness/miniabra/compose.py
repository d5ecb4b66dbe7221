"""The only place that reads and adds to compose files: what abra looks up in them, and the labels that it sets."""

from __future__ import annotations

import contextlib
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from miniabra.app import App
from miniabra.docker import Docker
from miniabra.errors import Fatal

MAIN = "app"
Config = Mapping[str, Any]


@dataclass(frozen=True)
class Stamp:
    """What is written on the stack: the version that the env names, and the labels of this deployment."""

    version: str
    labels: Mapping[str, str]


def validated(app: App, docker: Docker) -> None:
    """Check the compose files of an app as they were written, before any variable is replaced (facts A-15).

    Raises Fatal with the schema's words: `start_period: ${X}` is no duration.
    """
    docker.config(app.recipe.compose_files(app.env), env=app.env, interpolate=False)


def resolved(app: App, docker: Docker) -> Config:
    """Return the merged compose file of an app under its env."""
    return docker.config(app.recipe.compose_files(app.env), env=app.env)


def service_labels(service: Config) -> dict[str, str]:
    """Return the deploy labels of a service in a resolved file."""
    labels: dict[str, str] = (service.get("deploy") or {}).get("labels") or {}
    return labels


def label(config: Config, name: str, *, stack: str) -> str | None:
    """Return the label `coop-cloud.<stack>.<name>` of the service `app`."""
    service = (config.get("services") or {}).get(MAIN) or {}
    return service_labels(service).get(f"coop-cloud.{stack}.{name}")


def stamp(app: App, config: Config, *, version: str, chaos: bool) -> Stamp:
    """Return the labels of a deployment; by chaos the version stays the one that the compose file has (facts A-06)."""
    labels = {"recipe": app.recipe.name, "chaos": "true" if chaos else "false"}
    labels["version"] = (label(config, "version", stack=app.stack) or "") if chaos else version
    if chaos:
        labels["chaos-version"] = version
    return Stamp(version, {f"coop-cloud.{app.stack}.{name}": value for name, value in labels.items()})


@contextlib.contextmanager
def stamped(app: App, config: Config, made: Stamp) -> Iterator[tuple[Path, ...]]:
    """Give the app's compose files and after them one that adds the labels, and the app's env to the service `app`."""
    addition = {"version": config["version"], "services": _services(app, config, made)}
    with tempfile.TemporaryDirectory(prefix="miniabra-") as folder:
        file = Path(folder) / "labels.yml"
        # In quotes, or Docker would take `08` and the commit `12345e67` for numbers, and write them its own way.
        file.write_text(yaml.safe_dump(addition, default_style='"'))
        yield (*app.recipe.compose_files(app.env), file)


def _services(app: App, config: Config, made: Stamp) -> dict[str, Any]:
    """Return what is added to each service; a `$` is doubled, since the file is interpolated like the others."""
    services = config.get("services") or {}
    if MAIN not in services:
        raise Fatal(f"{app.recipe.name}: no service named {MAIN}")
    labels = {key: _literal(value) for key, value in made.labels.items()}
    chosen = [MAIN] if app.environment.habits.labels_on_app_only else list(services)
    additions: dict[str, Any] = {name: {"deploy": {"labels": labels}} for name in chosen}
    additions[MAIN]["environment"] = _exposed(app, services[MAIN].get("environment") or {}, made)
    return additions


def _exposed(app: App, own: Mapping[str, str | None], made: Stamp) -> dict[str, str]:
    """Return the app's env for the service `app`, `<recipe>:<version>` under the key that names the recipe."""
    env = {**app.env, app.key: f"{app.recipe.name}:{made.version}"}
    if app.environment.habits.compose_environment_wins:
        env = {key: value for key, value in env.items() if key not in own}
    return {key: _literal(value) for key, value in env.items()}


def _literal(value: str) -> str:
    return value.replace("$", "$$")
