"""The only place that says what the service wants of a forge: the interface, and what can go wrong with it.

Gitea and Forgejo are reached by `gitea.py`. No answer but the expected one counts as one (threats T3).
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Protocol

from recipeci.errors import HostError
from recipeci.service.model import Comment, Permission, Pull, Repository, Status, User


class ForgeUnavailable(HostError):
    """The forge did not answer, or says that it cannot now: ask again, not before `retry_after` seconds.

    Whether what was asked for was done is not known.
    """

    def __init__(self, message: str, *, retry_after: float = 0.0) -> None:
        """Keep how long the forge wants to be left alone."""
        super().__init__(message, hint="nothing is lost: it is asked again")
        self.retry_after = retry_after


class ForgeRefused(HostError):
    """The forge says no, and will again: the token may not, or what is asked about is not there.

    `status` is HTTP's.
    """

    def __init__(self, message: str, *, status: int) -> None:
        """Keep the status."""
        super().__init__(message, hint="recipeci enroll says what the token lacks")
        self.status = status


class Gone(ForgeRefused):
    """What is asked about is not there (404): a user, a pull request, a comment, a repository."""


@dataclass(frozen=True)
class Found:
    """A repository as the forge shows it."""

    id: int
    full_name: str
    private: bool
    clone_url: str

    def of(self, known: Repository) -> Repository:
        """Return an enrolled repository as it is now: name, address and who may see it can change."""
        return replace(known, full_name=self.full_name, private=self.private, clone_url=self.clone_url)


@dataclass(frozen=True)
class Permitted:
    """Who has a name now, and what that user may do in a repository; of one answer, so it is about one user."""

    user: User
    permission: Permission


@dataclass(frozen=True)
class OwnComment:
    """A comment of ours that was found again."""

    id: int
    body: str


@dataclass(frozen=True)
class Listing:
    """Comments under pull requests, oldest first, edited ones left out; `newest`: when the last one was changed.

    `is_cut`: there are more, none of which was made before `newest`. What is too long for a command has no text.
    `skipped`: the second in which more was changed than can be listed, so that nothing of it is here.
    """

    comments: tuple[Comment, ...]
    newest: str | None = None
    is_cut: bool = False
    skipped: str | None = None


class Forge(Protocol):
    """What is asked of a forge and done on it. Everything raises ForgeUnavailable, ForgeRefused or Gone.

    Every call has a time limit; nothing is cached; no redirect is followed; the token goes to no other host.
    """

    def myself(self) -> User:
        """Return the user whose token it is."""

    def repository(self, full_name: str) -> Found:
        """Return a repository by its name."""

    def repository_by_number(self, number: int) -> Found:
        """Return a repository by its number, whatever it is called now."""

    def permission(self, repository: Repository, login: str) -> Permitted:
        """Return who has this name now, and what that user may do; NONE for whatever is not known.

        Raises Gone if nobody has it. Whether others may see the user's profile makes no difference.
        """

    def pull(self, repository: Repository, number: int) -> Pull:
        """Return a pull request as it is now."""

    def last_push(self, repository: Repository, pull: Pull, *, before: int) -> str | None:
        """Return when the head that `pull` shows was pushed (ISO 8601 UTC), by the pull request's timeline.

        None: not known. The timeline does not name this head as what was pushed last, behind which it may lag; or it
        has the push behind the comment of the number `before`, whatever the times say, which are whole seconds.
        """

    def was_head(self, repository: Repository, pull: Pull, commit: str, *, before: int) -> bool:
        """Say whether a commit that `pull` does not show was its head when the comment `before` was made.

        By the pull request's timeline; False where that does not tell.
        """

    def comments(self, repository: Repository, *, since: str) -> Listing:
        """Return all comments under pull requests that were made since (ISO 8601 UTC), page after page.

        `newest` counts edited ones too: None if nothing was made or changed since.
        """

    def own_comments(self, repository: Repository, pull: int, *, marker: str, myself: User) -> tuple[OwnComment, ...]:
        """Return our comments under a pull request that begin with a marker, oldest first."""

    def make_comment(self, repository: Repository, pull: int, body: str) -> int:
        """Comment; return the comment's number. Done twice it is there twice."""

    def edit_comment(self, repository: Repository, number: int, body: str) -> None:
        """Give a comment of ours another text; raises Gone if somebody deleted it."""

    def remove_comment(self, repository: Repository, number: int) -> None:
        """Delete a comment of ours; one that is gone already is no error."""

    def shows_status(self, repository: Repository, status: Status) -> bool:
        """Say whether of the commit's statuses of this context the newest has this state and target address."""

    def set_status(self, repository: Repository, status: Status) -> None:
        """Set a commit status. Done twice it is there twice."""

    def permits(self, full_name: str, *, owner: str, with_webhook: bool) -> tuple[str, ...]:
        """Return what the token may not do of what a repository needs of it, a few words each; nothing is changed.

        `owner` is any other user, whose permission is asked about.
        """

    def webhooks(self, full_name: str, url: str) -> tuple[int, ...]:
        """Return the numbers of the repository's webhooks to an address."""

    def make_webhook(self, full_name: str, *, url: str, secret: str) -> int:
        """Have the repository tell an address of comments; return the webhook's number."""

    def remove_webhook(self, full_name: str, number: int) -> None:
        """Take a webhook away; one that is gone already is no error."""
