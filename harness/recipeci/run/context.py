"""The only place that holds what every part of a run works with: what was asked, where, and by which means."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from recipeci.host.abra import AbraProgram
from recipeci.host.clock import Clock
from recipeci.host.command import Runner
from recipeci.host.docker_cli import DockerCli
from recipeci.host.engine import DockerPrograms
from recipeci.model import Request, Settings
from recipeci.redact import Redactor
from recipeci.report.console import Console
from recipeci.run import workspace
from recipeci.run.environment import Environment
from recipeci.run.interrupt import Interrupts
from recipeci.run.source import Sourced
from recipeci.run.workspace import Workspace


@dataclass(frozen=True)
class Context:
    """One run that has a plan."""

    request: Request
    settings: Settings
    place: Workspace
    found: Sourced
    abra: AbraProgram
    programs: DockerPrograms
    runner: Runner
    clock: Clock
    console: Console
    interrupts: Interrupts
    redactor: Redactor
    """All secrets that the run knows."""

    @property
    def cache(self) -> Path:
        """The cache folder."""
        return workspace.cache_folder(self.settings)

    def environment(self) -> Environment:
        """Return what this run sets in the app's env."""
        docker = DockerCli(self.programs.docker, runner=self.runner)
        return Environment(self.found.plan, self.place.domain, self.place.stack, self.found.clone, docker)
