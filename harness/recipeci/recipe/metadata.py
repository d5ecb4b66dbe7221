"""The only place that reads `recipe.yml`: what the operator's overlay says of one recipe's expectations.

It is read from the overlays alone, never from the recipe's own repository, and changes env and expectations only: no
key of it can change the compose file under test.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from recipeci import namedpath, schemas
from recipeci.errors import RecipeInvalid, UsageError
from recipeci.model import Tier
from recipeci.recipe import processenv
from recipeci.recipe.versions import is_version

FILE = "recipe.yml"
PROXYS_CODE = 404
OWN_KEYS = frozenset({"TYPE", "RECIPE", "DOMAIN", "STACK_NAME"})
"""Keys of the app's env that say which run it is: nobody else sets them."""


@dataclass(frozen=True)
class HttpExpectation:
    """Which answer shows that the app serves: its path, the accepted codes, another host name than the domain."""

    path: str = "/"
    accept: tuple[int, ...] = (200,)
    host: str = ""


@dataclass(frozen=True)
class Timeouts:
    """Seconds for each op, for a suite, and for the whole run."""

    deploy: float = 600
    upgrade: float = 600
    backup: float = 300
    restore: float = 300
    suite: float = 300
    deadline: float = 3600


@dataclass(frozen=True)
class Screenshot:
    """What the screenshot shows: a path, the CSS selector to wait for, the selectors to blacken."""

    path: str = "/"
    wait: str = ""
    mask: tuple[str, ...] = ()


@dataclass(frozen=True)
class RecipeMeta:
    """All that `recipe.yml` says; without one, the defaults.

    `base_from` is the oldest supported base and `base_version` the exact one; empty if not given. Every `skip…` mapping
    holds the reason. `secrets` are what is inserted instead of generated. `screenshot` is None if none is asked for.
    """

    http: HttpExpectation = HttpExpectation()
    timeouts: Timeouts = Timeouts()
    env: Mapping[str, str] = field(default_factory=dict)
    env_base: Mapping[str, str] = field(default_factory=dict)
    env_head: Mapping[str, str] = field(default_factory=dict)
    extra_domains: Mapping[str, str] = field(default_factory=dict)
    secrets: Mapping[str, bytes] = field(default_factory=dict, repr=False)
    base_from: str = ""
    base_version: str = ""
    skip: Mapping[Tier, str] = field(default_factory=dict)
    skip_generic: Mapping[Tier, str] = field(default_factory=dict)
    backup_undeclared: Mapping[str, str] = field(default_factory=dict)
    canary_skip: Mapping[str, str] = field(default_factory=dict)
    screenshot: Screenshot | None = None


def load(overlay: Path) -> RecipeMeta:
    """Read `recipe.yml` of one recipe's overlay folder; the defaults if there is none.

    Raises UsageError naming the file, the key and what is wrong; for an unknown key the nearest known one.
    """
    file = overlay / FILE
    there = namedpath.is_there(namedpath.shown(file), file)
    return read(schemas.load_yaml(file, "recipe"), where=file) if there else RecipeMeta()


def read(data: Mapping[str, Any], *, where: Path) -> RecipeMeta:
    """Make the value of data that the schema has passed; `where` is the file, for sentences and for secrets' files."""
    _refuse(data, where=where)
    http, base = dict(data.get("http", {})), data.get("base", {})
    return RecipeMeta(
        http=HttpExpectation(**{**http, "accept": tuple(http.get("accept", (200,))), "host": http.get("host") or ""}),
        timeouts=_timeouts(data),
        env=_env(data, "env", where=where),
        env_base=_env(data, "env_base", where=where),
        env_head=_env(data, "env_head", where=where),
        extra_domains=_env(data, "extra_domains", where=where),
        secrets={name: _secret(name, given, where=where) for name, given in data.get("secrets", {}).items()},
        base_from=_version(base, "from", where=where),
        base_version=_version(base, "version", where=where),
        skip=_reasons(data.get("skip", {})),
        skip_generic=_reasons(data.get("skip_generic", {})),
        backup_undeclared=dict(data.get("backup", {}).get("undeclared", {})),
        canary_skip=dict(data.get("canary", {}).get("skip", {})),
        screenshot=_screenshot(data["screenshot"]) if "screenshot" in data else None,
    )


def _refuse(data: Mapping[str, Any], *, where: Path) -> None:
    """Refuse what the schema knows and no run would look at: accepted, it would be believed to be shown by a pass."""
    if data.get("network"):
        raise UsageError(f"{where}: network: true is not available yet", hint="leave it out: the app has no route out")
    if data.get("probes"):
        hint = "leave them out, and write a custom test that asks in the service by app.exec"
        raise UsageError(f"{where}: probes are not available yet", hint=hint)
    if PROXYS_CODE in data.get("http", {}).get("accept", ()):
        reason = f"{where}: http.accept: a {PROXYS_CODE} never counts: the proxy answers it where there is no app"
        raise UsageError(reason, hint="a path at which the app answers otherwise: http.path")


def _timeouts(data: Mapping[str, Any]) -> Timeouts:
    """Put the deadline beside the other times."""
    own = {"deadline": data["deadline"]} if "deadline" in data else {}
    return Timeouts(**data.get("timeouts", {}), **own)


def _screenshot(given: Mapping[str, Any]) -> Screenshot:
    """Return what is to be shown."""
    return Screenshot(**{**given, "mask": tuple(given.get("mask", ()))})


def _env(data: Mapping[str, Any], key: str, *, where: Path) -> dict[str, str]:
    """Return an env mapping as text, without the keys that are the run's own."""
    found = {name: str(value) for name, value in data.get(key, {}).items()}
    if own := sorted(OWN_KEYS & found.keys()):
        raise UsageError(f"{where}: {key}.{own[0]}: this key is the run's own", hint="leave it out")
    try:
        for name, value in found.items():
            processenv.refuse_long(name, value, where=f"{where}: {key}.{name}")
        processenv.refuse_many(found, where=f"{where}: {key}")
    except RecipeInvalid as error:
        raise UsageError(error.message) from error
    return found


def _secret(name: str, given: Mapping[str, str], *, where: Path) -> bytes:
    """Return a secret's value, from the file beside `recipe.yml` if it names one."""
    if len(given) != 1:
        raise UsageError(f"{where}: secrets.{name}: give either value or file")
    if "value" in given:
        return given["value"].encode()
    said = f"{where}: secrets.{name}: {namedpath.shown(given['file'])}"
    file = namedpath.named(said, where.parent / given["file"])
    if not file.resolve().is_relative_to(where.parent.resolve()):
        raise UsageError(f"{said} is not beside {FILE}")
    try:
        return file.read_bytes()
    except OSError as error:
        raise UsageError(f"{said}: {error.strerror}") from error


def _version(base: Mapping[str, str | None], key: str, *, where: Path) -> str:
    """Return a version of `base`, or nothing."""
    found = base.get(key) or ""
    if found and not is_version(found):
        raise UsageError(f"{where}: base.{key}: {found!r} is no version", hint="a published one, as 1.2.0+3.4.5")
    return found


def _reasons(skipped: Mapping[str, str]) -> dict[Tier, str]:
    """Return reasons by tier."""
    return {Tier(name): reason.strip() for name, reason in skipped.items()}
