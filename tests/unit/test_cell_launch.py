"""The command that starts a cell, and names of a cell's network, without starting anything."""

from __future__ import annotations

import os
import socket
from pathlib import Path

import pytest
from recipeci.errors import CommandFailed
from recipeci.host.cell import inside, launch
from recipeci.host.cell.cgroups import CgroupPlan
from recipeci.host.cell.machine import Machine
from recipeci.host.command import LocalRunner

from unit.processes import SECONDS

MACHINE = Machine(
    tools={"sh": "/bin/sh", "unshare": "/usr/bin/unshare", "setpriv": "/usr/bin/setpriv"},
    tool_folders=(),
    python=Path("/usr/bin/python3"),
    python_folders=(),
    system=(),
    top_links=(),
    top_folders=(),
    alternatives=(),
    loader_cache=None,
    mounts="",
    own_cgroup="",
    has_ipvs=True,
)


def plan(enter: tuple[Path, ...], leaf: tuple[Path, ...] = ()) -> CgroupPlan:
    return CgroupPlan(2, (), (), enter, leaf, leaf or enter, ())


def starting(cgroups: CgroupPlan) -> list[str]:
    return launch.starting(MACHINE, cgroups, init=Path("/x/init.py"), plan=Path("/x/plan.json"), owner=7)


def test_the_cgroup_namespace_comes_first_and_the_leaf_before_the_others() -> None:
    argv = starting(plan((Path("/c/cgroup.procs"),), (Path("/c/init/cgroup.procs"),)))
    order = [argv.index(word) for word in ("7", "/c/cgroup.procs", "-C", "/c/init/cgroup.procs", "--fork")]
    assert order == sorted(order)
    assert argv[-5:] == ["/usr/bin/python3", "-I", "-S", "/x/init.py", "/x/plan.json"]


def test_init_dies_with_its_parent_and_no_mount_comes_back() -> None:
    argv = starting(plan(()))
    assert "--kill-child=KILL" in argv
    assert argv[argv.index("--propagation") + 1] == "private"
    assert {"-n", "-m", "-p", "-u", "-i"} <= set(argv)


def test_nothing_in_a_cell_can_get_the_dangerous_capabilities() -> None:
    argv = starting(plan(()))
    for option in ("--bounding-set", "--inh-caps"):
        dropped = argv[argv.index(option) + 1].split(",")
        assert {"-sys_module", "-dac_read_search", "-syslog"} <= set(dropped)
        assert argv.index("--fork") < argv.index(option) < argv.index("/usr/bin/python3")


def test_a_program_that_enters_cgroups_writes_its_own_id_and_then_is_the_program(tmp_path: Path) -> None:
    files = [tmp_path / "one", tmp_path / "two"]
    argv = launch.entering("/bin/sh", files, ["/bin/sh", "-c", 'echo "$$ $1 $2"', "x", "a b", "--"])
    pid, *words = LocalRunner().run(argv, timeout=SECONDS).out.split()
    assert words == ["a", "b", "--"]
    assert [file.read_text().strip() for file in files] == [pid, pid]


def test_init_is_told_who_its_parent_is() -> None:
    argv = starting(plan(()))
    assert argv[-1] == "/x/plan.json"
    told = argv[argv.index("-C") + 1 :]
    assert told[:2] == ["/bin/sh", "-c"]
    command = [*told[: told.index("--") + 1], "/bin/sh", "-c", 'echo "$$ $1"', "x"]
    assert len(set(LocalRunner().run(command, timeout=SECONDS).out.split())) == 1


def test_a_program_whose_cgroup_is_gone_does_not_run(tmp_path: Path) -> None:
    argv = launch.entering("/bin/sh", [tmp_path / "gone" / "cgroup.procs"], ["/bin/sh", "-c", f"touch {tmp_path}/ran"])
    with pytest.raises(CommandFailed) as failed:
        LocalRunner().run(argv, timeout=SECONDS)
    assert failed.value.code == 125
    assert not (tmp_path / "ran").exists()


def test_nothing_is_started_for_an_owner_that_is_gone(tmp_path: Path) -> None:
    """The death signal cannot tell us of a parent that had died before it was set."""
    machine = Machine(**{**vars(MACHINE), "tools": {**MACHINE.tools, "unshare": "/bin/echo"}})

    def started_by(owner: int) -> int:
        argv = launch.starting(machine, plan(()), init=tmp_path, plan=tmp_path, owner=owner)
        return LocalRunner().run(argv, timeout=SECONDS, ok=(0, 125)).code

    assert started_by(os.getpid()) == 0
    assert started_by(1) == 125


@pytest.mark.parametrize(
    ("host", "address"),
    [("app.ci.test", "203.0.113.1"), ("ci.test", "203.0.113.1"), ("10.0.0.7", "10.0.0.7"), ("::1", "::1")],
)
def test_a_name_of_the_domain_is_the_proxy_and_an_address_is_itself(host: str, address: str) -> None:
    assert inside.address_of(host, domain="ci.test") == address


@pytest.mark.parametrize("host", ["example.org", "evilci.test", "localhost", ""])
def test_the_hosts_own_resolver_is_never_asked(host: str) -> None:
    with pytest.raises(socket.gaierror, match=r"the cell knows names in ci\.test only"):
        inside.address_of(host, domain="ci.test")
