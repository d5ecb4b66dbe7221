"""The only place that reads a compose file as the recipe wrote it, before any value is put in."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import PurePosixPath
from typing import Any

from recipeci.errors import RecipeInvalid
from recipeci.recipe import dockeryaml
from recipeci.recipe.interpolation import expand, plain_names

Json = Mapping[str, Any]
VERSION_LABEL = re.compile(r"coop-cloud\..+\.version\Z")
DURATION = re.compile(r"(?:\d+(?:\.\d+)?(?:h|ms|us|µs|ns|m|s))+\Z")
DURATION_PART = re.compile(r"(\d+(?:\.\d+)?)(h|ms|us|µs|ns|m|s)")
SECONDS = {"h": 3600.0, "m": 60.0, "s": 1.0, "ms": 1e-3, "us": 1e-6, "µs": 1e-6, "ns": 1e-9}
TIMES = {
    ("healthcheck",): ("interval", "timeout", "start_period", "start_interval"),
    ("deploy", "update_config"): ("delay", "monitor"),
    ("deploy", "rollback_config"): ("delay", "monitor"),
    ("deploy", "restart_policy"): ("delay", "window"),
    (): ("stop_grace_period",),
}
"""Where the compose schema wants a duration; abra checks that before it puts values in (facts A-15)."""


def mapping(text: str, *, where: str, read: Callable[[str], object] = dockeryaml.written) -> dict[str, Any]:
    """Read YAML that must be a mapping at its top.

    Raises RecipeInvalid with the line and column of what is wrong.
    """
    import yaml  # noqa: PLC0415 - 30 ms that `--help` does not need

    try:
        data = read(text)
    except (yaml.YAMLError, RecursionError, ValueError) as error:
        words = " ".join(str(error).split()).replace('in "<unicode string>", line', "at line")
        raise RecipeInvalid(f"{where} is no YAML: {words}") from error
    if not isinstance(data, dict):
        raise RecipeInvalid(f"{where} is no compose file: it has no mapping at its top")
    return data


def seconds(duration: str) -> float:
    """Return the seconds of a duration such as `1m30s`.

    Raises RecipeInvalid if it is none.
    """
    if not DURATION.match(duration):
        raise RecipeInvalid(f"{duration!r} is no duration, as 1m30s")
    return sum(float(number) * SECONDS[unit] for number, unit in DURATION_PART.findall(duration))


def odd_durations(raw: Json) -> Iterator[tuple[str, str]]:
    """Yield place and value of each duration that is none as the recipe wrote it, before any value is put in."""
    for name, service in part(raw, "services").items():
        for path, keys in TIMES.items():
            found = service
            for step in path:
                found = part(found, step)
            for key in keys:
                value = found.get(key) if isinstance(found, dict) else None
                if value is not None and not DURATION.match(str(value)):
                    yield ".".join(("services", name, *path, key)), str(value)


def version_label(raws: Sequence[Json], env: Mapping[str, str]) -> str:
    """Return the version that the compose files say the recipe has, empty if they say none.

    `raws` are the files as written, in COMPOSE_FILE's order: a later one wins. `env` is what `.env.sample` sets.
    """
    known = {"STACK_NAME": "stack", **env}
    found = ""
    for raw in raws:
        for service in part(raw, "services").values():
            for key, value in pairs(part(service, "deploy").get("labels")):
                if VERSION_LABEL.match(expand(key, known)):
                    found = expand(value, known)
    return found


def outside(raw: Json) -> Iterator[tuple[str, str]]:
    """Yield place and path of each file that Docker's client would read from outside of the recipe's folder.

    The path's letters say so; where a link on its way leads, they do not.
    """
    for place, path in env_files(raw):
        if "$" in path or PurePosixPath(path).is_absolute() or ".." in PurePosixPath(path).parts:
            yield place, path


def env_files(raw: Json) -> Iterator[tuple[str, str]]:
    """Yield place and path of each file that Docker's client reads, of the machine that resolves the stack."""
    for name, service in part(raw, "services").items():
        given = service.get("env_file") if isinstance(service, dict) else None
        for entry in given if isinstance(given, list) else [given]:
            path = str(entry.get("path", "") if isinstance(entry, dict) else entry or "")
            if path:
                yield f"services.{name}.env_file", path


def plain_variables(data: object) -> frozenset[str]:
    """Return the names of the variables of all values that are written without a default or an alternative."""
    if isinstance(data, str):
        return plain_names(data)
    children = data.values() if isinstance(data, dict) else data if isinstance(data, list) else ()
    return frozenset(name for child in children for name in plain_variables(child))


def part(data: object, key: str) -> dict[str, Any]:
    """Return a mapping's part that is a mapping; an empty one if there is none."""
    found = data.get(key) if isinstance(data, dict) else None
    return found if isinstance(found, dict) else {}


def pairs(data: object) -> Iterator[tuple[str, str]]:
    """Yield key and value of labels or environment, which may be a list of `key=value` or a mapping."""
    if isinstance(data, dict):
        yield from ((str(key), _text(value)) for key, value in data.items())
    elif isinstance(data, list):
        for item in data:
            key, _, value = str(item).partition("=")
            yield key, value


def _text(value: object) -> str:
    """Write a YAML scalar as Docker does."""
    if isinstance(value, bool):
        return str(value).lower()
    return "" if value is None else str(value)
