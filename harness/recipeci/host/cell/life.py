"""The only place that makes a cell, says what a running one can do, and ends it with all that belongs to it."""

from __future__ import annotations

import contextlib
import json
import os
import socket as sockets
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from recipeci.errors import HostError, Interrupted, WaitFailed
from recipeci.host import command
from recipeci.host.cell import certificates, cgroups, configs, engine_api, inside, launch, names, rootfs
from recipeci.host.cell import machine as machines
from recipeci.host.cell.cgroups import CgroupPlan
from recipeci.host.cell.machine import Machine
from recipeci.host.cell.spec import ADDRESS, CellSpec
from recipeci.host.clock import Clock, until
from recipeci.host.command import Runner
from recipeci.host.engine import DockerPrograms
from recipeci.model import Program

_DOCKERD_SECONDS = 60.0
_SWARM_SECONDS = 60.0
_CGROUP_SECONDS = 5.0
_LOG_LINES = 5
_ANSWERS = "200"
_PING_SECONDS = 5.0
_CONNECT_SECONDS = 0.3
"""Little: what is sent while the proxy's port is being set up is lost, and would be sent again only after a second."""


@dataclass(frozen=True)
class Cell:
    """A running cell."""

    spec: CellSpec
    init: int
    """The host's number of its pid 1."""
    runner: Runner
    """Runs programs inside, as root, in its namespaces and cgroups."""
    vip: Program
    """What carries service addresses: the kernel's IPVS, or our own rules where it has none."""
    notes: tuple[str, ...]
    clock: Clock = field(repr=False)
    address: str = ADDRESS

    @property
    def socket(self) -> Path:
        """Docker's socket, as the host sees it."""
        return self.spec.socket

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

    def asked_names(self) -> tuple[names.AskedName, ...]:
        """Return the names outside of the cell that apps asked for, and did not get."""
        log = (self.spec.run / configs.DNS_LOG).read_text(errors="replace")
        pairs = names.asked(log, domain=self.spec.domain)
        if not pairs:
            return ()
        with engine_api.client(self.socket) as api:
            return names.by_service(pairs, services=engine_api.services_by_address(api))

    def wait_proxy(self, timeout: float) -> None:
        """Wait until the proxy answers by TLS that the cell's authority vouches for.

        Raises:
            HostError: it does not within `timeout` seconds, or its task cannot run.
        """
        try:
            with engine_api.client(self.socket) as api:
                until(
                    self._ask_proxy,
                    lambda seen: seen == _ANSWERS,
                    what="the cell's proxy",
                    clock=self.clock,
                    timeout=timeout,
                    failed=lambda seen: None if seen == _ANSWERS else engine_api.proxy_problem(api),
                    delay=0.05,
                    successes=1,
                )
        except WaitFailed as error:
            raise HostError(error.message, hint="see the Traefik image: --proxy-image") from error

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
    comes up meanwhile (`Cell.wait_proxy`).

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
    try:
        _prepare(spec, machine, plan, programs)
        argv = launch.starting(
            machine, plan, init=Path(__file__).with_name("init.py"), plan=_plan_file(spec), owner=os.getpid()
        )
        first.start(argv, output=spec.log, fds=lock_fds)
        _make_ready(spec, first, clock)
        tools = machine.tools
        yield Cell(
            spec=spec,
            init=first.init,
            runner=inside.CellRunner(runner, tools=tools, procs=plan.join, init=first.init),
            vip=_vip(machine, runner),
            notes=plan.notes,
            clock=clock,
        )
    finally:
        _clear_whatever_interrupts(spec, first, plan, runner, clock)


def reap(*, name: str, folder: Path, runner: Runner, clock: Clock) -> None:
    """Remove what a killed run left of its cell: cgroup directories and the cell's folder. Nothing there is fine.

    Raises:
        HostError: processes of that cell are still alive.
    """
    plan = cgroups.plan(name, mounts=Path("/proc/self/mounts").read_text(), own=Path("/proc/self/cgroup").read_text())
    _remove_cgroups(plan, clock)
    _remove_folder(folder, runner)


def _prepare(spec: CellSpec, machine: Machine, plan: CgroupPlan, programs: DockerPrograms) -> None:
    """Make folders, certificates, cgroup directories and the plan that init follows.

    Raises:
        HostError: the disk or the cgroup tree cannot be written.
    """
    try:
        _make_folders(spec)
        _write_plan(spec, machine, plan, programs)
        _make_cgroups(plan)
    except OSError as error:
        raise HostError(f"a cell cannot be made here: {error}") from error


