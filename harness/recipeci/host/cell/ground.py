"""The only place that makes and removes what a cell has outside of itself: its folder and its cgroup directories."""

from __future__ import annotations

import contextlib
import json
import os
from pathlib import Path

from recipeci.errors import HostError, WaitFailed
from recipeci.host import command
from recipeci.host.cell import certificates, configs, frozen, rootfs
from recipeci.host.cell.cgroups import CgroupPlan, Write
from recipeci.host.cell.machine import Machine
from recipeci.host.cell.spec import CellSpec
from recipeci.host.clock import Clock, until
from recipeci.host.command import Runner
from recipeci.host.engine import DockerPrograms

_CGROUP_SECONDS = 20.0
"""Of a cell whose owner was killed the kernel of a busy machine may still be ending the last processes."""
_REMOVE_SECONDS = 300.0


def prepare(spec: CellSpec, machine: Machine, plan: CgroupPlan, programs: DockerPrograms) -> None:
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
    for folder in (spec.data, spec.run, spec.tls, spec.root, spec.empty):
        folder.mkdir(mode=0o711, exist_ok=True)
    spec.run.chmod(0o755)
    certificates.write(spec.tls, name=spec.name, domain=spec.domain, hosts=spec.hosts)
    (spec.tls / "proxy" / "dynamic.yml").write_text(configs.proxy_dynamic(spec.domain))


def _write_plan(spec: CellSpec, machine: Machine, plan: CgroupPlan, programs: DockerPrograms) -> None:
    """Write down what init does."""
    docker = rootfs.Docker(
        dockerd=programs.dockerd, containerd=programs.containerd, path=programs.path, folders=programs.folders
    )
    content = {
        "root": str(spec.root),
        "empty": str(spec.empty),
        "env": rootfs.environment(docker, path=command.PATH),
        "steps": rootfs.steps(spec, machine, plan, docker),
    }
    spec.plan.write_text(json.dumps(content, indent=1))


def _make_cgroups(plan: CgroupPlan) -> None:
    """Make the cell's cgroup directories, with their limits, before anything is in them."""
    for folder in plan.folders:
        folder.mkdir(exist_ok=True)
    for write in plan.writes:
        write.path.write_text(_content(write))


def _content(write: Write) -> str:
    """Return what is to be written."""
    if write.copied_from:
        return write.copied_from.read_text()
    if write.known:
        known = write.known.read_text().split()
        return " ".join(word for word in write.text.split() if word.lstrip("+-") in known)
    return write.text


def remove_cgroups(plan: CgroupPlan, clock: Clock) -> None:
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
            frozen.thaw([folder])  # what was frozen when it was killed lives until then
            return False  # alive: its empty directories are its own
        for path in sorted(inner, key=lambda path: len(path.parts), reverse=True):
            path.rmdir()
    return not folder.exists()


def remove_folder(folder: Path, runner: Runner) -> None:
    """Remove the cell's folder; `rm`, because apps may have made a tree deeper than Python can walk."""
    if folder.exists():
        runner.run(["rm", "-rf", "--one-file-system", "--", str(folder)], timeout=_REMOVE_SECONDS)
