"""The only place that makes secrets: which ones the compose files want, how long, and of which characters."""

from __future__ import annotations

import dataclasses
import re
import secrets as random
import string
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from miniabra.app import App
from miniabra.docker import Docker
from miniabra.errors import Fatal
from miniabra.habits import Habits

NAME_LIMIT = 64
PHRASE_WORDS = 6
PLAIN_LENGTH = 32
DEFAULT_CHARSET = string.ascii_letters + string.digits
SAFE_SPECIAL = "!@#%^&*_-+="
CHARSETS: Mapping[str, str] = {
    "default": DEFAULT_CHARSET,
    "alnum": DEFAULT_CHARSET,
    "hex": string.hexdigits[:16],
    "safespecial": DEFAULT_CHARSET + SAFE_SPECIAL,
    "special": DEFAULT_CHARSET + SAFE_SPECIAL + "$",
}


@dataclass(frozen=True)
class Secret:
    """One secret that a service of the app wants, by its name in the compose file."""

    name: str
    version: str
    remote: str
    modifiers: Mapping[str, str]

    @property
    def is_generated(self) -> bool:
        """False for `generate=false`: an operator inserts it."""
        return self.modifiers.get("generate") != "false"


def wanted(app: App, docker: Docker) -> dict[str, Secret]:
    """Return the external secrets that services of the app use, by name; modifiers are of the app's own `.env`.

    Raises Fatal for a secret without a version or with a name that swarm refuses.
    """
    files = app.recipe.compose_files(app.env)
    config = docker.config(files, env=app.env)
    declared = config.get("secrets") or {}
    used = {use["source"] for service in config["services"].values() for use in service.get("secrets") or []}
    external = [name for name in declared if name in used and declared[name].get("external")]
    if not external:
        return {}
    written = docker.config(files, env=app.env, interpolate=False)["secrets"]
    return {name: _secret(app, name, declared[name]["name"], written[name]["name"]) for name in external}


def value_of(secret: Secret, habits: Habits) -> str:
    """Make a value: a password where a length is given, else a phrase of words.

    Raises Fatal for a length that is no number above 0, or an unknown charset.
    """
    length = secret.modifiers.get("length")
    if length is None and habits.short_secrets_are_phrases:
        return "-".join(_word() for _ in range(PHRASE_WORDS))
    if length is not None and not (length.isdecimal() and int(length)):
        raise Fatal(f"{secret.name}: invalid length {length}")
    charset = _charset(secret, habits)
    return "".join(random.choice(charset) for _ in range(int(length or PLAIN_LENGTH)))


def require(app: App, docker: Docker) -> None:
    """Check that each secret is on the server.

    Raises Fatal for the first that is not.
    """
    stored = docker.secrets()
    for secret in wanted(app, docker).values():
        if secret.remote not in stored:
            how = "generated" if secret.is_generated else "inserted (#generate=false)"
            raise Fatal(f"secret not {how}: {secret.name}")


def generate(app: App, docker: Docker, chosen: Mapping[str, Secret]) -> tuple[dict[str, str], tuple[str, ...]]:
    """Make and store values: (name to value, the names that were stored before and are left alone)."""
    stored = docker.secrets()
    if not app.environment.habits.generate_skips_existing:
        _refuse_stored(chosen, stored)
    made: dict[str, str] = {}
    for secret in chosen.values():
        if secret.is_generated and secret.remote not in stored:
            made[secret.name] = value_of(secret, app.environment.habits)
            docker.create_secret(secret.remote, made[secret.name].encode())
    return made, tuple(secret.remote for secret in chosen.values() if secret.remote in stored)


def _refuse_stored(chosen: Mapping[str, Secret], stored: frozenset[str]) -> None:
    """Raise Fatal for the first that is there, if another is to be made: with none it is `generate_nothing_fails`."""
    there = [secret.remote for secret in chosen.values() if secret.is_generated and secret.remote in stored]
    if there and any(secret.is_generated and secret.remote not in stored for secret in chosen.values()):
        raise Fatal(f"{there[0]} already exists")


def insert(app: App, docker: Docker, *, name: str, version: str, value: bytes) -> None:
    """Store a given value; Docker answers AlreadyExists for a version that is there, since secrets never change."""
    docker.create_secret(_remote(f"{app.stack}_{name}_{version}"), value)


def with_version(app: App, known: Mapping[str, Secret], *, name: str, version: str) -> Secret:
    """Return one of the secrets under another version than the compose files name.

    Raises Fatal if there is no such secret.
    """
    if name not in known:
        raise Fatal(f"{name} doesn't exist in the env config?")
    return dataclasses.replace(known[name], version=version, remote=_remote(f"{app.stack}_{name}_{version}"))


def read_value(path: Path) -> bytes:
    """Read the value from a file."""
    try:
        return path.read_bytes()
    except OSError as error:
        raise Fatal(f"{path}: {error.strerror}") from error


def _secret(app: App, name: str, remote: str, written: str) -> Secret:
    """Name one; its modifiers are those of the `.env` key that its name is written with."""
    if remote.endswith("_"):
        raise Fatal(f"missing version for secret? ({name})")
    keys = [key for key in app.own.modifiers if re.search(rf"\$\{{?{key}\b", written)]
    modifiers = {key: value for found in keys for key, value in app.own.modifiers[found].items()}
    return Secret(name, remote.rpartition("_")[2], _remote(remote), modifiers)


def _remote(name: str) -> str:
    if len(name) > NAME_LIMIT:
        raise Fatal(f"secret {name} is > {NAME_LIMIT} chars")
    return name


def _charset(secret: Secret, habits: Habits) -> str:
    """Return the characters that a modifier names, several of them with commas."""
    names = [name for name in secret.modifiers.get("charset", "default").split(",") if name]
    unknown = [name for name in names if name not in CHARSETS]
    if unknown and not habits.unknown_charset_is_default:
        raise Fatal(f"{secret.name}: unknown charset {unknown[0]}")
    known = CHARSETS if habits.special_charset_has_symbols else {**CHARSETS, "special": DEFAULT_CHARSET}
    return "".join(sorted({char for name in names for char in known.get(name, DEFAULT_CHARSET)}))


def _word() -> str:
    """Make a word that can be said: consonant, vowel, twice."""
    return "".join(random.choice(letters) for letters in ("bcdfghjklmnprstvwz", "aeiou") * 2)
