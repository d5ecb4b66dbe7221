"""The only place that answers the double's API: what a bridge may use, refused as the real one refuses it."""

from __future__ import annotations

import datetime
import json
import math
import re
import urllib.parse
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from lab.fakeforge import shapes
from lab.fakeforge.state import Issue, NoSuchThing, Repository, State, User

PAGE, PAGE_MOST = 30, 50
ADMIN = ("admin", "owner")
WRITE = ("write", *ADMIN)
READ = ("read", *WRITE)
STATES = ("pending", "success", "error", "failure", "warning")


@dataclass(frozen=True)
class Question:
    """What was asked: by whom, which path with which values, and the body's JSON."""

    method: str
    user: User
    query: Mapping[str, str]
    body: Mapping[str, Any]


@dataclass(frozen=True)
class Answer:
    """What the forge answers."""

    status: int
    shape: Any = None
    headers: Mapping[str, str] = field(default_factory=dict)


class Refused(Exception):
    """The forge says no."""

    def __init__(self, status: int, message: str) -> None:
        """Keep the answer."""
        super().__init__(message)
        self.answer = Answer(status, {"message": message, "url": "https://forge.test/api/swagger"})


class Api:
    """Answers what is below `/api/v1`."""

    def __init__(self, state: State, *, base: str) -> None:
        """Take the forge's state and its address."""
        self.state = state
        self.base = base

    def answer(self, method: str, target: str, *, authorization: str, body: bytes) -> Answer:
        """Return the answer to a request."""
        with self.state.lock:
            try:
                return self._answer(method, urllib.parse.urlsplit(target), authorization=authorization, body=body)
            except Refused as e:
                return e.answer
            except NoSuchThing:
                return Refused(404, "The target couldn't be found.").answer

    def _answer(self, method: str, url: urllib.parse.SplitResult, *, authorization: str, body: bytes) -> Answer:
        user = self._who(authorization)
        for wanted, pattern, door in DOORS:
            if wanted == method and (match := re.fullmatch(pattern, url.path)):
                question = Question(method, user, dict(urllib.parse.parse_qsl(url.query)), _json(body))
                return door(self, question, *(urllib.parse.unquote(group) for group in match.groups()))
        raise Refused(404, "not found")

    def _who(self, authorization: str) -> User:
        kind, _, token = authorization.partition(" ")
        if kind.lower() not in ("token", "bearer") or token not in self.state.tokens:
            raise Refused(401, "user does not exist [uid: 0, name: ]")
        return self.state.tokens[token]

    def _home(self, question: Question, owner: str, name: str, *permissions: str) -> Repository:
        """Return a repository; whoever may not see it is told that it is not there."""
        home = self.state.repository(owner, name)
        if not home.may(question.user, *READ):
            raise NoSuchThing
        if not home.may(question.user, *permissions):
            raise Refused(403, "user should have a permission to do that")
        return home

    def myself(self, question: Question) -> Answer:
        return Answer(200, shapes.user(question.user))

    def user(self, question: Question, login: str) -> Answer:
        """Whose profile is hidden is not there for others."""
        former = self.state.former.get(login.lower())
        if former is not None:
            return Answer(301, None, {"Location": f"{self.base}/api/v1/users/{former.login}"})
        found = self.state.user(login)
        if found.is_hidden and found is not question.user:
            raise NoSuchThing
        return Answer(200, shapes.user(found))

    def by_number(self, question: Question, number: str) -> Answer:
        home = self.state.found(self.state.repositories, int(number))
        if not home.may(question.user, *READ):
            raise NoSuchThing
        return Answer(200, shapes.repository(home, base=self.base, viewer=question.user))

    def by_name(self, question: Question, owner: str, name: str) -> Answer:
        home = self._home(question, owner, name, *READ)
        return Answer(200, shapes.repository(home, base=self.base, viewer=question.user))

    def permission(self, question: Question, owner: str, name: str, login: str) -> Answer:
        home = self._home(question, owner, name, *READ)
        if not home.may(question.user, *ADMIN) and question.user.login.lower() != login.lower():
            raise Refused(403, "Only admins can query all permissions")
        asked = self.state.user(login)
        found = home.permission(asked)
        return Answer(200, {"permission": found, "role_name": found, "user": shapes.user(asked)})

    def teams(self, question: Question, owner: str, name: str) -> Answer:
        """No repository here is an organisation's."""
        self._home(question, owner, name, *READ)
        raise Refused(405, "repo is not owned by an organization")

    def pull(self, question: Question, owner: str, name: str, number: str) -> Answer:
        home = self._home(question, owner, name, *READ)
        return Answer(200, shapes.pull(_pull(self.state, home, number), home, self.state, base=self.base))

    def timeline(self, question: Question, owner: str, name: str, number: str) -> Answer:
        """The real one's X-Total-Count is of the page."""
        home = self._home(question, owner, name, *READ)
        issue = self.state.issue(home.id, int(number))
        shown = [(push.at, shapes.pushed(push, issue, home, base=self.base)) for push in issue.pushes]
        shown += [
            (one.created, shapes.said(one, home, base=self.base))
            for one in home.comments.values()
            if one.number == issue.number
        ]
        page = _page([shape for _, shape in sorted(shown, key=lambda row: row[0])], question.query)
        return Answer(200, page, {"X-Total-Count": str(len(page))})

    def all_comments(self, question: Question, owner: str, name: str) -> Answer:
        home = self._home(question, owner, name, *READ)
        since, before = _moment(question.query.get("since")), _moment(question.query.get("before")) or math.inf
        among = (one for one in home.comments.values() if since <= one.updated <= before)
        found = sorted(among, key=lambda c: (c.created, c.id))
        shown = [shapes.comment(one, home, base=self.base) for one in _page(found, question.query)]
        return Answer(200, shown, {"X-Total-Count": str(len(found))})

    def comments(self, question: Question, owner: str, name: str, number: str) -> Answer:
        """The real one gives all of them, whatever page is asked for."""
        home = self._home(question, owner, name, *READ)
        issue, since = self._commented(home, number), _moment(question.query.get("since"))
        found = [one for one in home.comments.values() if one.number == issue.number and one.updated >= since]
        shown = [shapes.comment(one, home, base=self.base) for one in found]
        return Answer(200, shown, {"X-Total-Count": str(len(found))})

    def add_comment(self, question: Question, owner: str, name: str, number: str) -> Answer:
        home = self._home(question, owner, name, *READ)
        where, body = self._commented(home, number), _text(question, "body")
        made = self.state.comment(home.id, where.number, author=question.user.login, body=body)
        return Answer(201, shapes.comment(made, home, base=self.base))

    def _commented(self, home: Repository, number: str) -> Issue:
        """Return what is commented on: where that is not there, the real one says 500."""
        if int(number) not in home.issues:
            raise Refused(500, "")
        return home.issues[int(number)]

    def one_comment(self, question: Question, owner: str, name: str, number: str) -> Answer:
        home = self._home(question, owner, name, *READ)
        return Answer(200, shapes.comment(self.state.found(home.comments, int(number)), home, base=self.base))

    def edit_comment(self, question: Question, owner: str, name: str, number: str) -> Answer:
        home = self._home(question, owner, name, *READ)
        found = self.state.found(home.comments, int(number))
        if found.author is not question.user and not home.may(question.user, *WRITE):
            raise Refused(403, "user should be the author or may write")
        changed = self.state.edit(home.id, found.id, body=_text(question, "body"), by=question.user.login)
        return Answer(200, shapes.comment(changed, home, base=self.base))

    def remove_comment(self, question: Question, owner: str, name: str, number: str) -> Answer:
        home = self._home(question, owner, name, *READ)
        found = self.state.found(home.comments, int(number))
        if found.author is not question.user and not home.may(question.user, *WRITE):
            raise Refused(403, "user should be the author or may write")
        self.state.delete(home.id, found.id)
        return Answer(204)

    def statuses(self, question: Question, owner: str, name: str, sha: str) -> Answer:
        home = self._home(question, owner, name, *READ)
        found = home.statuses.get(sha, [])
        shown = [shapes.status(one) for one in _page(found[::-1], question.query)]
        return Answer(200, shown, {"X-Total-Count": str(len(found))})

    def add_status(self, question: Question, owner: str, name: str, sha: str) -> Answer:
        home = self._home(question, owner, name, *WRITE)
        words = {name: question.body.get(name, "") for name in ("state", "context", "description", "target_url")}
        if not all(isinstance(word, str) for word in words.values()) or words["state"] not in STATES:
            raise Refused(422, "json: cannot unmarshal")
        if sha not in home.statuses:
            raise Refused(500, "")  # as the real one
        return Answer(201, shapes.status(self.state.add_status(home.id, sha, by=question.user.login, **words)))

    def hooks(self, question: Question, owner: str, name: str) -> Answer:
        home = self._home(question, owner, name, *ADMIN)
        shown = [shapes.hook(one) for one in _page(list(home.hooks.values()), question.query)]
        return Answer(200, shown, {"X-Total-Count": str(len(home.hooks))})

    def add_hook(self, question: Question, owner: str, name: str) -> Answer:
        home = self._home(question, owner, name, *ADMIN)
        config, events = question.body.get("config"), question.body.get("events")
        if question.body.get("type") != "gitea" or not isinstance(config, dict) or not isinstance(events, list):
            raise Refused(422, "a hook needs type, config and events")
        if config.get("content_type") != "json" or not config.get("url"):
            raise Refused(422, "config needs url and content_type")
        made = self.state.add_hook(
            home.id, url=config["url"], secret=config.get("secret", ""), events=tuple(map(str, events))
        )
        made.active = bool(question.body.get("active"))
        return Answer(201, shapes.hook(made))

    def edit_hook(self, question: Question, owner: str, name: str, number: str) -> Answer:
        home = self._home(question, owner, name, *ADMIN)
        hook, config = self.state.found(home.hooks, int(number)), question.body.get("config", {})
        hook.url = config.get("url", hook.url)  # the secret stays, as with the real one
        hook.events = tuple(question.body.get("events", hook.events))
        hook.active = bool(question.body.get("active", hook.active))
        return Answer(200, shapes.hook(hook))

    def remove_hook(self, question: Question, owner: str, name: str, number: str) -> Answer:
        home = self._home(question, owner, name, *ADMIN)
        self.state.found(home.hooks, int(number))
        del home.hooks[int(number)]
        return Answer(204)


