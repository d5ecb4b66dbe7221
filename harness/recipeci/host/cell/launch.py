"""The only place that starts a cell's first process and ends it, by the kernel's own means.

`unshare` waits for init of the cell and dies with us (PR_SET_PDEATHSIG); init dies with `unshare` (--kill-child); every
process of the cell and of its containers dies with init, and what they had mounted goes with the last of them. So one
kill, whoever does it, ends all.
"""

from __future__ import annotations

import contextlib
import os
import queue
import signal
import threading
from collections.abc import Callable, Sequence
from pathlib import Path

from recipeci.errors import HostError, WaitFailed
from recipeci.host import command
from recipeci.host.cell.cgroups import CgroupPlan
from recipeci.host.cell.confine import without_capabilities
from recipeci.host.cell.machine import Machine
from recipeci.host.clock import Clock, until

_ENTER = 'while [ "$1" != -- ]; do echo $$ >"$1" || exit 125; shift; done; shift; exec "$@"'
"""sh: enter each cgroup whose `cgroup.procs` comes before `--`, then become the program after it."""
_OWNED = f'[ "$PPID" = "$1" ] || exit 125; shift; {_ENTER}'
"""The same, but only as a child of the process named first: had that died before the death signal was set, nothing
would end us."""
_TOLD = f'{_ENTER} "$$"'
"""The same again, with its own number as the program's last word: who init's parent must be."""
_NAMESPACES = ("-n", "-m", "-p", "-u", "-i", "--fork", "--kill-child=KILL", "--propagation", "private")
_END_SECONDS = 30.0


def entering(sh: str, procs: Sequence[Path], argv: Sequence[str]) -> list[str]:
    """Return the command that enters cgroups and then becomes `argv`."""
    return [sh, "-c", _ENTER, "sh", *map(str, procs), "--", *argv]


def starting(machine: Machine, cgroups: CgroupPlan, *, init: Path, plan: Path, owner: int) -> list[str]:
    """Return the command that starts a cell as a child of the process `owner`.

    The cgroup namespace comes first, so that the cell's own directory is its root; on v2 the processes then move into
    the leaf, because controllers cannot be handed down past them.
    """
    tools = machine.tools
    first = without_capabilities(tools["setpriv"], [str(machine.python), "-I", "-S", str(init), str(plan)])
    inner = [tools["unshare"], *_NAMESPACES, *first]
    outer = [tools["unshare"], "-C", tools["sh"], "-c", _TOLD, "sh", *map(str, cgroups.leaf), "--", *inner]
    return [tools["sh"], "-c", _OWNED, "sh", str(owner), *map(str, cgroups.enter), "--", *outer]


class FirstProcess:
    """The first process of one cell, from its start to its end."""

    def __init__(self, clock: Clock) -> None:
        """Take the clock to wait by; nothing is started yet."""
        self._clock = clock
        self._task: _Task | None = None
        self.init = 0
        """The host's number of the cell's pid 1; 0 until `find_init`."""

    def start(self, argv: Sequence[str], *, output: Path, fds: Sequence[int]) -> None:
        """Start it from the thread that lives as long as this process; it holds `fds` until it ends."""
        self._task = _Task(lambda: command.start(argv, output=output, pass_fds=fds))
        _launcher().put(self._task)
        self._task.wait()

    def has_ended(self) -> bool:
        """Say whether nothing of the cell is there, any more or at all."""
        process = self._process()
        return process is None or process.poll() is not None

    def find_init(self) -> int | None:
        """Return the host's number of the cell's pid 1 once it is there."""
        if not self.init and (process := self._process()):
            with contextlib.suppress(OSError):
                children = Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split()
                self.init = int(children[0]) if children else 0
        return self.init or None

    def end(self, *, thaw: Callable[[], None]) -> None:
        """Kill init and wait until the kernel has ended everything; safe at any moment, and twice.

        A process that is frozen dies once it is thawed, and init only after it.

        Raises:
            HostError: something is still there after half a minute.
        """
        process = self._process()
        if process is None or self.has_ended():
            return
        # our child is not reaped yet, so its number and its child's are nobody else's
        _kill(self.find_init() or process.pid)

        def thawed_and_ended() -> bool:
            thaw()
            return self.has_ended()

        try:
            until(
                thawed_and_ended,
                bool,
                what="the cell's processes",
                clock=self._clock,
                timeout=_END_SECONDS,
                delay=0.01,
                successes=1,
            )
        except WaitFailed as error:
            raise HostError(f"the cell does not end: {error.message}") from error

    def _process(self) -> command.Started | None:
        """Return our child; one that was asked for and is not there yet will not be any more."""
        return self._task.settle() if self._task else None


class _Task:
    """One start that the launching thread does for another thread, which may be interrupted at any moment."""

    def __init__(self, act: Callable[[], command.Started]) -> None:
        self._act = act
        self._lock = threading.Lock()
        self._done = threading.Event()
        self._wanted = True
        self._started: command.Started | None = None
        self._error: Exception | None = None

    def run(self) -> None:
        """Do it, if it is still wanted, and keep what came of it."""
        with self._lock:
            try:
                self._started = self._act() if self._wanted else None
            except (OSError, HostError) as error:
                self._error = error
        self._done.set()

    def wait(self) -> None:
        """Wait until it is done; raise what it raised."""
        self._done.wait()
        if self._error:
            raise HostError(f"a cell's first process cannot be started: {self._error}") from self._error

    def settle(self) -> command.Started | None:
        """Return what was started, waiting for a start that has begun; one that has not begun never will."""
        with self._lock:
            self._wanted = False
            return self._started


_lock = threading.Lock()
_tasks: queue.SimpleQueue[_Task] | None = None


def _launcher() -> queue.SimpleQueue[_Task]:
    """Return the queue of the one thread that starts cells; it ends with the process, never before."""
    global _tasks  # noqa: PLW0603 - one thread a process: the death signal follows the thread that started a child
    with _lock:
        if _tasks is None:
            _tasks = queue.SimpleQueue()
            threading.Thread(target=_launch, args=(_tasks,), name="cells", daemon=True).start()
        return _tasks


def _launch(tasks: queue.SimpleQueue[_Task]) -> None:
    """Do what is asked for, for ever."""
    while True:
        tasks.get().run()


def _kill(pid: int) -> None:
    """SIGKILL by a descriptor, which cannot mean another process."""
    with contextlib.suppress(ProcessLookupError):
        descriptor = os.pidfd_open(pid)
        try:
            signal.pidfd_send_signal(descriptor, signal.SIGKILL)
        finally:
            os.close(descriptor)