def _make_folders(spec: CellSpec) -> None:
    """Make the folders of the cell, and its certificates."""
    for folder in (spec.folder, spec.shared):
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    for folder in (spec.data, spec.run, spec.tls, _root(spec), _empty(spec)):
        folder.mkdir(mode=0o711, exist_ok=True)
    spec.run.chmod(0o755)
    certificates.write(spec.tls, name=spec.name, domain=spec.domain)
    (spec.tls / "proxy" / "dynamic.yml").write_text(configs.proxy_dynamic(spec.domain))


def _write_plan(spec: CellSpec, machine: Machine, plan: CgroupPlan, programs: DockerPrograms) -> None:
    """Write down what init does."""
    docker = rootfs.Docker(
        dockerd=programs.dockerd, containerd=programs.containerd, folder=programs.folder, folders=programs.folders
    )
    content = {
        "root": str(_root(spec)),
        "empty": str(_empty(spec)),
        "env": rootfs.environment(docker, path=command.PATH),
        "steps": rootfs.steps(spec, machine, plan, docker),
    }
    _plan_file(spec).write_text(json.dumps(content, indent=1))


def _make_cgroups(plan: CgroupPlan) -> None:
    """Make the cell's cgroup directories, with their limits, before anything is in them."""
    for folder in plan.folders:
        folder.mkdir(exist_ok=True)
    for write in plan.writes:
        write.path.write_text(_content(write))


def _content(write: cgroups.Write) -> str:
    """Return what is to be written."""
    if write.copied_from:
        return write.copied_from.read_text()
    if write.known:
        known = write.known.read_text().split()
        return " ".join(word for word in write.text.split() if word.lstrip("+-") in known)
    return write.text


def _make_ready(spec: CellSpec, first: launch.FirstProcess, clock: Clock) -> None:
    """Wait for dockerd, make the swarm, start the proxy, wait for the node."""

    def ended(_: bool) -> str | None:  # noqa: FBT001 - what `until` gives
        return f"it ended: {_last_lines(spec.log)}" if first.has_ended() else None

    engine_api.load()
    try:
        until(
            lambda: first.find_init() is not None and engine_api.is_up(spec.socket),
            bool,
            what="the cell's dockerd",
            clock=clock,
            timeout=_DOCKERD_SECONDS,
            failed=ended,
            delay=0.02,
            successes=1,
        )
        with engine_api.client(spec.socket) as api:
            engine_api.make_swarm(api)
            engine_api.start_proxy(api, spec.proxy_image)
            until(
                lambda: engine_api.is_ready(api),
                bool,
                what="the cell's node",
                clock=clock,
                timeout=_SWARM_SECONDS,
                delay=0.02,
                successes=1,
            )
    except WaitFailed as error:
        raise HostError(error.message, hint=f"the cell's log is {spec.log}, kept with --keep") from error


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
    """End the cell, then remove what is left of it."""
    first.end()
    _remove_cgroups(plan, clock)
    _remove_folder(spec.folder, runner)


def _remove_cgroups(plan: CgroupPlan, clock: Clock) -> None:
    """Remove the cell's cgroup directories, innermost first; the kernel may need a moment to let go."""
    try:
        until(
            lambda: [folder for folder in plan.folders if not _removed(folder)],
            lambda left: not left,
            what="removal of the cell's cgroup directories",
            clock=clock,
            timeout=_CGROUP_SECONDS,
            delay=0.02,
            successes=1,
        )
    except WaitFailed as error:
        raise HostError(f"{error.message}: a process is still in it") from error


def _removed(folder: Path) -> bool:
    """Remove a cgroup directory with those in it; False if something is still in use."""
    if not folder.exists():
        return True
    inner = [Path(top) for top, _, _ in os.walk(folder)]
    with contextlib.suppress(OSError):
        if any((path / "cgroup.procs").read_text() for path in inner):
            return False  # alive: its empty directories are its own
        for path in sorted(inner, key=lambda path: len(path.parts), reverse=True):
            path.rmdir()
    return not folder.exists()


def _remove_folder(folder: Path, runner: Runner) -> None:
    """Remove the cell's folder; `rm`, because apps may have made a tree deeper than Python can walk."""
    if folder.exists():
        runner.run(["rm", "-rf", "--one-file-system", "--", str(folder)], timeout=300)


def _last_lines(log: Path) -> str:
    """Return the end of the cell's log in one line."""
    text = log.read_text(errors="replace") if log.exists() else ""
    return " | ".join(text.strip().splitlines()[-_LOG_LINES:])


def _plan_file(spec: CellSpec) -> Path:
    return spec.folder / "plan.json"


def _root(spec: CellSpec) -> Path:
    return spec.folder / "root"


def _empty(spec: CellSpec) -> Path:
    return spec.folder / "empty"
