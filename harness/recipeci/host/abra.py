"""The only place that runs abra: one method a command, and which program is taken for it.

What happened is read from Docker and from git, never from abra's words; they are only the reason shown when it fails.
"""

from __future__ import annotations

import importlib.util
import re
import shutil
import sys
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from recipeci import namedpath
from recipeci.errors import AbraFailed, CommandFailed, CommandTimeout, UsageError
from recipeci.host import temporary
from recipeci.host.command import PATH, Completed, LineSink, Runner
from recipeci.host.linttable import LintTable, parse
from recipeci.model import Program

BUILT_IN = "builtin"
SERVER = "default"
VERSION = re.compile(r"^abra version (\S+)", re.MULTILINE)
MINIABRA = re.compile(r"(.+)-miniabra\Z")
FATA = re.compile(r"^\s*FATA\b\s*(.*)$", re.MULTILINE)
NO_CHAOS = "unknown shorthand flag: 'C'"
SECONDS = 120.0
"""A command that only writes files or asks the daemon; under heavy load they take seconds."""
PROBE_SECONDS = 30.0


@dataclass(frozen=True)
class AbraProgram:
    """A program that has said it is abra: how it is started, and what it is in the report."""

    argv: tuple[str, ...]
    program: Program
    read_only: tuple[Path, ...]
    """What must be seen, at the same paths, where it runs: the built-in one's folders, of any other its file alone."""


def choose(
    asked: str | None, setting: str | None, *, runner: Runner, path: str = PATH, cache: Path | None = None
) -> AbraProgram:
    """Return the abra to use: the one asked for, else the setting's, else `abra` in `path`, else the built-in one.

    What it writes when it is asked for its version goes, and goes near `cache` (`temporary.near`).

    Raises UsageError, naming the path, if it is not there, does not start, or is not abra.
    """
    chosen = asked or setting or shutil.which("abra", path=path) or BUILT_IN
    if chosen == BUILT_IN:
        package = _miniabra()
        argv = [sys.executable, "-I", str(package / "miniabra" / "__main__.py")]  # installed in this Python or not
        ours = (Path(sys.prefix), Path(sys.base_prefix), package)
        return _probed(argv, runner=runner, name=BUILT_IN, seen=ours, cache=cache)
    program = namedpath.named(f"abra {namedpath.shown(chosen)}", chosen, home=True)
    # What lies beside it is nobody's business: `~/abra` would show the home. Links on the way need not lead anywhere.
    real = program.resolve()
    return _probed([str(real)], runner=runner, name=str(program), seen=(real,), cache=cache)


