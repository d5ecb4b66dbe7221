"""A bridge's database for tests of what is shown of it, with requests in every state, and a time that stands."""

from __future__ import annotations

import contextlib
import hashlib
import hmac
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from recipeci.model import Tier
from recipeci.service.health import Health
from recipeci.service.model import Asked, Comment, End, Job, Repository, User, Via
from recipeci.service.setup import Bridge
from recipeci.service.store import Database, Transaction, inbox, jobs, repositories, requests

NOW = 1_800_000_000.0
"""2027-01-15 08:00:00 UTC."""
SHA = "0123456789abcdef" * 2 + "01234567"
SECRET = "a secret that the forge and we know"
PUBLIC, HIDDEN = 7, 8
"""The forge's numbers of two repositories, of which the second one is private."""


class StoppedClock:
    """A time that moves when it is told to."""

    def __init__(self, epoch: float = NOW) -> None:
        self.time = epoch

    def monotonic(self) -> float:
        return self.time

    def now(self) -> str:
        raise AssertionError("nobody asks for it as text")

    def epoch(self) -> float:
        return self.time

    def sleep(self, seconds: float) -> None:
        raise AssertionError(f"nobody waits here, least of all {seconds} s")


@dataclass
class Lab:
    """A database with what a test puts there, and what the web server stands on."""

    database: Database
    clock: StoppedClock = field(default_factory=StoppedClock)

    @property
    def now(self) -> float:
        return self.clock.time

    def bridge(self, *, show_private: bool = False, port: int = 0) -> Bridge:
        return Bridge(
            database=self.database.path,
            forge="https://git.test",
            url="https://ci.test/bridge",
            host="127.0.0.1",
            port=port,
            token="the forge's token",
            webhook_secrets=("another secret that is on its way out", SECRET),
            show_private=show_private,
        )

    def well(self, *names: str) -> Health:
        """Return the health of parts that have all answered now."""
        health = Health(names or ("deciding", "forge"), clock=self.clock)
        for name in names or ("deciding", "forge"):
            health.answered(name)
        return health

    def enrol(self, number: int = PUBLIC, *, name: str = "", recipe: str = "") -> Repository:
        """Enrol a repository; the one of HIDDEN's number is private."""
        private = number == HIDDEN
        name = name or ("hermits/cave" if private else "people/square")
        home = Repository(
            id=number,
            full_name=name,
            recipe=recipe or ("grotto" if private else "fountain"),
            private=private,
            clone_url=f"https://git.test/coop/{number}.git",
            since="2026-01-01T00:00:00Z",
            cursor="2026-01-01T00:00:00Z",
        )
        with self.database.writing() as tx:
            repositories.enrol(tx, home)
        return home

    def open(self, home: Repository, *, asked_by: str = "mara", ago: float = 60.0, pull: int = 3) -> int:
        """Open a request; return its number."""
        asked = Asked(home.recipe, SHA, (Tier.INSTALL, Tier.UPGRADE), home.clone_url, home.clone_url, pull)
        with self.database.writing() as tx:
            return requests.open_one(tx, asked, repository=home.id, asked_by=asked_by, now=self.now - ago)

    def run(self, number: int, *, printed: str = "", worker: str = "anvil") -> jobs.Taken:
        """Have a request run, and its run print something."""
        with self.database.writing() as tx:
            found = requests.find(tx, number)
            assert found is not None
            requests.attempt(tx, number, after=found.attempts)
            requests.submitted(tx, number, attempt=found.attempts + 1)
            job = Job(f"{number}.{found.attempts + 1}", found.repository, found.asked)
            jobs.put(tx, job, now=self.now)
            taken = jobs.take(tx, worker=worker, forge="https://git.test", now=self.now)
            assert taken is not None
            requests.begun(tx, number, now=self.now - 30)
            if printed:
                jobs.say(tx, taken, printed)
        return taken

    def end(self, number: int, end: End = End.PASS, reason: str = "", report: Mapping[str, Any] | None = None) -> None:
        """End a request, and its run."""
        with self.database.writing() as tx:
            tx.change("UPDATE job SET state = 'ended', ended = ? WHERE key GLOB ?", self.now, f"{number}.*")
            assert requests.ended(tx, number, end, now=self.now, reason=reason, report=report)

    def writing(self, statement: str, *values: object) -> None:
        """Change what no function of the store would."""
        with self.database.writing() as tx:
            tx.change(statement, *values)

    def inbox(self) -> list[tuple[int, int]]:
        """Return repository and number of all comments taken."""
        with self.database.reading() as tx:
            return [(row["repository"], row["id"]) for row in tx.all("SELECT repository, id FROM comment ORDER BY id")]


@contextlib.contextmanager
def lab(folder: Path) -> Iterator[Lab]:
    """Make a database; it is closed at the end."""
    database = Database(folder / "bridge.db")
    try:
        yield Lab(database)
    finally:
        database.close()


def comment(home: Repository, number: int, *, body: str = "!testme", created: str = "2026-12-01T00:00:00Z") -> Comment:
    return Comment(home.id, home.full_name, number, 3, User(11, "mara"), body, created, Via.WEBHOOK, SHA)


def take(tx: Transaction, home: Repository, number: int, *, now: float) -> None:
    assert inbox.take(tx, comment(home, number), now=now)


def payload(home: Repository, number: int, *, body: str = "!testme", **changed: object) -> bytes:
    """Return what Gitea sends for a new comment under a pull request, as far as it matters."""
    author = {"id": 11, "login": "mara"}
    moment = "2026-12-01T10:00:00+01:00"
    data = {
        "action": "created",
        "issue": {"number": 3, "pull_request": {"merged": False}},
        "comment": {"id": number, "user": author, "body": body, "created_at": moment, "updated_at": moment},
        "repository": {"id": home.id, "full_name": home.full_name},
        "sender": author,
        "is_pull": True,
        "pull_request": {"number": 3, "head": {"sha": SHA}},
    }
    return json.dumps(data | changed, indent=2).encode()


def signed(body: bytes, *, secret: str = SECRET, **changed: str) -> dict[str, str]:
    """Return the headers of a delivery; a name's underscores are hyphens."""
    headers = {
        "Content-Type": "application/json",
        "X-Gitea-Event": "issue_comment",
        "X-Gitea-Signature": hmac.new(secret.encode(), body, hashlib.sha256).hexdigest(),
    }
    return headers | {name.replace("_", "-"): value for name, value in changed.items()}


def with_words(report: Mapping[str, Any], words: str) -> dict[str, Any]:
    """Return a report in which every free text is replaced, so that a page that shows any of them is tried."""
    kept = {"schema", "verdict", "outcome", "exit_code", "level", "seconds", "name", "source", "commit", "run_id"}

    def changed(value: object, key: str = "") -> object:
        if isinstance(value, dict):
            return {name: changed(inner, name) for name, inner in value.items()}
        if isinstance(value, list):
            return [changed(inner, key) for inner in value]
        return words if isinstance(value, str) and key not in kept else value

    return {name: changed(value, name) for name, value in report.items()}
