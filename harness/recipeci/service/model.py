"""The only place for the values of the service: comments, pull requests, requests for runs, jobs and their results."""

from __future__ import annotations

import enum
import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from recipeci.errors import UsageError
from recipeci.model import FULL_SHA, RECIPE_NAME, Tier

KEY = re.compile(r"[1-9][0-9]{0,17}\.[1-9][0-9]{0,5}\Z")
"""A job's key, which is part of the name of a folder."""
REPOSITORY = re.compile(r"(?!\.+/)[A-Za-z0-9._-]{1,255}/[A-Za-z0-9._-]{1,255}\.git")
"""Of a repository's address what comes after the forge's."""
MOST = 2**63
"""No number of ours or the forge's is so large."""


class Via(enum.StrEnum):
    """How a comment reached us."""

    WEBHOOK = "webhook"
    POLL = "poll"


class Permission(enum.StrEnum):
    """What a user may do in a repository, as the forge says now; anything that is not known is NONE."""

    NONE = "none"
    READ = "read"
    WRITE = "write"
    ADMIN = "admin"
    OWNER = "owner"

    @property
    def may_write(self) -> bool:
        """Whether it lets a user start runs."""
        return self in (Permission.WRITE, Permission.ADMIN, Permission.OWNER)


@dataclass(frozen=True)
class User:
    """A user of the forge. The number is the identity: a name can be given to somebody else."""

    id: int
    login: str


@dataclass(frozen=True)
class Repository:
    """An enrolled repository: the forge's number for it, `OWNER/REPO` as last seen, and the recipe that it holds."""

    id: int
    full_name: str
    recipe: str
    private: bool
    clone_url: str
    """Where runs clone it from."""
    since: str
    """ISO 8601 UTC of its enrolment: an older comment is nobody's wish any more."""
    cursor: str
    """ISO 8601 UTC: comments changed before were listed by the poller."""
    is_enrolled: bool = True
    """False once it was removed: its runs are still shown, and its comments are nobody's wish."""
    is_gone: bool = False
    """Whether the forge does not have it any more."""


@dataclass(frozen=True)
class Comment:
    """One comment under a pull request, as an event or a listing gave it; `body` as its author wrote it."""

    repository: int
    repository_name: str
    id: int
    pull: int
    author: User
    body: str
    created: str
    """ISO 8601 UTC."""
    via: Via
    head: str | None = None
    """The pull request's head when the comment was made, if the event names it: 40 hex digits."""

    def __str__(self) -> str:
        """Name it for the operator's log, where names are made harmless."""
        return f"{self.repository_name}#{self.pull}: comment {self.id} of {self.author.login}"


@dataclass(frozen=True)
class Test:
    """`!testme`: a run, of the head or of the sha that is named."""

    __test__ = False
    sha: str | None = None
    stages: tuple[Tier, ...] = tuple(Tier)


@dataclass(frozen=True)
class Cancel:
    """`!testme cancel`: whatever of this pull request is queued or running ends."""


@dataclass(frozen=True)
class Help:
    """`!testme help`."""


@dataclass(frozen=True)
class Unknown:
    """Anything else after `!testme`; `wrong` is one sentence about it in which nothing of it is repeated raw."""

    wrong: str


Command = Test | Cancel | Help | Unknown


@dataclass(frozen=True)
class Pull:
    """A pull request as the forge shows it now. `head_url` is None where the head's repository is gone."""

    number: int
    author: User
    head: str
    head_url: str | None
    is_open: bool


class State(enum.StrEnum):
    """How far a request has come: only FINAL is never left."""

    OPEN = "open"
    FINAL = "final"


class End(enum.StrEnum):
    """How a request ended: the verdict of its run, or why there is none."""

    PASS = "pass"  # noqa: S105 - no password
    FAIL = "fail"
    UNVERIFIED = "unverified"
    ERROR = "error"
    SUPERSEDED = "superseded"
    CANCELLED = "cancelled"


