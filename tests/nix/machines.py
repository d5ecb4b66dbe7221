"""The only place that has units of a NixOS machine judged by systemd's tools, and booted in a container.

Both are done by nixrig, beside the program that stands for `nix`.
"""

from __future__ import annotations

import os
import re
import shutil
import sys
from dataclasses import dataclass, replace
from pathlib import Path

from recipeci.host.command import Completed, LocalRunner

from nix.flake import LONGEST, Flake, environment

HERE = Path(__file__).parent / "machines"
DOCKER = Path(sys.prefix) / "docker" / "bin"
STATE = Path(os.environ.get("NIXRIG_HOME") or Path.home() / ".cache" / "nixrig")
ANSWER = re.compile(r"^\$ (.*)  \[(\d+)\]\n", re.MULTILINE)
BOOT_SECONDS = "400"
"""After which a machine hangs; other tests share the machine that tests."""
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

    def booted(self, name: str, *commands: str) -> list[Said]:
        """Boot the machine, as far as it is ours and Docker's, and run commands in it."""
        done = self._run("boot.py", "--limit", BOOT_SECONDS, self._machine(name), IN_THE_GUEST, *commands)
        _, *parts = ANSWER.split(done.out)
        answers = [Said(int(code), text) for code, text in zip(parts[1::3], parts[2::3], strict=True)]
        assert len(answers) == len(commands), done.out + done.err
        return answers

    def _machine(self, name: str) -> str:
        return self.flake.ref(f"nixosConfigurations.{name}")

    def _run(self, program: str, *words: str) -> Completed:
        argv = [str(Path(self.flake.program).parent / program), *words]
        env = {**environment(), **self.flake.env}
        return LocalRunner().run(argv, timeout=LONGEST, env=env, cwd=self.flake.folder, ok=range(256))


def of(checkout: Flake, folder: Path) -> Machines:
    """Write the flake of the machines into an empty folder."""
    for file in HERE.iterdir():
        shutil.copy(file, folder / file.name)
    flake = folder / "flake.nix"
    text = flake.read_text().replace("CHECKOUT", f"git+file://{checkout.folder}")
    flake.write_text(text.replace("path:DOCKER", f"path:{DOCKER}"))
    return Machines(replace(checkout, folder=folder))
