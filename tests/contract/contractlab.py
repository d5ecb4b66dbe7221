"""The contract suite in a cell of its own, for the abra that a test wants."""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Collection
from pathlib import Path

from lab import cells
from lab.cells import LabCell
from recipeci.contract import facts, suite
from recipeci.contract.lab import ABRA_SECONDS, Ground
from recipeci.contract.results import Result
from recipeci.contract.suite import Done
from recipeci.host.abra import AbraProgram, choose
from recipeci.host.clock import SystemClock
from recipeci.host.command import LocalRunner

SWITCHED = 'MINIABRA_HABITS={switches} exec {python} -I -m miniabra "$@"'


def run(
    *,
    script: str | None = None,
    only: Collection[str] = (),
    read_only: Collection[Path] = (),
    seconds: float = ABRA_SECONDS,
) -> tuple[Done, ...]:
    """Run the suite in a cell of its own, for the built-in abra or for a program that is this shell script."""
    with tempfile.TemporaryDirectory(prefix="recipeci-abra-") as folder:
        chosen = choose("builtin" if script is None else str(written(Path(folder), script)), None, runner=LocalRunner())
        built_in = choose("builtin", None, runner=LocalRunner())
        wanted = [fact for fact in facts.load() if not only or fact.id in only]
        with cells.lab_cell(read_only=(*chosen.read_only, *built_in.read_only, *read_only), bot=True) as lab:
            return suite.run(wanted, _ground(lab, chosen, seconds), see=lambda _: None)


def results_of(done: Collection[Done]) -> dict[str, Result]:
    """Return the results by their facts."""
    return {one.result.fact.id: one.result for one in done}


def flipped(switches: str) -> str:
    """Return the script of a miniabra with these switches flipped."""
    return SWITCHED.format(switches=switches, python=sys.executable)


def written(folder: Path, script: str) -> Path:
    """Write a program."""
    folder.chmod(0o755)
    program = folder / "abra"
    program.write_text(f"#!/bin/sh\n{script}\n")
    program.chmod(0o755)
    return program


def _ground(lab: LabCell, abra: AbraProgram, seconds: float) -> Ground:
    return Ground(
        cell=lab.cell,
        programs=lab.programs,
        abra=abra,
        image=lab.cell.spec.proxy_image,
        runner=LocalRunner(),
        clock=SystemClock(),
        folder=lab.cell.spec.shared / "contract",
        seconds=seconds,
    )
