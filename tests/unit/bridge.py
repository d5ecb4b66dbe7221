"""A bridge for unit tests: a real database, a clock that a test moves, and a forge that knows what was declared."""

from __future__ import annotations

import contextlib
import datetime
import threading
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

from recipeci.service.forge import Found, Gone, Listing, OwnComment, Permitted
from recipeci.service.model import Comment, Permission, Pull, Repository, Status, User, Via
from recipeci.service.store import Database, inbox, repositories

K = TypeVar("K")
T = TypeVar("T")
URL = "https://ci.test"
BOT = User(1, "bot")
MAINTAINER = User(2, "maint")
STRANGER = User(3, "stranger")
SHA, OTHER_SHA = "a" * 40, "b" * 40
HOME = Repository(
    id=7,
    full_name="coop/web",
    recipe="web",
    private=False,
    clone_url="https://forge.test/coop/web.git",
    since="2026-01-01T00:00:00Z",
    cursor="2026-01-02T00:00:00Z",
)
NOON = datetime.datetime(2026, 1, 2, 12, tzinfo=datetime.UTC)


class HandClock:
    """A clock that a test moves; by `jump` the wall clock is set, and no time passes. Whoever sleeps fails."""

    def __init__(self) -> None:
        self.seconds = self.jump = 0.0

    def monotonic(self) -> float:
        return 1000.0 + self.seconds

    def epoch(self) -> float:
        return NOON.timestamp() + self.seconds + self.jump

    def now(self) -> str:
        return at(self.seconds + self.jump)

    def sleep(self, seconds: float) -> None:
        raise AssertionError(f"nobody is to sleep, and somebody wants to for {seconds} s")


def at(seconds: float) -> str:
    """Return a moment so long after noon."""
    return (NOON + datetime.timedelta(seconds=seconds)).isoformat(timespec="seconds").replace("+00:00", "Z")


@dataclass
class Trouble:
    """One answer that is not the right one; `after`: what was asked for is done before."""

    error: BaseException
    after: bool = False


@dataclass
class DeclaredForge:
    """A forge that refuses what was not declared.

    `asked` has every question, `shown` and `statuses` every effect, `addressed` what the repository of each was called.
    """

    users: list[User] = field(default_factory=lambda: [BOT, MAINTAINER, STRANGER])
    permissions: dict[str, Permission] = field(
        default_factory=lambda: {"maint": Permission.WRITE, "stranger": Permission.READ}
    )
    found: dict[int, Found] = field(default_factory=dict)
    pulls: dict[int, Pull] = field(default_factory=dict)
    pushes: dict[int, str | None] = field(default_factory=dict)
    heads: list[str] = field(default_factory=lambda: [SHA])
    """What was the head of a pull request before anybody commented."""
    before: list[int] = field(default_factory=list)
    listings: dict[int, Listing] = field(default_factory=dict)
    since: list[str] = field(default_factory=list)
    listed: list[str] = field(default_factory=list)
    comments_of: dict[int, list[tuple[int, User, int, str]]] = field(default_factory=dict)
    statuses: list[Status] = field(default_factory=list)
    shown: list[str] = field(default_factory=list)
    troubles: dict[str, list[Trouble]] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)
    addressed: list[str] = field(default_factory=list)
    commented: int = 0
    look: Callable[[str], None] = lambda _: None
    """Called with the name of each effect just before it comes about."""

    def __post_init__(self) -> None:
        self.lock = threading.RLock()
        self.found.setdefault(HOME.id, Found(HOME.id, HOME.full_name, HOME.private, HOME.clone_url))
        self.pulls.setdefault(5, Pull(5, MAINTAINER, SHA, "https://forge.test/coop/web.git", is_open=True))
        self.pushes.setdefault(5, at(-3600))

    def fails(self, name: str, *errors: BaseException, after: bool = False) -> None:
        """Have the next calls of a method fail."""
        self.troubles.setdefault(name, []).extend(Trouble(error, after) for error in errors)

    def effects(self) -> int:
        """Return how often anything was done."""
        return len(self.statuses) + len(self.shown)

    def myself(self) -> User:
        return self._answer("myself", lambda: BOT)

    def repository_by_number(self, number: int) -> Found:
        return self._answer("repository_by_number", lambda: _one(self.found, number))

    def permission(self, repository: Repository, login: str) -> Permitted:
        return self._answer("permission", lambda: self._permitted(login), repository)

    def pull(self, repository: Repository, number: int) -> Pull:
        return self._answer("pull", lambda: _one(self.pulls, number), repository)

    def last_push(self, repository: Repository, pull: Pull, *, before: int) -> str | None:
        self.before.append(before)
        return self._answer("last_push", lambda: _declared(self.pushes, pull.number), repository)

    def was_head(self, repository: Repository, pull: Pull, commit: str, *, before: int) -> bool:
        assert commit != pull.head
        self.before.append(before)
        return self._answer("was_head", lambda: commit in self.heads, repository)

    def comments(self, repository: Repository, *, since: str) -> Listing:
        self.since.append(since)
        self.listed.append(repository.full_name)
        return self._answer("comments", lambda: _declared(self.listings, repository.id), repository)

    def own_comments(self, repository: Repository, pull: int, *, marker: str, myself: User) -> tuple[OwnComment, ...]:
        return self._answer("own_comments", lambda: self._own(pull, marker, myself), repository)

    def make_comment(self, repository: Repository, pull: int, body: str) -> int:
        return self._answer("make_comment", lambda: self._made(pull, body), repository, effect=True)

    def edit_comment(self, repository: Repository, number: int, body: str) -> None:
        return self._answer("edit_comment", lambda: self._edited(number, body), repository, effect=True)

    def remove_comment(self, repository: Repository, number: int) -> None:
        return self._answer("remove_comment", lambda: self._removed(number), repository)

    def shows_status(self, repository: Repository, status: Status) -> bool:
        return self._answer("shows_status", lambda: self._newest(status) == status, repository)

    def set_status(self, repository: Repository, status: Status) -> None:
        return self._answer("set_status", lambda: self.statuses.append(status), repository, effect=True)

    def repository(self, full_name: str) -> Found:
        raise AssertionError(f"nobody declared {full_name}")

    def permits(self, full_name: str, **_: object) -> tuple[str, ...]:
        raise AssertionError(f"nobody declared {full_name}")

    def webhooks(self, full_name: str, url: str) -> tuple[int, ...]:
        raise AssertionError(f"nobody declared a webhook {url} of {full_name}")

    def make_webhook(self, full_name: str, *, url: str, secret: str) -> int:
        raise AssertionError(f"nobody declared the webhook {url} of {full_name} with {secret}")

    def remove_webhook(self, full_name: str, number: int) -> None:
        raise AssertionError(f"nobody declared the webhook {number} of {full_name}")

    def add_comment(self, pull: int, author: User, body: str) -> int:
        """Have somebody comment."""
        of_pull = self.comments_of.setdefault(pull, [])
        number = 900 + self.commented
        self.commented += 1
        of_pull.append((number, author, pull, body))
        return number

    def bodies(self, pull: int = 5) -> list[str]:
        """Return what stands under a pull request."""
        return [body for *_, body in self.comments_of.get(pull, [])]

    def _permitted(self, login: str) -> Permitted:
        return Permitted(_one({user.login: user for user in self.users}, login), _declared(self.permissions, login))

    def _made(self, pull: int, body: str) -> int:
        self.shown.append(body)
        return self.add_comment(pull, BOT, body)

    def _edited(self, number: int, body: str) -> None:
        for of_pull in self.comments_of.values():
            for index, (known, author, pull, _) in enumerate(of_pull):
                if known == number:
                    self.shown.append(body)
                    of_pull[index] = (number, author, pull, body)
                    return
        raise Gone(f"there is no comment {number}", status=404)

    def _removed(self, number: int) -> None:
        for pull, rows in self.comments_of.items():
            self.comments_of[pull] = [row for row in rows if row[0] != number]

    def _newest(self, like: Status) -> Status | None:
        """Return the newest status of a commit and context."""
        of_commit = [one for one in self.statuses if (one.sha, one.context) == (like.sha, like.context)]
        return of_commit[-1] if of_commit else None

    def _own(self, pull: int, marker: str, myself: User) -> tuple[OwnComment, ...]:
        rows = self.comments_of.get(pull, [])
        return tuple(
            OwnComment(number, body) for number, author, _, body in rows if author == myself and body.startswith(marker)
        )

    def _answer(self, name: str, do: Callable[[], T], repository: Repository = HOME, *, effect: bool = False) -> T:
        assert repository.id in self.found, f"nobody declared repository {repository.id}"
        with self.lock:
            self.asked.append(name)
            waiting = self.troubles.get(name, [])
            trouble = waiting.pop(0) if waiting else None
            if trouble is not None and not trouble.after:
                raise trouble.error
            if effect:
                self.addressed.append(repository.full_name)
                self.look(name)
            done = do()
            if trouble is not None:
                raise trouble.error
            return done


