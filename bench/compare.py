"""How fast: the harness against a bare script, the cell, memory, `--help`; written to docs/benchmarks.md.

Ratios are taken in one run on one machine, so they hold elsewhere; absolute seconds are for reading. What misses its
limit is printed as MISSED; only a missed ratio makes this program fail.

    python bench/compare.py [ROUNDS]
"""

from __future__ import annotations

import os
import platform
import random
import statistics
import string
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from lab import repository
from lab.prepare import IMAGES, NEEDED, cache_folder
from recipeci.host import cell, engine
from recipeci.host.cell import CellSpec
from recipeci.host.clock import SystemClock
from recipeci.host.command import LocalRunner
from recipeci.host.store import Store
from recipeci.redact import Redactor

ROOT = Path(__file__).parents[1]
RESULTS = ROOT / "docs" / "benchmarks.md"
ROUNDS = 5
RATIO, CELL_READY, PROXY_READY, CELL_GONE, MEGABYTES, HELP, DEMO = 1.25, 2.5, 3.0, 1.5, 150, 0.3, 60.0
SECRETS, REDACTED = 50, 1.0


@dataclass(frozen=True)
class Measured:
    """One thing that was measured: each round's value, and the limit for their median."""

    what: str
    unit: str
    values: tuple[float, ...]
    limit: float | None = None
    is_ratio: bool = False

    @property
    def median(self) -> float:
        """The middle value."""
        return statistics.median(self.values)

    @property
    def missed(self) -> bool:
        """Whether the median is above the limit."""
        return self.limit is not None and self.median > self.limit

    @property
    def row(self) -> str:
        """A line of the table."""
        limit = "" if self.limit is None else f"≤ {self.limit:g}"
        word = "" if self.limit is None else "MISSED" if self.missed else "met"
        each = ", ".join(f"{value:.2f}" for value in self.values) if len(self.values) > 1 else ""
        return f"| {self.what} | {self.median:.2f} {self.unit} | {limit} | {word} | {each} |"


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


def compare(folder: Path, rounds: int) -> list[Measured]:
    """Run harness and bare script in turns."""
    source = str(repository.build(ROOT / "tests" / "lab" / "recipes" / "custom-html", folder / "source").path)
    options = ["--recipe", "custom-html", "--abra", "builtin", "--source", source, "--images", str(IMAGES)]
    harness, bare = [], []
    for number in range(rounds):
        out = ["--stages", "install,upgrade", "--out", str(folder / f"h{number}")]
        harness.append(whole([sys.executable, "-m", "recipeci", *options, *out]))
        (folder / f"b{number}").mkdir()
        bare.append(whole([sys.executable, str(ROOT / "bench" / "bare.py"), source, str(folder / f"b{number}")]))
    ours, theirs = tuple(run.seconds for run in harness), tuple(run.seconds for run in bare)
    ratio = statistics.median(ours) / statistics.median(theirs)
    return [
        Measured("install + upgrade: harness ÷ bare script", "", (ratio,), RATIO, is_ratio=True),
        Measured("install + upgrade: harness", "s", ours),
        Measured("install + upgrade: bare script", "s", theirs),
        Measured("memory of the harness", "MB", tuple(run.megabytes for run in harness), MEGABYTES),
    ]


def cells(folder: Path, rounds: int) -> list[Measured]:
    """Make and end cells."""
    runner, clock = LocalRunner(), SystemClock()
    programs = engine.find(None, runner=runner)
    store = Store(cache_folder() / "store", programs=programs, runner=runner, clock=clock)
    store.ensure(NEEDED, images=IMAGES, say=print)
    proxy, _ = store.ensure_proxy(None, images=IMAGES, say=print)
    times: list[tuple[float, float, float]] = []
    for number in range(rounds):
        own = folder / f"c{number}"
        marks = [time.monotonic()]
        with store.lend([*NEEDED, proxy], data_root=own / "s" / "data") as lent:
            spec = CellSpec(
                name=f"bench-{number}",
                folder=own / "s",
                shared=own / "c",
                read_only=(Path(sys.prefix), Path(sys.base_prefix), ROOT / "harness", *programs.folders),
                domain="ci.test",
                proxy_image=proxy,
                layers=lent.mounts,
            )
            with cell.running(spec, programs=programs, runner=runner, clock=clock, lock_fds=lent.fds) as box:
                marks.append(time.monotonic())
                box.wait_proxy(60)
                marks.append(time.monotonic())
        marks.append(time.monotonic())
        times.append((marks[1] - marks[0], marks[2] - marks[1], marks[3] - marks[2]))
    ready, answers, gone = zip(*times, strict=True)
    return [
        Measured("cell: nothing → ready, its images there", "s", ready, CELL_READY),
        Measured("cell: ready → first 200 through Traefik", "s", answers, PROXY_READY),
        Measured("cell: ready → nothing left", "s", gone, CELL_GONE),
    ]


def commands(rounds: int) -> list[Measured]:
    """Take the time of what people wait for at the command line."""
    helped = tuple(whole([str(Path(sys.executable).with_name("recipeci")), "--help"]).seconds for _ in range(rounds))
    return [
        Measured("`recipeci --help`", "s", helped, HELP),
        Measured("`make demo`, everything set up", "s", (whole(["make", "demo"]).seconds,), DEMO),
    ]


def masking(rounds: int) -> list[Measured]:
    """Take the processor's time of 100 MB of log through the redactor."""
    seeded = random.Random(1)  # noqa: S311 - the same each time
    redactor = Redactor()
    for number in range(SECRETS):
        value = "".join(seeded.choices(string.ascii_letters + string.digits, k=seeded.randint(16, 64)))
        redactor.add(f"secret_{number}", value)
    line = (
        b"2026-01-02T03:04:05.%03dZ DEBUG   host.command: $ docker service inspect a1b2c3_ci_test_app --format json\n"
    )
    data = b"".join(line % (number % 1000) for number in range(10**8 // len(line)))
    times = []
    for _ in range(rounds):
        began = time.process_time()
        redactor.mask_bytes(data)
        times.append(time.process_time() - began)
    return [Measured(f"redactor: 100 MB of log, {SECRETS} secrets (processor)", "s", tuple(times), REDACTED)]


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
suite, waits for Docker's events and keeps the same 2 s of stability; it judges nothing. Only the ratio makes
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
            say(f"MISSED: {each.what}: {each.median:.2f} {each.unit}, limit {each.limit:g}")
    return int(any(each.missed and each.is_ratio for each in measured))


def main(rounds: int) -> int:
    """Measure everything."""
    load = os.getloadavg()[0]
    with tempfile.TemporaryDirectory(dir=cache_folder(), prefix="bench") as name:
        folder = Path(name)
        folder.chmod(0o755)
        measured = [*compare(folder, rounds), *cells(folder, rounds), *commands(rounds), *masking(rounds)]
    text = page(measured, rounds=rounds, loads=(load, os.getloadavg()[0]))
    return report(measured, text, say=print)


if __name__ == "__main__":
    sys.exit(main(int(sys.argv[1]) if len(sys.argv) > 1 else ROUNDS))
