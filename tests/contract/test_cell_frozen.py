"""How a cell ends in which something is paused: a frozen process dies only when somebody thaws it."""

from __future__ import annotations

import contextlib
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
    tops = cgroupfs.named(f"recipeci-{name}")
    return [Path(folder) for top in tops for folder, _, _ in os.walk(top) if is_frozen(Path(folder))]


def is_frozen(folder: Path) -> bool:
    """Whether something in a directory is frozen and alive; one that goes away meanwhile holds nothing."""
    with contextlib.suppress(OSError):
        if (folder / "freezer.state").read_text() != "THAWED\n":
            return any(Path(top, "cgroup.procs").read_text() for top, _, _ in os.walk(folder))
    return False


def test_a_paused_container_ends_with_its_cell(bench: Bench, watch: Watch) -> None:
    with bench.running() as cell:
        LabCell(cell, bench.programs).paused_container()
        assert len(frozen(bench.spec.name)) == 1
    assert_gone(bench, watch)


def test_a_container_that_freezes_the_whole_cell_ends_with_it(bench: Bench, watch: Watch) -> None:
    """What has CAP_SYS_ADMIN mounts the tree by itself; Docker in the cell and the parent of init are frozen too."""
    go = bench.spec.shared / "go"
    waits = f"until [ -e {go} ]; do sleep 0.1; done"  # frozen too, Docker's client would not come back
    freezes = f"mount -t cgroup -o freezer none /mnt && {waits} && echo FROZEN >/mnt/freezer.state"
    with bench.running() as cell:
        LabCell(cell, bench.programs).docker(
            *("run", "-d", "--cap-add", "SYS_ADMIN", "--security-opt", "seccomp=unconfined"),
            *("-v", f"{go.parent}:{go.parent}", "--entrypoint", "/bin/sh", cells.IMAGE, "-c", freezes),
        )
        go.touch()
        (top,) = (path for path in cgroups(bench) if path.parent.name == "freezer")
        until(
            (top / "freezer.state").read_text,
            lambda state: state == "FROZEN\n",
            what="freezing",
            clock=SystemClock(),
            timeout=60,
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
        assert watch.wait_until_gone(folder, seconds=2.0).processes  # the control: nobody thaws it
        assert len(frozen(name)) == 1
        reap(name=name, folder=folder, runner=LocalRunner(), clock=SystemClock())
        left = watch.wait_until_gone(folder)
        assert not left, left
    assert leftovers.host() == before
    assert not folder.exists()
    assert cgroupfs.named(f"recipeci-{name}") == []
    LocalRunner().run(["rm", "-rf", str(folder.parent)], timeout=60)
