"""The only place that runs authors' code: one child process for each thing, in the cell, as a user without privileges.

It gets an environment made from nothing, a folder of its own for temporary files, and a channel to the broker. What it
leaves behind is ended and named, so that it cannot disturb what is tested next.
"""

from __future__ import annotations

import contextlib
import signal
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import recipeci
from recipeci.author import child
from recipeci.author.channel import Message
from recipeci.errors import CommandTimeout, HostError, OpFailed
from recipeci.host.below import Below
from recipeci.host.cell import Cell, Unprivileged
from recipeci.host.cell.spec import INSIDE
from recipeci.host.clock import Clock
from recipeci.host.command import PATH
from recipeci.model import whose
from recipeci.report.text import clean
from recipeci.run.agreement import JUNIT_BYTES, Ended, Said
from recipeci.run.broker import Broker, Reach
from recipeci.run.placing import Placed

PACKAGES = Path(recipeci.__file__).resolve().parents[1]
START = """import sys
folder = sys.argv.pop(1)
if folder not in sys.path:
    sys.path.insert(0, folder)
from recipeci.author import child
sys.exit(child.main(sys.argv[1:]))"""
"""Isolated Python heeds no PYTHONPATH: a child must be of the same package as we are, not of one that is installed."""
CA_FILE = INSIDE / "ca.pem"
KILLED = (-signal.SIGKILL, 128 + signal.SIGKILL)
LAST_LINES = 20
SHOWN_LINES = 5000
"""So many lines of one child are shown; what it prints beyond that is in nobody's interest."""
HIDDEN_WORDS = ("PASSWORD", "PASSWD", "TOKEN", "SECRET", "PRIVATE", "API_KEY", "CREDENTIAL")
OWN_WORDS = ("_VERSION", "_LENGTH")
"""`SECRET_DB_VERSION=v1` is a name, not a value."""


@dataclass(frozen=True)
class Facts:
    """What every child is told of the run: JSON in the end, so texts and numbers."""

    domain: str
    recipe: str
    version: str
    """The target's own; empty if nothing says it."""
    host: str
    """Where the app serves: the domain, or another name of it."""
    path: str
    accept: tuple[int, ...]
    env: Callable[[], Mapping[str, str]]
    """Returns the app's env as it is now."""
    mask: Callable[[str], str]
    """Replaces secrets that are known now (`Redactor.mask`): a variable that holds one is not told."""
    patience: float = 30.0
    """Seconds in which the app must answer for the generic suites: what was just restarted has to be routed again."""

    def context(self) -> Message:
        """Return the first message to a child."""
        http = {"host": self.host, "path": self.path, "accept": list(self.accept), "patience": self.patience}
        env = public(self.env(), mask=self.mask)
        recipe = {"name": self.recipe, "version": self.version, "env": env, "http": http}
        return {"domain": self.domain, "ca_file": str(CA_FILE), "recipe": recipe}


def public(env: Mapping[str, str], *, mask: Callable[[str], str]) -> dict[str, str]:
    """Return an app's env without the variables that hold a secret, or whose names say so."""
    return {key: value for key, value in env.items() if not _is_hidden(key) and mask(value) == value}


