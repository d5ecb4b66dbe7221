"""The only place that makes of Gitea's API (1.26; Forgejo has the same) what the bridge wants of a forge.

Lists are in `gitealists`, what users may do in `giteaaccess`, webhooks and what the token may do in `giteahooks`.

About Gitea 1.26: users, repositories, pull requests and comments that are not there are 404, but an issue's comments
and a commit's status of what is not there are 500. A repository that was renamed and a user who was are 307. The head
of a pull request is that of its branch at this moment, whether or not Gitea has noted the push; of a deleted branch it
is the last one. With the repository that its head is in a pull request is closed, and it has no head's repository any
more. A comment can be edited by whoever may write in the repository. Statuses are never overwritten: each is another
one.
"""

from __future__ import annotations

import contextlib
import re
from types import TracebackType
from typing import Self

from recipeci.host.clock import Clock
from recipeci.model import FULL_SHA
from recipeci.service import giteaaccess, giteahooks, gitealists
from recipeci.service.forge import ForgeRefused, Found, Gone, Listing, OwnComment, Permitted
from recipeci.service.forgehttp import NOT_FOUND, TIMEOUT_SECONDS, ForgeHttp
from recipeci.service.gitealists import LOGIN
from recipeci.service.model import Pull, Repository, Status, User
from recipeci.service.shape import Shape

REPOSITORY_NAME = re.compile(r"[A-Za-z0-9._-]{1,100}")
NO_REPOSITORY_NAMES = (".", "..")
HEAD = re.compile(r"(?:[0-9a-f]{40}(?:[0-9a-f]{24})?)?")
"""Empty where there is no such commit any more; longer in repositories by SHA-256, which nothing here can run."""
STATES = re.compile(r"open|closed")
REDIRECTS = range(300, 400)


class Gitea:
    """A `Forge`; any thread may use it."""

    def __init__(self, url: str, token: str, *, clock: Clock, timeout: float = TIMEOUT_SECONDS) -> None:
        """Take the forge's address and our user's token.

        Raises:
            UsageError: either cannot be one.
        """
        self._http = ForgeHttp(url, token, clock=clock, timeout=timeout)

    def __enter__(self) -> Self:
        """Return itself."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Hang up."""
        self._http.close()

    def myself(self) -> User:
        """See Forge."""
        return _user(self._http.get("user").shape)

    def repository(self, full_name: str) -> Found:
        """See Forge."""
        return self._found(self._http.get("repos", *_parts(full_name)).shape)

    def repository_by_number(self, number: int) -> Found:
        """See Forge."""
        shape = self._http.get("repositories", _number(number)).shape
        found = self._found(shape)
        if found.id != number:
            raise shape.wrong("another repository's")
        return found

    def permission(self, repository: Repository, login: str) -> Permitted:
        """See Forge."""
        _check(LOGIN, login, "a user")
        self._refuse_who_may_not_be_here(login)
        return giteaaccess.permission(self._http, _parts(repository.full_name), login)

    def pull(self, repository: Repository, number: int) -> Pull:
        """See Forge.

        Its author may be nobody who can be asked about: whoever was deleted has a negative number (Gitea 1.26), and a
        name of another forge is none here.
        """
        shape = self._http.get("repos", *_parts(repository.full_name), "pulls", _number(number)).shape
        if shape["number"].number() != number:
            raise shape.wrong("another pull request's")
        home = _home_of_head(shape["head"])
        return Pull(
            number=number,
            author=User(shape["user"]["id"].number(least=-2), shape["user"]["login"].text()),
            head=shape["head"]["sha"].text(HEAD),
            head_url=None if home is None else self._clone_url(_full_name(home)),
            is_open=shape["state"].text(STATES) == "open",
        )

    def last_push(self, repository: Repository, pull: Pull, *, before: int | None = None) -> str | None:
        """See Forge."""
        return gitealists.last_push(self._http, _parts(repository.full_name), pull, before=before)

    def was_head(self, repository: Repository, pull: Pull, commit: str, *, before: int) -> bool:
        """See Forge."""
        return gitealists.was_head(self._http, _parts(repository.full_name), pull, commit, before=before)

    def comments(self, repository: Repository, *, since: str) -> Listing:
        """See Forge."""
        return gitealists.comments(self._http, _parts(repository.full_name), repository, since=since)

    def own_comments(self, repository: Repository, pull: int, *, marker: str, myself: User) -> tuple[OwnComment, ...]:
        """See Forge."""
        where = _parts(repository.full_name)
        return gitealists.own_comments(self._http, where, _number(pull), marker=marker, myself=myself)

    def make_comment(self, repository: Repository, pull: int, body: str) -> int:
        """See Forge."""
        where = ("repos", *_parts(repository.full_name), "issues", _number(pull), "comments")
        return self._http.post(*where, fields={"body": body}).shape["id"].number()

    def edit_comment(self, repository: Repository, number: int, body: str) -> None:
        """See Forge."""
        where = ("repos", *_parts(repository.full_name), "issues", "comments", _number(number))
        self._http.patch(*where, fields={"body": body}).shape["id"].number()

    def remove_comment(self, repository: Repository, number: int) -> None:
        """See Forge."""
        with contextlib.suppress(Gone):
            self._http.delete("repos", *_parts(repository.full_name), "issues", "comments", _number(number))

    def shows_status(self, repository: Repository, status: Status) -> bool:
        """See Forge."""
        _check(FULL_SHA, status.sha, "a commit")
        return gitealists.shows_status(self._http, _parts(repository.full_name), status)

    def set_status(self, repository: Repository, status: Status) -> None:
        """See Forge."""
        _check(FULL_SHA, status.sha, "a commit")
        fields = {
            "state": status.state,
            "context": status.context,
            "description": status.description,
            "target_url": status.target_url,
        }
        where = ("repos", *_parts(repository.full_name), "statuses", status.sha)
        self._http.post(*where, fields=fields).shape["id"].number()

    def permits(self, full_name: str, *, owner: str, with_webhook: bool) -> tuple[str, ...]:
        """See Forge."""
        _check(LOGIN, owner, "a user")
        return giteahooks.lacking(self._http, _parts(full_name), owner=owner, with_webhook=with_webhook)

    def webhooks(self, full_name: str, url: str) -> tuple[int, ...]:
        """See Forge."""
        return giteahooks.to(self._http, _parts(full_name), url)

    def make_webhook(self, full_name: str, *, url: str, secret: str) -> int:
        """See Forge."""
        return giteahooks.make(self._http, _parts(full_name), url=url, secret=secret)

    def remove_webhook(self, full_name: str, number: int) -> None:
        """See Forge."""
        giteahooks.remove(self._http, _parts(full_name), _number(number))

    def _refuse_who_may_not_be_here(self, login: str) -> None:
        """Raise Gone of a name that was given up, and of who is suspended, as far as the user's profile tells.

        Who gave up a name is redirected to (Gitea 1.26). That somebody is suspended is told to the forge's
        administrators alone. A profile that is private is a 404 for whoever is in nothing together with its user: that
        there is none says nothing.
        """
        try:
            shape = self._http.get("users", login).shape
        except Gone:
            return
        except ForgeRefused as e:
            if e.status in REDIRECTS:
                raise Gone(f"nobody is called {login} any more", status=NOT_FOUND) from e
            raise
        if (suspended := shape.maybe("prohibit_login")) and suspended.flag():
            raise Gone(f"user {login} is suspended", status=NOT_FOUND)

    def _found(self, shape: Shape) -> Found:
        full_name = _full_name(shape)
        return Found(shape["id"].number(), full_name, _is_private(shape), self._clone_url(full_name))

    def _clone_url(self, full_name: str) -> str:
        """Return where a repository is cloned from: at the address that we were given, whatever the forge says."""
        return f"{self._http.base}/{full_name}.git"


