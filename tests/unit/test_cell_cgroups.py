"""Where a cell's cgroups are, on version 1 and on version 2 (which is not run on every machine that runs these)."""

from __future__ import annotations

from pathlib import Path

import pytest
from recipeci.errors import HostError
from recipeci.host.cell import cgroups
from recipeci.host.cell.cgroups import PRIVILEGED_V2, CgroupPlan, Write

V1 = """\
/dev/vda / ext4 rw,relatime 0 0
tmpfs /sys/fs/cgroup tmpfs rw,mode=755 0 0
cgroup /sys/fs/cgroup/cpu,cpuacct cgroup rw,nosuid,nodev,noexec,relatime,cpu,cpuacct 0 0
cgroup /sys/fs/cgroup/cpuset cgroup rw,relatime,cpuset 0 0
cgroup /sys/fs/cgroup/memory cgroup rw,relatime,memory 0 0
cgroup /sys/fs/cgroup/devices cgroup rw,relatime,devices 0 0
cgroup /sys/fs/cgroup/pids cgroup rw,relatime,pids 0 0
cgroup /sys/fs/cgroup/systemd cgroup rw,relatime,xattr,release_agent=/lib/agent,name=systemd 0 0
cgroup2 /sys/fs/cgroup/unified cgroup2 rw,relatime 0 0
"""
V2 = "sysfs /sys sysfs rw 0 0\ncgroup2 /sys/fs/cgroup cgroup2 rw,nsdelegate 0 0\n"


def v1() -> CgroupPlan:
    return cgroups.plan("x", mounts=V1, own="3:memory:/some/where\n0::/\n")


def v2(own: str = "0::/user.slice/session.scope\n") -> CgroupPlan:
    return cgroups.plan("x", mounts=V2, own=own)


def test_v1_has_a_directory_in_every_tree_and_enters_them_all() -> None:
    names = ("cpu,cpuacct", "cpuset", "memory", "devices", "pids", "systemd")
    assert v1().folders == tuple(Path("/sys/fs/cgroup", name, "recipeci-x") for name in names)
    assert v1().enter == v1().join == tuple(folder / "cgroup.procs" for folder in v1().folders)
    assert v1().leaf == ()
    assert v1().notes == ()


def test_v1_fills_a_cpuset_before_it_can_be_entered() -> None:
    tree = Path("/sys/fs/cgroup/cpuset")
    assert Write(tree / "recipeci-x/cpuset.cpus", copied_from=tree / "cpuset.cpus") in v1().writes
    assert Write(tree / "recipeci-x/cpuset.mems", copied_from=tree / "cpuset.mems") in v1().writes


def test_v1_denies_every_device_before_it_allows_some() -> None:
    rules = [write for write in v1().writes if "devices" in str(write.path)]
    assert (rules[0].path.name, rules[0].text) == ("devices.deny", "a")
    assert {rule.path.name for rule in rules[1:]} == {"devices.allow"}
    opened = [rule.text for rule in rules[1:] if set(rule.text.split()[2]) & {"r", "w"}]
    assert opened
    assert not [text for text in opened if text.startswith("b") or text.split()[1] == "*:*"]


def test_v1_limits_the_number_of_processes() -> None:
    (limit,) = [write for write in v1().writes if write.path.name == "pids.max"]
    assert limit.path.parent == Path("/sys/fs/cgroup/pids/recipeci-x")
    assert 1000 < int(limit.text) < 32768


def test_v1_is_mounted_again_inside_with_its_joint_controllers_by_both_names() -> None:
    steps = v1().steps
    assert steps[0] == ("tmpfs", "/sys/fs/cgroup", "mode=755")
    assert ("mount", "cgroup", "cgroup", "/sys/fs/cgroup/cpu,cpuacct", "", "cpu,cpuacct") in steps
    assert ("link", "cpu,cpuacct", "/sys/fs/cgroup/cpuacct") in steps
    assert ("mount", "cgroup", "cgroup", "/sys/fs/cgroup/systemd", "", "none,name=systemd") in steps


def test_v1_without_a_tree_that_docker_needs_is_refused_by_name() -> None:
    mounts = "\n".join(line for line in V1.splitlines() if "devices" not in line and "pids" not in line)
    with pytest.raises(HostError, match="no cgroup tree is mounted for devices, pids"):
        cgroups.plan("x", mounts=mounts, own="")


def test_only_systemds_name_beside_v2_is_v2() -> None:
    named = "cgroup /sys/fs/cgroup/systemd cgroup rw,relatime,name=systemd 0 0\n"
    assert cgroups.plan("x", mounts=named + V2, own="0::/\n").version == 2


def test_v2_puts_init_and_what_is_run_inside_into_a_leaf() -> None:
    cell = Path("/sys/fs/cgroup/recipeci-x")
    assert v2().folders == (cell, cell / "init")
    assert v2().enter == (cell / "cgroup.procs",)  # the root of the cell's own view
    assert v2().leaf == v2().join == (cell / "init/cgroup.procs",)
    assert v2().steps[-1] == ("enable", "/sys/fs/cgroup/cgroup.controllers", "/sys/fs/cgroup/cgroup.subtree_control")


def test_v2_beside_our_own_subgroup_of_a_delegated_unit_touches_nothing_above() -> None:
    plan = v2("0::/system.slice/recipeci.service/main\n")
    unit = Path("/sys/fs/cgroup/system.slice/recipeci.service")
    assert plan.folders[0] == unit / "recipeci-x"
    assert all(write.path.is_relative_to(unit) for write in plan.writes)


@pytest.mark.parametrize("own", ["0::/\n", "", "0::/user.slice/session.scope\n"])
def test_v2_elsewhere_is_at_the_top(own: str) -> None:
    assert v2(own).folders[0] == Path("/sys/fs/cgroup/recipeci-x")


def test_v2_hands_down_only_controllers_that_there_are() -> None:
    (write,) = v2().writes
    assert write.known == Path("/sys/fs/cgroup/cgroup.controllers")
    assert "+memory" in write.text.split()


def test_v2_says_that_privileged_containers_must_be_refused() -> None:
    assert v2().notes == (PRIVILEGED_V2,)


def test_no_tree_at_all_is_refused() -> None:
    with pytest.raises(HostError, match="no cgroup tree is mounted"):
        cgroups.plan("x", mounts="/dev/vda / ext4 rw 0 0\n", own="")
