"""A bridge without a forge: the database, the loop that follows requests, and workers as processes of their own."""

from __future__ import annotations

import contextlib
import dataclasses
import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

import recipeci
from recipeci.host.clock import SystemClock, until
from recipeci.model import Tier
from recipeci.report.write import as_data
from recipeci.service.engines.embedded import Embedded
from recipeci.service.following import Following
from recipeci.service.model import Asked, JobState, Repository, Request, State, key
from recipeci.service.store import Database, jobs, repositories, requests
from unit import reports

T = TypeVar("T")
CLOCK = SystemClock()
LEASE = 60.0
"""Seconds on a clock that stands until a test moves it: no machine is so busy that a lease ends by itself."""
BEAT = 0.1
SECONDS = 120.0
TESTS = Path(__file__).parents[2]
HARNESS = Path(recipeci.__file__).parents[1]
HEADS = "https://forge.test/somebody/web.git"


def sha(number: int) -> str:
    """Return a commit of its own for each number."""
    return f"{number:040x}"


class Held(SystemClock):
    """A clock by which no time passes but what a test says; its calendar is the machine's."""

    def __init__(self) -> None:
        super().__init__()
        self.passed = 0.0

    def monotonic(self) -> float:
        return self.passed


@dataclass
class Lab:
    """One database with two repositories, and the loop that follows."""

    folder: Path
    database: Database
    following: Following
    leases: Held
    workers: list[subprocess.Popen[bytes]] = field(default_factory=list)

    @property
    def engine(self) -> Embedded:
        """The engine of the loop."""
        engine = self.following.engine
        assert isinstance(engine, Embedded)
        return engine

    def order(self, ref: str = "*", **order: Any) -> None:  # noqa: ANN401 - what standin.py knows
        """Say what runs of a commit are to do, or all of which nothing is said."""
        file = self.folder / "orders.json"
        orders = json.loads(file.read_text()) if file.exists() else {}
        fresh = file.with_suffix(".fresh")
        fresh.write_text(json.dumps(orders | {ref: order}))
        fresh.rename(file)

    def hold(self, what: str = "hold") -> None:
        """Have runs wait before their end, or in their teardown."""
        (self.folder / what).touch()

    def release(self, what: str = "hold") -> None:
        """Have them go on."""
        (self.folder / what).unlink()

    def ask(self, number: int, *, repository: int = 7, pull: int | None = None, **more: Any) -> int:  # noqa: ANN401
        """Open a request of a commit; return its number."""
        given = {"clone_url": f"https://forge.test/coop/{repository}.git", "head_url": HEADS, "stages": tuple(Tier)}
        asked = Asked("web", sha(number), pull=pull or number, **(given | more))
        with self.database.writing() as tx:
            return requests.open_one(tx, asked, repository=repository, now=CLOCK.epoch())

    def lease_ends(self, number: int, attempt: int = 1) -> None:
        """Have a lease pass in which a worker has not said that it lives; its job is lost then."""
        self.following.step()  # sees the last beat
        self.leases.passed += LEASE + 1
        self.follow(lambda: self.state(number, attempt), lambda seen: seen is JobState.LOST, what="the lost job")

    def request(self, number: int) -> Request:
        """Return a request as it is now."""
        with self.database.reading() as tx:
            found = requests.find(tx, number)
        assert found is not None
        return found

    def state(self, number: int, attempt: int = 1) -> JobState | None:
        """Return what the queue says of an attempt, without judging its lease."""
        with self.database.reading() as tx:
            seen = jobs.sighting(tx, key(number, attempt))
        return None if seen is None else seen.state

    def log(self, number: int, attempt: int = 1) -> str:
        """Return what an attempt's run has said."""
        with self.database.reading() as tx:
            return jobs.log(tx, key(number, attempt))[1]

    def journal(self, what: str = "began") -> list[dict[str, Any]]:
        """Return what runs noted, in its order."""
        file = self.folder / "journal"
        whole, _, _ = file.read_text().rpartition("\n") if file.exists() else ("", "", "")
        lines = whole.splitlines()
        return [line for line in map(json.loads, lines) if line["what"] == what]

    def follow(self, see: Callable[[], T], ready: Callable[[T], bool] = bool, *, what: str) -> T:
        """Follow the open requests until something is so."""

        def look() -> T:
            self.following.step()
            return see()

        return until(look, ready, what=what, clock=CLOCK, timeout=SECONDS, delay=0.02, successes=1)

    def ended(self, number: int) -> Request:
        """Follow until a request has its end."""
        return self.follow(
            lambda: self.request(number), lambda seen: seen.state is State.FINAL, what=f"the end of run {number}"
        )

    def running(self, number: int, attempt: int = 1) -> int:
        """Follow until an attempt's run has begun; return its process."""
        commit = self.request(number).asked.sha
        began = self.follow(
            lambda: [line for line in self.journal() if line["sha"] == commit],
            lambda lines: len(lines) >= attempt,
            what=f"the run of {number}.{attempt}",
        )
        return int(began[attempt - 1]["pid"])

    def start(self, name: str = "one", *, slots: int = 1, mutant: Path | None = None, **more: Any) -> Process:  # noqa: ANN401
        """Start a worker."""
        given = {"folder": str(self.folder), "name": name, "slots": slots, "beat": BEAT, "keep_days": 30, **more}
        config = self.folder / f"{name}.{len(self.workers)}.json"
        config.write_text(json.dumps(given))
        folders = [*([mutant] if mutant else []), HARNESS, TESTS, TESTS / "contract"]
        env = {"PATH": os.defpath, "PYTHONPATH": ":".join(map(str, folders))}
        log = config.with_suffix(".log")
        with log.open("wb") as output:
            argv = [
                "/usr/bin/setpriv",
                "--pdeathsig",
                "KILL",
                "--",
                sys.executable,
                "-m",
                "working.process",
                str(config),
            ]
            started = subprocess.Popen(argv, env=env, stdout=output, stderr=output, stdin=subprocess.DEVNULL)
        self.workers.append(started)
        return Process(started, log)


