"""The only place that runs `recipeci` as the operator of a bridge does: one settings file, commands that go on."""

from __future__ import annotations

import contextlib
import os
import signal
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Self

import httpx
from recipeci.host.clock import SystemClock, until
from recipeci.host.command import PATH, LocalRunner, Started, start

ONCE_SECONDS, STOP_SECONDS = 180.0, 180.0
OK = 200
FROM_CALLER = ("PATH", "HOME", "PYTHONPATH", "XDG_CACHE_HOME")


@dataclass
class Operator:
    """Somebody who runs the bridge from one folder; what goes on is ended with the block.

    Attributes:
        folder: settings, secrets and logs.
        say: what tells people.
        running: the commands that go on.
    """

    folder: Path
    say: Callable[[str], None]
    running: list[tuple[str, Started]] = field(default_factory=list)

    def __enter__(self) -> Self:
        """Begin."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """End all that goes on, the newest first, each in order; nobody's Ctrl-C hinders that."""
        before = [(number, signal.signal(number, signal.SIG_IGN)) for number in (signal.SIGINT, signal.SIGTERM)]
        for command, process in reversed(self.running):
            self._end(command, process)
        for number, handler in before:
            signal.signal(number, handler)

    @property
    def config(self) -> Path:
        """The settings file."""
        return self.folder / "settings.yml"

    def secret(self, name: str, text: str) -> str:
        """Write a file that only we can read; return its path."""
        file = self.folder / name
        file.touch(mode=0o600)
        file.write_text(f"{text}\n")
        return str(file)

    def once(self, *words: str) -> None:
        """Run a command to its end, and show what it says; raises CommandFailed if it fails."""
        self.say(f"$ recipeci {' '.join(words)}")
        runner = LocalRunner()
        runner.run(
            self._argv(*words), timeout=ONCE_SECONDS, env=_environment(), on_line=lambda line: self.say(f"  {line}")
        )

    def begin(self, command: str) -> None:
        """Start a command that goes on."""
        self.say(f"$ recipeci {command} &")
        process = start(self._argv(command), output=self._log(command), env=_environment())
        self.running.append((command, process))

    def ended(self) -> str:
        """Say which of the commands that should go on has ended, with its last words; empty if none."""
        for command, process in self.running:
            if process.poll() is not None:
                words = self._log(command).read_text(errors="replace")
                return f"recipeci {command} ended with {process.returncode}: {words[-2000:]}"
        return ""

    def wait_for(self, page: str, *, seconds: float) -> None:
        """Wait until a page says that all is well."""
        until(
            lambda: _status(page),
            lambda status: status == str(OK),
            what=page,
            clock=SystemClock(),
            timeout=seconds,
            failed=lambda _: self.ended() or None,
            successes=1,
        )

    def _argv(self, *words: str) -> list[str]:
        return [sys.executable, "-m", "recipeci", *words, "--config", str(self.config)]

    def _log(self, command: str) -> Path:
        return self.folder / f"{command}.log"

    def _end(self, command: str, process: Started) -> None:
        """Ask a command to end; kill it, and whatever it left, if it takes too long."""
        if process.poll() is None:
            self.say(f"ending recipeci {command}")
            process.terminate()
            with contextlib.suppress(Exception):
                process.wait(timeout=STOP_SECONDS)
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def _environment() -> Mapping[str, str]:
    """Return what a service is given: hardly anything."""
    return {"PATH": PATH, "LC_ALL": "C.UTF-8", **{name: os.environ[name] for name in FROM_CALLER if name in os.environ}}


def _status(page: str) -> str:
    """Ask for a page; return its status, or what hindered it."""
    try:
        return str(httpx.get(page, trust_env=False).status_code)
    except httpx.TransportError as e:
        return str(e)
