"""What tests of the command line share: the program as a process, and its one sentence."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Mapping
from pathlib import Path

from unit.processes import ended, environment

PROGRAM = Path(sys.prefix) / "bin" / "recipeci"


def run(short: Path, *options: str, env: Mapping[str, str] | None = None) -> tuple[int, str, str]:
    """Run the program in an empty folder with a home of its own; it must leave both as they were."""
    home = short / "home"
    home.mkdir(exist_ok=True)
    before = sorted(short.rglob("*"))
    done = ended([str(PROGRAM), *options], env=environment({"HOME": str(home), **(env or {})}), cwd=short)
    assert sorted(short.rglob("*")) == before
    return done


def without_root(*argv: str) -> list[str]:
    """Return a command that runs in a user namespace in which it is not root."""
    unshare = shutil.which("unshare")
    assert unshare is not None
    return [unshare, "--user", "--map-user=1000", "--", *argv]
