"""How a cell is entered: in which order, since each program on the way has what the one before left it."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from recipeci.host.cell.inside import CellRunner
from recipeci.host.command import Completed

TOOLS = {name: f"/bin/{name}" for name in ("sh", "env", "nsenter", "setpriv")}


class Recording:
    """Runs nothing; keeps what it was to run."""

    def __init__(self) -> None:
        self.argv: list[str] = []

    def run(self, argv: Sequence[str], **options: object) -> Completed:
        assert options.keys() <= {"timeout", "env", "stdin", "ok", "terminal", "on_line", "pass_fds"}
        self.argv = list(argv)
        return Completed(tuple(argv), 0, "", "", 0.0)


def test_the_capabilities_are_gone_before_the_cells_loader_starts_a_program() -> None:
    """What `nsenter` starts is loaded by the cell's loader, which root in a container may have had a hand in."""
    host = Recording()
    CellRunner(host, tools=TOOLS, procs=[Path("/c/cgroup.procs")], init=42).run(["git", "--version"], timeout=1)
    dropping, entering = host.argv.index("/bin/setpriv"), host.argv.index("/bin/nsenter")
    assert host.argv[0] == "/bin/sh"
    assert dropping < entering < host.argv.index("git")
    assert "-sys_module" in host.argv[host.argv.index("--bounding-set") + 1]
    after = host.argv[host.argv.index("--", entering) + 1 :]
    assert after[0] == "/bin/env"
