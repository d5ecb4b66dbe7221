"""What was measured: values with their limit, runs of whole programs, and the page that shows them.

Ratios are taken in one run on one machine, so they hold elsewhere; absolute seconds are for reading.
"""

from __future__ import annotations

import os
import platform
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[1]
RESULTS = ROOT / "docs" / "benchmarks.md"


@dataclass(frozen=True)
class Measured:
    """One thing that was measured: each round's value, and the limit for their median.

    `at_least`: the limit is the least that is wanted, not the most. `is_ratio`: to miss it makes `make bench` fail.
    """

    what: str
    unit: str
    values: tuple[float, ...]
    limit: float | None = None
    at_least: bool = False
    is_ratio: bool = False

    @property
    def median(self) -> float:
        """The middle value."""
        return statistics.median(self.values)

    @property
    def missed(self) -> bool:
        """Whether the median is on the wrong side of the limit."""
        if self.limit is None:
            return False
        return self.median < self.limit if self.at_least else self.median > self.limit

    @property
    def wanted(self) -> str:
        """The limit in words; nothing where there is none."""
        return "" if self.limit is None else f"{'≥' if self.at_least else '≤'} {self.limit:g}"

    @property
    def row(self) -> str:
        """A line of the table."""
        word = "" if self.limit is None else "MISSED" if self.missed else "met"
        each = ", ".join(f"{value:.2f}" for value in self.values) if len(self.values) > 1 else ""
        return f"| {self.what} | {self.median:.2f} {self.unit} | {self.wanted} | {word} | {each} |"


@dataclass(frozen=True)
class Whole:
    """One run of a program: its wall time, and the most memory that it had (not what it started)."""

    seconds: float
    megabytes: float


def whole(argv: Sequence[str]) -> Whole:
    """Run a program to its end; raise if it does not end with 0."""
    with tempfile.TemporaryFile() as output:
        began = time.monotonic()
        process = subprocess.Popen(argv, stdout=output, stderr=output, cwd=ROOT)
        peak = 0.0
        while process.poll() is None:
            peak = max(peak, high_water(process.pid))
            time.sleep(0.05)
        seconds = time.monotonic() - began
        if process.returncode:
            output.seek(0)
            sys.exit(f"{' '.join(argv)} ended with {process.returncode}:\n{output.read().decode(errors='replace')}")
    return Whole(seconds, peak)


def high_water(pid: int) -> float:
    """Return the most memory that a process ever had in use, in MB; 0 when it is gone."""
    try:
        lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    except (FileNotFoundError, ProcessLookupError):
        return 0.0
    return next((int(line.split()[1]) / 1024 for line in lines if line.startswith("VmHWM")), 0.0)


def page(measured: Sequence[Measured], *, rounds: int, loads: tuple[float, float]) -> str:
    """Return docs/benchmarks.md."""
    rows = "\n".join(each.row for each in measured)
    machine = f"{os.cpu_count()} cores, Linux {platform.release()}, Python {platform.python_version()}"
    return f"""# Benchmarks

Written by `make bench` on {time.strftime("%Y-%m-%d", time.gmtime())}: {machine}; load {loads[0]:.1f} before and
{loads[1]:.1f} after; medians of {rounds} rounds, harness and bare script in turns.

| what | median | limit | | each round |
| --- | --- | --- | --- | --- |
{rows}

The bare script (`bench/bare.py`) makes the same Docker and abra calls in a cell of its own, starts pytest once a
suite, waits for Docker's events and keeps the same 2 s of stability; it judges nothing. Only a ratio makes
`make bench` fail.
"""


def report(measured: Sequence[Measured], text: str, *, say: Callable[[str], None]) -> int:
    """Write the page, say what was missed, and return the exit code."""
    RESULTS.parent.mkdir(exist_ok=True)
    RESULTS.write_text(text)
    for each in measured:
        say(each.row)
    for each in measured:
        if each.missed:
            say(f"MISSED: {each.what}: {each.median:.2f} {each.unit}, limit {each.wanted}")
    return int(any(each.missed and each.is_ratio for each in measured))
