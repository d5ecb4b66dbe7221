"""The only place that runs `recipeci` as a user does: a process of its own, its answer, its report."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import miniabra
from recipeci.host.command import PATH, program

TESTS = Path(__file__).parents[1]
IMAGES = TESTS / "lab" / "images"
STAGES = "install,upgrade"
LONGEST = 600.0
"""Seconds after which a run hangs; the longest case takes 90 on an idle machine."""


@dataclass(frozen=True)
class Ended:
    """A run that ended: its code, what it printed, and where its run folder is or was."""

    code: int
    out: str
    err: str
    folder: Path

    @property
    def report(self) -> Mapping[str, Any]:
        """What report.json says; the test fails with all that was printed if there is none."""
        file = self.folder / "report.json"
        assert file.is_file(), f"no report; code {self.code}\n{self.out}\n{self.err}"
        report: Mapping[str, Any] = json.loads(file.read_text())
        return report


@dataclass
class Running:
    """A run under way."""

    process: subprocess.Popen[str]
    folder: Path

    def end(self, *, timeout: float = LONGEST) -> Ended:
        """Wait until it ended by itself; kill it and raise subprocess.TimeoutExpired if it does not."""
        try:
            out, err = self.process.communicate(timeout=timeout)
        except subprocess.TimeoutExpired:
            self.signal(signal.SIGKILL)
            self.process.communicate()
            raise
        return Ended(self.process.returncode, out, err, self.folder)

    @property
    def harness(self) -> int:
        """The process id of the harness: the one child of the process that buries its orphans."""
        pid = self.process.pid
        return int(Path(f"/proc/{pid}/task/{pid}/children").read_text().split()[0])

    def signal(self, number: signal.Signals) -> None:
        """Send a signal to the harness alone, not to what it started; nothing happens if it has ended."""
        with contextlib.suppress(FileNotFoundError, IndexError, ProcessLookupError):
            os.kill(self.harness, number)


@dataclass(frozen=True)
class Recipeci:
    """The program with what all its runs share.

    Attributes:
        folder: an empty folder of the test's own with a short path; run folders are made in it.
        cache: the cache folder with the images, shared by all tests.
        python_path: folders that go first on PYTHONPATH: a mutant's.
        abra: the folder of the package that the built-in abra is taken from, if not from the program's own Python.
        env: more of its environment.
        started: every run; what of them still goes on when the test ends has to be killed.
    """

    folder: Path
    cache: Path
    python_path: tuple[Path, ...] = ()
    abra: Path | None = None
    env: Mapping[str, str] = field(default_factory=dict)
    started: list[Running] = field(default_factory=list)

    @property
    def temporary(self) -> Path:
        """TMPDIR of its runs: nothing of theirs may be there when they have ended, however they did."""
        return self.folder / "tmp"

    @property
    def package(self) -> Path:
        """The package of the built-in abra."""
        return self.abra / "miniabra" if self.abra else Path(miniabra.__file__).parent

    def start(self, *options: str, out: str = "r") -> Running:
        """Start `recipeci OPTIONS --out FOLDER`; the kernel ends it with the test process."""
        folder = self.folder / out
        return self.start_as_is(*options, "--out", str(folder), folder=folder)

    def start_as_is(self, *options: str, folder: Path, prefix: Sequence[str] = ()) -> Running:
        """Start `recipeci OPTIONS`; `folder` is where its report will be looked for, `prefix` what starts it."""
        return self.start_command(*prefix, sys.executable, "-m", "recipeci", *options, folder=folder)

    def start_command(self, *argv: str, folder: Path, cwd: Path | str = "/") -> Running:
        """Start a command line that runs the program.

        The test process is the one that orphans come to (leftovers.py), but no init that buries the dead of them, as a
        machine has it: tini does that as long as the harness lives. A cell ends only when all its dead are buried.
        """
        dying = [program("setpriv"), "--pdeathsig", "KILL", "--"]
        process = subprocess.Popen(
            [*dying, program("tini"), "-s", "--", *dying, *argv],
            env=self._env(),
            cwd=cwd,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            errors="replace",
            start_new_session=True,
        )
        self.started.append(Running(process, folder))
        return self.started[-1]

    def run(self, *options: str, out: str = "r", timeout: float = LONGEST) -> Ended:
        """Run to the end."""
        return self.start(*options, out=out).end(timeout=timeout)

    def kill_all(self) -> None:
        """Kill what still goes on: the runs of a test that failed in the middle."""
        for running in self.started:
            if running.process.poll() is None:
                running.signal(signal.SIGKILL)
                running.process.communicate()

    def _env(self) -> dict[str, str]:
        """Return all of its environment: nothing of the test process's but where the cache is."""
        env = {"PATH": PATH, "LC_ALL": "C.UTF-8", "HOME": str(self.folder), "XDG_CACHE_HOME": str(self.cache.parent)}
        env["TMPDIR"] = str(self.temporary)
        if first := [*self.python_path, *([self.abra] if self.abra else [])]:
            env["PYTHONPATH"] = os.pathsep.join(map(str, first))
        return env | dict(self.env)


def for_recipe(name: str, *, source: Path | str, stages: str = STAGES, abra: str = "builtin") -> tuple[str, ...]:
    """Return the options of a run of a lab recipe, with the built-in abra if no program is named."""
    given = {
        "--recipe": name,
        "--source": str(source),
        "--images": str(IMAGES),
        "--abra": abra,
        "--stages": stages,
    }
    return tuple(word for option in given.items() for word in option)
