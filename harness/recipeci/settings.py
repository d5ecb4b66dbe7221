"""The only place that reads environment variables and the operator's settings file (docs/settings.md)."""

from __future__ import annotations

import os
import re
import urllib.parse
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from recipeci import namedpath, schemas
from recipeci.errors import UsageError
from recipeci.host.credential import is_safe
from recipeci.model import Settings, Tier

FILE = Path("recipeci") / "settings.yml"
CONFIG = "RECIPECI_CONFIG"
FALLBACKS = ("RECIPE", "REF", "PR", "STAGES")
"""Read where the option of the same name is absent, as a CI job sets them."""
APPROVED = "CCCI_REPO_LOCAL_APPROVED_FILE"
"""Read where `--allowlist` is absent."""
SKIP_GENERIC = "CCCI_SKIP_GENERIC"
SKIPPABLE = {
    "": tuple(tier for tier in Tier if tier is not Tier.CUSTOM),
    "_DEPLOY": (Tier.INSTALL,),
    **{f"_{tier.upper()}": (tier,) for tier in Tier if tier is not Tier.CUSTOM},
}
"""What follows SKIP_GENERIC in the names of variables, and the tiers whose generic suite each of them skips."""
YES = ("1", "true", "yes")
AUTOMATIC = ("CI", "DRONE")
"""Set where nobody looks at what is printed."""

NETWORK = (
    *("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY", "http_proxy", "https_proxy", "all_proxy", "no_proxy"),
    *("SSL_CERT_FILE", "SSL_CERT_DIR", "NIX_SSL_CERT_FILE", "GIT_SSL_CAINFO", "CURL_CA_BUNDLE", "REQUESTS_CA_BUNDLE"),
    *("PIP_CERT", "PIP_INDEX_URL", "PIP_EXTRA_INDEX_URL", "PIP_FIND_LINKS", "PIP_CONFIG_FILE", "NODE_EXTRA_CA_CERTS"),
)
"""How this machine reaches the network: given to what fetches recipes and makes images, never to a cell."""

WORKER_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,62}\Z")
"""As the schema says; it is part of a file's name."""
LOGIN = re.compile(r"[^/]*//[^/?#]*@")
"""The beginning of an address with a user name, a password or a token, which is often written as a name alone."""

WHY = {
    "forge": "nothing is cloned by login",
    "bridge.forge": "the token is in the file that bridge.token_file names",
    "bridge.url": "who reads our pages needs none",
}
EXAMPLES = {
    "forge": "https://git.example.org/recipes",
    "bridge.forge": "https://git.example.org",
    "bridge.url": "https://ci.example.org",
}

Environment = Mapping[str, str]


def environment() -> Environment:
    """Return the environment of the process, to be handed to the functions below."""
    return os.environ


def fallback(name: str, env: Environment) -> str | None:
    """Return what the environment has for an absent option, None if it has nothing.

    Raises:
        UsageError: it is set and empty. A job whose REF is lost must not test something else than it was asked to.
    """
    assert name in FALLBACKS  # noqa: S101 - a wrong name is a bug of the caller's
    value = env.get(name)
    if value is not None and not value.strip():
        raise UsageError(f"the environment variable {name} is set and empty", hint=f"unset {name}, or give it a value")
    return value


def approved_file(env: Environment) -> str | None:
    """Return what the environment names as the allowlist, None if it names none.

    Raises:
        UsageError: it is set and empty.
    """
    return _named(APPROVED, env)


def skip_generic(env: Environment) -> dict[Tier, str]:
    """Return the tiers whose generic suite the environment skips, each with the variable that says so.

    Raises:
        UsageError: a job or a service started us, for which recipe.yml says it, with a reason; or a variable of
            which nobody knows what it means.
    """
    names = sorted(name for name in env if name == SKIP_GENERIC or name.startswith(f"{SKIP_GENERIC}_"))
    for name in names:
        _check_skip(name, env)
    return {tier: f"{name} is set" for name in names for tier in SKIPPABLE[name.removeprefix(SKIP_GENERIC)]}


def load(config: Path | None, env: Environment) -> Settings:
    """Return the settings: of `--config`, else of $RECIPECI_CONFIG, else of the first file that is there.

    Args:
        config: what `--config` names, None if it is absent.
        env: the environment.

    Raises:
        UsageError: a file that was named is not there, or one that is there is wrong.
    """
    return settings_of(read(find(config, env)), env)


def read(file: Path | None) -> dict[str, Any]:
    """Return what a settings file says, each value of the right form; nothing if there is no file.

    Raises:
        UsageError: the file is not there, or wrong. Nothing that it names is looked at.
    """
    data = schemas.load_yaml(file, "settings") if file else {}
    _refuse_a_login("forge", data.get("forge", ""), where=file)
    bridge = data.get("bridge", {})
    for key in ("forge", "url"):
        _refuse_a_login(f"bridge.{key}", bridge.get(key, ""), where=file)
    if "forge" in bridge and not is_safe(*_host(bridge["forge"])):
        msg = f"{file}: bridge.forge: over http:// everybody on the way could read the token"
        raise UsageError(msg, hint="write https://; http:// is for this machine alone, as in http://127.0.0.1:3000")
    return data