class Abra:
    """abra with an ABRA_DIR of its own; offline and without questions, always."""

    def __init__(
        self,
        program: AbraProgram,
        *,
        runner: Runner,
        abra_dir: Path,
        docker_folder: Path,
        on_line: LineSink | None = None,
    ) -> None:
        """Take where it runs, its folder (made if missing), where Docker's client is, and who sees its output."""
        self._program = program
        self._runner = runner
        self._abra_dir = abra_dir
        self._docker_folder = docker_folder
        self._on_line = on_line
        self._news: Counter[str] = Counter()
        (abra_dir / "servers" / SERVER).mkdir(parents=True, exist_ok=True)

    def version(self) -> Program:
        """Return what it is."""
        return self._program.program

    def env_file(self, domain: str) -> Path:
        """Return the app's configuration, written by `app_new`."""
        return self._abra_dir / "servers" / SERVER / f"{domain}.env"

    def checkout(self, recipe: str) -> Path:
        """Return where abra looks for a recipe's checkout."""
        return self._abra_dir / "recipes" / recipe

    def deploys(self, domain: str) -> int:
        """Return how often `app new` was called for a domain, successful or not."""
        return self._news[domain]

    def require(self) -> None:
        """Ask a given program for its version where it runs: it may need more than its file, which is all that is seen.

        Raises UsageError if it does not work there.
        """
        if self._program.argv != tuple(map(str, self._program.read_only)):
            return  # the built-in one, which is shown whole
        try:
            self._runner.run([*self._program.argv, "--version"], timeout=SECONDS, env=self._env())
        except CommandTimeout:
            raise
        except CommandFailed as error:
            said = "".join((error.err.strip() or error.out.strip()).splitlines()[-1:]) or f"it ended with {error.code}"
            msg = f"{self._program.argv[0]} does not run in a cell, which sees this file and nothing beside it: {said}"
            raise UsageError(
                msg, hint="put it with all that it needs below /usr, or give a program of one file"
            ) from error

    # The commands, in the order of their names. Each raises AbraFailed with abra's FATA line, or CommandTimeout.

    def app_backup_create(self, domain: str, *, timeout: float) -> None:
        """Have the backup bot make a snapshot; that abra ends well proves nothing (facts A-18).

        abra is believed to fail when the bot ends with an error, as after a hook that failed.
        """
        self._abra("app", "backup", "create", domain, "-C", timeout=timeout, terminal=True)

    def app_backup_snapshots(self, domain: str) -> str:
        """Return what is printed of an app's snapshots; a bot is believed to fail if there is none.

        The checkout may stand elsewhere afterwards, as after `app_restore`.
        """
        return self._perhaps_chaos("app", "backup", "snapshots", domain, timeout=SECONDS).out

    def app_deploy(self, domain: str, *, version: str | None, chaos: bool, timeout: float) -> None:
        """Deploy a published version, or by chaos what is checked out; does not wait until it is there.

        Raises ValueError for both or neither: abra ignores a version that comes with `-C` (facts abra §1.3).
        """
        if chaos == (version is not None):
            msg = "app deploy: either a version or chaos"
            raise ValueError(msg)
        what = ["-C"] if version is None else [version, "-f"]
        self._abra("app", "deploy", domain, *what, "-c", "-D", timeout=timeout)

    def app_new(self, recipe: str, *, domain: str, version: str | None, chaos: bool) -> None:
        """Make an app of a recipe. The checkout may stand elsewhere afterwards, with chaos too (facts A-01)."""
        self._news[domain] += 1
        given = [] if version is None else [version]
        self._abra("app", "new", recipe, *given, "-s", SERVER, "-D", domain, *_chaos(chaos))

    def app_remove(self, domain: str) -> None:
        """Remove the secrets, volumes and configuration of an app that is not deployed."""
        self._abra("app", "remove", domain, "-f")

    def app_restore(self, domain: str, *, timeout: float) -> None:
        """Have the files of the app's newest snapshot put back (facts A-17); the app goes on running meanwhile.

        The checkout may stand elsewhere afterwards: it is not known whether abra takes `-C` here.
        """
        self._perhaps_chaos("app", "restore", domain, timeout=timeout)

    def app_secret_generate(self, domain: str, *, name: str | None = None, version: str = "v1") -> None:
        """Make all secrets, or one of a version. The values that abra prints are seen by nobody (facts A-12).

        What abra does with `-a` where some are there already is only believed: then name what is missing.
        """
        which = ["-a"] if name is None else [name, version]
        self._abra("app", "secret", "generate", domain, *which, "-m", "-C", quiet=True)

    def app_secret_insert(self, domain: str, *, name: str, version: str, file: Path) -> None:
        """Store a secret's value from a file, which abra must be able to see where it runs."""
        self._abra("app", "secret", "insert", domain, name, version, str(file), "-f", "-C", quiet=True)

    def app_secret_remove(self, domain: str) -> None:
        """Remove all secrets of an app that is not deployed; abra may fail if there is none."""
        self._abra("app", "secret", "remove", domain, "-a", "-C")

    def app_undeploy(self, domain: str) -> None:
        """Have the stack removed; tasks, networks and containers are still going when this returns (facts A-22)."""
        self._abra("app", "undeploy", domain)

    def app_volume_remove(self, domain: str) -> None:
        """Remove the volumes of an app; one that a dying container still uses is refused."""
        self._abra("app", "volume", "remove", domain, "-f")

    def recipe_lint(self, recipe: str) -> LintTable:
        """Return abra's table of rules for what is checked out; rows that fail are no error of abra's."""
        return parse(self._abra("recipe", "lint", recipe, "-C", terminal=True).out)

    def _perhaps_chaos(self, *args: str, timeout: float) -> Completed:
        """Run a command on a terminal by chaos, or without if abra does not know `-C` there and so did nothing."""
        try:
            return self._abra(*args, "-C", timeout=timeout, terminal=True)
        except AbraFailed as error:
            if NO_CHAOS not in error.out + error.err:
                raise
        return self._abra(*args, timeout=timeout, terminal=True)

    def _abra(self, *args: str, timeout: float = SECONDS, terminal: bool = False, quiet: bool = False) -> Completed:
        """Run one command; `quiet` keeps all it prints but its FATA line from logs and errors."""
        argv = [*self._program.argv, *args, "-o", "-n"]
        on_line = None if quiet else self._on_line
        try:
            return self._runner.run(argv, timeout=timeout, env=self._env(), terminal=terminal, on_line=on_line)
        except CommandTimeout as error:
            kept = ("", "") if quiet else (error.out, error.err)
            failed: CommandFailed = CommandTimeout(argv, out=kept[0], err=kept[1], seconds=error.seconds)
        except CommandFailed as error:
            failed = _failed(args, error, quiet=quiet)
        raise failed  # outside of the handler: as its context the first error would keep what was printed

    def _env(self) -> Mapping[str, str]:
        return environment(self._abra_dir, docker_folder=self._docker_folder)


