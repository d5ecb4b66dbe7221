"""The only place that does to a real Gitea what people do: users, teams, repositories, pull requests, comments.

Everything goes by its API and by git, as people's doings would; `root` is its administrator. Names are made unlike all
others, so that tests share one Gitea.
"""

from __future__ import annotations

import contextlib
import itertools
import sqlite3
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import httpx
from recipeci.host.clock import SystemClock, until

from lab import giteaserver
from lab.giteaserver import PASSWORD

NOTED_SECONDS = 60.0
NOT_FOUND = 404


@dataclass(frozen=True)
class Person:
    """A user with a token that may do whatever the user may."""

    id: int
    login: str
    token: str


@dataclass(frozen=True)
class Home:
    """A repository."""

    id: int
    full_name: str
    private: bool


@dataclass(frozen=True)
class PullRequest:
    """A pull request, with the head that it had at first."""

    home: Home
    number: int
    head: str


class LabGitea:
    """A running Gitea."""

    def __init__(self, server: giteaserver.Server) -> None:
        """Take a server."""
        self.server = server
        self.url = server.url
        self.root = Person(1, "root", server.token)
        self._client = httpx.Client(base_url=f"{server.url}/api/v1/", trust_env=False, timeout=120)
        self._numbers = itertools.count(1)
        self._known: dict[str, Person] = {}

    def close(self) -> None:
        """Hang up."""
        self._client.close()

    def do(
        self,
        method: str,
        path: str,
        *,
        by: Person | None = None,
        fields: Mapping[str, object] | None = None,
        auth: tuple[str, str] | None = None,
    ) -> Any:  # noqa: ANN401 - JSON
        """Make a request as a user, `root` if none is named; return its JSON, None if there is none."""
        headers = {} if auth else {"Authorization": f"token {(by or self.root).token}"}
        answer = self._client.request(method, path, headers=headers, json=fields, auth=auth)
        assert answer.is_success, f"{method} {path}: {answer.status_code} {answer.text}"
        return answer.json() if answer.content else None

    def name(self, beginning: str) -> str:
        """Return a name that nothing else has."""
        return f"{beginning}-{next(self._numbers)}"

    # --- people

    def person(self, beginning: str = "person", *, login: str | None = None, **more: object) -> Person:
        """Make a user who can do everything by token."""
        login = login or self.name(beginning)
        fields = {
            "username": login,
            "email": f"{self.name('mail')}@example.org",
            "password": PASSWORD,
            "must_change_password": False,
            **more,
        }
        made = self.do("POST", "admin/users", fields=fields)
        return Person(made["id"], login, self.token(login))

    def known(self, login: str) -> Person:
        """Return the user of a name that several tests' words have, made when it is first asked for."""
        if login not in self._known:
            self._known[login] = self.person(login=login)
        return self._known[login]

    def token(self, login: str, *scopes: str) -> str:
        """Make a token of these scopes, of all if none is named."""
        fields = {"name": self.name("token"), "scopes": list(scopes or ("all",))}
        return str(self.do("POST", f"users/{login}/tokens", fields=fields, auth=(login, PASSWORD))["sha1"])

    def change(self, person: Person, **fields: object) -> None:
        """Change a user as an administrator does: prohibit_login, admin, active, restricted, visibility."""
        self.do("PATCH", f"admin/users/{person.login}", fields={"source_id": 0, "login_name": person.login, **fields})

    def rename(self, person: Person, login: str) -> Person:
        """Give a user another name."""
        self.do("POST", f"admin/users/{person.login}/rename", fields={"new_username": login})
        return Person(person.id, login, person.token)

    def delete(self, person: Person, *, purge: bool = True) -> None:
        """Delete a user, with all that is his, or so that it stays without him."""
        self.do("DELETE", f"admin/users/{person.login}{'?purge=true' if purge else ''}")

    def organisation(self, owner: Person) -> str:
        """Make an organisation; return its name."""
        name = self.name("org")
        self.do("POST", "orgs", by=owner, fields={"username": name})
        return name

    def team(self, organisation: str, permission: str, *members: Person, of: Home | None = None, **more: object) -> int:
        """Make a team of an organisation's with members, and a repository that it is about."""
        units = ["repo.code", "repo.issues", "repo.pulls"]
        fields = {"name": self.name("team"), "permission": permission, "units": units, **more}
        made = self.do("POST", f"orgs/{organisation}/teams", fields=fields)
        for member in members:
            self.do("PUT", f"teams/{made['id']}/members/{member.login}")
        if of is not None:
            self.do("PUT", f"teams/{made['id']}/repos/{of.full_name}")
        return int(made["id"])

    def grant(self, home: Home, person: Person, permission: str) -> None:
        """Make somebody a collaborator: read, write, admin."""
        self.do("PUT", f"repos/{home.full_name}/collaborators/{person.login}", fields={"permission": permission})

    def revoke(self, home: Home, person: Person) -> None:
        """Make somebody no collaborator any more."""
        self.do("DELETE", f"repos/{home.full_name}/collaborators/{person.login}")

    # --- repositories

    def repository(
        self, owner: Person, *, organisation: str | None = None, name: str | None = None, **more: object
    ) -> Home:
        """Make an empty repository; `private` is one of the things that can be said of it."""
        where = f"orgs/{organisation}/repos" if organisation else "user/repos"
        return self._home(self.do("POST", where, by=owner, fields={"name": name or self.name("repo"), **more}))

    def fork(self, home: Home, person: Person) -> Home:
        """Fork a repository."""
        fields = {"name": self.name("fork")}
        return self._home(self.do("POST", f"repos/{home.full_name}/forks", by=person, fields=fields))

    def delete_repository(self, home: Home) -> None:
        """Delete a repository."""
        self.do("DELETE", f"repos/{home.full_name}")

    def address(self, home: Home, person: Person) -> str:
        """Return where a user pushes to and clones from."""
        return f"{self.url.replace('://', f'://{person.login}:{person.token}@')}/{home.full_name}.git"

    def _home(self, made: Mapping[str, Any]) -> Home:
        return Home(made["id"], made["full_name"], made["private"])

    # --- pull requests

    def pull(self, home: Home, person: Person, *, head: str, sha: str, base: str = "main") -> PullRequest:
        """Open a pull request of a branch (`OWNER:BRANCH` of a fork).

        Gitea notes a branch that was pushed a little later; until then it knows no such thing.
        """
        fields = {"head": head, "base": base, "title": self.name("a change")}
        headers = {"Authorization": f"token {person.token}"}
        answer = until(
            lambda: self._client.post(f"repos/{home.full_name}/pulls", json=fields, headers=headers),
            lambda answer: answer.status_code != NOT_FOUND,
            what=f"a pull request of {head}",
            clock=SystemClock(),
            timeout=NOTED_SECONDS,
            describe=lambda answer: str(answer.text),
            delay=0.05,
            successes=1,
        )
        assert answer.is_success, answer.text
        return PullRequest(home, answer.json()["number"], sha)

    def comment(self, pull: PullRequest, person: Person, body: str) -> Any:  # noqa: ANN401 - JSON
        """Comment; return what the API says of the comment."""
        path = f"repos/{pull.home.full_name}/issues/{pull.number}/comments"
        return self.do("POST", path, by=person, fields={"body": body})

    def edit(self, home: Home, person: Person, comment: int, body: str) -> None:
        """Edit a comment."""
        self.do("PATCH", f"repos/{home.full_name}/issues/comments/{comment}", by=person, fields={"body": body})

    def delete_comment(self, home: Home, comment: int) -> None:
        """Delete a comment."""
        self.do("DELETE", f"repos/{home.full_name}/issues/comments/{comment}")

    def close_pull(self, pull: PullRequest) -> None:
        """Close a pull request without merging it."""
        self.do("PATCH", f"repos/{pull.home.full_name}/pulls/{pull.number}", fields={"state": "closed"})

    def merge(self, pull: PullRequest) -> None:
        """Merge a pull request, and delete its branch."""
        fields = {"Do": "merge", "delete_branch_after_merge": True, "force_merge": True}
        self.do("POST", f"repos/{pull.home.full_name}/pulls/{pull.number}/merge", fields=fields)

    def comments(self, pull: PullRequest) -> list[Any]:
        """Return a pull request's comments, as the API gives them."""
        return list(self.do("GET", f"repos/{pull.home.full_name}/issues/{pull.number}/comments"))

    def statuses(self, home: Home, sha: str) -> list[Any]:
        """Return a commit's statuses, newest first; Gitea's own order is none for those of one second."""
        found = self.do("GET", f"repos/{home.full_name}/statuses/{sha}?limit=50")
        return sorted(found, key=lambda status: status["id"], reverse=True)

    def markdown(self, home: Home, text: str) -> str:
        """Return the page that a comment in a repository would be."""
        headers = {"Authorization": f"token {self.root.token}"}
        fields = {"Text": text, "Mode": "comment", "Context": home.full_name}
        answer = self._client.post("markdown", json=fields, headers=headers)
        assert answer.is_success, answer.text
        return answer.text

    # --- behind Gitea's back

    def backdate(self, table: str, number: int, *, seconds: int) -> None:
        """Make a comment (a push is one) or an issue older than it is, so that nobody has to wait for it."""
        moved = "created_unix = created_unix - ?, updated_unix = updated_unix - ?"
        self._change(f"UPDATE {_table(table)} SET {moved} WHERE id = ?", seconds, seconds, number)  # noqa: S608

    def forget(self, table: str, number: int) -> None:
        """Take a row away as if it had never come."""
        self._change(f"DELETE FROM {_table(table)} WHERE id = ?", number)  # noqa: S608

    def silence(self, home: Home) -> None:
        """Take away all that was ever said in a repository; what was pushed stays."""
        of_home = "SELECT id FROM issue WHERE repo_id = ?"
        self._change(f"DELETE FROM comment WHERE type = 0 AND issue_id IN ({of_home})", home.id, any_number=True)  # noqa: S608

    def still_delivers(self, home: Home) -> bool:
        """Whether a webhook of a repository has an event before it: one that was not answered and did not fail yet.

        The event of a comment is noted before the request that makes it is answered (that of a push is not), and is
        told later. One that Gitea lost would stay for ever.
        """
        of_home = "SELECT id FROM webhook WHERE repo_id = ?"
        unanswered = "(response_content IS NULL OR response_content = '')"
        with self._database() as database:
            waiting = f"SELECT count(*) FROM hook_task WHERE hook_id IN ({of_home}) AND {unanswered}"  # noqa: S608
            return bool(database.execute(waiting, [home.id]).fetchone()[0])

    def _database(self) -> contextlib.closing[sqlite3.Connection]:
        return contextlib.closing(sqlite3.connect(self.server.folder / "gitea.db", timeout=30))

    def _change(self, statement: str, *values: int, any_number: bool = False) -> None:
        with self._database() as database:
            changed = database.execute(statement, values)
            database.commit()
            assert any_number or changed.rowcount == 1


def _table(name: str) -> str:
    assert name in ("comment", "issue")
    return name


@contextlib.contextmanager
def running(*, more: str = "") -> Iterator[LabGitea]:
    """Run a Gitea, with `more` settings, until the end of the block; raises NoToolchain where none can be built."""
    with giteaserver.running(more=more) as server, contextlib.closing(LabGitea(server)) as lab:
        yield lab
