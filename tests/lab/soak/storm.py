"""The only place that makes a soak: people speak, the forge is bad, the bridge is killed, and then it is quiet."""

from __future__ import annotations

import contextlib
import dataclasses
import json
import random
import sqlite3
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from recipeci.errors import WaitFailed
from recipeci.host.clock import Clock, SystemClock, until
from recipeci.report import write
from unit.reports import PASSED

from lab import bridgelab, ports
from lab.bridgelab import Bridge, Config
from lab.fakeforge import client
from lab.fakeforge.client import FakeForge
from lab.fakeforge.deliveries import BAD, Plan
from lab.fakeforge.faults import EVERY_FIFTH, Fault
from lab.gitea import LabGitea
from lab.soak import between, judge, people
from lab.soak.judge import Evidence
from lab.soak.people import AT_ONCE, People
from lab.soak.realforge import RealForge

BACKLOG_MOST = 150
"""So many requests may wait before people pause: more than the queue takes would be refused, as it has to be."""
QUIET_SECONDS = 600.0
VICTIMS = (("serve",), ("work one",), ("serve", "work one"))


@dataclass(frozen=True)
class Size:
    """How large a soak is, and how bad.

    Attributes:
        deliveries: how many webhooks there are, with those that are dropped; people speak until then.
        kills: how often the bridge is killed: two thirds while people speak, the others afterwards.
        repositories: how many are enrolled.
        pulls: how many pull requests each has.
        rate: comments a second, at most.
        talk: the weight of what is no command, against those of people.LINES.
        turned: the weight of what whoever loses his rights says.
        victims: what is killed: one of these.
        special: kinds of pull requests that each repository has beside the plain ones.
        plan: how webhooks are delivered.
        faults: how often the forge's API fails, and how.
        quiet: seconds that it may take afterwards.
    """

    deliveries: int
    kills: int
    repositories: int = 20
    pulls: int = 15
    rate: float = 60.0
    talk: int = 160
    turned: int = 3
    victims: tuple[tuple[str, ...], ...] = VICTIMS
    special: tuple[str, ...] = people.SPECIAL
    plan: Plan = BAD
    faults: Mapping[Fault, float] = dataclasses.field(default_factory=lambda: EVERY_FIFTH)
    quiet: float = QUIET_SECONDS


@dataclass
class Storm:
    """A soak under way."""

    forge: FakeForge | RealForge
    people: People
    bridge: Bridge
    size: Size
    seed: int
    clock: Clock
    killed: int = 0

    def blow(self) -> None:
        """Have everything said, and the bridge killed at random moments meanwhile and after it."""
        chance = random.Random(self.seed + 1)  # noqa: S311 - moments
        first = self.size.kills - self.size.kills // 3
        moments = sorted(chance.uniform(0, self.size.deliveries) for _ in range(first))
        began, step, delivered = self.clock.monotonic(), 0, 0
        while delivered < self.size.deliveries:
            self.people.speak()
            step, delivered = step + 1, self.forge.do("delivered")
            if delivered > self.size.deliveries / 2 and not self.people.has_turned:
                self.people.turn()
            while moments and moments[0] < delivered:
                moments.pop(0)
                self._kill(chance)
            self._keep_pace(began, step)
        for _ in range(self.size.kills - first):
            self.clock.sleep(chance.uniform(1, 5))
            self._kill(chance)

    def evidence(self) -> Evidence:
        """Collect what there is to judge by."""
        told = self.forge.told()
        config = self.bridge.config
        return Evidence(
            said=self.people.said,
            url=config.url,
            journal=told["journal"],
            comments=told["comments"],
            refused=told["refused"],
            accepted=told["accepted"],
            requests=rows(config, "SELECT * FROM request ORDER BY id"),
            jobs=rows(config, "SELECT key, state, reason FROM job ORDER BY key"),
            outbox=rows(config, "SELECT key, request, state FROM outbox"),
            runs=bridgelab.noted(config),
            waiting=list(self._waiting()),
        )

    def settle(self) -> list[str]:
        """Wait until all is quiet; return what is not as it must be then."""
        with contextlib.suppress(WaitFailed):
            until(
                lambda: (*self._waiting(), *self._missing()),
                lambda left: not left,
                what="quiet",
                clock=self.clock,
                timeout=self.size.quiet,
                describe=lambda left: f"{len(left)}",
                delay=0.5,
                successes=3,
            )
        return judge.differences(self.evidence())

    def _kill(self, chance: random.Random) -> None:
        """Kill one of the processes, or both, in the middle of whatever they do, and start them again.

        One that has not begun to work would hardly notice.
        """
        victims = chance.choice(self.size.victims)
        self.bridge.wait_until_it_serves()
        self.clock.sleep(chance.uniform(0, 1))
        for victim in victims:
            self.bridge.kill(victim)
        for victim in victims:
            self.bridge.start(victim.split()[0])
        self.killed += 1

    def _keep_pace(self, began: float, step: int) -> None:
        """Let time pass: people are not faster than this, and wait for a bridge that is far behind."""
        due = began + step * AT_ONCE / self.size.rate
        self.clock.sleep(max(0.0, due - self.clock.monotonic()))
        until(
            lambda: rows(self.bridge.config, "SELECT count(*) AS open FROM request WHERE state = 'open'")[0]["open"],
            lambda waiting: waiting <= BACKLOG_MOST,
            what="the backlog",
            clock=self.clock,
            timeout=self.size.quiet,
            delay=0.2,
            successes=1,
        )

    def _waiting(self) -> Iterator[str]:
        """Yield what the bridge and the forge still have before them."""
        config = self.bridge.config
        if not self.forge.do("is_idle"):
            yield "webhooks"
        yield from (f"comment {row['id']}" for row in rows(config, "SELECT id FROM comment WHERE state = 'new'"))
        yield from (f"request {row['id']}" for row in rows(config, "SELECT id FROM request WHERE state = 'open'"))
        if Fault.LATE in self.size.faults:
            looks = rows(config, "SELECT key FROM outbox WHERE look <= doubted + 20")
            yield from (f"the first look at {row['key']}" for row in looks)
        yield from (f"effect {row['key']}" for row in rows(config, "SELECT key FROM outbox WHERE state = 'waiting'"))

    def _missing(self) -> Iterator[str]:
        """Yield the comments that have to be found yet."""
        found = rows(self.bridge.config, "SELECT repository, id FROM comment")
        known = {(row["repository"], row["id"]) for row in found}
        for said in self.people.said:
            if said.wish is people.Wish.RUN and (said.repository, said.id) not in known:
                yield f"comment {said.id}"


