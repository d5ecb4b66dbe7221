"""The only place that makes a cell without a recipe: to try this machine, or the abra that a run would use."""

from __future__ import annotations

import contextlib
import dataclasses
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from recipeci.host import cell as cells
from recipeci.host import engine
from recipeci.host.cell import Cell, CellSpec
from recipeci.host.clock import Clock
from recipeci.host.command import Runner
from recipeci.host.engine import DockerPrograms
from recipeci.host.store import Store
from recipeci.model import Request, Settings
from recipeci.report import runlog
from recipeci.report.console import Console
from recipeci.run import workspace
from recipeci.run.interrupt import Interrupts
from recipeci.run.workspace import Workspace


@dataclass(frozen=True)
class Trial:
    """A cell that is ready, its proxy too, with what it was made of."""

    place: Workspace
    programs: DockerPrograms
    cell: Cell
    proxy: str
    """The image of the proxy: the one image that every cell has."""


@dataclass(frozen=True)
class Trials:
    """What trials are made with; a line a step is printed."""

    settings: Settings
    runner: Runner
    clock: Clock
    console: Console
    interrupts: Interrupts

    @contextlib.contextmanager
    def cell(self, name: str, *, read_only: Sequence[Path] = (), bot: bool = False) -> Iterator[Trial]:
        """Make a cell in a workspace of its own, with the proxy and perhaps a backup bot; nothing of it is left.

        Raises HostError if it cannot be made; no signal cuts its end short.
        """
        programs = engine.find(self.settings.docker_prefix, runner=self.runner, path=self.settings.search_path)
        request = Request(name, keep=False)
        with workspace.opened(request, self.settings, source="", clock=self.clock, shown=read_only) as place:
            with runlog.logged(place.log):
                store = self._store(programs)
                with self.console.phase("images"):
                    proxy, bot_image = self._images(store, bot=bot)
                spec = CellSpec(
                    name=place.run_id,
                    folder=place.swarm,
                    shared=place.shared,
                    read_only=tuple(read_only),
                    domain=workspace.CELL_DOMAIN,
                    proxy_image=proxy,
                    bot_image=bot_image,
                )
                with self._running(spec, programs, store) as cell:
                    yield Trial(place, programs, cell, proxy)
            workspace.remove(place, cache=workspace.cache_folder(self.settings))  # no report to look at

    def _store(self, programs: DockerPrograms) -> Store:
        folder = workspace.cache_folder(self.settings) / "store"
        env = dict(self.settings.network_env)
        return Store(folder, programs=programs, runner=self.runner, clock=self.clock, env=env)

    def _images(self, store: Store, *, bot: bool) -> tuple[str, str]:
        """Have the proxy's image, and the bot's if there is to be one."""
        ours, say = self.settings, self.console.say
        proxy, _ = store.ensure_proxy(ours.proxy_image, images=ours.images, say=say)
        return proxy, store.ensure_bot(ours.bot_image, images=ours.images, say=say)[0] if bot else ""

    @contextlib.contextmanager
    def _running(self, spec: CellSpec, programs: DockerPrograms, store: Store) -> Iterator[Cell]:
        """Make the cell, and wait until its own services are up."""
        stack = contextlib.ExitStack()
        images = [image for image in (spec.proxy_image, spec.bot_image) if image]
        try:
            with self.console.phase("cell"):
                lending = stack.enter_context(store.lend(images, data_root=spec.data))
                making = cells.running(
                    dataclasses.replace(spec, layers=lending.mounts),
                    programs=programs,
                    runner=self.runner,
                    clock=self.clock,
                    lock_fds=lending.fds,
                )
                cell = stack.enter_context(making)
            with self.console.phase("proxy"):
                cell.wait_proxy()
            if spec.bot_image:
                with self.console.phase("bot"):
                    cell.wait_bot()
            yield cell
        finally:
            with self.interrupts.shielded(), self.console.phase("end"):
                stack.close()
