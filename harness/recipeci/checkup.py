"""The only place that carries out what `doctor` tries: a cell, and the contract with an abra in one."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Iterator
from pathlib import Path

from recipeci.contract import facts, results, suite, transcript
from recipeci.contract.lab import Ground
from recipeci.contract.suite import Done
from recipeci.contract.transcript import Places
from recipeci.host.abra import AbraProgram
from recipeci.host.clock import SystemClock
from recipeci.host.command import LocalRunner
from recipeci.host.docker import Swarm
from recipeci.model import Program, Settings
from recipeci.redact import Redactor
from recipeci.report.console import Console
from recipeci.run import selftest
from recipeci.run.interrupt import Interrupts
from recipeci.run.trial import Trial, Trials

NAME = "contract"
DIFFERS = 1


def try_a_cell(config: Settings) -> None:
    """Make a cell with an app in it and remove both; raise HostError if that does not work."""
    with _trials(config) as trials:
        selftest.run(trials)
        trials.console.say("selftest: pass")


def check_abra(config: Settings, abra: AbraProgram, *, record: Path | None) -> int:
    """Check the contract with an abra in a cell, print the table, and write the transcript if it is wanted.

    Returns 0 if all is as recipeci needs it, else 1. Raises HostError if there can be no cell.
    """
    with _trials(config) as trials:
        trials.console.say(f"abra: {abra.program.name} {abra.program.version}: {' '.join(abra.argv)}")
        with trials.cell(NAME, read_only=abra.read_only, bot=True) as trial:
            docker, done = _checked(trial, abra, trials)
            places = _places(trial, abra)
        found = [one.result for one in done]
        for line in results.table(found):
            trials.console.say(line)
        if record is not None:
            transcript.write(
                transcript.as_json(done, abra=abra.program, docker=docker, places=places, redactor=Redactor()), record
            )
            trials.console.say(f"transcript: {record}")
    return DIFFERS if any(one.is_broken for one in found) else 0


def _checked(trial: Trial, abra: AbraProgram, trials: Trials) -> tuple[Program, tuple[Done, ...]]:
    """Run the suite; return the engine's version and what came of each fact."""
    with contextlib.closing(Swarm(trial.cell.socket)) as swarm:
        docker = swarm.program()
    ground = Ground(
        cell=trial.cell,
        programs=trial.programs,
        abra=abra,
        image=trial.proxy,
        runner=trials.runner,
        clock=trials.clock,
        folder=trial.place.shared / NAME,
    )
    with trials.console.phase(NAME):
        return docker, suite.run(facts.load(), ground, see=trials.console.seen)


def _places(trial: Trial, abra: AbraProgram) -> Places:
    """Return what of this machine a transcript must not tell, longer paths first."""
    words = {
        str(trial.place.folder): "/run-folder",
        str(trial.programs.docker.parent): "/docker",
        str(Path.home()): "/home",
        **{str(seen): "/abra" for seen in abra.read_only},
        **{argument: "abra" for argument in abra.argv if argument.startswith("/")},
    }
    return Places(sorted(words.items(), key=lambda pair: -len(pair[0])))


@contextlib.contextmanager
def _trials(config: Settings) -> Iterator[Trials]:
    """Return what a trial is made with; signals end it in order."""
    clock = SystemClock()
    console = Console(clock=clock, stream=sys.stdout)
    interrupts = Interrupts(lambda: console.going_on)
    with interrupts.handled():
        yield Trials(config, LocalRunner(), clock, console, interrupts)
