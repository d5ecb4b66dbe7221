"""Python programs for tests: started for real, spoken to by their lines, and gone when the test ends."""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from recipeci.host.clock import SystemClock, until
from recipeci.host.command import program

TESTS = Path(__file__).parents[1]
SECONDS = 300
"""After which a program that does not end is killed, or what does not come is not waited for any more.

None needs a tenth of it, and only what hangs takes it: so it is no measure of a machine that is busy with other tests.
"""


def environment(extra: Mapping[str, str] | None = None) -> dict[str, str]:
    """Return an environment made from nothing, in which `unit.…` can be imported."""
    return {"PATH": os.defpath, "PYTHONPATH": str(TESTS), **(extra or {})}


@contextlib.contextmanager
def started(code: str, *args: str) -> Iterator[subprocess.Popen[str]]:
    """Start a Python program with pipes; whatever happens, it is killed and reaped at the end of the block."""
    with subprocess.Popen(
        [program("setpriv"), "--pdeathsig", "KILL", "--", sys.executable, "-c", code, *args],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=environment(),
    ) as process:
        try:
            yield process
        finally:
            process.kill()


def line(process: subprocess.Popen[str]) -> str:
    """Return the next line that the program prints."""
    assert process.stdout is not None
    return process.stdout.readline().strip()


def folder_of(process: subprocess.Popen[str]) -> Path:
    """Return the folder that the program names in its next line; one that has died names none, which would be ours."""
    named = Path(line(process))
    assert named.is_absolute(), "the program named no folder"
    return named


def tell(process: subprocess.Popen[str], words: str) -> None:
    """Give the program a line."""
    assert process.stdin is not None
    process.stdin.write(words + "\n")
    process.stdin.flush()


def ended(
    argv: Sequence[str], *, env: Mapping[str, str] | None = None, cwd: Path | None = None
) -> tuple[int, str, str]:
    """Run a program to its end: (code, stdout, stderr)."""
    done = subprocess.run(
        argv, env=dict(env or environment()), cwd=cwd, capture_output=True, text=True, timeout=SECONDS, check=False
    )
    return done.returncode, done.stdout, done.stderr


def waits_for(path: Path, process: subprocess.Popen[str]) -> None:
    """Wait until a process is blocked by the lock of a file: the kernel's table has it behind an arrow."""
    inode = path.stat().st_ino

    def is_blocked() -> bool:
        table = [row.split() for row in Path("/proc/locks").read_text().splitlines()]
        return any(row[1] == "->" and row[5] == str(process.pid) and row[6].endswith(f":{inode}") for row in table)

    def has_ended(_: bool) -> str | None:  # noqa: FBT001 - what was observed
        return "it did not wait" if process.poll() is not None else None

    until(is_blocked, bool, what="the waiter", clock=SystemClock(), timeout=SECONDS, failed=has_ended, successes=1)
