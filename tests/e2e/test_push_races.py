"""The head moves between comment, event, decision and checkout: what runs is the head of the comment's time, or none.

Each race has a pull request of its own, so each commit belongs to one race. Where it cannot be known which commit the
commenter has seen, nothing runs and the answer says so: that is no failure, but it must not be all that there is.
"""

from __future__ import annotations

import collections
import random
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from lab import bridgelab, ports
from lab.bridgelab import Bridge, Config
from lab.fakeforge import client
from lab.fakeforge.client import FakeForge
from lab.fakeforge.deliveries import Plan
from lab.soak.storm import rows, template
from mutants import service
from mutants.mutant import Mutant
from recipeci.host.clock import SystemClock, until

RACES = 200
LEASE = 60.0
"""Seconds: a worker that a busy machine puts to sleep for less keeps its run, which must not be given out once more."""
AUTHOR, BOT, TOKEN = "ann", "recipeci-bot", "token-of-the-bot"
WAYS: Mapping[str, Plan] = {
    "webhook": Plan(),
    "late webhook": Plan(late=1.0, seconds=1.5),
    "webhook without a head": Plan(with_head=False),
    "poll": Plan(dropped=1.0),
}
MOMENTS: Mapping[str, float] = {
    "before the comment": 0.0,
    "before its event": 0.0,
    "before its event, and again": 0.0,
    "at once": 0.0,
    "after 10 ms": 0.01,
    "after a second": 1.0,
    "in the queue": 3.0,
}
"""When somebody pushes, and how many seconds after the comment that is."""
NEVER = "never"
"""One of each way is of this: however slow the bridge is, it must run."""
OVERTAKEN = ("before its event", "before its event, and again")
AFTER = ("at once", "after 10 ms", "after a second", "in the queue")


@dataclass
class Race:
    """One comment and one push, or two.

    `silent`: the timeline shows the push a second later, as a busy forge does. `overtook`: what was pushed between
    comment and event.
    """

    way: str
    moment: str
    silent: bool
    pull: int
    first: str
    comment: int = 0
    pinned: str = ""
    overtook: str = ""
    pushed: str = ""


