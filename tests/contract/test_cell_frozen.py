"""How a cell ends in which something is paused: a frozen process dies only when somebody thaws it."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest
from cellowner import assert_gone, cgroups, owned_elsewhere
from e2e import leftovers
from e2e.leftovers import Watch
from lab import cells, cgroupfs
from lab.cells import Bench, LabCell
from recipeci.host.cell import reap
from recipeci.host.clock import SystemClock, until
from recipeci.host.command import LocalRunner

pytestmark = pytest.mark.cell


@pytest.fixture
def bench() -> Iterator[Bench]:
    with cells.bench() as made:
        yield made


@pytest.fixture
def watch(bench: Bench) -> Watch:  # noqa: ARG001 - what lends the images is no cell's
    return Watch.begin()


def frozen(name: str) -> list[Path]:
    """The cgroup directories of a cell in which something is frozen and alive."""
    states = (path / "freezer.state" for top in cgroupfs.named(f"recipeci-{name}") for path in [top, *top.rglob("*/")])
    return [it.parent for it in states if it.exists() and it.read_text() != "THAWED\n" and processes_in(it.parent)]


def processes_in(folder: Path) -> str:
    return "".join(it.read_text() for it in folder.rglob("cgroup.procs"))


def test_a_paused_container_ends_with_its_cell(bench: Bench, watch: Watch) -> None:
    with bench.running() as cell:
        LabCell(cell, bench.programs).paused_container()
        assert len(frozen(bench.spec.name)) == 1
    assert_gone(bench, watch)


def test_a_container_that_freezes_the_whole_cell_ends_with_it(bench: Bench, watch: Watch) -> None:
    """What has CAP_SYS_ADMIN mounts the tree by itself; Docker in the cell and the parent of init are frozen too."""
    freezes = "mount -t cgroup -o freezer none /mnt && sleep 1 && echo FROZEN >/mnt/freezer.state"
    with bench.running() as cell:
        LabCell(cell, bench.programs).docker(
            *("run", "-d", "--cap-add", "SYS_ADMIN", "--security-opt", "seccomp=unconfined"),
            *("--entrypoint", "/bin/sh", cells.IMAGE, "-c", freezes),
        )
        (top,) = (path for path in cgroups(bench) if path.parent.name == "freezer")
        until(
            (top / "freezer.state").read_text,
            lambda state: state == "FROZEN\n",
            what="freezing",
            clock=SystemClock(),
            timeout=30,
        )
    assert_gone(bench, watch)


def test_a_paused_container_ends_with_the_owner_that_is_killed(tmp_path: Path) -> None:
    watch, before = Watch.begin(), leftovers.host()
    with owned_elsewhere(tmp_path, paused=True) as (process, name, folder):
        assert len(frozen(name)) == 1
        os.kill(process.pid, signal.SIGKILL)
        process.wait()
        left = watch.wait_until_gone(folder)
        assert not left, left
    assert leftovers.host() == before
    reap(name=name, folder=folder, runner=LocalRunner(), clock=SystemClock())
    assert cgroupfs.named(f"recipeci-{name}") == []
    LocalRunner().run(["rm", "-rf", str(folder.parent)], timeout=60)


def test_a_paused_container_whose_guard_was_killed_too_ends_when_it_is_reaped(tmp_path: Path) -> None:
    """As when a unit is stopped by killing all that is in its cgroup."""
    watch, before = Watch.begin(), leftovers.host()
    with owned_elsewhere(tmp_path, paused=True) as (process, name, folder):
        (guard,) = (pid for pid in leftovers.descendants(process.pid) if "guard.sh" in leftovers.describe(pid))
        os.kill(guard, signal.SIGKILL)
        os.kill(process.pid, signal.SIGKILL)
        process.wait()
        assert watch.wait_until_gone(folder).processes  # the control: nobody thaws it
        assert len(frozen(name)) == 1
        reap(name=name, folder=folder, runner=LocalRunner(), clock=SystemClock())
        left = watch.wait_until_gone(folder)
        assert not left, left
    assert leftovers.host() == before
    assert not folder.exists()
    assert cgroupfs.named(f"recipeci-{name}") == []
    LocalRunner().run(["rm", "-rf", str(folder.parent)], timeout=60)
