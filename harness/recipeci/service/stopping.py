"""The only place where a process of the service is told to end: by a signal, once; the rest is in order."""

from __future__ import annotations

import contextlib
import os
import select
import signal
from collections.abc import Iterator
from types import FrameType

from recipeci.run.interrupt import heeded, leave_terminal

ASKING = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
"""The last is that the terminal was closed in which an operator has started it by hand."""


class Stop:
    """Whether the process was told to end.

    A pipe and no event: a handler comes in the middle of anything, and must not wait for a lock of its own thread's.
    """

    def __init__(self) -> None:
        """Begin with nothing said."""
        self._read, self._write = os.pipe2(os.O_CLOEXEC | os.O_NONBLOCK)
        self.signal: int | None = None
        """The first one that came."""

    def wait(self, seconds: float) -> bool:
        """Wait so long at most; say whether it was told to end."""
        with contextlib.suppress(InterruptedError):
            select.select([self._read], [], [], seconds)
        return self.signal is not None

    def say(self, number: int, _frame: FrameType | None = None) -> None:
        """Tell it to end; whoever says it again is not heard."""
        self.signal = self.signal or number
        if number == signal.SIGHUP:
            leave_terminal()
        with contextlib.suppress(BlockingIOError):
            os.write(self._write, b"x")

    def close(self) -> None:
        """Close the pipe."""
        os.close(self._read)
        os.close(self._write)


@contextlib.contextmanager
def told() -> Iterator[Stop]:
    """Heed the signals until the end of the block, then as before; in the main thread."""
    stop = Stop()
    before = {number: signal.signal(number, stop.say) for number in heeded(ASKING)}
    try:
        yield stop
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
        stop.close()