def environment(abra_dir: Path, *, docker_folder: Path) -> Mapping[str, str]:
    """Return all of abra's environment; the home is beside ABRA_DIR, so that nothing is written or read elsewhere."""
    return {
        "ABRA_DIR": str(abra_dir),
        "HOME": str(abra_dir.parent),
        "PATH": f"{docker_folder}:{PATH}",
        "LC_ALL": "C",
        "LANG": "C",
        "TERM": "xterm",
    }


def _chaos(chaos: bool) -> list[str]:  # noqa: FBT001 - one flag, named by the function
    return ["-C"] if chaos else []


def _failed(args: Sequence[str], error: CommandFailed, *, quiet: bool) -> AbraFailed:
    """Find abra's reason: the last FATA line of stdout or stderr, else what it said last (facts A-11)."""
    fatal = FATA.findall(error.out) or FATA.findall(error.err)
    said = [] if quiet else (error.err.strip() or error.out.strip()).splitlines()[-1:]
    reason = next(reversed([*said, *fatal]), "it gave no reason")
    out, err = ("", "") if quiet else (error.out, error.err)
    return AbraFailed(["abra", *args], code=error.code, out=out, err=err, seconds=error.seconds, reason=reason)


def _probed(argv: list[str], *, runner: Runner, name: str, seen: tuple[Path, ...], cache: Path | None) -> AbraProgram:
    """Ask a program for its version, in a home of its own."""
    with temporary.near(cache) as home:
        env = {"PATH": PATH, "HOME": str(home), "ABRA_DIR": str(home), "LC_ALL": "C"}
        try:
            said = runner.run([*argv, "--version"], timeout=PROBE_SECONDS, env=env).out
        except CommandFailed as error:
            msg = f"{name} is not abra: `--version` ended with {error.code}"
            raise UsageError(msg, hint="--abra PATH, or --abra builtin") from error
    found = VERSION.search(said)
    if found is None:
        msg = f"{name} is not abra: `--version` does not print `abra version …`"
        raise UsageError(msg, hint="--abra PATH, or --abra builtin")
    mini = MINIABRA.match(found[1])
    program = Program("miniabra", mini[1], built_in=True) if mini else Program("abra", found[1])
    return AbraProgram(tuple(argv), program, tuple(dict.fromkeys(seen)))


def _miniabra() -> Path:
    """Return the folder that miniabra's package is in, which need not be ours (a mutant's is not)."""
    found = importlib.util.find_spec("miniabra")
    if found is None or found.origin is None:
        raise UsageError("the built-in abra is not installed in our Python", hint="--abra PATH")
    return Path(found.origin).resolve().parents[1]
