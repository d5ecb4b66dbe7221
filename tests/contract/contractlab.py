"""The contract suite in a cell of its own, for the abra that a test wants."""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Collection, Mapping
from pathlib import Path

from lab import cells
from lab.cells import LabCell
from lab.repository import Edit
from recipeci.contract import facts, suite
from recipeci.contract.lab import ABRA_SECONDS, Ground
from recipeci.contract.results import Result
from recipeci.contract.suite import Done
from recipeci.host.abra import AbraProgram, choose
from recipeci.host.clock import SystemClock
from recipeci.host.command import LocalRunner

SWITCHED = 'MINIABRA_HABITS={switches} exec {python} -I -m miniabra "$@"'

NOTED = "switches-asked-for"
"""Where a miniabra that notes its switches does so: beside its ABRA_DIR, which each fact has one of."""
NOTING = f'''\
class Noting(Habits):
    def __getattribute__(self, name):
        if name in Habits.__dataclass_fields__:
            with open(os.path.join(os.path.dirname(os.environ["ABRA_DIR"]), "{NOTED}"), "a") as file:
                file.write(name + "\\n")
        return super().__getattribute__(name)


def flipped'''
NOTES = (
    Edit("habits.py", "import dataclasses\n", "import dataclasses\nimport os\n"),
    Edit("habits.py", "def flipped", NOTING),
    Edit("habits.py", "    return Habits(**", "    return Noting(**"),
)
"""A miniabra that notes which switches it asks for."""


def run(
    *,
    script: str | None = None,
    only: Collection[str] = (),
    read_only: Collection[Path] = (),
    seconds: float = ABRA_SECONDS,
    asked: dict[str, frozenset[str]] | None = None,
) -> tuple[Done, ...]:
    """Run the suite in a cell of its own, for the built-in abra or for a program that is this shell script.

    Args:
        script: the program; the built-in abra if there is none.
        only: the facts to check; all if there are none.
        read_only: folders that the program needs.
        seconds: how long a call may take.
        asked: filled with the switches that the calls for each fact asked for, where the program notes them.
    """
    with tempfile.TemporaryDirectory(prefix="recipeci-abra-") as folder:
        chosen = choose("builtin" if script is None else str(written(Path(folder), script)), None, runner=LocalRunner())
        built_in = choose("builtin", None, runner=LocalRunner())
        wanted = [fact for fact in facts.load() if not only or fact.id in only]
        with cells.lab_cell(read_only=(*chosen.read_only, *built_in.read_only, *read_only), bot=True) as lab:
            ground = _ground(lab, chosen, seconds)
            done = suite.run(wanted, ground, see=lambda _: None)
            if asked is not None:
                asked.update(_noted(ground.folder))
            return done


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


def _noted(folder: Path) -> Mapping[str, frozenset[str]]:
    """Return the switches that were asked for, by the facts whose folders they were noted in."""
    return {file.parent.name: frozenset(file.read_text().split()) for file in folder.glob(f"*/{NOTED}")}


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
