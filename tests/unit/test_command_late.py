"""host.command where it is we who are late: a program that has ended in time was in time."""

from __future__ import annotations

from pathlib import Path

import pytest
from recipeci.errors import CommandTimeout
from recipeci.host.clock import SystemClock, until
from recipeci.host.command import LocalRunner

from unit.processes import SECONDS

CLOCK = SystemClock()


def is_dead(pid: int) -> bool:
    return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z"


def slept_through(go: Path, *, seconds: float) -> bool:
    """Run a program that ends while we sleep until its time is over; False if it took longer itself."""
    go.unlink(missing_ok=True)
    deadline = CLOCK.monotonic() + seconds
    was_in_time = False

    def nap(line: str) -> None:
        nonlocal was_in_time
        go.touch()
        until(lambda: is_dead(int(line)), bool, what="its end", clock=CLOCK, timeout=SECONDS, delay=0.01, successes=1)
        was_in_time = CLOCK.monotonic() < deadline
        over = deadline + 0.1
        until(lambda: CLOCK.monotonic() > over, bool, what="that", clock=CLOCK, timeout=SECONDS, delay=0.1, successes=1)

    try:
        done = LocalRunner().run(["sh", "-c", f"echo $$; until [ -e {go} ]; do :; done"], timeout=seconds, on_line=nap)
    except CommandTimeout:
        if was_in_time:
            raise
        return False
    assert done.code == 0
    return True


def test_a_program_that_ended_in_time_is_not_late_because_we_are(tmp_path: Path) -> None:
    assert any(slept_through(tmp_path / "go", seconds=seconds) for seconds in (0.5, 5.0, 50.0))


def test_a_program_that_is_not_done_when_its_time_is_over_is_late_however_often_we_look() -> None:
    with pytest.raises(CommandTimeout):
        LocalRunner().run(["sh", "-c", "while :; do echo x; done"], timeout=0.2)