@dataclass
class Course:
    """Where races are run: a repository and a bridge with one slot, in which they queue."""

    forge: FakeForge
    bridge: Bridge
    repository: int
    chance: random.Random
    moments: tuple[str, ...] = tuple(MOMENTS)
    races: list[Race] = field(default_factory=list)
    clock: SystemClock = field(default_factory=SystemClock)

    def run(self, number: int, *, ways: Sequence[str] = tuple(WAYS)) -> None:
        """Run so many races, in each way about as many, those of a way all at once."""
        for way in ways:
            moments = (self.chance.choice(self.moments) for _ in range(-(-number // len(ways))))
            races = [self._race(way, moment=moment) for moment in (*moments, NEVER)]
            let_a_second_pass(self.clock)  # by polling a head counts that was there for so long
            self.forge.plan(WAYS[way])
            self._start(races)
            self.races += races
            until(self._waiting, lambda left: not left, what="quiet", clock=self.clock, timeout=300, delay=0.2)

    def _race(self, way: str, *, moment: str) -> Race:
        made = self.forge.do("add_issue", repository=self.repository, author=AUTHOR)
        silent = self.chance.random() < 0.5
        return Race(way, moment, silent, made["number"], made["head"])

    def _start(self, races: Sequence[Race]) -> None:
        """Comment and push, each at its moment."""
        due: list[tuple[float, int, Race, str]] = []
        for race in races:
            begins = self.chance.uniform(0, 2)
            pushes = begins + MOMENTS.get(race.moment, 0.0)
            steps = [(begins, "comment"), (pushes, "push")]
            if race.moment == "before the comment":
                steps.reverse()
            if race.moment in ("before its event", NEVER):
                steps = steps[:1]
            due += [(at, len(due) + n, race, what) for n, (at, what) in enumerate(steps)]
            if race.silent:
                due.append((pushes + 1, len(due), race, "show_pushes"))
        began = self.clock.monotonic()
        for at, _, race, what in sorted(due):
            self.clock.sleep(max(0.0, began + at - self.clock.monotonic()))
            self._step(race, what)

    def _step(self, race: Race, what: str) -> None:
        where = {"repository": self.repository, "number": race.pull}
        match what:
            case "comment":
                overtaken = race.moment in OVERTAKEN
                given = {"author": AUTHOR, "body": "!testme", "overtaken": overtaken, "silent": race.silent}
                made = self.forge.do("comment", **where, **given)
                race.comment = made["id"]
                race.overtook = self.forge.do("head", **where) if overtaken else ""
            case "push":
                race.pushed = self.forge.do("push", **where, silent=race.silent)
            case _:
                self.forge.do("show_pushes", **where)

    def _waiting(self) -> list[str]:
        """Return what has to be done yet."""
        config = self.bridge.config
        known = {row["id"] for row in rows(config, "SELECT id FROM comment")}
        left = [f"comment {race.comment}" for race in self.races if race.comment not in known]
        left += [f"comment {row['id']}" for row in rows(config, "SELECT id FROM comment WHERE state = 'new'")]
        left += [f"request {row['id']}" for row in rows(config, "SELECT id FROM request WHERE state = 'open'")]
        left += [row["key"] for row in rows(config, "SELECT key FROM outbox WHERE state = 'waiting'")]
        return left + ([] if self.forge.do("is_idle") else ["webhooks"])


@dataclass(frozen=True)
class Outcome:
    """What became of a race: which commits were asked for, run and reported."""

    race: Race
    asked: tuple[str, ...]
    ran: tuple[str, ...]
    reported: tuple[str, ...]

    @property
    def wrong(self) -> list[str]:
        """What is not of the pinned commit, or happened twice."""
        shas = {"asked for": self.asked, "run": self.ran, "reported": self.reported}
        words = [f"{what}: {sha}" for what, found in shas.items() for sha in found if sha != self.race.pinned]
        return words + [f"run {len(self.ran)} times"] * (len(self.ran) > 1)


def outcomes(course: Course) -> list[Outcome]:
    """Return what became of the races, by the forge's journal and what the runs wrote down."""
    journal, config = course.forge.do("journal"), course.bridge.config
    heads = {row["id"]: row["head"] for row in journal if row["what"] == "comment made"}
    asked = _by(rows(config, "SELECT pull, sha FROM request"), "pull", "sha")
    owner = {sha: race.pull for race in course.races for sha in (race.first, race.overtook, race.pushed)}
    for race in course.races:
        race.pinned = heads[race.comment]
    ran = _by(({"pull": owner[run["sha"]], "sha": run["sha"]} for run in bridgelab.began(config)), "pull", "sha")
    statuses = [row for row in journal if row["what"] == "status"]
    told = _by(({"pull": owner[row["sha"]], "sha": row["sha"]} for row in statuses), "pull", "sha")
    return [Outcome(race, asked[race.pull], ran[race.pull], told[race.pull]) for race in course.races]


@pytest.fixture
def course(tmp_path: Path, seed: int, request: pytest.FixtureRequest) -> Iterator[Course]:
    """A course; with the marker's mutant if a test names one."""
    mutant: Mutant | None = getattr(request, "param", None)
    path = () if mutant is None else (mutant.make(tmp_path / "mutant"),)
    with client.running(tmp_path, seed=seed) as forge, ports.held() as port:
        for login, token in ((AUTHOR, None), (BOT, TOKEN)):
            forge.do("add_user", login=login, token=token)
        home = forge.do("add_repository", owner=AUTHOR, name="recipe")
        forge.do("permit", repository=home["id"], login=BOT, permission="admin")
        template(tmp_path)
        config = Config(str(tmp_path), forge.url, TOKEN, port, slots=1, run=0.1, poll=0.7, lease=LEASE)
        bridgelab.enrol(config, [home["full_name"]], python_path=path)
        with bridgelab.running(config, python_path=path) as bridge:
            yield Course(forge, bridge, home["id"], random.Random(seed))  # noqa: S311 - moments


def test_no_other_commit_runs_or_is_reported_than_the_pinned_one(course: Course) -> None:
    course.run(RACES)
    found = outcomes(course)
    assert [(one.race, one.wrong) for one in found if one.wrong] == []
    ran = collections.Counter((one.race.way, one.race.moment) for one in found if one.ran)
    assert {way for way, moment in ran if moment == NEVER} == set(WAYS), ran
    told = {row["id"] for row in rows(course.bridge.config, "SELECT id FROM comment WHERE head IS NOT NULL")}
    known = [one for one in found if one.race.comment in told and one.race.moment in AFTER]
    assert [one.race for one in known if not one.ran] == []  # its event has named the head of then
    assert len(known) > 10
    overtaken = collections.Counter(one.race.moment for one in found)
    assert all(overtaken[moment] > 10 for moment in OVERTAKEN)


@pytest.mark.parametrize(
    ("course", "way", "moments"),
    [
        (service.HEAD_OF_LATER, "webhook", AFTER),
        (service.TIMELINE_BELIEVED, "poll", AFTER),
        (service.SECONDS_BELIEVED, "webhook", ("before its event",)),
        (service.EVENT_BELIEVED, "late webhook", ("before its event, and again",)),
    ],
    indirect=["course"],
    ids=["head of later", "timeline believed", "seconds believed", "event believed"],
)
def test_a_mistake_runs_another_commit(course: Course, way: str, moments: tuple[str, ...]) -> None:
    course.moments = moments
    course.run(40, ways=[way])
    wrong = [one for one in outcomes(course) if one.wrong]
    assert any(sha in (one.race.overtook, one.race.pushed) for one in wrong for sha in one.ran)


def let_a_second_pass(clock: SystemClock) -> None:
    """Wait until the second after the next one has begun: the forge's times are whole seconds."""
    begun = int(clock.epoch())
    until(
        lambda: int(clock.epoch()) - begun,
        lambda passed: passed >= 2,
        what="two seconds",
        clock=clock,
        timeout=10,
        delay=0.05,
        successes=1,
    )


def _by(found: Any, key: str, value: str) -> Mapping[Any, tuple[str, ...]]:  # noqa: ANN401 - rows
    """Return the values by key; a commit's two statuses are one."""
    groups: dict[Any, list[str]] = collections.defaultdict(list)
    for row in found:
        groups[row[key]].append(row[value])
    return collections.defaultdict(tuple, {name: tuple(values) for name, values in groups.items()})
