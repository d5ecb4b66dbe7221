"""The only place that runs the whole bridge beside a forge of the lab: `serve` and `work`, with short times.

    python -m lab.bridgelab serve|work|enrol CONFIG     # what the lab starts; CONFIG is JSON

All processes end with the test process, however that ends.
"""

from __future__ import annotations

import contextlib
import dataclasses
import json
import logging
import os
import signal
import socket
import sqlite3
import sys
import threading
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import recipeci
from recipeci.host import command
from recipeci.host.clock import SystemClock, until
from recipeci.host.command import BASE_ENV, LocalRunner, Started
from recipeci.service import enrol as enroling
from recipeci.service import serve, stopping, web
from recipeci.service.engines.embedded import Embedded
from recipeci.service.gitea import Gitea
from recipeci.service.setup import Bridge as Setup
from recipeci.service.setup import Work
from recipeci.service.store import Database
from recipeci.service.worker import Worker

TESTS = Path(__file__).parents[1]
FAKERUN = ("-IS", str(Path(__file__).with_name("fakerun.py")))
CHECKOUTRUN = ("-c", f"import sys; sys.path.append({str(TESTS)!r}); from lab.checkoutrun import main; sys.exit(main())")
"""A run has the package's folders on its path, and not ours."""
HARNESS = Path(recipeci.__file__).parents[1]
TEMPLATE = "template.json"
"""The report that each run makes its own from."""
START_SECONDS = 180.0


@dataclass(frozen=True)
class Config:
    """What both processes are started with.

    Attributes:
        folder: where the database, the runs, their journal and TEMPLATE are.
        forge: its address.
        token: our user's.
        secret: of the webhooks.
        port: where `serve` listens, again and again after each kill: one that is held (ports.py).
        poll: seconds between two listings.
        timeout: seconds of a request to the forge.
        longest: seconds between two attempts at one thing.
        lease: seconds after which a silent worker has lost its job.
        beat: seconds between two signs of life of a worker.
        run: seconds that a run takes.
        checks_out: whether a run clones what it is asked for, as a real one does, and tells which commit that was.
        slots: runs at a time.
        name: the worker's.
        repositories: what `enrol` enrols.
        public: the bridge's address as others see it, if that is not where it listens.
    """

    folder: str
    forge: str
    token: str
    port: int
    secret: str = "lab secret"
    poll: float = 1.0
    timeout: float = 1.0
    longest: float = 0.4
    lease: float = 3.0
    beat: float = 0.3
    run: float = 0.1
    checks_out: bool = False
    slots: int = 4
    name: str = "one"
    repositories: tuple[str, ...] = ()
    public: str = ""

    @property
    def url(self) -> str:
        """The bridge's address."""
        return self.public or f"http://127.0.0.1:{self.port}"

    @property
    def database(self) -> Path:
        """The file that both processes use."""
        return Path(self.folder) / "bridge.sqlite"

    @property
    def journal(self) -> Path:
        """Where runs note that they began and ended."""
        return Path(self.folder) / "runs.journal"


@dataclass
class Bridge:
    """The processes of one bridge. `python_path`: what goes first on PYTHONPATH, a mutant."""

    config: Config
    python_path: tuple[Path, ...] = ()
    processes: dict[str, Started] = field(default_factory=dict)

    def start(self, what: str, *, name: str = "one") -> None:
        """Start `serve`, or a worker of this name."""
        key = what if what == "serve" else f"{what} {name}"
        argv = _argv(what, dataclasses.replace(self.config, name=name))
        self.processes[key] = command.start(argv, output=self.log(key), env=_env(self.python_path))

    def kill(self, key: str) -> None:
        """End a process as nothing can be prepared for."""
        process = self.processes.pop(key)
        with contextlib.suppress(ProcessLookupError):
            os.kill(process.pid, signal.SIGKILL)
        process.wait()

    def signal(self, key: str, number: signal.Signals) -> None:
        """Send a signal to a process."""
        os.kill(self.processes[key].pid, number)

    def put_to_sleep(self, key: str) -> None:
        """Stop a process; all of its threads stand still then, also one that had something to do in the kernel."""
        self.signal(key, signal.SIGSTOP)
        os.waitid(os.P_PID, self.processes[key].pid, os.WSTOPPED | os.WEXITED | os.WNOWAIT)

    def log(self, key: str) -> Path:
        """Return where a process says what it does."""
        return Path(self.config.folder) / f"{key}.log"

    def wait_until_it_serves(self) -> None:
        """Wait until webhooks are taken."""
        process = self.processes["serve"]
        until(
            lambda: _listens(self.config.port),
            bool,
            what="the bridge",
            clock=SystemClock(),
            timeout=START_SECONDS,
            failed=lambda _: None if process.poll() is None else self.log("serve").read_text()[-2000:],
            delay=0.05,
            successes=1,
        )


