"""The only place that reads the service's settings, and the files with secrets that they name: each for one command.

`serve` and `enroll` know the forge's token and the webhooks' secrets, `sweep` the token, `work` neither.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from recipeci import given, settings
from recipeci.errors import UsageError
from recipeci.host import credential, secretfile
from recipeci.model import Settings
from recipeci.service.setup import Bridge, Work
from recipeci.settings import Environment

DATABASE = Path("/var/lib/recipeci/recipeci.db")
LISTEN = "127.0.0.1:8022"
FORGE_TOKENS = ("FORGEJO_TOKEN", "FORGE_TOKEN", "GH_TOKEN", "GITEA_TOKEN", "GITHUB_TOKEN", "RECIPECI_TOKEN")
"""What forges' tokens are called where programs take them from the environment."""


@dataclass(frozen=True)
class Said:
    """What a settings file says, and which one it is."""

    file: Path
    data: Mapping[str, Any]
    env: Environment

    def section(self, name: str, *, command: str) -> Mapping[str, Any]:
        """Return a section; raises UsageError if it is not there."""
        if name not in self.data:
            hint = "work: {} is enough" if name == "work" else f"docs/settings.md has a whole {name}: section"
            raise UsageError(f"{self.file}: no section {name}:, which recipeci {command} needs", hint=hint)
        found: Mapping[str, Any] = self.data[name]
        return found

    def path(self, text: str) -> Path:
        """Return a path of the file's."""
        return settings.path_of(text, self.env) or Path(text)

    @property
    def database(self) -> Path:
        """Where the database is."""
        return self.path(self.data["database"]) if "database" in self.data else DATABASE

    @property
    def general(self) -> Settings:
        """What a run is told of it."""
        return settings.settings_of(self.data, self.env)


def said(config: str | None, env: Environment, *, command: str) -> Said:
    """Return what the settings file says; a service is not set up by accident, so there must be one."""
    file = settings.find(given.path("--config", config), env)
    if file is None:
        raise UsageError(f"recipeci {command} needs a settings file", hint="--config FILE; docs/settings.md has one")
    return Said(file.absolute(), settings.read(file), env)


def bridge(told: Said, *, command: str, with_webhooks: bool = True) -> Bridge:
    """Return what a command needs that speaks to the forge, its secrets read.

    Raises:
        UsageError: the section is not there, a file with a secret is wrong, or the database's folder is.
    """
    section = told.section("bridge", command=command)
    token = secretfile.line("bridge.token_file", told.path(section["token_file"]))
    webhooks = told.path(section["webhook_secret_file"])
    secrets = secretfile.lines("bridge.webhook_secret_file", webhooks) if with_webhooks else ()
    host, _, port = section.get("listen", LISTEN).rpartition(":")
    named = ("poll_seconds", "deadline_seconds", "show_private")
    return Bridge(
        database=writable(told.database),
        forge=_forge(section),
        url=url(told, command=command),
        host=host.strip("[]"),
        port=int(port),
        token=token,
        webhook_secrets=secrets,
        builtin_is_final=told.general.builtin_abra_is_final,
        **{name: section[name] for name in named if name in section},
    )


def work(told: Said) -> Work:
    """Return what a worker needs: of the bridge's section the forge alone, none of the files with its secrets.

    Raises:
        UsageError: a section is not there, the file with the clone credential is wrong, or the database's folder is;
            or the environment has what may be a forge's token.
    """
    section, general = told.section("work", command="work"), told.general
    if "bridge" not in told.data:
        msg = f"{told.file}: no section bridge:, whose forge is the one that recipeci work tests repositories of"
        raise UsageError(msg, hint="write the section as serve has it; of its files none is read")
    refuse_tokens(told.env)
    file = told.path(section["clone_credential_file"]) if "clone_credential_file" in section else None
    if file is not None:
        credential.read("work.clone_credential_file", file)
    if general.cache is None:
        raise UsageError("no cache folder: set `cache` in the settings, or HOME")
    return Work(
        database=writable(told.database),
        name=section.get("name") or _host_name(),
        slots=section.get("slots", 1),
        runs=general.cache / "runs" / "jobs",
        forge=_forge(told.data["bridge"]),
        credential=file,
        config=told.file,
        environment=settings.passed_on(told.env),
        keep_days=general.keep_days,
    )


def url(told: Said, *, command: str) -> str:
    """Return our own address, without reading any secret."""
    return str(told.section("bridge", command=command)["url"]).rstrip("/")


def _forge(bridge: Mapping[str, Any]) -> str:
    """Return the forge's address, as the addresses of its repositories begin."""
    return str(bridge["forge"]).rstrip("/")


def writable(database: Path) -> Path:
    """Return the database's path, if a file can be made and written there.

    Raises:
        UsageError: its folder is not there or cannot be written.
    """
    folder = database.parent
    if not folder.is_dir():
        raise UsageError(f"database: the folder {folder} is not there", hint=f"mkdir {folder}, or set `database`")
    if not os.access(folder, os.W_OK | os.X_OK):
        msg = f"database: the folder {folder} cannot be written"
        raise UsageError(msg, hint="run it as the user to whom the folder belongs, or set `database`")
    return database


def existing(told: Said) -> Path:
    """Return the path of a database that is there: what is not about to fill it makes none.

    Raises:
        UsageError: there is none.
    """
    database = writable(told.database)
    if not database.exists():
        raise UsageError(f"database: there is no {database}", hint="recipeci serve makes it; --config FILE says where")
    return database


def refuse_tokens(env: Environment) -> None:
    """Refuse an environment with what may be a forge's token: a worker has none, and what it starts cannot find one."""
    if found := next((name for name in FORGE_TOKENS if env.get(name)), None):
        raise UsageError(f"{found} is set, and a worker must have no token of a forge", hint=f"unset {found}")


def _host_name() -> str:
    """Return the host's name, if a worker can be called so."""
    name = os.uname().nodename
    if settings.WORKER_NAME.match(name) is None:
        raise UsageError(f"work.name: the host's name {name!r} cannot be a worker's", hint="set `name` in work:")
    return name
