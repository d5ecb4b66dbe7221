"""The only place that makes a cell, says what a running one can do, and ends it with all that belongs to it."""

from __future__ import annotations

import contextlib
import logging
import os
import secrets
import socket as sockets
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from recipeci.errors import HostError, Interrupted, WaitFailed
from recipeci.host.below import Below
from recipeci.host.cell import cgroups, configs, frozen, ground, inside, launch, names
from recipeci.host.cell import machine as machines
from recipeci.host.cell.askers import Askers
from recipeci.host.cell.cgroups import CgroupPlan
from recipeci.host.cell.engine_api import EngineApi
from recipeci.host.cell.machine import Machine
from recipeci.host.cell.spec import ADDRESS, CellSpec
from recipeci.host.cell.unprivileged import Unprivileged
from recipeci.host.clock import Clock, until
from recipeci.host.command import Runner
from recipeci.host.engine import DockerPrograms
from recipeci.model import Program

log = logging.getLogger(__name__)

_DOCKERD_SECONDS = 60.0
_SWARM_SECONDS = 60.0
SERVICE_SECONDS = 60.0
"""For one of the cell's own services to come up, its image being there."""
_SAID_LINES, _KEPT_LINES = 5, 200
"""Lines of its log: in the error if it does not come up, and in run.log in any case."""
_KEPT_BYTES = 256 * 1024
_QUESTIONS_BYTES = 16 * 1024 * 1024
"""So much of the resolver's log is read: an app may ask without end."""
_ANSWERS = "200"
_HAS_REPOSITORY = "it has a repository"
_PING_SECONDS = 5.0
_CONNECT_SECONDS = 0.3
"""Little: what is sent while the proxy's port is being set up is lost, and would be sent again only after a second."""


