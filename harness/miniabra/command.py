"""The only place that starts programs and lets time pass.

The standard library and not plumbum, whose import takes longer (75 ms) than most commands of miniabra.
"""

from __future__ import annotations

import shutil
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from miniabra.errors import Fatal

PREFIXES = ("Error response from daemon: ", "fatal: ")
"""How Docker's client and git begin the line that matters; abra shows what follows."""


@dataclass(frozen=True)
class Done:
    """A program that ended: its code and what it printed."""

    code: int
    out: str
    err: str

    @property
    def reason(self) -> str:
        """The line that says why: the first that calls itself an error, else the last."""
        lines = [line.strip() for line in (self.err.strip() or self.out.strip()).splitlines()]
        said = [line for line in lines if line and not line.startswith("See 'docker")]
        errors = [line for line in said if line.startswith(PREFIXES)]
        line = next(iter(errors or reversed(said)), f"ended with {self.code}")
        for prefix in PREFIXES:
            line = line.removeprefix(prefix)
        return line


def run(argv: Sequence[str], *, env: Mapping[str, str], path: str, cwd: Path | None = None, stdin: bytes = b"") -> Done:
    """Run a program to its end: looked up in `path`, with `env` as all of its environment.

    Raises Fatal if there is no such program.
    """
    ended = subprocess.run(_found(argv, path), env=dict(env), cwd=cwd, input=stdin, capture_output=True, check=False)
    return Done(ended.returncode, *(out.decode(errors="replace") for out in (ended.stdout, ended.stderr)))


def show(argv: Sequence[str], *, env: Mapping[str, str], path: str) -> int:
    """Run a program as `run` does, but let what it prints be seen as it comes; return its exit code."""
    return subprocess.run(_found(argv, path), env=dict(env), stdin=subprocess.DEVNULL, check=False).returncode


def _found(argv: Sequence[str], path: str) -> list[str]:
    program = shutil.which(argv[0], path=path)
    if program is None:
        raise Fatal(f"{argv[0]}: no such program")
    return [program, *argv[1:]]


def wait(ready: Callable[[], bool], *, seconds: float, delay: float = 0.5) -> bool:
    """Ask until it is ready (True) or the time is over (False); it is asked once at least."""
    deadline = time.monotonic() + seconds
    while not ready():
        if time.monotonic() >= deadline:
            return False
        time.sleep(delay)
    return True