def _json(body: bytes) -> Mapping[str, Any]:
    try:
        found = json.loads(body or b"{}")
    except ValueError as e:
        raise Refused(422, "the body is no JSON") from e
    if not isinstance(found, dict):
        raise Refused(422, "the body is no object")
    return found


def _text(question: Question, name: str) -> str:
    found = question.body.get(name)
    if not isinstance(found, str) or not found:
        raise Refused(422, f"[{name}]: Required")
    return found


def _pull(state: State, home: Repository, number: str) -> Issue:
    found = state.issue(home.id, int(number))
    if found.head is None:
        raise NoSuchThing
    return found


def _page(things: list[Any], query: Mapping[str, str]) -> list[Any]:
    limit = min(int(query.get("limit", PAGE)), PAGE_MOST)
    begin = (max(int(query.get("page", 1)), 1) - 1) * limit
    return things[begin : begin + limit]


def _moment(text: str | None) -> float:
    if text is None:
        return 0
    try:
        return datetime.datetime.fromisoformat(text).timestamp()
    except ValueError as e:
        raise Refused(422, "since is no time") from e


_REPO = r"/api/v1/repos/([^/]+)/([^/]+)"
DOORS: tuple[tuple[str, str, Callable[..., Answer]], ...] = (
    ("GET", r"/api/v1/user", Api.myself),
    ("GET", r"/api/v1/users/([^/]+)", Api.user),
    ("GET", r"/api/v1/repositories/(\d+)", Api.by_number),
    ("GET", _REPO, Api.by_name),
    ("GET", _REPO + r"/collaborators/([^/]+)/permission", Api.permission),
    ("GET", _REPO + r"/teams", Api.teams),
    ("GET", _REPO + r"/pulls/(\d+)", Api.pull),
    ("GET", _REPO + r"/issues/(\d+)/timeline", Api.timeline),
    ("GET", _REPO + r"/issues/comments", Api.all_comments),
    ("GET", _REPO + r"/issues/(\d+)/comments", Api.comments),
    ("POST", _REPO + r"/issues/(\d+)/comments", Api.add_comment),
    ("GET", _REPO + r"/issues/comments/(\d+)", Api.one_comment),
    ("PATCH", _REPO + r"/issues/comments/(\d+)", Api.edit_comment),
    ("DELETE", _REPO + r"/issues/comments/(\d+)", Api.remove_comment),
    ("GET", _REPO + r"/statuses/([0-9a-f]+)", Api.statuses),
    ("POST", _REPO + r"/statuses/([0-9a-f]+)", Api.add_status),
    ("GET", _REPO + r"/hooks", Api.hooks),
    ("POST", _REPO + r"/hooks", Api.add_hook),
    ("PATCH", _REPO + r"/hooks/(\d+)", Api.edit_hook),
    ("DELETE", _REPO + r"/hooks/(\d+)", Api.remove_hook),
)
"""All that there is; whatever else is asked for is not found."""
