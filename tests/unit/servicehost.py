"""What tests of the service's settings and commands share: a host with settings, and the program as a process."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml
from recipeci import service_settings
from recipeci.host.clock import SystemClock
from recipeci.model import Tier
from recipeci.service import ending
from recipeci.service.judging import Judgement
from recipeci.service.model import Asked, End, Repository, Request
from recipeci.service.setup import Bridge, Work
from recipeci.service.store import Database, repositories, requests

from unit.commandline import PROGRAM
from unit.processes import ended, environment

TOKEN, FIRST, SECOND = "token-0123456789abcdef", "first-secret-0123456789", "second-secret-0123456789"
CREDENTIAL = "https://reader:clone-0123456789abcdef@git.example.org"
ENV = {"HOME": "/home/me", "PATH": "/usr/bin", "XDG_CONFIG_DIRS": "/nowhere"}
HOME = "https://git.example.org/coop/web.git"
SHA = "4f0c1a2b" * 5
HOUR = 3600.0


class Host:
    """A folder with settings, the files that they name, and a folder for the database."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.secret("token", f"{TOKEN}\n")
        self.secret("webhook", f"{FIRST}\n{SECOND}\n")
        self.secret("clone", CREDENTIAL)
        (folder / "state").mkdir()
        self.data: dict[str, Any] = {
            "database": str(folder / "state" / "recipeci.db"),
            "cache": str(folder / "cache"),
            "bridge": {
                "forge": "https://git.example.org/",
                "url": "https://ci.example.org/recipeci/",
                "token_file": str(folder / "token"),
                "webhook_secret_file": str(folder / "webhook"),
            },
            "work": {"name": "host-1", "clone_credential_file": str(folder / "clone")},
        }

    def secret(self, name: str, text: str, *, mode: int = 0o600) -> None:
        (self.folder / name).write_text(text)
        (self.folder / name).chmod(mode)

    def write(self) -> None:
        """Write the settings as they are now, at once: a process that was started before may be reading them."""
        (self.folder / "s.fresh").write_text(yaml.safe_dump(self.data))
        (self.folder / "s.fresh").rename(self.folder / "s.yml")

    def said(self, *, env: dict[str, str] | None = None) -> service_settings.Said:
        self.write()
        return service_settings.said(str(self.folder / "s.yml"), env or ENV, command="serve")

    def bridge(self, **more: Any) -> Bridge:  # noqa: ANN401 - options
        return service_settings.bridge(self.said(), command="serve", **more)

    def work(self, *, env: dict[str, str] | None = None) -> Work:
        return service_settings.work(self.said(env=env))


def run(host: Host, *options: str, config: bool = True) -> tuple[int, str, str]:
    given = [*options, *(["--config", str(host.folder / "s.yml")] if config else [])]
    return ended([str(PROGRAM), *given], env=environment({**ENV, "HOME": str(host.folder)}), cwd=host.folder)


def sentence(host: Host, *options: str, config: bool = True) -> str:
    """Return what is said when a command refuses; nothing was made by then."""
    before = sorted(host.folder.rglob("*"))
    code, out, err = run(host, *options, config=config)
    assert (code, out) == (2, ""), err
    assert sorted(host.folder.rglob("*")) == before
    first, *more = err.splitlines()
    assert len(more) <= 1
    assert first.startswith("recipeci: ")
    return first.removeprefix("recipeci: ")


def ask(database: Database, *, pull: int | None = 3, replaces: tuple[int, ...] = ()) -> int:
    asked = Asked("web", SHA, (Tier.INSTALL,), HOME, None, pull=pull)
    now = SystemClock().epoch() - 1.5 * HOUR  # so that it is an hour, however long the test takes
    given: dict[str, Any] = {"repository": 7, "asked_by": "alice", "url": "https://ci.test"}
    with database.writing() as tx:
        return ending.begin(tx, asked, now=now, replaces=replaces, **given)


def end(database: Database, number: int, how: End = End.FAIL) -> None:
    with database.writing() as tx:
        assert ending.end(tx, number, Judgement(how, "why"), url="https://ci.test", now=SystemClock().epoch())


def found(database: Database, number: int) -> Request:
    with database.reading() as tx:
        request = requests.find(tx, number)
    assert request is not None
    return request


def written(short: Path) -> Host:
    """Return a host with its settings."""
    made = Host(short)
    made.write()
    return made


@contextlib.contextmanager
def opened(host: Host) -> Iterator[Database]:
    """Have a host's database, with a repository."""
    made = Database(host.folder / "state" / "recipeci.db")
    when = "2026-01-01T00:00:00Z"
    with made.writing() as tx:
        repositories.enrol(tx, Repository(7, "coop/web", "web", False, HOME, when, when))  # noqa: FBT003
    yield made
    made.close()
