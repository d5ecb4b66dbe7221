"""The only place for what the double of the forge holds, and for what its people do there: push, comment, lose rights.

All methods may be called by many threads. Times are whole seconds, as the real one's.
"""

from __future__ import annotations

import datetime
import functools
import hashlib
import threading
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any, Concatenate, ParamSpec, TypeVar

from recipeci.host.clock import SystemClock

OFFSET = datetime.timezone(datetime.timedelta(hours=2))
"""The real one writes times with its machine's offset: whoever compares them as texts is caught."""
P = ParamSpec("P")
R = TypeVar("R")


class NoSuchThing(LookupError):
    """There is no such user, repository, pull request, comment or commit."""


@dataclass
class User:
    """A user; `login` can change and be given to somebody else. Of who is hidden others see no profile."""

    id: int
    login: str
    is_hidden: bool = False


@dataclass
class Comment:
    """A comment under an issue or a pull request."""

    id: int
    number: int
    author: User
    body: str
    created: int
    updated: int


@dataclass
class Push:
    """A push to a pull request's branch: what the timeline shows of it; numbered together with comments."""

    id: int
    at: int
    shas: tuple[str, ...]


@dataclass
class Issue:
    """An issue, or a pull request if it has a head."""

    number: int
    author: User
    created: int
    head: str | None = None
    head_repository: int | None = None
    """None for a pull request: it was deleted."""
    is_open: bool = True
    pushes: list[Push] = field(default_factory=list)
    unseen: list[str] = field(default_factory=list)
    """Heads that the timeline does not show yet."""


@dataclass
class Status:
    """A commit status; the newest of a context counts."""

    id: int
    sha: str
    state: str
    context: str
    description: str
    target_url: str
    by: User
    created: int


@dataclass
class Hook:
    """A webhook of a repository."""

    id: int
    url: str
    secret: str
    events: tuple[str, ...]
    active: bool = True


@dataclass
class Repository:
    """A repository: who may do what in it, and all that was said there."""

    id: int
    owner: User
    name: str
    private: bool = False
    permissions: dict[int, str] = field(default_factory=dict)
    issues: dict[int, Issue] = field(default_factory=dict)
    comments: dict[int, Comment] = field(default_factory=dict)
    statuses: dict[str, list[Status]] = field(default_factory=dict)
    hooks: dict[int, Hook] = field(default_factory=dict)

    @property
    def full_name(self) -> str:
        """`OWNER/REPO`."""
        return f"{self.owner.login}/{self.name}"

    def permission(self, user: User) -> str:
        """Return what a user may do, in the forge's words."""
        return "owner" if user is self.owner else self.permissions.get(user.id, "none" if self.private else "read")

    def may(self, user: User, *wanted: str) -> bool:
        """Say whether a user has one of these permissions."""
        return self.permission(user) in wanted


def _alone(method: Callable[Concatenate[State, P], R]) -> Callable[Concatenate[State, P], R]:
    """Have one thread at a time in a method."""

    @functools.wraps(method)
    def locked(state: State, /, *args: P.args, **kwargs: P.kwargs) -> R:
        with state.lock:
            return method(state, *args, **kwargs)

    return locked


