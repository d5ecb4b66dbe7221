"""The only place that has the people of a soak speak on a real Gitea, as `FakeForge` has them on the double."""

from __future__ import annotations

import datetime
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from recipeci.host.clock import SystemClock, until

from lab.checkouts import Checkout, checkout
from lab.fakeforge.deliveries import Plan
from lab.gitea import Home, LabGitea, Person, PullRequest
from lab.soak.between import Between

SCOPES = ("read:user", "read:organization", "write:issue", "write:repository")
STATUSES = 50


@dataclass
class RealForge:
    """A real Gitea behind `between`; names of people are ours, and made unlike all others for the forge."""

    lab: LabGitea
    between: Between
    folder: Path
    people: dict[str, Person] = field(default_factory=dict)
    homes: dict[int, Home] = field(default_factory=dict)
    work: dict[int, Checkout] = field(default_factory=dict)
    pulls: dict[tuple[int, int], PullRequest] = field(default_factory=dict)
    forks: dict[int, Home] = field(default_factory=dict)
    branches: dict[tuple[int, int], tuple[str, str]] = field(default_factory=dict)
    heads: list[tuple[int, str]] = field(default_factory=list)

    @property
    def url(self) -> str:
        """The address under which the bridge has it."""
        return self.between.base

    def do(self, what: str, **given: Any) -> Any:  # noqa: ANN401 - as FakeForge
        """See FakeForge."""
        return getattr(self, f"_{what}")(**given)

    def plan(self, plan: Plan) -> None:
        """See FakeForge."""
        self.between.deliveries.plan = Plan(**asdict(plan))

    def fail(self, rates: Mapping[str, float], *, silence: float = 2.0) -> None:
        """See FakeForge."""
        self.between.fail(rates, silence=silence)

    def told(self) -> dict[str, Any]:
        """See FakeForge: the journal is what there is at the end, in order."""
        deliveries, faults = self.between.deliveries, self.between.faults
        comments = {str(home): self._comments(home) for home in self.homes}
        made = [row | {"what": "comment made"} for rows in comments.values() for row in rows]
        statuses = [row for head in self.heads for row in self._statuses(*head)]
        return {
            "journal": sorted(made, key=lambda row: row["id"]) + sorted(statuses, key=lambda row: row["id"]),
            "deliveries": dict(deliveries.count),
            "refused": list(deliveries.refused),
            "accepted": list(deliveries.accepted),
            "faults": dict(faults.count),
            "asked": faults.asked,
            "comments": comments,
        }

    def _all(self, wanted: list[dict[str, Any]]) -> list[Any]:
        return [self.do(one["do"], **one["with"]) for one in wanted]

    def _is_idle(self) -> bool:
        """Ask the forge first: what it has told nobody yet, `between` cannot know of."""
        return not any(map(self.lab.still_delivers, self.homes.values())) and self.between.deliveries.is_idle

    def _delivered(self) -> int:
        return self.between.deliveries.count.get("all", 0)

    def _add_user(self, login: str, *, token: str | None = None) -> dict[str, Any]:
        made = self.people[login] = self.lab.person(login)
        return {"id": made.id} | ({"token": self.lab.token(made.login, *SCOPES)} if token else {})

    def _add_repository(self, owner: str, name: str) -> dict[str, Any]:
        made = self.lab.repository(self.people[owner], name=name)
        self.homes[made.id], self.work[made.id] = made, checkout(self.folder / f"work-{made.id}")
        self.work[made.id].push(self.lab.address(made, self.people[owner]), "main")
        return {"id": made.id, "full_name": made.full_name}

    def _permit(self, repository: int, login: str, permission: str) -> None:
        self.lab.grant(self.homes[repository], self.people[login], permission)

    def _add_issue(self, repository: int, author: str, *, pull: bool) -> dict[str, Any]:
        home, person = self.homes[repository], self.people[author]
        if not pull:
            made = self.lab.do("POST", f"repos/{home.full_name}/issues", by=person, fields={"title": "an issue"})
            return {"number": made["number"], "head": None}
        branch, work = self.lab.name("change"), self.work[repository]
        work.git("checkout", "--quiet", "main")
        sha = work.commit({"change": f"{branch}\n"}, branch=branch)
        # Who may not write here has a fork; whoever may has it here.
        permission = self.lab.do("GET", f"repos/{home.full_name}/collaborators/{person.login}/permission")["permission"]
        source = home if permission in ("write", "admin", "owner") else self._fork(home, person)
        work.push(self.lab.address(source, person), branch)
        head = branch if source is home else f"{person.login}:{branch}"
        opened = self.lab.pull(home, person, head=head, sha=sha)
        self.pulls[repository, opened.number] = opened
        self.branches[repository, opened.number] = (branch, self.lab.address(source, person))
        self.heads.append((repository, sha))
        return {"number": opened.number, "head": sha}

    def _push(self, repository: int, number: int) -> str:
        (branch, address), work = self.branches[repository, number], self.work[repository]
        work.git("checkout", "--quiet", branch)
        sha = work.commit({"change": self.lab.name("newer")})
        work.push(address, branch)
        self.heads.append((repository, sha))
        return sha

    def _fork(self, home: Home, person: Person) -> Home:
        if home.id not in self.forks:
            self.forks[home.id] = self.lab.fork(home, person)
        return self.forks[home.id]

    def _close(self, repository: int, number: int) -> None:
        self.lab.close_pull(self.pulls[repository, number])

    def _comment(self, repository: int, number: int, author: str, body: str) -> dict[str, Any]:
        pull = PullRequest(self.homes[repository], number, "")
        return {"id": self.lab.comment(pull, self.people[author], body)["id"]}

    def _edit(self, repository: int, comment: int, body: str, by: str) -> None:
        """Edit a comment, not in the second in which it was made: that nobody could see."""
        made = self.lab.do("GET", f"repos/{self.homes[repository].full_name}/issues/comments/{comment}")["created_at"]
        until(
            lambda: self._age(made), lambda age: age > 1.0, what="a second", clock=SystemClock(), timeout=9, delay=0.1
        )
        self.lab.edit(self.homes[repository], self.people[by], comment, body)

    @staticmethod
    def _age(made: str) -> float:
        return SystemClock().epoch() - datetime.datetime.fromisoformat(made).timestamp()

    def _delete(self, repository: int, comment: int) -> None:
        self.lab.delete_comment(self.homes[repository], comment)

    def _add_hook(self, repository: int, url: str, secret: str, events: list[str]) -> None:
        config = {"url": url, "content_type": "json", "secret": secret}
        fields = {"type": "gitea", "config": config, "events": events, "active": True}
        self.lab.do("POST", f"repos/{self.homes[repository].full_name}/hooks", fields=fields)

    def _comments(self, repository: int) -> list[dict[str, Any]]:
        """Return all comments of a repository, oldest first."""
        name, found = self.homes[repository].full_name, []
        for page in range(1, 100):
            rows = self.lab.do("GET", f"repos/{name}/issues/comments?page={page}&limit=50")
            found += rows
            if not rows:
                break
        return [
            {
                "repository": repository,
                "pull": int(row["html_url"].partition("#")[0].rpartition("/")[2]),
                "id": row["id"],
                "by": self._ours(row["user"]["login"]),
                "body": row["body"],
            }
            for row in found
        ]

    def _statuses(self, repository: int, sha: str) -> list[dict[str, Any]]:
        rows = self.lab.statuses(self.homes[repository], sha)
        assert len(rows) < STATUSES, "there may be more of them"
        return [
            {"what": "status", "repository": repository, "sha": sha, "by": self._ours(row["creator"]["login"])}
            | {"state": row["status"], "context": row["context"], "target_url": row["target_url"], "id": row["id"]}
            for row in rows
        ]

    def _ours(self, login: str) -> str:
        """Return what we call somebody."""
        return next((name for name, person in self.people.items() if person.login == login), login)