@dataclass
class Process:
    """A worker that was started."""

    started: subprocess.Popen[bytes]
    file: Path

    @property
    def log(self) -> str:
        """What it says."""
        return self.file.read_text()

    def signal(self, number: signal.Signals) -> None:
        """Send it a signal."""
        self.started.send_signal(number)

    def kill(self) -> None:
        """Kill it, and wait until it is gone."""
        self.started.kill()
        self.started.wait(SECONDS)

    def code(self) -> int:
        """Return its exit code once it has ended."""
        return self.started.wait(SECONDS)


def is_gone(pid: int) -> bool:
    """Whether a process has ended; one that nobody has buried yet has."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z"
    except (FileNotFoundError, ProcessLookupError):
        return True


def soon(see: Callable[[], T], ready: Callable[[T], bool] = bool, *, what: str) -> T:
    """Wait until something is so, without following."""
    return until(see, ready, what=what, clock=CLOCK, timeout=SECONDS, delay=0.02, successes=1)


@contextlib.contextmanager
def made(folder: Path) -> Iterator[Lab]:
    """Make a lab; whatever its workers are, they are gone at the end of the block."""
    database = Database(folder / "db")
    with database.writing() as tx:
        for number in (7, 8):
            url = f"https://forge.test/coop/{number}.git"
            when = "2026-01-01T00:00:00Z"
            repositories.enrol(tx, Repository(number, f"coop/{number}", "web", False, url, when, when))  # noqa: FBT003
    report = dataclasses.replace(reports.PASSED, recipe="web", programs={})
    (folder / "template.json").write_text(json.dumps(as_data(report)))
    leases = Held()
    engine = Embedded(database, clock=leases, lease=LEASE)
    following = Following(database, engine, CLOCK, "https://ci.test", 3600.0, builtin_is_final=True)
    lab = Lab(folder, database, following, leases)
    lab.order()
    try:
        yield lab
    finally:
        for started in lab.workers:
            started.kill()  # also one that stands still; its runs end with it
            started.wait(SECONDS)
        database.close()