@contextlib.contextmanager
def running(config: Config, *, python_path: tuple[Path, ...] = ()) -> Iterator[Bridge]:
    """Run `serve` and a worker as long as the block lasts."""
    bridge = Bridge(config, python_path)
    try:
        bridge.start("serve")
        bridge.wait_until_it_serves()
        bridge.start("work")
        yield bridge
    finally:
        for key in list(bridge.processes):
            bridge.kill(key)


def enrol(config: Config, repositories: Sequence[str], *, python_path: tuple[Path, ...] = ()) -> None:
    """Enrol repositories as `recipeci enroll` does, before anything serves."""
    argv = _argv("enrol", dataclasses.replace(config, repositories=tuple(repositories)))
    LocalRunner().run(argv, timeout=START_SECONDS, env=_env(python_path))


def noted(config: Config) -> list[dict[str, Any]]:
    """Return what the runs wrote down: that they began or ended, of which commit, and for which job."""
    text = config.journal.read_text() if config.journal.exists() else ""
    lines = text[: text.rfind("\n") + 1].splitlines()  # what has no end yet is being written
    return [found | {"key": _key(Path(found["out"]))} for found in map(json.loads, lines)]


def began(config: Config) -> list[dict[str, Any]]:
    """Return the runs that began."""
    return [run for run in noted(config) if run["what"] == "began"]


def _key(out: Path) -> str:
    """Return a job's key: it is in the name of the folder that its run's is in."""
    return out.parent.name.rpartition("-")[0]


def _argv(what: str, config: Config) -> list[str]:
    """Return what starts a process, with its configuration in a file."""
    file = Path(config.folder) / f"{what} {config.name}.json"
    file.write_text(json.dumps(dataclasses.asdict(config)))
    return [sys.executable, "-m", "lab.bridgelab", what, str(file)]


def _env(python_path: tuple[Path, ...]) -> dict[str, str]:
    """Return all of its environment: it is of the same package as we are, or a mutant of it."""
    return {
        **BASE_ENV,
        "PYTHONPATH": ":".join(map(str, (*python_path, HARNESS, TESTS))),
        "PYTHONDONTWRITEBYTECODE": "1",
    }


def is_free(database: Path) -> bool:
    """Whether nobody writes a database at this moment; who is stopped while he does has all others wait for him."""
    with contextlib.closing(sqlite3.connect(database, timeout=0, isolation_level=None)) as connection:
        try:
            connection.execute("BEGIN IMMEDIATE")
        except sqlite3.OperationalError:
            return False
        connection.execute("ROLLBACK")
    return True


def _listens(port: int) -> bool:
    with socket.socket() as tried:
        return tried.connect_ex(("127.0.0.1", port)) == 0


def _bridge(config: Config) -> Setup:
    """Return what an operator would set up."""
    return Setup(
        database=config.database,
        forge=config.forge,
        url=config.url,
        host="127.0.0.1",
        port=config.port,
        token=config.token,
        webhook_secrets=(config.secret,),
        poll_seconds=config.poll,
        builtin_is_final=True,
    )


def _enrol(config: Config) -> None:
    """Enrol all that is named."""
    clock, database = SystemClock(), Database(config.database)
    with Gitea(config.forge, config.token, clock=clock) as forge:
        for name in config.repositories:
            recipe = name.rpartition("/")[2]
            wanted = enroling.wanted(name, recipe, forge=forge)
            enroling.enrol(wanted, bridge=_bridge(config), database=database, forge=forge, clock=clock)


def _serve(config: Config) -> None:
    """Run all of `serve` for ever."""
    clock, database, bridge = SystemClock(), Database(config.database), _bridge(config)
    engine = Embedded(database, clock=clock, lease=config.lease)
    with (
        web.listener(bridge) as listener,
        Gitea(config.forge, config.token, clock=clock, timeout=config.timeout) as forge,
        serve.running(
            bridge, database=database, forge=forge, engine=engine, clock=clock, longest=config.longest
        ) as health,
        web.serve_pages(bridge, listener, database=database, health=health, clock=clock),
    ):
        threading.Event().wait()


def _work(config: Config) -> None:
    """Run all of `work` until it is told to end."""
    clock, database, folder = SystemClock(), Database(config.database), Path(config.folder)
    work = Work(config.database, config.name, config.slots, folder / "runs", config.forge)
    run = (str(config.journal), str(folder / TEMPLATE), str(config.run))
    program = (sys.executable, *(CHECKOUTRUN if config.checks_out else FAKERUN))
    with stopping.told() as stop:
        Worker(work, database=database, clock=clock, program=(*program, *run), beat=config.beat).run(stop.wait)


def main() -> None:
    """Be one of the bridge's processes."""
    logging.getLogger("httpx").setLevel(logging.WARNING)
    logging.basicConfig(level=logging.INFO, format="%(asctime)s.%(msecs)03d %(threadName)s %(levelname)s %(message)s")
    what, file = sys.argv[1:]
    config = Config(**json.loads(Path(file).read_text()))
    {"serve": _serve, "work": _work, "enrol": _enrol}[what](config)


if __name__ == "__main__":
    main()
