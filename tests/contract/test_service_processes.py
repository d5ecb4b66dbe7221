"""The service's processes as a whole, by the command line: they begin, do their work, and end in order when told to."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest
from fakeforge import FakeForge, Handle, answer, says, serving
from recipe_git.forges import forge_of
from recipe_git.made import Made
from recipeci.host.clock import SystemClock, until
from recipeci.model import Tier
from recipeci.service import stopping
from recipeci.service.model import Asked, End, Repository
from recipeci.service.store import Database, jobs, overview, repositories, requests
from unit.commandline import PROGRAM
from unit.processes import environment
from unit.servicehost import ENV, FIRST, TOKEN, Host

CLOCK = SystemClock()
SECONDS = 180.0
NEEDS_ROOT = pytest.mark.skipif(os.geteuid() != 0, reason="a worker runs as root alone")


@dataclass
class Running:
    """A process of the service."""

    started: subprocess.Popen[bytes]
    file: Path

    @property
    def said(self) -> str:
        """All that it has printed."""
        return self.file.read_text()

    def says(self, words: str) -> str:
        """Wait until it has printed something; return the line, all of it."""

        def found() -> tuple[str, bool]:
            over = self.started.poll() is not None  # before the look: it may say it and end between the two
            whole = self.file.read_bytes().rpartition(b"\n")[0].decode()
            return next((line for line in whole.splitlines() if words in line), ""), over

        def has_ended(seen: tuple[str, bool]) -> str | None:
            return f"it has ended: {self.said}" if seen == ("", True) else None

        line, _ = until(
            found,
            lambda seen: bool(seen[0]),
            what=words,
            clock=CLOCK,
            timeout=SECONDS,
            failed=has_ended,
            describe=lambda seen: seen[0],
            delay=0.02,
            successes=1,
        )
        return line

    def told(self, number: signal.Signals) -> int:
        """Send a signal; return the exit code."""
        self.started.send_signal(number)
        return self.started.wait(SECONDS)


@dataclass
class Bench:
    """A host with settings, on which processes are started."""

    host: Host
    processes: list[Running]

    def start(self, *words: str) -> Running:
        """Start a command."""
        self.host.write()
        file = self.host.folder / f"{words[0]}-{len(self.processes)}.log"
        argv = [sys.executable, str(PROGRAM), *words, "--config", str(self.host.folder / "s.yml")]
        env = environment({**ENV, "HOME": str(self.host.folder)})
        with file.open("wb") as output:
            started = subprocess.Popen(argv, env=env, stdin=subprocess.DEVNULL, stdout=output, stderr=output)
        self.processes.append(Running(started, file))
        return self.processes[-1]

    def ended(self, *words: str) -> tuple[int, str]:
        """Run a command to its end: its code, and what it printed."""
        one = self.start(*words)
        return one.started.wait(SECONDS), one.said


@pytest.fixture
def bench(short: Path) -> Iterator[Bench]:
    made = Bench(Host(short), [])
    made.host.data["bridge"] |= {"listen": "127.0.0.1:0", "poll_seconds": 1}
    made.host.data |= {"abra": {"program": "builtin", "builtin_is_final": True}}
    try:
        yield made
    finally:
        for one in made.processes:
            one.started.kill()
            one.started.wait(SECONDS)


@pytest.fixture
def short() -> Iterator[Path]:
    """A folder whose path leaves room for a run's sockets; pytest's own does not."""
    with tempfile.TemporaryDirectory(prefix="rc-") as folder:
        yield Path(folder)


def with_user(then: Handle) -> Handle:
    """Be a forge that knows our user, and does something else for all other questions."""

    def handle(forge: FakeForge, connection: socket.socket) -> None:
        if forge.asked[-1].target.endswith("/user"):
            connection.sendall(answer("200 OK", json.dumps({"id": 1, "login": "bot"}).encode()))
        else:
            then(forge, connection)

    return handle


@contextlib.contextmanager
def forge(bench: Bench, then: Handle) -> Iterator[FakeForge]:
    with serving(with_user(then)) as served:
        bench.host.data["bridge"]["forge"] = served.url
        yield served


NOTHING = says("404 Not Found", json.dumps({"message": "not found", "url": "https://forge.test/api"}).encode())


def health(address: str, ready: Callable[[dict[str, Any]], bool]) -> dict[str, Any]:
    """Wait until the bridge says of its health what is expected."""

    def ask() -> dict[str, Any]:
        answer = httpx.get(f"{address}/healthz", trust_env=False, timeout=SECONDS)
        told: dict[str, Any] = answer.json()
        assert (answer.status_code == 200) == (told["status"] == "well")
        return told

    return until(ask, ready, what="health", clock=CLOCK, timeout=SECONDS, describe=lambda told: str(ill(told)))


def ill(told: dict[str, Any]) -> list[str]:
    """Return the parts that are not well."""
    return [part["name"] for part in told["parts"] if not part["well"]]


@pytest.mark.parametrize("number", stopping.ASKING)
def test_the_bridge_serves_until_it_is_told_to_end_and_tells_no_secret(bench: Bench, number: signal.Signals) -> None:
    with forge(bench, NOTHING) as asked:
        serve = bench.start("serve")
        address = serve.says("pages at http://").rpartition(" ")[2]
        told = health(address, lambda told: ill(told) == ["engine"])
        assert "start `recipeci work`" in next(part["why"] for part in told["parts"] if part["name"] == "engine")
        with contextlib.closing(Database(Path(bench.host.data["database"]))) as database:

            def well(told: dict[str, Any]) -> bool:
                worker_lives(database)  # again and again, as one does: once may be too long ago when it is looked at
                return bool(told["status"] == "well")

            health(address, well)
        assert serve.told(number) == 0
    assert not [secret for secret in (TOKEN, FIRST) if secret in serve.said]
    assert [one for one in asked.asked if one.headers.get("authorization") == f"token {TOKEN}"]


def test_one_bridge_uses_a_database(bench: Bench) -> None:
    with forge(bench, NOTHING):
        bench.start("serve").says("pages at http://")
        code, said = bench.ended("serve")
    assert code == 3
    assert f"recipeci: another recipeci serve uses {bench.host.data['database']}\n" in said


def test_an_address_that_is_taken_is_said_to_be(bench: Bench) -> None:
    with forge(bench, NOTHING), socket.create_server(("127.0.0.1", 0)) as taken:
        bench.host.data["bridge"]["listen"] = f"127.0.0.1:{taken.getsockname()[1]}"
        code, said = bench.ended("serve")
    assert code == 3
    assert "cannot be listened at: Address already in use" in said
    database = Path(bench.host.data["database"])
    assert [path.name for path in database.parent.glob(f"{database.name}*")] == [], "what is refused makes nothing"


def test_a_repository_that_is_not_there_is_not_enrolled(bench: Bench) -> None:
    with forge(bench, NOTHING):
        code, said = bench.ended("enroll", "coop/web")
    assert code == 2, said
    assert said.startswith("recipeci: there is no repository coop/web on the forge")
    assert state(bench) == []


def test_a_forge_that_does_not_answer_is_the_hosts_matter(bench: Bench) -> None:
    bench.host.data["bridge"]["forge"] = "http://127.0.0.1:1"
    code, said = bench.ended("enroll", "coop/web")
    assert code == 3
    assert TOKEN not in said
    assert state(bench) == []


def test_whoever_enrols_is_told_what_is_waited_for(bench: Bench) -> None:
    enough = threading.Event()

    def slow(served: FakeForge, connection: socket.socket) -> None:
        enough.wait(SECONDS)
        NOTHING(served, connection)

    with forge(bench, slow) as served:
        one = bench.start("enroll", "coop/web")
        one.says(f"waiting for {served.url} to answer …")
        enough.set()
        assert one.started.wait(SECONDS) in (2, 3)  # 3 where the program has given the forge up before we saw the words


def test_a_sweep_of_nothing_is_hollow(bench: Bench) -> None:
    Database(Path(bench.host.data["database"])).close()
    code, said = bench.ended("sweep")
    assert (code, said.splitlines()[-1]) == (3, "no repository is enrolled: recipeci enroll OWNER/REPO")
    assert "0 expected, 0 ran" in said


@pytest.mark.parametrize("number", stopping.ASKING)
def test_a_sweep_that_is_told_to_end_leaves_nothing_wanted(bench: Bench, made: Made, number: signal.Signals) -> None:
    made.git("clone", "--quiet", "--mirror", ".", str(bench.host.folder / "forge" / "coop" / "web.git"))
    with forge_of(bench.host.folder / "forge", login=f"recipeci:{TOKEN}") as git_forge:
        bench.host.data["bridge"]["forge"] = git_forge
        with contextlib.closing(Database(Path(bench.host.data["database"]))) as database:
            enrol(database, f"{git_forge}/coop/web.git")
            sweep = bench.start("sweep")
            sweep.says("sweep 1: 1 expected, 1 queued")
            sweep.says("0 running, 1 queued")
            assert sweep.told(number) == 128 + number
            with database.reading() as tx:
                (line,) = overview.still_open(tx)
    assert (line.cancel, line.asked_by) == ("the sweep was stopped", "sweep 1")
    assert "coop/web 1.0.0+1" in sweep.said
    assert "recipeci: the sweep was stopped, and what had not ended is cancelled\n" in sweep.said


@NEEDS_ROOT
@pytest.mark.parametrize("number", stopping.ASKING)
def test_a_worker_works_until_it_is_told_to_end(bench: Bench, number: signal.Signals) -> None:
    work = bench.start("work")
    work.says("worker host-1: slots: 1")
    assert work.told(number) == 0
    assert "stopping, what runs is ended and torn down" in work.said


@NEEDS_ROOT
def test_a_worker_whose_cache_folder_the_services_user_could_exchange_does_not_begin(bench: Bench) -> None:
    state = Path(bench.host.data["database"]).parent
    os.chown(state, 60_099, 60_099)
    bench.host.data["cache"] = str(state / "cache")
    code, said = bench.ended("work")
    assert (code, said.splitlines()[0]) == (
        2,
        f"recipeci: the cache folder is below {state}, which is the database's user's, who could exchange it",
    )
    assert list(state.iterdir()) == []


@NEEDS_ROOT
def test_a_workers_run_that_cannot_be_had_is_an_error_with_the_sentence_of_its_door(bench: Bench) -> None:
    """The real program, as far as it comes on a host without Docker."""
    bench.host.data |= {"work": {"name": "host-1"}, "docker": {"prefix": "/nonexistent"}}
    with (
        forge(bench, NOTHING) as served,
        contextlib.closing(Database(Path(bench.host.data["database"]))) as database,
    ):
        home = f"{served.url}/coop/web.git"
        enrol(database, home)
        number = ask(database, home)
        bench.start("serve")
        bench.start("work")
        seen = until(
            lambda: ended(database, number),
            lambda line: line is not None and line.end is not None,
            what="the end",
            clock=CLOCK,
            timeout=SECONDS,
            successes=1,
        )
    assert seen is not None
    assert seen.end is End.ERROR
    assert seen.reason == "dockerd not found in /nonexistent/bin"


def worker_lives(database: Database) -> None:
    """Say what a worker says that has nothing to do."""
    with database.writing() as tx:
        jobs.worker_seen(tx, "one", slots=1, version="0", now=CLOCK.epoch())


def state(bench: Bench) -> list[Path]:
    """Return what is in the database's folder."""
    return sorted(Path(bench.host.data["database"]).parent.iterdir())


def enrol(database: Database, url: str) -> None:
    when = "2026-01-01T00:00:00Z"
    with database.writing() as tx:
        repositories.enrol(tx, Repository(7, "coop/web", "web", False, url, when, when))  # noqa: FBT003


def ask(database: Database, home: str) -> int:
    asked = Asked("web", "a" * 40, tuple(Tier), home, None, pull=3)
    with database.writing() as tx:
        return requests.open_one(tx, asked, repository=7, now=CLOCK.epoch())


def ended(database: Database, number: int) -> overview.Line | None:
    with database.reading() as tx:
        return overview.line(tx, number)


@pytest.fixture
def made(tmp_path: Path) -> Made:
    """A recipe with one published version."""
    one = Made(tmp_path / "recipe")
    one.folder.mkdir()
    one.git("init", "--quiet", "-b", "main")
    one.commit("first")
    one.git("tag", "-a", "1.0.0+1", "-m", "release")
    return one