class State:
    """All of the forge. `journal` has every change of a comment and every status, in order, whoever made it."""

    def __init__(self) -> None:
        """Begin with nothing."""
        self.lock = threading.RLock()
        self.clock = SystemClock()
        self.users: dict[int, User] = {}
        self.former: dict[str, User] = {}
        """Who had a name before: the real one redirects."""
        self.tokens: dict[str, User] = {}
        self.repositories: dict[int, Repository] = {}
        self.journal: list[dict[str, Any]] = []
        self.told: Callable[[Repository, Comment, str], None] = lambda *_: None
        """Called with each change of a comment, and what it is: webhooks."""
        self._last = 0

    @_alone
    def add_user(self, login: str, *, token: str | None = None) -> User:
        """Make a user, perhaps with a token."""
        user = User(self._number(), login)
        self.users[user.id] = user
        self.former.pop(login.lower(), None)
        if token is not None:
            self.tokens[token] = user
        return user

    @_alone
    def rename(self, login: str, *, to: str) -> None:
        """Give a user another name."""
        user = self.user(login)
        self.former[login.lower()] = user
        user.login = to

    @_alone
    def hide(self, login: str) -> None:
        """Have a user's profile be private."""
        self.user(login).is_hidden = True

    @_alone
    def remove_user(self, login: str) -> None:
        """Remove a user: the name is free again."""
        del self.users[self.user(login).id]

    @_alone
    def add_repository(self, owner: str, name: str, *, private: bool = False) -> Repository:
        """Make a repository."""
        made = Repository(self._number(), self.user(owner), name, private)
        self.repositories[made.id] = made
        return made

    @_alone
    def permit(self, repository: int, login: str, permission: str) -> None:
        """Give a user a permission from now on."""
        self.repositories[repository].permissions[self.user(login).id] = permission

    @_alone
    def add_issue(self, repository: int, *, author: str, pull: bool = True) -> Issue:
        """Open an issue or a pull request; a pull request's first commit counts as pushed, as in the real one."""
        home, now = self.repositories[repository], self.now()
        made = Issue(len(home.issues) + 1, self.user(author), now)
        home.issues[made.number] = made
        if pull:
            made.head_repository = home.id
            self.push(repository, made.number)
        return made

    @_alone
    def push(self, repository: int, number: int, *, sha: str | None = None, silent: bool = False) -> str:
        """Move a pull request's head to a commit (a new one if none is named), and return it.

        `silent`: the timeline does not show it yet, as for a moment after a push to the real one.
        """
        pull = self.issue(repository, number)
        pull.head = sha or hashlib.sha1(f"{repository}.{number}.{self._number()}".encode()).hexdigest()  # noqa: S324 - git's
        pull.unseen.append(pull.head)
        self.repositories[repository].statuses.setdefault(pull.head, [])
        if not silent:
            self.show_pushes(repository, number)
        return pull.head

    @_alone
    def show_pushes(self, repository: int, number: int) -> None:
        """Have the timeline show what was pushed silently, push for push."""
        pull = self.issue(repository, number)
        pull.pushes += [Push(self._number(), self.now(), (head,)) for head in pull.unseen]
        pull.unseen.clear()

    @_alone
    def close(self, repository: int, number: int) -> None:
        """Close an issue or a pull request."""
        self.issue(repository, number).is_open = False

    @_alone
    def lose_head(self, repository: int, number: int) -> None:
        """Delete the repository that a pull request's head is in."""
        self.issue(repository, number).head_repository = None

    @_alone
    def comment(
        self, repository: int, number: int, *, author: str, body: str, overtaken: bool = False, silent: bool = False
    ) -> Comment:
        """Comment under an issue or a pull request.

        `overtaken`: somebody pushes between the comment and its event, which then names the newer head. `silent`: as
        of `push`.
        """
        home, now = self.repositories[repository], self.now()
        self.issue(repository, number)
        made = Comment(self._number(), number, self.user(author), body, now, now)
        home.comments[made.id] = made
        self._note("comment made", home, made)
        if overtaken:
            self.push(repository, number, silent=silent)
        self.told(home, made, "created")
        return made

    @_alone
    def edit(self, repository: int, comment: int, *, body: str, by: str) -> Comment:
        """Give a comment another text."""
        home = self.repositories[repository]
        changed = self.found(home.comments, comment)
        changed.body, changed.updated = body, max(self.now(), changed.created + 1)
        self._note("comment edited", home, changed, by=by)
        self.told(home, changed, "edited")
        return changed

    @_alone
    def delete(self, repository: int, comment: int) -> None:
        """Delete a comment."""
        home = self.repositories[repository]
        gone = self.found(home.comments, comment)
        del home.comments[comment]
        self._note("comment deleted", home, gone)
        self.told(home, gone, "deleted")

    @_alone
    def add_status(
        self, repository: int, sha: str, *, by: str, state: str, context: str, description: str, target_url: str
    ) -> Status:
        """Set a commit status."""
        of_sha = self.found(self.repositories[repository].statuses, sha)
        made = Status(self._number(), sha, state, context, description, target_url, self.user(by), self.now())
        of_sha.append(made)
        self.journal.append(
            {
                "what": "status",
                "repository": repository,
                "sha": sha,
                "by": by,
                "id": made.id,
                "state": state,
                "context": context,
                "description": description,
                "target_url": target_url,
            }
        )
        return made

    @_alone
    def add_hook(self, repository: int, *, url: str, secret: str, events: tuple[str, ...]) -> Hook:
        """Make a webhook."""
        made = Hook(self._number(), url, secret, events)
        self.repositories[repository].hooks[made.id] = made
        return made

    def user(self, login: str) -> User:
        """Return who has a name now; names are the same in capitals."""
        return self._first(user for user in self.users.values() if user.login.lower() == login.lower())

    def repository(self, owner: str, name: str) -> Repository:
        """Return a repository by its name."""
        wanted = f"{owner}/{name}".lower()
        return self._first(one for one in self.repositories.values() if one.full_name.lower() == wanted)

    def issue(self, repository: int, number: int) -> Issue:
        """Return an issue or a pull request."""
        return self.found(self.found(self.repositories, repository).issues, number)

    def now(self) -> int:
        """Return the time in whole seconds."""
        return int(self.clock.epoch())

    @staticmethod
    def found(things: dict[Any, R], key: Any) -> R:  # noqa: ANN401 - numbers and shas
        """Return a thing, or raise NoSuchThing."""
        if key not in things:
            raise NoSuchThing(str(key))
        return things[key]

    @staticmethod
    def _first(things: Iterable[R]) -> R:
        for thing in things:
            return thing
        raise NoSuchThing

    def _number(self) -> int:
        self._last += 1
        return self._last

    def _note(self, what: str, home: Repository, comment: Comment, *, by: str | None = None) -> None:
        self.journal.append(
            {
                "what": what,
                "repository": home.id,
                "pull": comment.number,
                "id": comment.id,
                "by": by or comment.author.login,
                "head": home.issues[comment.number].head,
                "body": comment.body,
            }
        )


def iso(moment: int) -> str:
    """Return a time as the forge writes it."""
    return datetime.datetime.fromtimestamp(moment, OFFSET).isoformat()
