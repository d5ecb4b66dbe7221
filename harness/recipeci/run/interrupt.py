"""The only place that deals with signals: each becomes one exception, once, and none stops a teardown.

The first Ctrl-C, SIGTERM, SIGHUP or the deadline raises Interrupted in the main thread. Whatever comes after it, or
while the block `shielded` runs, only prints that we are cleaning up. What the shield held back is raised at its end.
The Ctrl-C that ends what is kept (`keep`) raises nothing, and what comes after it only prints that, too.
"""

from __future__ import annotations

import contextlib
import os
import signal
from collections.abc import Callable, Iterable, Iterator
from types import FrameType

from recipeci.errors import Interrupted

REASONS = {
    signal.SIGINT: "interrupted by Ctrl-C",
    signal.SIGTERM: "terminated by SIGTERM",
    signal.SIGHUP: "the terminal was closed",
    signal.SIGALRM: "the deadline of the run passed",
}
CLEANING = b"cleaning up, please wait: what is left behind now would have to be removed by `recipeci clean`\n"


def heeded(numbers: Iterable[signal.Signals]) -> tuple[signal.Signals, ...]:
    """Return these signals, without SIGHUP where it is ignored: whoever says `nohup` closes the terminal meanwhile."""
    return tuple(
        number for number in numbers if number != signal.SIGHUP or signal.getsignal(number) is not signal.SIG_IGN
    )


def leave_terminal() -> None:
    """Let words for a terminal that is gone go nowhere: each would be an error, in the midst of whatever goes on."""
    for stream in (1, 2):
        try:
            os.write(stream, b"")
        except OSError:
            nowhere = os.open(os.devnull, os.O_WRONLY)
            os.dup2(nowhere, stream)
            os.close(nowhere)


class Interrupts:
    """Turns signals into Interrupted for as long as `handled` runs; one for a process, made in its main thread."""

    def __init__(self, going_on: Callable[[], str] = str) -> None:
        """Begin with nothing raised and no shield; `going_on` says during what a signal comes, or nothing."""
        self._going_on = going_on
        self._shields = 0
        self.first: Interrupted | None = None
        """The signal that ended the run; None as long as none came."""
        self._held: Interrupted | None = None
        self._keeps = False
        self.told = False
        """Whether the Ctrl-C came that ends what is kept; what comes after it changes nothing."""

    @contextlib.contextmanager
    def handled(self) -> Iterator[None]:
        """Handle the signals until the end of the block, then as before."""
        before = {number: signal.signal(number, self._on_signal) for number in heeded(REASONS)}
        try:
            yield
        finally:
            self.disarm()
            for number, handler in before.items():
                signal.signal(number, handler)

    def arm(self, seconds: float) -> None:
        """Let the deadline be over after so many seconds from now."""
        signal.setitimer(signal.ITIMER_REAL, seconds)

    def disarm(self) -> None:
        """Forget the deadline."""
        signal.setitimer(signal.ITIMER_REAL, 0)

    def keep(self) -> None:
        """Let the next Ctrl-C be the way to end what is kept, `told`, and no interruption; there is no deadline."""
        self.disarm()
        self._keeps = True

    @contextlib.contextmanager
    def shielded(self) -> Iterator[None]:
        """Let the block run to its end whatever comes; the deadline stands still in it.

        Raises:
            Interrupted: at the end of the block, if a first signal came during it and nothing else was raised.
        """
        self._shields += 1  # first of all: until then a signal ends what the block was to protect
        remaining, _ = signal.setitimer(signal.ITIMER_REAL, 0)
        try:
            yield
        finally:
            self._shields -= 1
            if self.first is None:
                self.arm(remaining)  # a second attempt has the rest of it; 0 arms nothing
        if self._held is not None and not self._shields:
            held, self._held = self._held, None
            raise held

    def check(self) -> None:
        """Raise a signal that came and did not arrive: whoever logs or frees memory swallows what is raised there.

        Raises:
            Interrupted: the first signal, if the run goes on as if there had been none.
        """
        if self.first is not None and not self._shields:
            raise self.first

    @contextlib.contextmanager
    def final(self) -> Iterator[None]:
        """Let the last step of a run end, its report: what comes during it or later came too late and is dropped.

        What the report says and the exit code must be the same.
        """
        self.disarm()
        self._shields += 1  # for good
        yield

    def _on_signal(self, number: int, _frame: FrameType | None) -> None:
        """Raise once; later, and behind the shield, say only what is going on."""
        self.disarm()
        if number == signal.SIGHUP:
            leave_terminal()
        if self._keeps and number == signal.SIGINT and self.first is None and not self.told:
            self.told = True
            return
        during = self._going_on()
        words = REASONS[signal.Signals(number)] + (f" during {during}" if during else "")
        stop = Interrupted(words, code=128 + number)
        is_first = self.first is None and not self.told
        self.first = stop if is_first else self.first
        if is_first and not self._shields:
            raise stop
        if is_first:
            self._held = stop
        # Not by print: its buffer may be in use by what we interrupted.
        with contextlib.suppress(OSError):
            os.write(2, CLEANING)
