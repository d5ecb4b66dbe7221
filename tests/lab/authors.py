"""The only place that makes, for tests, what authors' code runs over: an app in a cell, and files in each source."""

from __future__ import annotations

import contextlib
import os
import shutil
import sys
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import recipeci
from recipeci.author import generic
from recipeci.host.below import Below
from recipeci.host.cell.unprivileged import COUNT, FIRST
from recipeci.host.clock import SystemClock, until
from recipeci.host.clone import Clone
from recipeci.host.command import LocalRunner
from recipeci.host.docker import Swarm
from recipeci.host.execs import Execs
from recipeci.host.git import clone, source_of
from recipeci.host.http import Http, HttpFailed
from recipeci.model import AuthorFile, Commit, SuiteResult, Tier
from recipeci.op_state import OpState
from recipeci.run import opstate
from recipeci.run.children import Children, Facts
from recipeci.run.hooks import Hooks, InstallSteps
from recipeci.run.placing import Placing
from recipeci.run.suites import Suites

from lab import cells
from lab.cells import DOMAIN, IMAGE, LabCell

APP_DOMAIN = f"a1b2c3.{DOMAIN}"
STACK = APP_DOMAIN.replace(".", "_")
SECONDS = 240.0
READY = "/tmp/ready"  # noqa: S108 - in a container
HEAD = "0123456789" * 4
ENV = {"PATH": "/usr/bin:/bin", "HOME": "/nonexistent", "GIT_CONFIG_NOSYSTEM": "1"} | {
    f"GIT_{who}_{what}": "lab@example.org" for who in ("AUTHOR", "COMMITTER") for what in ("NAME", "EMAIL")
}


@dataclass
class Bench:
    """One app that serves, and authors' files that run over it."""

    lab: LabCell
    folder: Path
    notes: list[str] = field(default_factory=list)
    lines: list[str] = field(default_factory=list)
    env: dict[str, str] = field(default_factory=lambda: {"DOMAIN": APP_DOMAIN, "PLAIN": "seen"})
    seconds: float = SECONDS
    accept: tuple[int, ...] = (200,)
    path: str = "/"
    counter: int = 0

    @property
    def shared(self) -> Path:
        """What the cell sees too."""
        return self.lab.cell.spec.shared

    @property
    def state_file(self) -> Path:
        """The op state."""
        return self.shared / "authors" / "op-state.json"

    @contextlib.contextmanager
    def children(self) -> Iterator[Children]:
        """Have what runs children; its connection to Docker is its own."""
        swarm = Swarm(self.lab.cell.socket)
        try:
            yield Children(
                cell=self.lab.cell,
                reach=Execs(swarm, stack=STACK, clock=SystemClock(), kill=self.lab.cell.runner.end_group),
                uid=_own_user(),
                folder=self.shared / "authors" / "children",
                facts=Facts(
                    domain=APP_DOMAIN,
                    recipe="custom-html",
                    version="1.0.0+1.26.3",
                    host=APP_DOMAIN,
                    path=self.path,
                    accept=self.accept,
                    env=lambda: self.env,
                    mask=str,
                    patience=1,
                ),
                clock=SystemClock(),
                say=self.lines.append,
                note=self.notes.append,
            )
        finally:
            swarm.close()

    def run(self, text: str, *, tier: Tier = Tier.INSTALL, files: Mapping[str, str] | None = None) -> SuiteResult:
        """Run a suite of the operator's overlay: `test_<tier>.py` with this text, other files beside it."""
        overlay = self.overlay({f"test_{tier}.py": text, **(files or {})})
        return self.run_file(AuthorFile("recipeci", overlay / f"test_{tier}.py"), overlay=overlay, tier=tier)

    def run_file(self, file: AuthorFile, *, overlay: Path | None = None, tier: Tier = Tier.INSTALL) -> SuiteResult:
        """Run any suite."""
        with self.children() as children:
            return Suites(children, self.placing(overlay), self.state_file, self.seconds).run(tier, file)

    def generic(self, tier: Tier) -> SuiteResult:
        """Run the generic suite of a tier."""
        return self.run_file(AuthorFile("generic", Path(generic.__file__).with_name(f"test_{tier}.py")), tier=tier)

    def hook(self, op: str, text: str) -> bool:
        """Run a hook of an overlay whose `ops.py` has this text."""
        overlay = self.overlay({"ops.py": text})
        with self.children() as children:
            hooks = Hooks(children, self.placing(overlay), self.state_file, self.seconds)
            return hooks.run(op, AuthorFile("recipeci", overlay / "ops.py"))

    @contextlib.contextmanager
    def steps(self, text: str, *, checkout: Path) -> Iterator[tuple[InstallSteps, AuthorFile]]:
        """Have an `install_steps.sh` with this text."""
        overlay = self.overlay({"install_steps.sh": text})
        with self.children() as children:
            yield (
                InstallSteps(children, self.placing(overlay), checkout),
                AuthorFile("recipeci", overlay / "install_steps.sh"),
            )

    def overlay(self, files: Mapping[str, str]) -> Path:
        """Write an overlay."""
        self.counter += 1
        folder = self.folder / f"overlay-{self.counter}"
        for name, text in files.items():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            (folder / name).write_text(text)
        return folder

    def placing(self, overlay: Path | None, *, recipe: Clone | None = None, secrets: tuple[bytes, ...] = ()) -> Placing:
        """Return what places authors' files; without a clone there is nothing of a repository."""
        made = recipe or self.clone({"compose.yml": ""})
        return Placing(
            self.shared / "authors" / "files", overlay=overlay, secrets=secrets, clone=made, target=made.newest
        )

    def clone(self, files: Mapping[str, str]) -> Clone:
        """Make a recipe's repository with these files, and clone it."""
        self.counter += 1
        folder = self.folder / f"recipe-{self.counter}"
        runner = LocalRunner()

        def git(*args: str) -> None:
            runner.run(["git", "-C", str(folder), *args], timeout=SECONDS, env=ENV)

        for name, text in files.items():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            (folder / name).write_text(text)
        git("init", "--quiet", "-b", "main")
        git("add", "--all")
        git("commit", "--quiet", "-m", "recipe")
        source = source_of(str(folder), recipe="x", forge="https://forge.invalid")
        return clone(runner, source, self.folder / f"clone-{self.counter}")

    def state(self, op: str, *, before: str = "", after: str = HEAD[:8], snapshot: str = "") -> None:
        """Write the op state of an op on the app as it is now; `before` and `after` are its chaos-versions."""
        swarm = Swarm(self.lab.cell.socket)
        try:
            seen = opstate.seen(swarm.stack(STACK), stack=STACK)
        finally:
            swarm.close()
        was, is_now = (type(seen)("1.0.0", label, seen.services) for label in (before, after))
        times = {"started": "2026-01-01T12:00:00Z", "ended": "2026-01-01T12:00:01Z"}
        about = {"recipe": "custom-html", "domain": APP_DOMAIN, "head_ref": str(Commit(HEAD)), "base": ""}
        self.state_file.parent.mkdir(exist_ok=True)
        opstate.write(
            OpState(op=op, before=was, after=is_now, snapshot_id=snapshot, **about, **times),
            self.state_file,
            below=Below(self.shared),
        )


