"""The only place that switches a machine on: a mount namespace of its own, and an init in it.

Its network and processes are those of the machine that tests. The kernel ends it with the thread that switched it on.
"""

from __future__ import annotations

import contextlib
import json
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from recipeci.host.clock import SystemClock, until
from recipeci.host.command import BASE_ENV, PATH, Completed, LocalRunner, end, start

from lab.machine.ask import ask

TESTS = Path(__file__).parents[2]
START_SECONDS = 180.0
LONGEST = 600.0


@dataclass(frozen=True)
class Machine:
    """A machine that is on.

    Attributes:
        folder: what its first process keeps; nothing of it is seen in the machine.
        pid: its first process.
    """

    folder: Path
    pid: int

    def do(self, commands: str) -> Completed:
        """Type commands as root, in a shell that ends at the first that fails; return also what failed."""
        inside = ["nsenter", f"--mount=/proc/{self.pid}/ns/mnt", "--"]
        env = {**BASE_ENV, "PATH": f"/usr/local/sbin:/usr/local/bin:{PATH}", "HOME": "/root"}
        shell = ["/bin/bash", "-euo", "pipefail", "-c", commands]
        return LocalRunner().run([*inside, *shell], timeout=LONGEST, env=env, ok=range(256))

    def write(self, name: str, text: str) -> None:
        """Write a file, in place if it is there, as with an editor."""
        Path(f"/proc/{self.pid}/root{name}").write_text(text)

    def read(self, name: str) -> str:
        """Return what a file says."""
        return Path(f"/proc/{self.pid}/root{name}").read_text()

    def log(self, unit: str) -> str:
        """Return all that a unit has printed."""
        return (self.folder / "logs" / f"{unit}.service").read_text(errors="replace")

    def evidence(self) -> str:
        """Return the last lines of all units, for whoever has to find out what went wrong."""
        files = sorted((self.folder / "logs").iterdir())
        return "\n".join(f"== {file.name}\n{file.read_text(errors='replace')[-3000:]}" for file in files)


@contextlib.contextmanager
def running(folder: Path, *, shown: Mapping[str, Path], needed: Sequence[Path] = ()) -> Iterator[Machine]:
    """Run one until the end of the block; then all its units must have ended well.

    Args:
        folder: an empty one, its path short.
        shown: folders of the machine that are others of ours.
        needed: what it must be able to see of ours beside Python and this project.
    """
    ours = [*map(Path, filter(None, (*sys.path, sys.prefix, sys.base_prefix))), TESTS, folder, *shown.values(), *needed]
    plan = {
        "folder": str(folder),
        "shown": {into: str(of) for into, of in shown.items()},
        "needed": sorted({str(path.resolve()) for path in ours if path.is_dir()}),
    }
    (folder / "plan.json").write_text(json.dumps(plan))
    dying = ["setpriv", "--pdeathsig", "KILL", "--"]
    # The init above it is for what runs leave: a cell ends only when all its dead are buried.
    argv = ["tini", "-s", "--", *dying, "unshare", "--mount", "--", sys.executable, "-m", "lab.machine.init"]
    env = {**BASE_ENV, "PYTHONPATH": ":".join(filter(None, sys.path))}
    process = start([*argv, str(folder / "plan.json")], output=folder / "init.log", env=env)
    try:
        until(
            (folder / "pid").is_file,
            bool,
            what="the machine",
            clock=SystemClock(),
            timeout=START_SECONDS,
            failed=lambda _: None if process.poll() is None else (folder / "init.log").read_text()[-2000:],
            delay=0.05,
            successes=1,
        )
        yield Machine(folder, int((folder / "pid").read_text()))
        _, left = ask(folder / "socket", "poweroff")
        assert not left, left
    finally:
        end(process)
