"""The only place that thaws: what Docker pauses sits in a frozen cgroup, and dies by SIGKILL only once it is thawed.

That is cgroup v1. On v2 the kernel ends frozen processes as any other, and there is nothing to do.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator, Sequence
from pathlib import Path

from recipeci.host import command
from recipeci.host.cell.machine import Machine

_STATE = "freezer.state"
_GUARD = Path(__file__).with_name("guard.sh")


def thaw(folders: Sequence[Path]) -> None:
    """Thaw a cell's frozen processes, in whatever directory below its own; what vanishes meanwhile is passed over."""
    for folder in folders:
        if (folder / _STATE).exists():
            for top, _, _ in os.walk(folder):
                with contextlib.suppress(OSError):
                    Path(top, _STATE).write_text("THAWED")


@contextlib.contextmanager
def guarded(folders: Sequence[Path], *, machine: Machine, log: Path) -> Iterator[None]:
    """Have a process outside of the cell that thaws it if we are killed; it ends with the block.

    SIGKILL leaves us no time to do it, and the kernel, which ends the cell then, does not thaw. So this one process may
    outlive us: for the moment that it takes.
    """
    frozen = next((folder for folder in folders if (folder / _STATE).exists()), None)
    if frozen is None:
        yield
        return
    with contextlib.ExitStack() as stack:
        end, ours = os.pipe()
        argv = [machine.tools["setpriv"], "--pdeathsig", "clear", "--", machine.tools["sh"]]
        try:
            stack.callback(command.start([*argv, str(_GUARD), str(end), str(frozen)], output=log, pass_fds=[end]).wait)
        finally:
            os.close(end)
            stack.callback(os.close, ours)  # before the wait: it is what the guard waits for
        yield