def passed_on(env: Environment) -> dict[str, str]:
    """Return what a run that we start gets of the environment: where things are, and the way to the network."""
    return {name: env[name] for name in ("PATH", "HOME", "XDG_CACHE_HOME", *NETWORK) if env.get(name)}


def find(config: Path | None, env: Environment) -> Path | None:
    """Return the settings file to use, None if there is none: all settings have defaults."""
    if config is not None:
        return config
    if (named := _named(CONFIG, env)) is not None:
        return Path(named)
    usual = ((f"the settings file {namedpath.shown(path)}", path) for path in _usual_places(env))
    return next((path for said, path in usual if namedpath.is_there(said, path)), None)


def _refuse_a_login(key: str, address: str, *, where: Path | None) -> None:
    """Refuse an address that anybody who can read the file could log in with; what it has is not repeated."""
    if LOGIN.match(address):
        msg = f"{where}: {key}: an address with a user name, password or token in it is not taken"
        raise UsageError(msg, hint=f"write it without, as in {EXAMPLES[key]}: {WHY[key]}")
    if "?" in address or "#" in address:
        why = "recipes are cloned from FORGE/RECIPE" if key == "forge" else "what is asked for is written behind it"
        msg = f"{where}: {key}: an address with ? or # in it is not taken: {why}"
        raise UsageError(msg, hint=f"write it without, as in {EXAMPLES[key]}")


def _host(address: str) -> tuple[str, str | None]:
    """Return scheme and host; an address that cannot be read has none, and is not safe."""
    try:
        parts = urllib.parse.urlsplit(address)
    except ValueError:
        return "", None
    return parts.scheme, parts.hostname


def _check_skip(name: str, env: Environment) -> None:
    """Refuse a variable that skips generic suites where it must not, or of which nobody knows what it means."""
    if starter := next((variable for variable in AUTOMATIC if env.get(variable)), None):
        msg = f"{name} is for local work, and {starter} is set: a job must not skip generic suites by its environment"
        raise UsageError(msg, hint=f"unset {name}; recipe.yml can skip them with a reason: skip_generic")
    if name.removeprefix(SKIP_GENERIC) not in SKIPPABLE:
        known = [f"{SKIP_GENERIC}{end}" for end in SKIPPABLE]
        raise UsageError(f"unknown environment variable {name}{schemas.nearest(name, known)}")
    if env[name].strip().lower() not in YES:
        raise UsageError(f"{name} is {env[name]!r}, and means something only as 1, true or yes", hint=f"unset {name}")


def _named(variable: str, env: Environment) -> str | None:
    """Return the file that a variable names."""
    if (named := env.get(variable)) is not None and not named:
        raise UsageError(f"the environment variable {variable} is set and empty", hint=f"unset {variable}")
    return named


def _usual_places(env: Environment) -> list[Path]:
    """Return where the file is looked for, by the XDG base directory specification: relative folders do not count."""
    system = env.get("XDG_CONFIG_DIRS") or "/etc/xdg"
    folders = [_xdg("XDG_CONFIG_HOME", ".config", env), *(Path(folder) for folder in system.split(":"))]
    return [folder / FILE for folder in folders if folder is not None and folder.is_absolute()]


def _xdg(name: str, default: str, env: Environment) -> Path | None:
    """Return a user's folder by the XDG specification, None without a home."""
    if (named := env.get(name)) and Path(named).is_absolute():
        return Path(named)
    return _home(env) / default if env.get("HOME") else None


def _home(env: Environment) -> Path:
    """Return the home folder, which a path with `~` needs."""
    if home := env.get("HOME"):
        return Path(home)
    raise UsageError("a path begins with ~ and the environment has no HOME", hint="write the whole path")


def settings_of(data: Mapping[str, Any], env: Environment) -> Settings:
    """Make the settings from checked data; what the file does not say has the default of model.Settings."""
    abra, docker, runs, authors = (data.get(section, {}) for section in ("abra", "docker", "runs", "authors"))
    cache = _xdg("XDG_CACHE_HOME", ".cache", env)
    found = {
        "forge": data.get("forge", "").rstrip("/") or None,
        "cache": path_of(data.get("cache"), env) or (cache / "recipeci" if cache else None),
        "images": path_of(data.get("images"), env),
        "overlays": path_of(data.get("overlays"), env),
        "allowlist": path_of(authors.get("allowlist"), env),
        "abra": abra.get("program"),
        "builtin_abra_is_final": abra.get("builtin_is_final"),
        "proxy_image": docker.get("proxy_image"),
        "bot_image": docker.get("bot_image"),
        "docker_prefix": path_of(docker.get("prefix"), env),
        "keep_days": runs.get("keep_days"),
        "min_free_gb": runs.get("min_free_gb"),
        "source_max_gb": data.get("source", {}).get("max_gb"),
        "store_keep_gb": data.get("store", {}).get("keep_gb"),
        "search_path": env.get("PATH") or None,
        "network_env": tuple((name, env[name]) for name in NETWORK if env.get(name)),
    }
    return Settings(**{key: value for key, value in found.items() if value is not None})


def path_of(text: str | None, env: Environment) -> Path | None:
    """Return a path of the file's, with `~/` as the home folder."""
    if text is None:
        return None
    return _home(env) / text[2:] if text.startswith("~/") else Path(text)