@dataclass(frozen=True)
class Cell:
    """A running cell."""

    spec: CellSpec
    init: int
    """The host's number of its pid 1."""
    runner: inside.CellRunner
    """Runs programs inside, as root, in its namespaces and cgroups."""
    vip: Program
    """What carries service addresses: the kernel's IPVS, or our own rules where it has none."""
    notes: tuple[str, ...]
    socket: Path
    """Docker's socket, held: whatever an app puts in its place, this one is connected to."""
    clock: Clock = field(repr=False)
    api: EngineApi = field(repr=False)
    askers: Askers = field(repr=False)
    address: str = ADDRESS

    @property
    def ca_file(self) -> Path:
        """The certificate of the cell's authority, as the host sees it; inside it is /etc/recipeci/ca.pem."""
        return self.spec.ca_file

    def connect(self, host: str, port: int, *, timeout: float) -> sockets.socket:
        """Open a TCP connection from inside, to an address or to a name of the cell's domain (its proxy).

        Raises:
            OSError: refused, not answered within `timeout` seconds, an unknown name.
            HostError: the cell is gone.
        """
        return inside.connect(self.init, host, port, domain=self.spec.domain, timeout=timeout)

    def as_user(self, uid: int) -> Unprivileged:
        """Return what runs programs inside as a user without any privilege."""
        return Unprivileged(self.runner, tools=self.runner.tools, init=self.init, uid=uid)

    def asked_names(self) -> tuple[names.AskedName, ...]:
        """Return the names outside of the cell that apps asked for, and did not get.

        Raises OpFailed if something in the cell put another thing where they are written down.
        """
        log = Below(self.spec.run).head(self.spec.run / configs.DNS_LOG, size=_QUESTIONS_BYTES)
        pairs = names.asked(log.decode(errors="replace"), domain=self.spec.domain)
        return names.by_service(pairs, services=self.askers.services())

    def wait_proxy(self, timeout: float = SERVICE_SECONDS) -> None:
        """Wait until the proxy answers by TLS that the cell's authority vouches for.

        Raises:
            HostError: it does not within `timeout` seconds, or its task cannot run.
        """
        try:
            until(
                self._ask_proxy,
                lambda seen: seen == _ANSWERS,
                what="the cell's proxy",
                clock=self.clock,
                timeout=timeout,
                failed=lambda seen: None if seen == _ANSWERS else self.api.problem(configs.PROXY_SERVICE),
                delay=0.05,
                successes=1,
            )
        except WaitFailed as error:
            raise HostError(error.message, hint="see the Traefik image: --proxy-image") from error

    def wait_bot(self, timeout: float = SERVICE_SECONDS) -> None:
        """Wait until the backup bot runs and has a repository.

        Raises:
            HostError: it does not within `timeout` seconds, its task cannot run, or the cell was made without one.
        """
        if not self.spec.bot_image:
            raise HostError("the cell was made without a backup bot")
        try:
            until(
                self._ask_bot,
                lambda seen: seen == _HAS_REPOSITORY,
                what="the cell's backup bot",
                clock=self.clock,
                timeout=timeout,
                failed=lambda seen: None if seen == _HAS_REPOSITORY else self.api.problem(configs.BOT_SERVICE),
                delay=0.1,
                successes=1,
            )
        except WaitFailed as error:
            raise HostError(error.message, hint="see the backup bot's image: --bot-image") from error

    def _ask_bot(self) -> str:
        """Return how far the bot is; any command of a bot that is up makes it make its repository."""
        container = self.api.container(configs.BOT_SERVICE)
        if container is None:
            return "no container of it is running"
        if self.api.run(container, ["restic", "--no-cache", "cat", "config"]) == 0:
            return _HAS_REPOSITORY
        self.api.run(container, ["backup", "snapshots"])
        return "it has no repository"

    def _ask_proxy(self) -> str:
        """Return the proxy's status, or why there is none."""
        from recipeci.host.http import Http, HttpFailed  # noqa: PLC0415 - nobody else here needs it

        def connect(host: str, port: int, *, timeout: float) -> sockets.socket:
            return self.connect(host, port, timeout=min(timeout, _CONNECT_SECONDS))

        try:
            answer = Http(connect=connect, ca_file=self.ca_file).get(self._ping, timeout=_PING_SECONDS)
        except HttpFailed as error:
            return error.reason
        return str(answer.status)

    @property
    def _ping(self) -> str:
        return f"https://{configs.PROXY_HOST}.{self.spec.domain}/ping"


@contextlib.contextmanager
def running(
    spec: CellSpec, *, programs: DockerPrograms, runner: Runner, clock: Clock, lock_fds: Sequence[int] = ()
) -> Iterator[Cell]:
    """Make a cell; leaving ends it, waits until it is gone, and removes its folder and cgroup directories.

    It is given out once its node is ready, its `proxy` network and the images that it was lent are there; the proxy
    and the backup bot come up meanwhile (`Cell.wait_proxy`, `Cell.wait_bot`).

    Args:
        spec: what it is made from; `spec.data` may have been filled by the store, the rest of the folder is ours.
        programs: Docker's.
        runner: runs programs on this host.
        clock: the time.
        lock_fds: descriptors that the cell's longest-lived process holds (locks of the store), and no container.

    Raises:
        HostError: this machine cannot have one, or it did not come up; nothing of it is left.
    """
    machine = machines.look()
    plan = cgroups.plan(spec.name, mounts=machine.mounts, own=machine.own_cgroup)
    first = launch.FirstProcess(clock)
    guard = contextlib.ExitStack()
    try:
        ground.prepare(spec, machine, plan, programs)
        guard.enter_context(frozen.guarded(plan.folders, machine=machine, log=spec.log))
        argv = launch.starting(
            machine, plan, init=Path(__file__).with_name("init.py"), plan=spec.plan, owner=os.getpid()
        )
        first.start(argv, output=spec.log, fds=lock_fds)
        _make_ready(spec, first, EngineApi(spec.socket), clock)  # nothing but our own services runs until then
        held = guard.enter_context(Below(spec.run).held_socket(spec.socket))
        api = EngineApi(held)
        askers = Askers(api)
        askers.watch()
        tools = machine.tools
        yield Cell(
            spec=spec,
            init=first.init,
            runner=inside.CellRunner(runner, tools=tools, procs=plan.join, init=first.init),
            vip=_vip(machine, runner),
            notes=plan.notes,
            socket=held,
            clock=clock,
            api=api,
            askers=askers,
        )
    finally:
        with guard:
            _clear_whatever_interrupts(spec, first, plan, runner, clock)


