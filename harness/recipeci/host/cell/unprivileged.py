"""The only place that runs programs in a cell as a user that nobody else there is, and ends what they leave behind.

Code of authors runs so (DESIGN §8): without capabilities, without a way to get any, unable to see or to end the
processes of others. Containers share the cell's user namespace: a user of theirs could end an app by its number.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from recipeci.host.command import Completed, LineSink, Runner

FIRST, COUNT = 60600, 250
"""Two times so many user ids that neither Debian, systemd nor images use: above 60577 and below 61184 (systemd's
UIDS-GIDS)."""
_LOOK_SECONDS = 20.0
_ROUNDS = 20


def user_of(run_id: str) -> int:
    """Return the user id for the authors' code of a run: the same for the whole run, rarely that of another one."""
    return FIRST + sum(run_id.encode()) * 31 % COUNT


def second_of(user: int) -> int:
    """Return another user id of the same run: for code that runs beside the first one's and may not touch it."""
    return user + COUNT


@dataclass(frozen=True)
class Stray:
    """A process that outlived the program which started it: its number in the cell, and its name."""

    pid: int
    name: str

    def __str__(self) -> str:
        """Return it for people."""
        return f"{self.name} ({self.pid})"


@dataclass(frozen=True)
class Unprivileged:
    """Runs programs in one cell as user and group `uid`."""

    runner: Runner
    """The cell's, which runs as root inside."""
    tools: Mapping[str, str]
    """Where the cell's programs are: sh, setpriv."""
    init: int
    """The host's number of the cell's pid 1."""
    uid: int

    def run(
        self,
        argv: Sequence[str],
        *,
        timeout: float,
        env: Mapping[str, str],
        cwd: Path,
        pass_fds: Sequence[int] = (),
        on_line: LineSink | None = None,
    ) -> Completed:
        """Run a program to its end; any exit code is accepted.

        Raises CommandTimeout when its time is over: it and its process group are gone then.
        """
        return self.runner.run(
            [*self._as_user(), *argv],
            timeout=timeout,
            env=env,
            cwd=cwd,
            ok=range(-64, 256),
            on_line=on_line,
            pass_fds=pass_fds,
        )

    def end_strays(self) -> tuple[Stray, ...]:
        """End every process that is this user's, and return those that were there.

        One call of the kernel's ends all of them at once, so that none can start another one in between.
        """
        found: dict[int, Stray] = {}
        for _ in range(_ROUNDS):
            if not (there := self.strays()):
                break
            found |= {stray.pid: stray for stray in there}
            end_all = [*self._as_user(), self.tools["sh"], "-c", "kill -KILL -1"]
            self.runner.run(end_all, timeout=_LOOK_SECONDS, ok=(0, 1, -9, 137))
        return tuple(found.values())

    def strays(self) -> tuple[Stray, ...]:
        """Return the processes of this user in the cell, those in containers and those already dead left out."""
        proc = Path(f"/proc/{self.init}/root/proc")
        return tuple(stray for folder in proc.glob("[0-9]*") for stray in _stray(folder, self.uid))

    def _as_user(self) -> list[str]:
        who = ["--reuid", str(self.uid), "--regid", str(self.uid), "--clear-groups"]
        return [self.tools["setpriv"], *who, "--no-new-privs", "--inh-caps=-all", "--bounding-set=-all", "--"]


def _stray(folder: Path, uid: int) -> Iterator[Stray]:
    """Yield the process of a folder of /proc if it is one of this user's that lives outside of any container."""
    try:
        status = dict(line.split(":", 1) for line in (folder / "status").read_text().splitlines() if ":" in line)
        groups = (folder / "cgroup").read_text()
    except OSError:
        return  # it ended meanwhile
    is_dead = status["State"].split()[0] in {"Z", "X"}
    if str(uid) in status["Uid"].split() and not is_dead and "/docker/" not in groups:
        yield Stray(int(folder.name), status["Name"].strip())
