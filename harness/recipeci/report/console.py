"""The only place that prints while a run goes on: a line a phase with its time, live on a terminal, plain elsewhere.

What is printed is logged too, so run.log has all of it. Nothing is printed after the summary.
"""

from __future__ import annotations

import contextlib
import logging
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, TextIO

from recipeci.errors import Interrupted
from recipeci.host.clock import Clock
from recipeci.model import Phase, Report, Tier
from recipeci.redact import Redactor
from recipeci.report import text
from recipeci.report.summary import summary
from recipeci.report.write import as_json

if TYPE_CHECKING:
    from rich.progress import Progress

log = logging.getLogger(__name__)
COMMANDS = "recipeci.host.command"
COMMAND_MARK = "$ "
SLOW_AFTER = 2.0
"""Seconds after which a phase says that it is still going on; then again at four times the time."""


class Console:
    """What a run shows; it also keeps the phases for the report."""

    def __init__(
        self,
        *,
        clock: Clock,
        stream: TextIO,
        json_to: TextIO | None = None,
        verbose: bool = False,
        slow_after: float = SLOW_AFTER,
        redactor: Redactor | None = None,
    ) -> None:
        """Print to `stream`; with `json_to` the report itself goes there at the end.

        Args:
            clock: the time; phases count from now.
            stream: a terminal gets a live display, anything else plain lines.
            json_to: where `--json` prints.
            verbose: show every command.
            slow_after: seconds, see SLOW_AFTER.
            redactor: what masks all that is printed; none knows no secret.
        """
        self._clock = clock
        self._began = clock.monotonic()
        self._stream = stream
        self._json_to = json_to
        self._verbose = verbose
        self._slow_after = slow_after
        self._redactor = redactor or Redactor()
        self._printing = threading.RLock()
        self._live: Progress | None = None
        self._phases: list[Phase] = []
        self._open: list[str] = []
        self._tier = ""
        self._seen = ""

    @property
    def phases(self) -> tuple[Phase, ...]:
        """The phases that have ended, in the order of their start."""
        return tuple(sorted(self._phases, key=lambda phase: phase.start))

    @property
    def seconds(self) -> float:
        """Seconds since the run began."""
        return self._clock.monotonic() - self._began

    @property
    def going_on(self) -> str:
        """The innermost phase that has not ended, and of which tier; empty between phases of no tier."""
        return " of ".join(filter(None, (*self._open[-1:], self._tier)))

    @contextlib.contextmanager
    def phase(self, name: str) -> Iterator[None]:
        """Time the block and print one line when it ends, also when it fails."""
        start = self.seconds
        self._open.append(name)
        word = "failed after "
        going = self.going_on
        log.debug("phase %s begins", going)
        self.seen("")
        try:
            with self._shown(name, start):
                yield
            word = ""
        except Interrupted:
            word = "interrupted after "
            raise
        finally:
            self._open.remove(name)
            log.debug("phase %s ends", going)
            phase = Phase(name, start=round(start, 3), seconds=round(self.seconds - start, 3))
            self._phases.append(phase)
            self.say(f"{name:<10} {word}{phase.seconds:.1f} s")

    def seen(self, words: str) -> None:
        """Keep what a wait sees now, for whoever wonders why the phase takes so long; it is not printed at once."""
        self._seen = f", {text.one_line(self._redactor.mask(words))}" if words else ""

    @contextlib.contextmanager
    def tier(self, tier: Tier, *, header: str) -> Iterator[None]:
        """Print the line that begins a tier; the phases of the block are its own."""
        self.say(header)
        self._tier = tier.value
        try:
            yield
        finally:
            self._tier = ""

    def note(self, words: str) -> None:
        """Print something that a reader should know."""
        self.say(f"note: {words}")

    def say(self, words: str) -> None:
        """Print one line, and log it."""
        line = text.clean(self._redactor.mask(words)).replace("\n", " ")
        log.info("%s", line)
        self._print(line)

    @contextlib.contextmanager
    def commands_shown(self) -> Iterator[None]:
        """Print every command of the block if asked to be verbose."""
        handler = _Commands(self)
        logger = logging.getLogger(COMMANDS)
        level = logger.level
        if self._verbose:
            logger.addHandler(handler)
            logger.setLevel(logging.DEBUG)
        try:
            yield
        finally:
            logger.removeHandler(handler)
            logger.setLevel(level)

    def finish(self, report: Report, *, path: Path | None) -> None:
        """Print the summary, and with --json the report where it is wanted; the last output of a run.

        `path` is where report.json is, None if it could not be written.
        """
        words = summary(report, path=path)
        log.info("%s", words)
        if self._json_to is not None:
            _put(self._json_to, as_json(report))
        for line in words.splitlines():
            self._print(line)

    def show(self, line: str) -> None:
        """Print something that is in the log already, on one line."""
        self._print(text.one_line(self._redactor.mask(line)))

    def _print(self, line: str) -> None:
        """Print above the live display if there is one, without secrets."""
        line = self._redactor.mask(line)
        with self._printing:
            if self._live is not None:
                self._live.console.print(line, markup=False, highlight=False, soft_wrap=True)
            else:
                _put(self._stream, line + "\n")

    def _shown(self, name: str, start: float) -> contextlib.AbstractContextManager[None]:
        """Show that a phase is going on, by whichever means the stream has."""
        return self._spinner(name) if self._stream.isatty() else self._reminders(name, start)

    @contextlib.contextmanager
    def _spinner(self, name: str) -> Iterator[None]:
        """Keep a line with the running time at the bottom of the terminal."""
        from rich.console import Console as Terminal  # noqa: PLC0415 - 0.1 s that `--help` does not need
        from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn  # noqa: PLC0415

        outer = self._live
        if outer is not None:  # a phase within a phase: the outer line goes on
            task = outer.add_task(name, total=None)
            try:
                yield
            finally:
                outer.remove_task(task)
            return
        columns = (SpinnerColumn(), TextColumn("{task.description}", markup=False), TimeElapsedColumn())
        with Progress(*columns, console=Terminal(file=self._stream), transient=True) as live:
            live.add_task(name, total=None)
            self._live = live
            try:
                yield
            finally:
                self._live = None

    @contextlib.contextmanager
    def _reminders(self, name: str, start: float) -> Iterator[None]:
        """Print how long the phase has been going on when that is long, and now and then after: no line twice."""
        ended = threading.Event()

        def remind() -> None:
            pause = self._slow_after
            while not ended.wait(pause):
                self._print(f"{name} … {self.seconds - start:.0f} s{self._seen}")
                pause *= 4

        thread = threading.Thread(target=remind, name=f"phase {name}", daemon=True)
        thread.start()
        try:
            yield
        finally:
            ended.set()
            thread.join()


class _Commands(logging.Handler):
    """Shows what host.command logs of each command that it starts."""

    def __init__(self, console: Console) -> None:
        """Take the console that prints."""
        super().__init__(logging.DEBUG)
        self._console = console

    def emit(self, record: logging.LogRecord) -> None:
        """Print the command; how it ended is for run.log."""
        if (words := record.getMessage()).startswith(COMMAND_MARK):
            self._console.show(words)


def _put(stream: TextIO, words: str) -> None:
    """Write and flush; a reader that went away (`| head`, a closed terminal) must not end the run or its teardown."""
    try:
        stream.write(words)
        stream.flush()
    except OSError as e:
        log.debug("nobody reads the output: %s", e)
