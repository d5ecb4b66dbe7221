"""A repository on the real Gitea as the bridge finds one: an owner, a bot, a contributor, and a pull request."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

from lab.checkouts import Checkout, checkout
from lab.gitea import Home, LabGitea, Person, PullRequest
from recipeci.host.clock import SystemClock
from recipeci.service.gitea import Gitea
from recipeci.service.model import Repository, Status

SINCE = "2020-01-01T00:00:00Z"
SCOPES = ("read:user", "read:organization", "write:issue", "write:repository")
"""What docs say that the bridge's token needs."""
SECONDS = 60.0
"""A real forge on a busy machine takes its time, and an answer that is late is none."""


@dataclass(frozen=True)
class Scene:
    """Who and what is there."""

    lab: LabGitea
    owner: Person
    bot: Person
    contributor: Person
    home: Home
    work: Checkout
    branch: str
    pull: PullRequest

    @property
    def repository(self) -> Repository:
        """The repository as the database would have it."""
        return enrolled(self.lab, self.home)

    def again(self) -> Scene:
        """Return it with another pull request in the same repository."""
        branch = self.lab.name("change")
        self.work.git("checkout", "--quiet", "main")
        head = self.work.commit({"change": f"{branch}\n"}, branch=branch)
        self.work.push(self.lab.address(self.home, self.contributor), branch)
        return replace(self, branch=branch, pull=self.lab.pull(self.home, self.contributor, head=branch, sha=head))

    def push(self, text: str, *, amend: bool = False) -> str:
        """Push another commit to the pull request; return its sha."""
        sha = self.work.commit({"change": f"{text}\n"}, amend=amend)
        self.work.push(self.lab.address(self.home, self.contributor), self.branch, force=amend)
        return sha

    def status(self, sha: str, *, state: str = "pending", run: int = 1) -> Status:
        """Return a status for a commit."""
        return Status(sha, state, "recipeci/app", f"run {run}", f"https://ci.test/runs/{run}")


def enrolled(lab: LabGitea, home: Home) -> Repository:
    """Return a repository as the database would have it."""
    clone_url = f"{lab.url}/{home.full_name}.git"
    return Repository(home.id, home.full_name, "app", home.private, clone_url, SINCE, SINCE)


def adapter(lab: LabGitea, person: Person, *scopes: str) -> Gitea:
    """Return the adapter with a token of a user's that has these scopes, the documented ones if none is named."""
    return Gitea(lab.url, lab.token(person.login, *(scopes or SCOPES)), clock=SystemClock(), timeout=SECONDS)


def scene(lab: LabGitea, folder: Path) -> Scene:
    """Set the scene in a repository of its own."""
    owner, bot, contributor = (lab.person(beginning) for beginning in ("owner", "bot", "contributor"))
    home = lab.repository(owner)
    lab.grant(home, bot, "admin")
    lab.grant(home, contributor, "write")
    work = checkout(folder / "work")
    head = work.commit({"change": "a change\n"}, branch="change")
    work.push(lab.address(home, contributor), "main", "change")
    return Scene(
        lab, owner, bot, contributor, home, work, "change", lab.pull(home, contributor, head="change", sha=head)
    )
