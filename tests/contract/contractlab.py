"""The contract suite in a cell of its own, for the abra that a test wants."""

from __future__ import annotations

import contextlib
import sys
import tempfile
from collections.abc import Collection, Iterator, Mapping
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

NOTE_FILE = "switches-asked-for"
"""The file beside a fact's own ABRA_DIR in which a miniabra notes the switches that it asks for."""
NOTING_CLASS = f'''\
class Noting(Habits):
    def __getattribute__(self, name):
        if name in Habits.__dataclass_fields__:
            with open(os.path.join(os.path.dirname(os.environ["ABRA_DIR"]), "{NOTE_FILE}"), "a") as file:
                file.write(name + "\\n")
        return super().__getattribute__(name)


'''
NOTING = (
    Edit("habits.py", "import dataclasses\n", "import dataclasses\nimport os\n"),
    Edit("habits.py", "def flipped", f"{NOTING_CLASS}def flipped"),
    Edit("habits.py", "    return Habits(**", "    return Noting(**"),
)
"""A miniabra that notes which switches it asks for."""


def run(
    *,
    script: str | None = None,
    only: Collection[str] = (),
    read_only: Collection[Path] = (),
    seconds: float = ABRA_SECONDS,
) -> tuple[Done, ...]:
    """Run the suite in a cell of its own, for the built-in abra or for a program that is this shell script."""
    wanted = [fact for fact in facts.load() if not only or fact.id in only]
    with _ground(script, read_only, seconds) as ground:
        return suite.run(wanted, ground, see=lambda _: None)


def noted(*, script: str, read_only: Collection[Path]) -> tuple[tuple[Done, ...], Mapping[str, Collection[str]]]:
    """Run the suite for a miniabra that notes; return the switches too that it asked for, by the facts."""
    with _ground(script, read_only, ABRA_SECONDS) as ground:
        done = suite.run(facts.load(), ground, see=lambda _: None)
        notes = ground.folder.glob(f"*/{NOTE_FILE}")
        return done, {file.parent.name: sorted(set(file.read_text().split())) for file in notes}


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


@contextlib.contextmanager
def _ground(script: str | None, read_only: Collection[Path], seconds: float) -> Iterator[Ground]:
    """Have a cell in which an abra can be checked."""
    with tempfile.TemporaryDirectory(prefix="recipeci-abra-") as folder:
        chosen = choose("builtin" if script is None else str(written(Path(folder), script)), None, runner=LocalRunner())
        built_in = choose("builtin", None, runner=LocalRunner())
        with cells.lab_cell(read_only=(*chosen.read_only, *built_in.read_only, *read_only), bot=True) as lab:
            yield _of_cell(lab, chosen, seconds)


def _of_cell(lab: LabCell, abra: AbraProgram, seconds: float) -> Ground:
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