@contextlib.contextmanager
def storm(folder: Path, size: Size, *, seed: int, python_path: tuple[Path, ...] = (), **config: Any) -> Iterator[Storm]:  # noqa: ANN401 - of Config
    """Have everything there for a soak on the double; nothing was said yet."""
    with (
        client.running(folder, seed=seed) as forge,
        ports.held() as port,
        _about_to_blow(forge, folder, size, seed=seed, port=port, python_path=python_path, **config) as made,
    ):
        yield made


@contextlib.contextmanager
def real_storm(lab: LabGitea, folder: Path, size: Size, *, seed: int, **config: Any) -> Iterator[Storm]:  # noqa: ANN401 - of Config
    """Have everything there for a soak on a real Gitea; what is bad about it is done by who stands between."""
    with (
        ports.held() as port,
        between.standing(
            lab.url, target=f"http://127.0.0.1:{port}{between.HOOK}", secret=Config.secret, seed=seed
        ) as middle,
    ):
        forge = RealForge(lab, middle, folder)
        with _about_to_blow(forge, folder, size, seed=seed, port=port, public=middle.base, **config) as made:
            yield made


@contextlib.contextmanager
def _about_to_blow(
    forge: FakeForge | RealForge,
    folder: Path,
    size: Size,
    *,
    seed: int,
    port: int,
    python_path: tuple[Path, ...] = (),
    **config: Any,  # noqa: ANN401 - of Config
) -> Iterator[Storm]:
    template(folder)
    crowd = People(forge, seed, talk=size.talk, turned=size.turned, special=size.special)
    crowd.arrive(repositories=size.repositories, pulls=size.pulls)
    given = Config(str(folder), forge.url, crowd.token, port, **config)
    bridgelab.enrol(given, crowd.repositories, python_path=python_path)
    hook = {"url": f"{given.url}{between.HOOK}", "secret": given.secret, "events": ["pull_request_comment"]}
    forge.do("add_hook", repository=crowd.not_enrolled, **hook)
    forge.plan(size.plan)
    forge.fail({fault.value: rate for fault, rate in size.faults.items()}, silence=given.timeout * 1.5)
    with bridgelab.running(given, python_path=python_path) as bridge:
        yield Storm(forge, crowd, bridge, size, seed, SystemClock())


def template(folder: Path) -> None:
    """Write what every run makes its report from."""
    (folder / bridgelab.TEMPLATE).write_text(json.dumps(write.as_data(PASSED)))


def rows(config: Config, statement: str) -> list[dict[str, Any]]:
    """Ask the database, which others write meanwhile."""
    with contextlib.closing(sqlite3.connect(f"file:{config.database}?mode=ro", uri=True, timeout=30)) as database:
        database.row_factory = sqlite3.Row
        return [dict(row) for row in database.execute(statement)]