@dataclass(frozen=True)
class Asked:
    """What a run is asked for: everything that a host needs to know of it, and nothing that is secret."""

    recipe: str
    sha: str
    stages: tuple[Tier, ...]
    clone_url: str
    """Where the commit is fetched from: the repository that the pull request is made to, never its head's."""
    head_url: str | None
    """The source that the allowlist is asked about: the head's repository; None: not known, nothing of it runs."""
    pull: int | None = None
    """A label for the report; None for a sweep."""

    def __post_init__(self) -> None:
        """Refuse what a program must not get as an argument, and values of other types: a file's JSON has any."""
        texts = (self.recipe, self.sha, self.clone_url, *([self.head_url] if self.head_url is not None else []))
        if not all(isinstance(text, str) for text in texts):
            raise UsageError("a name, a commit or an address is no text")
        if not RECIPE_NAME.match(self.recipe):
            raise UsageError(f"{self.recipe!r} is not a recipe name: lower-case letters, digits and hyphens")
        if not FULL_SHA.match(self.sha):
            raise UsageError(f"{self.sha!r} is not a full commit sha (40 hex digits)")
        if not self.stages:
            raise UsageError("no stages are asked for")
        for url in (self.clone_url, *([self.head_url] if self.head_url is not None else [])):
            if not url.startswith(("https://", "http://")) or any(c.isspace() or not c.isprintable() for c in url):
                raise UsageError(f"{url!r} is not the https:// address of a repository")
        if self.pull is not None and not (type(self.pull) is int and 0 < self.pull < MOST):
            raise UsageError(f"{self.pull} is not the number of a pull request")

    def at(self, forge: str) -> Asked:
        """Return it as whoever tests the repositories of one forge may carry it out: code of elsewhere is nobody's.

        Raises:
            UsageError: what is to be fetched is no repository of the forge.
        """
        if not _is_at(self.clone_url, forge):
            raise UsageError(f"{self.clone_url!r} is no repository of {forge}, the forge of the settings")
        is_known = self.head_url is not None and _is_at(self.head_url, forge)
        return self if is_known else replace(self, head_url=None)


def _is_at(url: str, forge: str) -> bool:
    """Say whether an address is that of a repository at a forge, and nothing that could be read as another."""
    return url.startswith(f"{forge}/") and REPOSITORY.fullmatch(url.removeprefix(f"{forge}/")) is not None


@dataclass(frozen=True)
class Request:
    """One wish for a run, from the decision to its end. `id` is what people see."""

    id: int
    repository: int
    asked: Asked
    state: State
    created: float
    """Seconds since 1970, as `started` and `ended`."""
    comment: int | None = None
    sweep: int | None = None
    asked_by: str = ""
    attempts: int = 0
    """Jobs that were made for it; the last one's key is `ID.ATTEMPTS`."""
    is_running: bool = False
    cancel: str | None = None
    """Why it is to be cancelled, once somebody said so."""
    started: float | None = None
    ended: float | None = None
    end: End | None = None
    reason: str = ""
    """One sentence, from the harness or a recipe: never to be shown unescaped."""
    report: Mapping[str, Any] | None = None
    """report.json of its run, as schemas/report.json says."""

    @property
    def key(self) -> str:
        """The key of its newest job."""
        return key(self.id, self.attempts)


def key(request: int, attempt: int) -> str:
    """Return the key under which an engine knows one attempt at a request: at most one run is ever made of it."""
    return f"{request}.{attempt}"


class JobState(enum.StrEnum):
    """What an engine says of a job. LOST: whoever ran it is gone, and it will not be run again under this key."""

    QUEUED = "queued"
    RUNNING = "running"
    ENDED = "ended"
    WITHDRAWN = "withdrawn"
    LOST = "lost"


@dataclass(frozen=True)
class Job:
    """One attempt at a request, as it is given to an engine."""

    key: str
    repository: int
    asked: Asked


@dataclass(frozen=True)
class Result:
    """What a host brings back of a job: the exit code of its run, and its report if it left one.

    `cancelled` says that the run was ended on request. It is believed only with the fence that the job was taken with.
    """

    exit_code: int
    report: Mapping[str, Any] | None = None
    cancelled: bool = False
    error: str = ""
    """Why there is no report, in one sentence."""


@dataclass(frozen=True)
class Sighting:
    """What an engine knows of a job now."""

    state: JobState
    result: Result | None = None
    """Of an ended one."""
    reason: str = ""
    """Of a lost one."""


@dataclass(frozen=True)
class Status:
    """A commit status to be set: `state` is the forge's word (pending, success, failure, error)."""

    sha: str
    state: str
    context: str
    description: str
    target_url: str


@dataclass(frozen=True)
class Card:
    """All that the one comment under a pull request tells: its newest requests, and the newest answer in words."""

    repository: Repository
    pull: int
    requests: tuple[Request, ...] = ()
    """Newest first: the one that the comment is about, and what came before it."""
    answer: str = ""
    """The newest answer or refusal, Markdown of ours; empty if a request is newer than it."""
    waiting: str = ""
    """Why a queued request does not begin (no host, the engine does not answer)."""