@dataclass
class Scene:
    """A bridge with one enrolled repository, a pull request 5 of a maintainer, and all that a test moves."""

    database: Database
    clock: HandClock
    forge: DeclaredForge
    numbers: int = 100

    def says(self, body: str = "!testme", *, by: User = MAINTAINER, pull: int = 5, **other: Any) -> Comment:  # noqa: ANN401
        """Have somebody comment, and the comment come in."""
        comment = self.comment(body, by=by, pull=pull, **other)
        with self.database.writing() as tx:
            assert inbox.take(tx, comment, now=self.clock.epoch())
        return comment

    def comment(self, body: str = "!testme", *, by: User = MAINTAINER, pull: int = 5, **other: Any) -> Comment:  # noqa: ANN401
        """Return a comment that was just made, with an event that names the head."""
        self.numbers += 1
        given: dict[str, Any] = {
            "id": self.numbers,
            "created": self.clock.now(),
            "via": Via.WEBHOOK,
            "head": SHA,
        } | other
        return Comment(HOME.id, HOME.full_name, pull=pull, author=by, body=body, **given)

    def rows(self, statement: str, *values: object) -> list[tuple[Any, ...]]:
        """Ask the database."""
        with self.database.reading() as tx:
            return [tuple(row) for row in tx.all(statement, *values)]

    def column(self, statement: str, *values: object) -> list[Any]:
        """Return the first column of what was asked."""
        return [row[0] for row in self.rows(statement, *values)]


@contextlib.contextmanager
def scene(folder: Path) -> Iterator[Scene]:
    """Have a bridge in a folder."""
    with contextlib.closing(Database(folder / "bridge.sqlite")) as database:
        with database.writing() as tx:
            repositories.enrol(tx, HOME)
        yield Scene(database, HandClock(), DeclaredForge())


def _one(things: Mapping[K, T], key: K) -> T:
    """Return what is there; what is not there is gone, as on a forge."""
    if key not in things:
        raise Gone(f"there is no {key}", status=404)
    return things[key]


def _declared(things: Mapping[K, T], key: K) -> T:
    """Return what was declared."""
    assert key in things, f"nobody declared {key}"
    return things[key]