@dataclass(frozen=True)
class Children:
    """The children of one run; of one user one after the other."""

    cell: Cell
    reach: Reach
    """What a child may ask of the app."""
    uid: int
    folder: Path
    """A folder that the cell sees at the same path; each child has its own in it while it lives."""
    facts: Facts
    clock: Clock
    say: Callable[[str], None]
    """Shows a line that a child prints."""
    note: Callable[[str], None]

    def python(self, mode: str, placed: Placed, *, env: Mapping[str, str], timeout: float) -> Ended:
        """Run `recipeci.author.child` on a file in one of its modes, to its end.

        Raises:
            HostError: Docker did not answer meanwhile, or the cell is gone. Nothing that the child does raises.
        """
        began = self.clock.monotonic()
        with self._own_folder() as folder, Broker(self.reach, context=self.facts.context()) as broker:
            argv = [*_program(mode), str(broker.fd), str(placed.file), str(placed.root)]
            code, last = self._run(
                argv, placed, folder=folder, cwd=placed.root, env=env, timeout=timeout, fds=[broker.fd]
            )
            said = broker.finish()
            junit = self._read(folder / child.JUNIT)
        return Ended(said, code, last, self.clock.monotonic() - began, junit)

    def script(
        self, placed: Placed, *, env: Mapping[str, str], cwd: Path, files: Mapping[str, str], timeout: float
    ) -> tuple[Ended, Mapping[str, str | None]]:
        """Run a shell script to its end.

        Args:
            placed: the script.
            env: what it sees beside PATH, HOME and TMPDIR.
            cwd: where it is run.
            files: texts of files that it may edit, by the variables that name them.
            timeout: seconds.

        Returns: how it ended, and each file's text then; None for one that is no text of a bearable size any more.
        """
        began = self.clock.monotonic()
        with self._own_folder() as folder:
            there = {variable: folder / f"{variable.lower()}.txt" for variable in files}
            for variable, path in there.items():
                self._below.write(path, files[variable].encode(), owner=self.uid)
            named = {variable: str(path) for variable, path in there.items()}
            argv = [*_program("script"), "-", str(placed.file), str(placed.root)]
            code, last = self._run(argv, placed, folder=folder, cwd=cwd, env={**env, **named}, timeout=timeout, fds=[])
            texts = {variable: self._text(path) for variable, path in there.items()}
        return Ended(Said(), code, last, self.clock.monotonic() - began), texts

    def _run(
        self,
        argv: Sequence[str],
        placed: Placed,
        *,
        folder: Path,
        cwd: Path,
        env: Mapping[str, str],
        timeout: float,
        fds: Sequence[int],
    ) -> tuple[int | None, str]:
        """Run a child and end what it leaves: (its code, its last lines)."""
        own = {"PATH": PATH, "LC_ALL": "C.UTF-8", "HOME": str(folder), "TMPDIR": str(folder), **env}

        def plain(text: str) -> str:
            return clean(placed.original(text).replace(str(folder), "$TMPDIR"))

        user, show = self.cell.as_user(self.uid), Shown(f"{whose(placed.source)} {placed.name}", plain, self.say)
        try:
            done = user.run(argv, timeout=timeout, env=own, cwd=cwd, pass_fds=fds, on_line=show.line)
        except CommandTimeout as error:
            return None, plain(_last(error.out, error.err))
        finally:
            self._end_strays(user, placed)
        if done.code in KILLED and not self.cell.api.is_up():  # with the cell, which is no fault of the author's
            msg = f"the cell ended during {whose(placed.source)} {placed.name}"
            raise HostError(msg, hint="run.log has the end of the cell's log")
        return done.code, plain(_last(done.out, done.err))

    def _end_strays(self, user: Unprivileged, placed: Placed) -> None:
        if left := user.end_strays():
            names = ", ".join(sorted(str(stray) for stray in left))
            self.note(f"{whose(placed.source)} {placed.name} left processes behind, which were ended: {clean(names)}")

    @contextlib.contextmanager
    def _own_folder(self) -> Iterator[Path]:
        """Have a folder for one child alone."""
        for above in reversed((self.folder, *self.folder.parents)):
            if above != self.cell.spec.shared and above.is_relative_to(self.cell.spec.shared):
                self._below.make_folder(above, mode=0o755)  # the child must get to its folder
        with self._below.own_folder(self.folder, owner=self.uid) as folder:
            yield folder

    @property
    def _below(self) -> Below:
        return Below(self.cell.spec.shared)

    def _read(self, file: Path) -> bytes | None:
        """Read a file that an author's code made: no link, no pipe, not endless."""
        try:
            return self._below.read(file, at_most=JUNIT_BYTES)
        except (OSError, OpFailed):
            return None

    def _text(self, file: Path) -> str | None:
        data = self._read(file)
        try:
            return None if data is None else data.decode()
        except UnicodeDecodeError:
            return None


class Shown:
    """Shows what a child prints, each line behind whose it is, so that none passes for one of ours."""

    def __init__(self, whose: str, plain: Callable[[str], str], say: Callable[[str], None]) -> None:
        """Take the name that stands before each line, and what makes a line fit for people."""
        self._whose = whose
        self._plain = plain
        self._say = say
        self._lines = 0

    def line(self, text: str) -> None:
        """Show one line."""
        self._lines += 1
        if self._lines <= SHOWN_LINES:
            self._say(f"{self._whose} | {self._plain(text)}")
        elif self._lines == SHOWN_LINES + 1:
            self._say(f"{self._whose} | … it prints more than {SHOWN_LINES} lines, the rest is not shown")


def _program(mode: str) -> list[str]:
    """Return our program as the cell has it: this Python, isolated, writing no byte code, and this package."""
    return [sys.executable, "-I", "-B", "-c", START, str(PACKAGES), mode]


def _is_hidden(key: str) -> bool:
    return any(word in key.upper() for word in HIDDEN_WORDS) and not key.upper().endswith(OWN_WORDS)


def _last(out: str, err: str) -> str:
    """Return the last lines of a child, stderr's if it wrote there."""
    return "\n".join((err.strip() or out.strip()).splitlines()[-LAST_LINES:])
