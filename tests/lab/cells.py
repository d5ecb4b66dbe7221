"""The only place that makes cells for tests: with images of the lab, lent by the store that `make test` fills."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from recipeci.host import engine
from recipeci.host.cell import Cell, CellSpec, running
from recipeci.host.clock import Clock, SystemClock
from recipeci.host.command import Completed, LocalRunner
from recipeci.host.engine import DockerPrograms
from recipeci.host.store import Store

from lab import folders, prepare

IMAGE = "nginx:1.26.3"
"""A Debian with mount, mknod, nsenter and curl: all that a hostile container needs."""
DOMAIN = "ci.test"
RUN_SECONDS = 180.0


@dataclass(frozen=True)
class Bench:
    """What a cell of a test is made from; its folder is gone when the test ends."""

    folder: Path
    spec: CellSpec
    programs: DockerPrograms
    lock_fds: tuple[int, ...]

    @contextlib.contextmanager
    def running(self, *, clock: Clock | None = None) -> Iterator[Cell]:
        """Make the cell."""
        clock = clock or SystemClock()
        with running(
            self.spec, programs=self.programs, runner=LocalRunner(), clock=clock, lock_fds=self.lock_fds
        ) as it:
            yield it


@dataclass(frozen=True)
class LabCell:
    """A running cell with its Docker command line."""

    cell: Cell
    programs: DockerPrograms

    def docker(self, *argv: str, ok: Sequence[int] = (0,), timeout: float = RUN_SECONDS) -> Completed:
        """Run Docker's command line inside the cell."""
        return self.cell.runner.run([str(self.programs.docker), *argv], ok=ok, timeout=timeout)

    def container(self, *options: str, script: str, ok: Sequence[int] = (0,)) -> Completed:
        """Run a shell script in a fresh container."""
        return self.docker("run", "--rm", *options, "--entrypoint", "/bin/sh", IMAGE, "-c", script, ok=ok)

    def paused_container(self) -> None:
        """Leave a container that is paused."""
        self.docker("run", "-d", "--name", "paused", "--entrypoint", "/bin/sleep", IMAGE, "600")
        self.docker("pause", "paused")

    def serve(self, name: str, *, options: Sequence[str] = ()) -> str:
        """Create a web service behind the proxy; return its URL."""
        rule = f"Host(`{name}.{DOMAIN}`, `also-{name}.{DOMAIN}`)"  # two names at once are the older syntax
        labels = {
            "traefik.enable": "true",
            f"traefik.http.services.{name}.loadbalancer.server.port": "80",
            f"traefik.http.routers.{name}.rule": rule,
            f"traefik.http.routers.{name}.entrypoints": "web-secure",
            f"traefik.http.routers.{name}.tls.certresolver": "production",
            f"traefik.http.routers.{name}.middlewares": "security@file",
        }
        said = [word for key, value in labels.items() for word in ("--label", f"{key}={value}")]
        self.docker("service", "create", "-q", "-d", "--name", name, "--network", "proxy", *said, *options, IMAGE)
        return f"https://{name}.{DOMAIN}/"


@contextlib.contextmanager
def bench(*, read_only: Sequence[Path] = (), bot: bool = False) -> Iterator[Bench]:
    """Have the images lent into a folder with a short path on the store's file system."""
    cache = prepare.cache_folder()
    prepare.prepare(cache, say=print)
    runner, clock = LocalRunner(), SystemClock()
    programs = engine.find(None, runner=runner)
    store = Store(cache / "store", programs=programs, runner=runner, clock=clock)
    proxy, _ = store.ensure_proxy(None, images=prepare.IMAGES, say=print)
    bots = [store.ensure_bot(None, images=prepare.IMAGES, say=print)[0]] if bot else []
    with folders.beside_the_store("c") as folder:
        swarm = folder / "swarm"
        with store.lend([proxy, IMAGE, *bots], data_root=swarm / "data") as lending:
            spec = CellSpec(
                name=folder.name.replace("_", "-"),
                folder=swarm,
                shared=folder / "cell",
                read_only=tuple(read_only),
                domain=DOMAIN,
                proxy_image=proxy,
                bot_image="".join(bots),
                layers=lending.mounts,
            )
            yield Bench(folder, spec, programs, lending.fds)


@contextlib.contextmanager
def lab_cell(*, read_only: Sequence[Path] = (), bot: bool = False) -> Iterator[LabCell]:
    """Make a cell that is ready, its proxy too, and its backup bot if it has one."""
    with bench(read_only=read_only, bot=bot) as made, made.running() as cell:
        cell.wait_proxy()
        if bot:
            cell.wait_bot()
        yield LabCell(cell, made.programs)
