"""The races of test_push_races.py on the real Gitea, with real pushes, and runs that clone as real ones do."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from lab import bridgelab, ports, repository
from lab.bridgelab import Bridge, Config
from lab.checkouts import Checkout
from lab.gitea import Home, LabGitea, Person, PullRequest
from lab.soak.storm import rows, template
from recipeci.host.clock import SystemClock, until

from e2e.test_push_races import LEASE

RECIPE = Path(__file__).parents[1] / "lab" / "recipes" / "custom-html"
SCOPES = ("read:user", "read:organization", "write:issue", "write:repository")
MOMENTS = ("at once", "after 10 ms", "after a second", "in the queue")
EACH = 4
"""Races of each moment; every other push is a forced one, after which no branch has the pinned commit."""


@dataclass
class Race:
    """One pull request with a comment and a push."""

    moment: str
    pull: PullRequest
    branch: str
    forced: bool
    comment: int = 0
    pushed: str = ""


@dataclass
class Course:
    """The repository, its author, and the bridge."""

    lab: LabGitea
    home: Home
    author: Person
    work: Checkout
    bridge: Bridge
    races: list[Race] = field(default_factory=list)
    clock: SystemClock = field(default_factory=SystemClock)

    def run(self) -> None:
        """Run all races; those of the last moment queue."""
        for moment in MOMENTS:
            races = [self._race(moment, forced=number % 2 == 1) for number in range(EACH)]
            self.races += races
            self._start(moment, races)
        until(self._waiting, lambda left: not left, what="quiet", clock=self.clock, timeout=600, delay=0.3)

    def _race(self, moment: str, *, forced: bool) -> Race:
        branch = self.lab.name("change")
        self.work.git("checkout", "--quiet", "main")
        sha = self.work.commit({"NOTES.md": f"{branch}\n"}, branch=branch)
        self.work.push(self.lab.address(self.home, self.author), branch)
        pull = self.lab.pull(self.home, self.author, head=branch, sha=sha)
        return Race(moment, pull, branch, forced)

    def _start(self, moment: str, races: Sequence[Race]) -> None:
        if moment == "in the queue":
            for race in races:
                self._comment(race)
            for race in races:
                self._push(race)
            return
        for race in races:
            if moment == "at once":
                pushing = threading.Thread(target=self._push, args=(race,))
                pushing.start()
                self._comment(race)
                pushing.join()
            else:
                self._comment(race)
                self.clock.sleep({"after 10 ms": 0.01, "after a second": 1.0}[moment])
                self._push(race)

    def _comment(self, race: Race) -> None:
        race.comment = self.lab.comment(race.pull, self.author, "!testme")["id"]

    def _push(self, race: Race) -> None:
        self.work.git("checkout", "--quiet", race.branch)
        race.pushed = self.work.commit({"NOTES.md": f"newer than {race.branch}\n"}, amend=race.forced)
        self.work.push(self.lab.address(self.home, self.author), race.branch, force=race.forced)

    def _waiting(self) -> list[str]:
        """Return what has to be done yet."""
        config = self.bridge.config
        known = {row["id"] for row in rows(config, "SELECT id FROM comment")}
        left = [f"comment {race.comment}" for race in self.races if race.comment not in known]
        left += [f"comment {row['id']}" for row in rows(config, "SELECT id FROM comment WHERE state = 'new'")]
        left += [f"request {row['id']}" for row in rows(config, "SELECT id FROM request WHERE state = 'open'")]
        return left + [row["key"] for row in rows(config, "SELECT key FROM outbox WHERE state = 'waiting'")]

    def wrong(self, race: Race) -> list[str]:
        """Return what became of a race and should not have: another commit than the pinned one, or one twice."""
        shas = (race.pull.head, race.pushed)
        pinned = shas if race.moment == "at once" else shas[:1]  # who was first then only Gitea knows
        ran = [run["sha"] for run in bridgelab.began(self.bridge.config) if run["sha"] in shas]
        asked = [row["sha"] for row in rows(self.bridge.config, "SELECT sha FROM request") if row["sha"] in shas]
        told = [sha for sha in shas if self.lab.statuses(self.home, sha)]
        words = [f"{what}: {found}" for what, found in (("run", ran), ("told", told)) if found != asked]
        return words + [f"asked for: {sha}" for sha in asked if sha not in pinned] + ["twice"] * (len(asked) > 1)


@pytest.fixture
def course(gitea: LabGitea, tmp_path: Path) -> Iterator[Course]:
    owner, author, bot = (gitea.person(name) for name in ("owner", "author", "bot"))
    home = gitea.repository(owner, name="custom-html")
    gitea.grant(home, author, "write")
    gitea.grant(home, bot, "admin")
    work = Checkout(repository.build(RECIPE, tmp_path / "work").path)
    work.push(gitea.address(home, author), "main", "--tags")
    template(tmp_path)
    token = gitea.token(bot.login, *SCOPES)
    with ports.held() as port:
        config = Config(
            str(tmp_path), gitea.url, token, port, slots=1, poll=8.0, timeout=10.0, lease=LEASE, checks_out=True
        )
        bridgelab.enrol(config, [home.full_name])
        with bridgelab.running(config) as bridge:
            yield Course(gitea, home, author, work, bridge)


def test_no_other_commit_runs_or_is_reported_than_the_pinned_one(course: Course) -> None:
    course.run()
    assert [(race, found) for race in course.races if (found := course.wrong(race))] == []
    ran = {run["sha"] for run in bridgelab.began(course.bridge.config)}
    told = {row["id"] for row in rows(course.bridge.config, "SELECT id FROM comment WHERE head IS NOT NULL")}
    known = [race for race in course.races if race.moment != "at once" and race.comment in told]
    assert [race for race in known if race.pull.head not in ran] == []  # its event has named the head of then
    assert len(known) > EACH
    ends = rows(course.bridge.config, "SELECT outcome, reason, report FROM request")
    assert [(row["outcome"], row["reason"]) for row in ends if row["report"] is None] == []
