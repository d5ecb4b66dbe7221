"""The only place that tries a cell without a recipe: `doctor --selftest`, for a machine that nothing ran on yet."""

from __future__ import annotations

import contextlib
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TypeVar

from recipeci.errors import HostError, WaitFailed
from recipeci.host import cell as cells
from recipeci.host import engine
from recipeci.host.cell import Cell, CellSpec
from recipeci.host.clock import Clock, until
from recipeci.host.command import Runner
from recipeci.host.docker import Swarm
from recipeci.host.engine import DockerPrograms
from recipeci.host.http import Http, HttpFailed
from recipeci.host.store import Store
from recipeci.model import Leftover, Request, Settings
from recipeci.report import runlog
from recipeci.report.console import Console
from recipeci.run import workspace
from recipeci.run.interrupt import Interrupts
from recipeci.run.workspace import Workspace

NAME = "selftest"
PORT = 8080
ANSWER = b"OK"
PROXY_SECONDS = 60.0
APP_SECONDS = 60.0
T = TypeVar("T")


@dataclass(frozen=True)
class Selftest:
    """What a trial is made with."""

    settings: Settings
    runner: Runner
    clock: Clock
    console: Console
    interrupts: Interrupts

    def run(self) -> None:
        """Make a cell, deploy an app in it, ask it through the proxy, remove both; a line a step is printed.

        The app is the proxy's own program, which answers `OK`: no image is needed that a run would not need too.

        Raises:
            HostError: a step did not work; nothing is left.
        """
        programs = engine.find(self.settings.docker_prefix, runner=self.runner, path=self.settings.search_path)
        request = Request(NAME, keep=False)
        with workspace.opened(request, self.settings, source="", clock=self.clock) as place:
            with runlog.logged(place.log):
                self._tried(place, programs)
            shutil.rmtree(place.folder)  # no report to look at

    def _tried(self, place: Workspace, programs: DockerPrograms) -> None:
        cache = workspace.cache_folder(self.settings)
        env = dict(self.settings.network_env)
        store = Store(cache / "store", programs=programs, runner=self.runner, clock=self.clock, env=env)
        with self.console.phase("images"):
            proxy, _ = store.ensure_proxy(self.settings.proxy_image, images=self.settings.images, say=self.console.say)
        with self._cell(place, programs, store, proxy=proxy) as cell:
            with self.console.phase("proxy"):
                cell.wait_proxy(PROXY_SECONDS)
            App(cell, programs, self.clock).tried(proxy, console=self.console)

    @contextlib.contextmanager
    def _cell(self, place: Workspace, programs: DockerPrograms, store: Store, *, proxy: str) -> Iterator[Cell]:
        """Make a cell with nothing but the proxy's image; no signal cuts its end short."""
        stack = contextlib.ExitStack()
        try:
            with self.console.phase("cell"):
                lending = stack.enter_context(store.lend([proxy], data_root=place.swarm / "data"))
                spec = CellSpec(
                    name=place.run_id,
                    folder=place.swarm,
                    shared=place.shared,
                    read_only=(),
                    domain=workspace.CELL_DOMAIN,
                    proxy_image=proxy,
                    layers=lending.mounts,
                )
                making = cells.running(
                    spec, programs=programs, runner=self.runner, clock=self.clock, lock_fds=lending.fds
                )
                cell = stack.enter_context(making)
            yield cell
        finally:
            with self.interrupts.shielded(), self.console.phase("end"):
                stack.close()


@dataclass(frozen=True)
class App:
    """The app of the trial, in its cell."""

    cell: Cell
    programs: DockerPrograms
    clock: Clock

    def tried(self, image: str, *, console: Console) -> None:
        """Deploy it, ask it, remove it, and look that nothing of it is left."""
        with contextlib.closing(Swarm(self.cell.socket)) as swarm:
            before = swarm.objects()
            with console.phase("app"):
                self._docker("service", "create", "--quiet", "--detach", *self._options(), image, *self._command())
                self._until_it_answers()
            with console.phase("removal"):
                self._docker("service", "rm", NAME)
                nothing: list[Leftover] = []
                self._until(lambda: sorted(swarm.objects() - before), wanted=nothing, what="removal of the app")

    def _options(self) -> list[str]:
        """Return how the service is made: behind the proxy, as a recipe's app is."""
        labels = {
            "traefik.enable": "true",
            f"traefik.http.services.{NAME}.loadbalancer.server.port": str(PORT),
            f"traefik.http.routers.{NAME}.rule": f"Host(`{NAME}.{workspace.CELL_DOMAIN}`)",
            f"traefik.http.routers.{NAME}.entrypoints": "web-secure",
            f"traefik.http.routers.{NAME}.tls.certresolver": "production",
        }
        said = [word for key, value in labels.items() for word in ("--label", f"{key}={value}")]
        return ["--name", NAME, "--network", "proxy", "--no-resolve-image", *said]

    def _command(self) -> list[str]:
        """Return what the proxy's program is told, to be an app that answers `/ping`."""
        return [f"--entrypoints.app.address=:{PORT}", "--ping=true", "--ping.entrypoint=app"]

    def _docker(self, *argv: str) -> None:
        self.cell.runner.run([str(self.programs.docker), *argv], timeout=APP_SECONDS)

    def _until_it_answers(self) -> None:
        http = Http(connect=self.cell.connect, ca_file=self.cell.ca_file, clock=self.clock)

        def ask() -> str:
            try:
                answer = http.get(f"https://{NAME}.{workspace.CELL_DOMAIN}/ping", timeout=5)
            except HttpFailed as e:
                return e.reason
            return "200" if (answer.status, answer.body) == (200, ANSWER) else f"{answer.status} {answer.body[:80]!r}"

        self._until(ask, wanted="200", what="an answer of the app through the proxy")

    def _until(self, look: Callable[[], T], *, wanted: T, what: str) -> None:
        """Look until it is as wanted; what does not come is this machine's fault, for no recipe is in play."""
        try:
            until(look, lambda seen: seen == wanted, what=what, clock=self.clock, timeout=APP_SECONDS, successes=1)
        except WaitFailed as e:
            raise HostError(e.message, hint="recipeci doctor") from e
