"""run.locks between real processes."""

from __future__ import annotations

import contextlib
import signal
from pathlib import Path

from recipeci.run import locks

from unit.processes import line, started, tell, waits_for

HOLD = """
import sys
from pathlib import Path
from recipeci.run import locks
with locks.held(Path(sys.argv[1])):
    print("held", flush=True)
    sys.stdin.readline()
"""
HOLD_WITH_A_CHILD = """
import subprocess, sys
from pathlib import Path
from recipeci.run import locks
with locks.held(Path(sys.argv[1])):
    child = subprocess.Popen(["setpriv", "--pdeathsig", "KILL", "--", "sleep", "60"], close_fds=False)
    print("held", flush=True)
    sys.stdin.readline()
print("freed", flush=True)
sys.stdin.readline()
child.kill()
"""
WAIT = """
import sys
from pathlib import Path
from recipeci.run import locks
print("waiting", flush=True)
with locks.held(Path(sys.argv[1])):
    print("held", flush=True)
"""


def is_free(path: Path) -> bool:
    with locks.held_if_free(path) as ours:
        return ours


def test_a_lock_is_held_until_the_end_of_the_block(tmp_path: Path) -> None:
    path = tmp_path / "lock"
    with started(HOLD, str(path)) as process:
        assert line(process) == "held"
        assert not is_free(path)
        tell(process, "go")
        assert process.wait() == 0
        assert is_free(path)


def test_the_kernel_frees_the_lock_of_a_killed_process(tmp_path: Path) -> None:
    path = tmp_path / "lock"
    with started(HOLD, str(path)) as process:
        assert line(process) == "held"
        assert not is_free(path)
        process.kill()
        assert process.wait() == -signal.SIGKILL
        assert is_free(path)


def test_a_child_does_not_hold_the_lock_on(tmp_path: Path) -> None:
    path = tmp_path / "lock"
    with started(HOLD_WITH_A_CHILD, str(path)) as process:
        assert line(process) == "held"
        assert not is_free(path)
        tell(process, "go")
        assert line(process) == "freed"
        assert is_free(path)
        tell(process, "end")
        assert process.wait() == 0


def test_who_waits_gets_the_lock_of_the_file_that_is_there_now(tmp_path: Path) -> None:
    """The file is removed and made anew while another waits: the old one's lock is worth nothing (incident F-06)."""
    path = tmp_path / "lock"
    with started(WAIT, str(path)) as process, contextlib.ExitStack() as new:
        with locks.held(path):
            assert line(process) == "waiting"
            waits_for(path, process)
            path.unlink()
            new.enter_context(locks.held(path))  # of the new file: two locks, one name
        waits_for(path, process)
        new.close()
        assert line(process) == "held"
        assert process.wait() == 0


def test_the_folder_of_a_lock_is_made(tmp_path: Path) -> None:
    path = tmp_path / "a" / "b" / "lock"
    assert locks.file(path) == path
    assert is_free(path)