def _user(shape: Shape) -> User:
    """Return a user who can be asked about."""
    return User(shape["id"].number(), shape["login"].text(LOGIN))


def _home_of_head(head: Shape) -> Shape | None:
    """Return the repository in which somebody with a right to that pushed a pull request's branch; None: none is known.

    Whoever may read can push to `refs/for/BRANCH`. Gitea 1.26 says that such a head is in the repository itself, where
    no branch has it, and so no right to write was needed.
    """
    branch = head["ref"].text()
    return head.maybe("repo") if branch and branch == head["label"].text() else None


def _full_name(shape: Shape) -> str:
    """Return a repository's name, as it can stand in an address."""
    full_name = shape["full_name"].text()
    try:
        return "/".join(_parts(full_name))
    except Gone as e:
        raise shape.wrong("no name of a repository") from e


def _is_private(shape: Shape) -> bool:
    """Say whether strangers cannot see a repository: its own setting, or its owner's (Gitea 1.26: `visibility`)."""
    visibility = shape["owner"].maybe("visibility")
    return shape["private"].flag() or visibility is None or visibility.text() != "public"


def _parts(full_name: str) -> tuple[str, str]:
    """Return owner and repository of a name; no name that could mean something else in an address gets into one."""
    owner, _, name = full_name.partition("/")
    _check(LOGIN, owner, "an owner")
    _check(REPOSITORY_NAME, name, "a repository")
    if name in NO_REPOSITORY_NAMES:
        raise Gone(f"{name!r} cannot be the name of a repository", status=NOT_FOUND)
    return owner, name


def _check(pattern: re.Pattern[str], text: str, what: str) -> None:
    """Raise Gone where there cannot be what has this name: nobody is asked."""
    if not pattern.fullmatch(text):
        raise Gone(f"{text[:100]!r} cannot be the name of {what}", status=NOT_FOUND)


def _number(number: int) -> int:
    """Return a number that things of the forge can have."""
    if number < 1:
        raise Gone(f"nothing has the number {number}", status=NOT_FOUND)
    return number