def reap(*, name: str, folder: Path, runner: Runner, clock: Clock) -> None:
    """Remove what a killed run left of its cell: cgroup directories and the cell's folder. Nothing there is fine.

    Raises:
        HostError: processes of that cell are still alive.
    """
    plan = cgroups.plan(name, mounts=Path("/proc/self/mounts").read_text(), own=Path("/proc/self/cgroup").read_text())
    ground.remove_cgroups(plan, clock)
    ground.remove_folder(folder, runner)


def _make_ready(spec: CellSpec, first: launch.FirstProcess, api: EngineApi, clock: Clock) -> None:
    """Wait for dockerd, make the swarm, start the proxy and the bot, wait for the node."""

    def ended(_: bool) -> str | None:  # noqa: FBT001 - what `until` gives
        return f"it ended: {' | '.join(_last_lines(spec.log, _SAID_LINES))}" if first.has_ended() else None

    try:
        until(
            lambda: first.find_init() is not None and api.is_up(),
            bool,
            what="the cell's dockerd",
            clock=clock,
            timeout=_DOCKERD_SECONDS,
            failed=ended,
            delay=0.02,
            successes=1,
        )
        api.make_swarm()
        api.start_proxy(spec.proxy_image)
        if spec.bot_image:
            api.start_bot(spec.bot_image, password=secrets.token_hex(16).encode())
        until(
            api.is_ready,
            bool,
            what="the cell's node",
            clock=clock,
            timeout=_SWARM_SECONDS,
            delay=0.02,
            successes=1,
        )
    except WaitFailed as error:
        raise HostError(error.message, hint="run.log has the end of the cell's log") from error


def _vip(machine: Machine, runner: Runner) -> Program:
    """Say what carries service addresses, and its version."""
    if machine.has_ipvs:
        return Program("IPVS", os.uname().release)
    words = runner.run([machine.tools["nft"], "--version"], timeout=10).out.split()
    return Program("nftables", words[1].lstrip("v") if len(words) > 1 else "", built_in=True)


def _clear_whatever_interrupts(
    spec: CellSpec, first: launch.FirstProcess, plan: CgroupPlan, runner: Runner, clock: Clock
) -> None:
    """End the cell and remove its things; a first signal meanwhile waits until that is done."""
    try:
        _clear(spec, first, plan, runner, clock)
    except (KeyboardInterrupt, Interrupted):
        _clear(spec, first, plan, runner, clock)
        raise


def _clear(spec: CellSpec, first: launch.FirstProcess, plan: CgroupPlan, runner: Runner, clock: Clock) -> None:
    """End the cell, then remove what is left of it; the end of its log goes to run.log."""
    try:
        first.end(thaw=lambda: frozen.thaw(plan.folders))
    finally:
        if said := _last_lines(spec.log, _KEPT_LINES):
            log.debug("the end of the cell's log:\n%s", "\n".join(said))
    ground.remove_cgroups(plan, clock)
    ground.remove_folder(spec.folder, runner)


def _last_lines(file: Path, count: int) -> list[str]:
    """Return the end of the cell's log."""
    with contextlib.suppress(FileNotFoundError), file.open("rb") as opened:
        opened.seek(max(0, file.stat().st_size - _KEPT_BYTES))
        return opened.read().decode(errors="replace").strip().splitlines()[-count:]
    return []
