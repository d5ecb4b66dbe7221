"""The only place that tries a cell without a recipe: `doctor --selftest`, for a machine that nothing ran on yet."""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

from recipeci.errors import HostError, WaitFailed
from recipeci.host.cell import Cell
from recipeci.host.clock import Clock, until
from recipeci.host.docker import Swarm
from recipeci.host.engine import DockerPrograms
from recipeci.host.http import Http, HttpFailed
from recipeci.model import Leftover
from recipeci.report.console import Console
from recipeci.run import workspace
from recipeci.run.trial import Trials

NAME = "selftest"
PORT = 8080
ANSWER = b"OK"
APP_SECONDS = 60.0
T = TypeVar("T")


def run(trials: Trials) -> None:
    """Make a cell, deploy an app in it, ask it through the proxy, remove both; a line a step is printed.

    The app is the proxy's own program, which answers `OK`: no image is needed that a run would not need too.

    Raises:
        HostError: a step did not work; nothing is left.
    """
    with trials.cell(NAME) as trial:
        App(trial.cell, trial.programs, trials.clock).tried(trial.proxy, console=trials.console)


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
