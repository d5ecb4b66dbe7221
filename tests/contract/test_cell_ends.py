"""How a cell ends: by us, by the kernel when we are killed, by an error or Ctrl-C at any moment; nothing is left."""

from __future__ import annotations

import contextlib
import fcntl
import logging
import os
import signal
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from cellowner import assert_gone, cgroups, owned_elsewhere
from e2e import leftovers
from e2e.leftovers import Watch
from lab import cells, cgroupfs
from lab.cells import Bench
from recipeci.errors import HostError, Interrupted, UsageError
from recipeci.host.cell import Cell, CellSpec, reap
from recipeci.host.clock import SystemClock
from recipeci.host.command import LocalRunner

pytestmark = pytest.mark.cell
SECONDS = 60.0


@pytest.fixture
def bench() -> Iterator[Bench]:
    with cells.bench() as made:
        yield made


@pytest.fixture
def watch(bench: Bench) -> Watch:  # noqa: ARG001 - what lends the images is no cell's
    return Watch.begin()


class Impatient(SystemClock):
    """A clock that is interrupted at its n-th use, as by Ctrl-C or another signal.

    It is asked for the time before anything is waited for; whether one must sleep depends on how busy the machine is.
    """

    def __init__(self, *, at: int, by: type[BaseException] | BaseException = KeyboardInterrupt) -> None:
        super().__init__()
        self.left = at
        self.by = by

    def monotonic(self) -> float:
        self._used()
        return super().monotonic()

    def sleep(self, seconds: float) -> None:
        self._used()
        super().sleep(seconds)

    def use_up(self) -> None:
        """Use it until it is interrupted."""
        while True:
            self.monotonic()

    def _used(self) -> None:
        self.left -= 1
        if self.left == 0:
            raise self.by


def test_leaving_it_leaves_nothing(bench: Bench, watch: Watch) -> None:
    before = leftovers.host()
    with bench.running() as cell:
        cell.wait_proxy()
        assert watch.remains(bench.folder)  # the look that finds nothing below finds something now
        assert cgroups(bench)
    assert_gone(bench, watch)
    assert leftovers.host() == before
    with pytest.raises(HostError, match="the cell has ended"):
        cell.connect(cell.address, 80, timeout=1)


def test_several_cells_at_once_do_not_see_each_other(watch: Watch) -> None:
    with contextlib.ExitStack() as stack:
        benches = [stack.enter_context(cells.bench()) for _ in range(3)]
        running = [stack.enter_context(it.running()) for it in benches]
        for number, cell in enumerate(running):
            (cell.spec.shared / "mine").write_text(str(number))
            cell.runner.run(["touch", f"/tmp/{number}"], timeout=SECONDS)  # noqa: S108 - the cell's own
        for number, cell in enumerate(running):
            cell.wait_proxy()
            assert cell.runner.run(["ls", "/tmp"], timeout=SECONDS).out.split() == [str(number)]  # noqa: S108
            others = [it.spec.shared for it in running if it is not cell]
            tests = {path: ["test", "-e", str(path)] for path in others}
            assert [
                path for path, argv in tests.items() if cell.runner.run(argv, timeout=SECONDS, ok=(0, 1)).code == 0
            ] == []
    for it in benches:
        assert not watch.wait_until_gone(it.folder)


def test_an_error_inside_ends_it_and_is_not_swallowed(bench: Bench, watch: Watch) -> None:
    with pytest.raises(ZeroDivisionError), bench.running():
        raise ZeroDivisionError
    assert_gone(bench, watch)


@pytest.mark.parametrize("at", [1, 2, 4, 9])
def test_an_interrupt_while_it_comes_up_leaves_nothing(bench: Bench, watch: Watch, at: int) -> None:
    clock = Impatient(at=at)
    with pytest.raises(KeyboardInterrupt), bench.running(clock=clock):
        clock.use_up()  # it is up already, after fewer looks than these: then now
    assert_gone(bench, watch)


@pytest.mark.parametrize("by", [KeyboardInterrupt(), Interrupted("terminated", code=143)], ids=["ctrl-c", "sigterm"])
def test_an_interrupt_while_it_ends_does_not_stop_its_end(bench: Bench, watch: Watch, by: BaseException) -> None:
    clock = Impatient(at=-1, by=by)
    with pytest.raises(type(by)), bench.running(clock=clock):
        clock.left = 3  # in its first sleep, or in the step after it where there was nothing to wait for
    assert_gone(bench, watch)


def test_a_dockerd_that_ends_is_an_error_with_its_last_words(
    bench: Bench, watch: Watch, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG, logger="recipeci.host.cell.life")
    dead = bench.folder / "bin" / "dockerd"
    dead.parent.mkdir()
    dead.write_text("#!/bin/sh\necho it is not my day >&2\nexit 1\n")
    dead.chmod(0o755)
    broken = replace(bench, programs=replace(bench.programs, dockerd=dead))
    with pytest.raises(HostError, match="it is not my day") as died, broken.running():
        pass
    assert died.value.hint == "run.log has the end of the cell's log"
    assert "the end of the cell's log:\nit is not my day" in caplog.messages
    assert_gone(bench, watch)


