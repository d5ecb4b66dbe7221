"""How long parts of a run take by themselves: a cell, the data canary, the redactor, commands that people wait for."""

from __future__ import annotations

import random
import re
import string
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from lab import authors, canarylab
from lab.canarylab import Stack
from lab.prepare import IMAGES, NEEDED, cache_folder
from measured import ROOT, Measured, whole
from recipeci.author.state import OP_STATE
from recipeci.host import cell, engine
from recipeci.host.cell import CellSpec
from recipeci.host.clock import SystemClock
from recipeci.host.command import LocalRunner
from recipeci.host.store import Store
from recipeci.model import AuthorFile, Outcome, Tier
from recipeci.recipe.compose import Compose
from recipeci.recipe.coverage import Coverage, coverage
from recipeci.redact import Redactor
from recipeci.run.canary import DataCanary
from recipeci.run.children import Children
from recipeci.run.placing import Placed

CELL_READY, PROXY_READY, CELL_GONE, HELP, DEMO = 2.5, 3.0, 1.5, 0.3, 60.0
CANARY_SECONDS, VOLUMES, SUITE_START = 0.3, 10, 1.2
REDACTED_MB, SECRETS, LOG_MB = 100.0, 50, 100
MB = 1_000_000
PART_BYTES = 65536


def of_cells(folder: Path, rounds: int) -> list[Measured]:
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


def of_the_canary(rounds: int) -> list[Measured]:
    """Write and read the markers of an app with many volumes, around ops that change nothing: a restore is seen to."""
    volumes = [f"v{number}" for number in range(VOLUMES)]
    deploy = {"labels": {"backupbot.backup": "true"}}
    app = canarylab.service(volumes=tuple(f"{name}:/{name}" for name in volumes), deploy=deploy)
    seconds: dict[Tier, list[float]] = {Tier.UPGRADE: [], Tier.BACKUP: [], Tier.RESTORE: []}
    with canarylab.cell_with_swarm() as (lab, swarm):
        stack = Stack(lab, swarm, "bench")
        compose = stack.deploy({"app": app}, volumes={name: {} for name in volumes})
        for number in range(rounds):  # a run of its own each: what a restore must undo stays undone
            run_id, promised = f"20260102-030405-abc{number:03}", coverage(compose)
            canary = DataCanary(archive=stack.archive, stack=stack.name, run_id=run_id, clock=SystemClock())
            canary.plant(compose, promised)
            for op, took in seconds.items():
                took.append(one_op(canary, op, compose, promised))
    return [
        Measured(f"data canary: {op}, {VOLUMES} volumes", "s", tuple(took), CANARY_SECONDS)
        for op, took in seconds.items()
    ]


def one_op(canary: DataCanary, op: Tier, compose: Compose, promised: Coverage) -> float:
    """Return the seconds of the canary before and after an op; without a marker in each volume nothing is measured."""
    expected = Outcome.FAIL if op is Tier.RESTORE else Outcome.PASS
    began = time.monotonic()
    canary.before(op, compose, promised)
    rows = canary.after(op, compose)
    seconds = time.monotonic() - began
    if [row.outcome for row in rows] != [expected] * VOLUMES:
        sys.exit(f"the canary of the benchmark is not what it should be: {rows}")
    return seconds


def of_the_redactor(rounds: int) -> list[Measured]:
    """Mask a log as it comes, in parts, with many known secrets that it holds; by processor time, which load spares."""
    noise = random.Random(1)  # noqa: S311 - the same log each time
    letters = string.ascii_letters + string.digits
    secrets = ["".join(noise.choices(letters, k=noise.randint(16, 64))) for _ in range(SECRETS)]
    redactor = Redactor()
    for number, value in enumerate(secrets):
        redactor.add(f"secret{number}", value)
    log = log_with(secrets, noise)
    rates = []
    for _ in range(rounds):
        stream, began = redactor.stream(), time.process_time()
        for at in range(0, len(log), PART_BYTES):
            stream.feed(log[at : at + PART_BYTES])
        stream.close()
        rates.append(len(log) / MB / (time.process_time() - began))
        if stream.replaced != SECRETS:
            sys.exit(f"the redactor of the benchmark masked {stream.replaced} values of {SECRETS}")
    what = f"redactor: {SECRETS} secrets of 16 to 64 letters, a log of {LOG_MB} MB that holds each"
    return [Measured(what, "MB/CPU-s", tuple(rates), REDACTED_MB, at_least=True)]


def log_with(secrets: Sequence[str], noise: random.Random) -> bytes:
    """Return lines as programs write them, with every secret once."""
    lines = [
        f'2026-01-02T03:04:05.{number:06}Z app_1 | GET /{noise.randbytes(4).hex()} HTTP/1.1 200 "{"x" * 60}"\n'.encode()
        for number in range(MB // 120)
    ]
    rest = b"".join(lines) * (LOG_MB - 1)
    for value in secrets:
        lines.insert(noise.randrange(len(lines)), f"password={value}\n".encode())
    return b"".join(lines) + rest


def of_suites(rounds: int) -> list[Measured]:
    """Start a suite's child in a cell; its first test tells when it began, by the clock that all processes share."""
    text = "import time\ndef test_first():\n    raise AssertionError(f'began at {time.monotonic()} s')\n"
    with authors.bench() as bench, bench.children() as children:
        file = AuthorFile("recipeci", bench.overlay({"test_install.py": text}) / "test_install.py")
        placed = bench.placing(file.path.parent).placed(file)
        starts = [first_test(children, placed, bench.state_file) for _ in range(rounds)]
    return [Measured("suite: child in the cell → its first test", "s", tuple(starts), SUITE_START)]


def first_test(children: Children, placed: Placed, state: Path) -> float:
    """Return the seconds from the start of a child to the beginning of its first test."""
    began = time.monotonic()
    ended = children.python("run", placed, env={"CCCI_TIER": "install", OP_STATE: str(state)}, timeout=60)
    found = re.search(r"began at ([0-9.]+) s", "".join(report.words for report in ended.said.reports))
    if found is None:
        sys.exit(f"the suite of the benchmark did not run: {ended}")
    return float(found[1]) - began


def of_commands(rounds: int) -> list[Measured]:
    """Take the time of what people wait for at the command line."""
    helped = tuple(whole([str(Path(sys.executable).with_name("recipeci")), "--help"]).seconds for _ in range(rounds))
    return [
        Measured("`recipeci --help`", "s", helped, HELP),
        Measured("`make demo`, everything set up", "s", (whole(["make", "demo"]).seconds,), DEMO),
    ]
