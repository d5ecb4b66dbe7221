"""The only place in the contract tests that lets another process own a cell and looks for what is left of one."""

from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import Iterator
from pathlib import Path

from e2e.leftovers import Watch
from lab import cgroupfs
from lab.cells import Bench
from recipeci.host import command
from recipeci.host.clock import SystemClock, until

OWNER = """
import sys, time
sys.path.insert(0, {tests!r})
from lab import cells
with cells.bench() as bench, bench.running() as cell:
    if {paused!r}:
        cells.LabCell(cell, bench.programs).paused_container()
    bench.spec.shared.joinpath("ready").touch()
    print(bench.spec.name, bench.spec.folder, flush=True)
    time.sleep(600)
"""


@contextlib.contextmanager
def owned_elsewhere(folder: Path, *, paused: bool = False) -> Iterator[tuple[command.Started, str, Path]]:
    """A process that owns a cell, with a paused container or none: (the process, the cell's name, its folder)."""
    script, said = folder / "owner.py", folder / "said"
    script.write_text(OWNER.format(tests=str(Path(__file__).parents[1]), paused=paused))
    env = {"PATH": command.PATH, "HOME": os.environ["HOME"], "XDG_CACHE_HOME": os.environ.get("XDG_CACHE_HOME", "")}
    process = command.start([sys.executable, str(script)], output=said, env=env)
    try:
        words = until(
            lambda: said.read_text().splitlines()[-1:],
            bool,
            what="cell of another process",
            clock=SystemClock(),
            timeout=180,
            failed=lambda _: said.read_text() if process.poll() else None,
            successes=1,
        )
        name, path = words[0].split()
        yield process, name, Path(path)
    finally:
        process.kill()
        process.wait()


def cgroups(bench: Bench) -> list[Path]:
    """The cell's own directories in all cgroup trees."""
    return cgroupfs.named(f"recipeci-{bench.spec.name}")


def assert_gone(bench: Bench, watch: Watch) -> None:
    """Nothing of the cell is on this host any more."""
    left = watch.wait_until_gone(bench.folder)
    assert not left, left
    assert cgroups(bench) == []
    assert not bench.spec.folder.exists()