@pytest.mark.parametrize("dies", [True, False], ids=["its daemon dies", "all is well"])
def test_the_end_of_its_log_is_kept_where_run_log_is_written(
    bench: Bench, watch: Watch, caplog: pytest.LogCaptureFixture, *, dies: bool
) -> None:
    caplog.set_level(logging.DEBUG, logger="recipeci.host.cell.life")
    with bench.running() as cell:
        daemons = [pid for pid in leftovers.descendants(cell.init) if Path(leftovers.program_of(pid)).name == "dockerd"]
        assert daemons
        if dies:
            os.kill(min(daemons), signal.SIGKILL)
    assert_gone(bench, watch)
    (said,) = [message for message in caplog.messages if message.startswith("the end of the cell's log:")]
    assert "API listen on" in said
    assert 5 < len(said.splitlines()) <= 201


def test_a_proxy_image_that_is_not_there_is_said_at_once(bench: Bench, watch: Watch) -> None:
    wrong = replace(bench, spec=replace(bench.spec, proxy_image="no-such-proxy:1"))
    with wrong.running() as cell, pytest.raises(HostError, match="No such image: no-such-proxy:1"):
        cell.wait_proxy()
    assert_gone(bench, watch)


def test_a_path_too_long_for_a_socket_is_refused_before_anything_is_made(tmp_path: Path) -> None:
    folder = tmp_path / ("x" * 120) / "swarm"
    with pytest.raises(UsageError, match="too long for a Unix socket"):
        CellSpec(name="n", folder=folder, shared=tmp_path, read_only=(), domain=cells.DOMAIN, proxy_image="traefik:v3")
    assert not folder.parent.exists()


def test_who_is_not_root_is_told_so(bench: Bench, watch: Watch) -> None:
    os.seteuid(65534)
    try:
        with pytest.raises(HostError, match="a cell needs root") as refused, bench.running():
            pass
    finally:
        os.seteuid(0)
    assert "sudo" in refused.value.hint
    assert_gone_or_never_made(bench, watch)


def assert_gone_or_never_made(bench: Bench, watch: Watch) -> None:
    """Only what the store lent is there."""
    assert not watch.wait_until_gone(bench.folder)
    assert cgroups(bench) == []
    assert [entry.name for entry in bench.spec.folder.iterdir()] == ["data"]


def test_the_locks_it_was_given_are_held_until_its_end_and_not_longer(bench: Bench, watch: Watch) -> None:
    file = bench.folder / "lock"
    descriptor = os.open(file, os.O_CREAT | os.O_RDWR)
    fcntl.flock(descriptor, fcntl.LOCK_SH)
    locked = replace(bench, lock_fds=(*bench.lock_fds, descriptor))
    with locked.running():
        os.close(descriptor)
        assert not is_free(file)
    assert is_free(file)
    assert_gone(bench, watch)


def is_free(file: Path) -> bool:
    """Whether nobody holds a lock on the file."""
    with file.open("r+") as mine:
        try:
            fcntl.flock(mine, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        return True


def test_killing_its_owner_leaves_no_process_and_no_mount_and_the_rest_is_reaped(tmp_path: Path) -> None:
    watch, before, clock = Watch.begin(), leftovers.host(), SystemClock()
    with owned_elsewhere(tmp_path) as (process, name, folder):
        assert watch.remains(folder).processes
        with pytest.raises(HostError, match="a process is still in it"):
            reap(name=name, folder=folder, runner=LocalRunner(), clock=clock)
        assert folder.exists()
        os.kill(process.pid, signal.SIGKILL)
        process.wait()
        left = watch.wait_until_gone(folder)
        assert not left, left
    assert leftovers.host() == before
    reap(name=name, folder=folder, runner=LocalRunner(), clock=clock)
    assert not folder.exists()
    assert cgroupfs.named(f"recipeci-{name}") == []
    reap(name=name, folder=folder, runner=LocalRunner(), clock=clock)  # nothing there is fine
    LocalRunner().run(["rm", "-rf", str(folder.parent)], timeout=60)


def test_what_an_owner_left_before_the_cells_first_process_ran_is_reaped(bench: Bench) -> None:
    """Killed between making the directories and starting: there is no process to wait for."""
    Path("/sys/fs/cgroup/devices" if Path("/sys/fs/cgroup/devices").exists() else "/sys/fs/cgroup").joinpath(
        f"recipeci-{bench.spec.name}"
    ).mkdir()
    reap(name=bench.spec.name, folder=bench.spec.folder, runner=LocalRunner(), clock=SystemClock())
    assert cgroups(bench) == []
    assert not bench.spec.folder.exists()


def test_a_second_cell_of_the_same_name_and_folder_can_follow(bench: Bench, watch: Watch) -> None:
    def up() -> Cell:
        with replace(bench, spec=replace(bench.spec, layers=())).running() as cell:
            return cell

    assert up().init != up().init
    assert_gone(bench, watch)