@contextlib.contextmanager
def bench() -> Iterator[Bench]:
    """Make a cell with an app that serves; it sees what a run's cell sees of the host."""
    package = Path(recipeci.__file__).resolve().parents[1]
    with cells.lab_cell(read_only=[Path(sys.prefix), Path(sys.base_prefix), package]) as lab:
        lab.cell.spec.shared.chmod(0o755)  # as a run has it: children must get to their folders
        deploy(lab)
        folder = Path(tempfile.mkdtemp(prefix="recipeci-authors-"))
        try:
            yield Bench(lab, folder)
        finally:
            shutil.rmtree(folder)


def _own_user() -> int:
    """Return a user id that no run has, and no bench of another worker: one suite is a fork bomb.

    How many processes a user has is counted on the whole machine, whatever cells they are in.
    """
    worker = os.environ.get("PYTEST_XDIST_WORKER", "gw0")
    return FIRST + 2 * COUNT + int(worker.removeprefix("gw"))


def deploy(lab: LabCell) -> None:
    """Deploy the service `app` of the stack, and wait until it serves."""
    labels = {
        "traefik.enable": "true",
        "traefik.http.services.app.loadbalancer.server.port": "80",
        "traefik.http.routers.app.rule": f"Host(`{APP_DOMAIN}`)",
        "traefik.http.routers.app.entrypoints": "web-secure",
        f"coop-cloud.{STACK}.chaos-version": HEAD[:8],
        "com.docker.stack.namespace": STACK,
    }
    words = [word for key, value in labels.items() for word in ("--label", f"{key}={value}")]
    lab.docker("service", "create", "-q", "-d", "--name", f"{STACK}_app", "--network", "proxy", *words, IMAGE)
    served(lab)


def served(lab: LabCell) -> None:
    """Wait until the app serves."""
    http = Http(connect=lab.cell.connect, ca_file=lab.cell.ca_file)

    def look() -> int:
        try:
            return http.get(f"https://{APP_DOMAIN}/", timeout=SECONDS).status
        except HttpFailed:
            return 0

    until(look, lambda status: status == 200, what="the app", clock=SystemClock(), timeout=SECONDS)


def one(bench: Bench, text: str, **more: str) -> SuiteResult:
    """Run a suite of an overlay; other modules beside it by their names."""
    return bench.run(text, files={f"{name}.py": body for name, body in more.items()})


def container(bench: Bench) -> str:
    """Return the container of the task that is meant to run, once there is one."""
    tasks = ["service", "ps", "-q", "-f", "desired-state=running", "--no-trunc", f"{STACK}_app"]

    def look() -> str:
        if not (task := bench.lab.docker(*tasks).out.strip()):
            return ""  # by an empty name Docker finds all containers
        return bench.lab.docker("ps", "-q", "--no-trunc", "-f", f"name={task}").out.strip()

    return until(look, bool, what="container", clock=SystemClock(), timeout=SECONDS, successes=1)


def when_ready(bench: Bench, old: str, *docker: str) -> None:
    """Give Docker a command once a suite has made the file READY in a container."""
    ready = ["exec", old, "test", "-e", READY]
    until(
        lambda: bench.lab.docker(*ready, ok=(0, 1)).code,
        lambda code: code == 0,
        what="the suite",
        clock=SystemClock(),
        timeout=SECONDS,
        successes=1,
    )
    bench.lab.docker(*docker)
