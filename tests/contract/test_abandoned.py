"""run.janitor.sweep with real cgroup directories: the empty ones of dead runs go, and no other."""

from __future__ import annotations

import contextlib
import datetime
import os
import secrets
import shutil
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from lab import cgroupfs
from recipeci.host import command
from recipeci.host.cell import abandoned, cgroups
from recipeci.host.clock import SystemClock
from recipeci.model import Settings
from recipeci.run import janitor, locks, workspace

pytestmark = pytest.mark.cell
CLOCK = SystemClock()
OLD = 2 * abandoned.YOUNG_SECONDS
Make = Callable[..., str]


def directories(name: str) -> list[Path]:
    """Return where a cell of this name has its directories, whether they are there or not."""
    mounts, own = Path("/proc/self/mounts").read_text(), Path("/proc/self/cgroup").read_text()
    return list(cgroups.plan(name, mounts=mounts, own=own).folders)


def is_whole(name: str) -> bool:
    return all(folder.is_dir() for folder in directories(name))


def is_gone(name: str) -> bool:
    return not any(folder.exists() for folder in directories(name))


def aged(folder: Path, *, seconds: float) -> None:
    then = CLOCK.epoch() - seconds
    os.utime(folder, (then, then))


@pytest.fixture(autouse=True)
def alone() -> Iterator[None]:
    """Nobody else sweeps meanwhile."""
    with cgroupfs.alone():
        yield


@pytest.fixture
def cache() -> Iterator[Path]:
    """A cache folder of the test's own."""
    with tempfile.TemporaryDirectory(prefix="rc-") as folder:
        (Path(folder) / "runs").mkdir()
        yield Path(folder)


@pytest.fixture
def make() -> Iterator[Make]:
    """Make the directories of a cell, in all trees, with one of a container in them; gone when the test ends."""
    names: list[str] = []

    def one(*, age: float = OLD, name: str = "") -> str:
        day = datetime.datetime.now(datetime.UTC)
        names.append(name or f"{day:%Y%m%d-%H%M%S}-a{secrets.token_hex(3)[:5]}")
        folders = directories(names[-1])
        for folder in folders:
            folder.mkdir()
        (folders[-1] / "docker" / "0123").mkdir(parents=True)
        for folder in folders:
            aged(folder, seconds=age)
        return names[-1]

    yield one
    for name in names:
        if not is_gone(name):
            abandoned.remove(name, clock=CLOCK)


@contextlib.contextmanager
def process_in(folder: Path, *, output: Path) -> Iterator[None]:
    """Keep a process in a cgroup directory."""
    sleeper = command.start([sys.executable, "-c", "import time; time.sleep(600)"], output=output)
    try:
        (folder / "cgroup.procs").write_text(str(sleeper.pid))
        yield
    finally:
        sleeper.kill()
        sleeper.wait()


def sweep(cache: Path) -> tuple[str, ...]:
    return janitor.sweep(Settings(cache=cache), clock=CLOCK)


def test_the_empty_directories_of_a_run_that_is_gone_are_removed(make: Make, cache: Path) -> None:
    name = make()
    assert is_whole(name)
    said = sweep(cache)
    assert is_gone(name)
    assert f"{name}: gone; its empty cgroup directories removed" in said
    assert not [line for line in sweep(cache) if name in line]


@pytest.mark.parametrize("number", [0, -1], ids=["in the first tree", "in the last"])
def test_directories_with_a_process_stay_all(make: Make, cache: Path, tmp_path: Path, number: int) -> None:
    name = make()
    folder = directories(name)[number]
    with process_in(folder, output=tmp_path / "said"):
        aged(folder, seconds=OLD)
        assert not [line for line in sweep(cache) if name in line]
        assert is_whole(name)
    sweep(cache)
    assert is_gone(name)


def test_a_process_in_a_directory_below_keeps_them_all(make: Make, cache: Path, tmp_path: Path) -> None:
    name = make()
    with process_in(directories(name)[-1] / "docker" / "0123", output=tmp_path / "said"):
        sweep(cache)
        assert is_whole(name)


def test_young_directories_stay(make: Make, cache: Path) -> None:
    name = make(age=0)
    sweep(cache)
    assert is_whole(name)


def test_what_is_no_runs_stays(make: Make, cache: Path) -> None:
    name = make(name=f"test-{secrets.token_hex(4)}")
    sweep(cache)
    assert is_whole(name)


def test_those_of_a_run_that_is_alive_stay_also_while_it_has_no_process_in_them(make: Make, cache: Path) -> None:
    name = make()
    lock = locks.file(workspace.lock_file(cache / "runs" / name))
    with locks.held(lock):
        sweep(cache)
        assert is_whole(name)
    shutil.rmtree(cache / "runs" / name)
    sweep(cache)
    assert is_gone(name)
