"""e2e.leftovers: what a run could leave is found, however it got away."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from e2e import leftovers
from e2e.leftovers import Watch
from recipeci.host.clock import SystemClock, until
from recipeci.host.command import BASE_ENV, LocalRunner

from unit.processes import SECONDS

runner = LocalRunner()


@pytest.fixture
def orphan(watch: Watch) -> Iterator[int]:
    """A process that left its parent, its process group and its session, and whose parent has ended."""
    assert not watch.remains(Path("/nowhere"))
    argv = [
        sys.executable,
        "-c",
        "import subprocess as s; print(s.Popen(['sleep','3600'],start_new_session=True,stdout=2).pid)",
    ]
    pid = int(runner.run(argv, timeout=SECONDS).out)
    try:
        # Its parent knew that it was a program, and not yet of its name: the kernel writes that down later.
        until(
            lambda: leftovers.program_of(pid),
            lambda name: name == "sleep",
            what="its name",
            clock=SystemClock(),
            timeout=SECONDS,
        )
        yield pid
    finally:
        os.kill(pid, signal.SIGKILL)
    assert not watch.wait_until_gone(Path("/nowhere"), seconds=SECONDS)


@pytest.fixture
def watch() -> Watch:
    return Watch.begin()


def test_a_process_that_got_away_from_its_parents_is_found(orphan: int, watch: Watch) -> None:
    assert watch.remains(Path("/nowhere")).processes == (f"{orphan} sleep 3600",)


def test_what_was_there_before_is_not_a_runs_nor_what_it_starts_later() -> None:
    with subprocess.Popen(
        ["/bin/sh", "-c", "read go; sleep 3600 & echo $!; wait"], stdin=-1, stdout=-1, text=True
    ) as other:
        watch = Watch.begin()
        assert other.stdin is not None
        assert other.stdout is not None
        other.stdin.write("go\n")
        other.stdin.flush()
        child = int(other.stdout.readline())
        assert child in leftovers.descendants(os.getpid())
        assert not watch.remains(Path("/nowhere"))
        os.kill(child, signal.SIGKILL)


@pytest.mark.cell
def test_a_mount_of_the_run_is_found_and_another_is_not(tmp_path: Path, watch: Watch) -> None:
    for name in ("run", "other"):
        (tmp_path / name).mkdir()
    runner.run(["mount", "-t", "tmpfs", "tmpfs", str(tmp_path / "run")], timeout=SECONDS)
    try:
        assert len(watch.remains(tmp_path / "run").mounts) == 1
        assert not watch.remains(tmp_path / "other")
    finally:
        runner.run(["umount", str(tmp_path / "run")], timeout=SECONDS)


@pytest.mark.cell
@pytest.mark.parametrize(
    "change", ["nft add table ip x", "ip link add x type bridge", "ip address add 192.0.2.1 dev lo"]
)
def test_a_new_rule_link_or_address_is_a_change_of_the_host(change: str) -> None:
    code = f"""
import subprocess
from e2e import leftovers
subprocess.run(["mount", "-t", "tmpfs", "none", "/run"], check=True)
before = leftovers.host()
assert leftovers.host() == before
subprocess.run({change.split()}, check=True)
print(leftovers.host() == before)
"""
    env = {**BASE_ENV, "PYTHONPATH": str(Path(__file__).parents[1])}
    # In namespaces of its own: other tests look at the host's meanwhile, and change what is mounted and in /run.
    said = runner.run(["unshare", "--net", "--mount", sys.executable, "-c", code], timeout=SECONDS, env=env).out
    assert said == "False\n"
