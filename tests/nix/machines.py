"""The only place that has units of a NixOS machine judged by systemd's tools, and booted in a container.

Both are done by nixrig, beside the program that stands for `nix`.
"""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from recipeci.host.clock import SystemClock, until
from recipeci.host.command import Completed, LocalRunner

from nix.flake import LONGEST, ROOT, Flake, environment

HERE = Path(__file__).parent / "machines"
LAB = ROOT / "tests" / "lab"
DOCKER = Path(sys.prefix) / "docker" / "bin"
STATE = Path(os.environ.get("NIXRIG_HOME") or Path.home() / ".cache" / "nixrig")
ANSWER = re.compile(r"^\$ (.*)  \[(\d+)\]\n", re.MULTILINE)
GUEST = ". /etc/recipeci-guest/guest.sh"
BOOT_SECONDS = 400
"""After which a machine hangs; other tests share the machine that tests."""
ENDED_SECONDS = 30.0
"""After which the kernel has ended what was killed with its machine."""
OURS = r"recipeci.*"
IN_THE_GUEST = r".*recipeci.*|docker(\.service|\.socket)?|timezone"
"""Units, users, groups and files of /etc by their names."""


@dataclass(frozen=True)
class Said:
    """What one command printed in a machine, and its exit code."""

    code: int
    text: str


@dataclass(frozen=True)
class Machines:
    """The machines of `machines/flake.nix`, which are variants of the example host of `flake`."""

    flake: Flake

    def judged(self, name: str) -> Completed:
        """Have the units verified, and their exposure told; code 1 if something is wrong with one."""
        return self._run("check-units.sh", self._machine(name), OURS)

    def booted(self, name: str, *commands: str, limit: int = BOOT_SECONDS) -> list[Said]:
        """Boot the machine, as far as it is ours and Docker's, and run commands, which may use guest.sh's functions."""
        told = (f"{GUEST}; {command}" for command in commands)
        with apart() as there:
            done = self._run("boot.py", "--limit", str(limit), self._machine(name), IN_THE_GUEST, *told, there=there)
        _, *parts = ANSWER.split(done.out)
        answers = [Said(int(code), text) for code, text in zip(parts[1::3], parts[2::3], strict=True)]
        assert len(answers) == len(commands), done.out + done.err
        return answers

    def _machine(self, name: str) -> str:
        return self.flake.ref(f"nixosConfigurations.{name}")

    def _run(self, program: str, *words: str, there: tuple[str, ...] = ()) -> Completed:
        argv = [*there, str(Path(self.flake.program).parent / program), *words]
        env = {**environment(), **self.flake.env}
        return LocalRunner().run(argv, timeout=LONGEST, env=env, cwd=self.flake.folder, ok=range(256))


@contextlib.contextmanager
def apart(*, seconds: float = ENDED_SECONDS) -> Iterator[tuple[str, ...]]:
    """Give the words before a command that start it in a cgroup of its own, which must be empty once it has ended.

    Containers would all be in one, and a systemd that ends removes what is empty there: another's directories of cells.
    """
    folder = Path(tempfile.mkdtemp(prefix="nix-machine-", dir=unified()))
    try:
        yield ("sh", "-c", 'echo $$ > "$0/cgroup.procs" && exec "$@"', str(folder))
    finally:
        until(
            lambda: _is_removed(folder),
            bool,
            what=f"the end of all that is in {folder}",
            clock=SystemClock(),
            timeout=seconds,
            successes=1,
        )


def unified() -> Path:
    """Return where this machine's one tree of cgroups is mounted; nspawn has no machine of ours without."""
    mounts = [line.split() for line in Path("/proc/self/mounts").read_text().splitlines()]
    return next(Path(where) for _, where, kind, *_ in mounts if kind == "cgroup2")


def _is_removed(folder: Path) -> bool:
    with contextlib.suppress(OSError):  # a process is in it
        for inner, _, _ in os.walk(folder, topdown=False):
            Path(inner).rmdir()
    return not folder.exists()


def of(checkout: Flake, folder: Path) -> Machines:
    """Write the flake of the machines into an empty folder."""
    for file in HERE.iterdir():
        shutil.copy(file, folder / file.name)
    for file in [*LAB.glob("__init__.py"), *LAB.glob("fakeforge/*.py")]:
        copy = folder / "lab" / file.relative_to(LAB)
        copy.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(file, copy)
    flake = folder / "flake.nix"
    text = flake.read_text().replace("CHECKOUT", f"git+file://{checkout.folder}")
    flake.write_text(text.replace("path:DOCKER", f"path:{DOCKER}").replace("BESIDE", str(STATE / "host")))
    return Machines(replace(checkout, folder=folder))
