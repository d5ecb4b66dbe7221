"""The only place that knows cgroups: where a cell's directories are, how it enters them, what it sees of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from recipeci.errors import HostError
from recipeci.host.cell.confine import ALLOWED_DEVICES

INSIDE = "/sys/fs/cgroup"
PREFIX = "recipeci-"
"""What the directories of all cells are called; the cell's name follows."""
_NEEDED_V1 = ("devices", "memory", "cpu", "pids")
_PROCESSES = 16384
"""So many processes and threads a cell may have: a fork bomb in it is not the machine's end."""
_V2_CONTROLLERS = ("cpuset", "cpu", "io", "memory", "pids")
_OPTIONS = {"rw", "ro", "relatime", "noatime", "nosuid", "nodev", "noexec", "xattr", "clone_children", "seclabel"}
PRIVILEGED_V2 = (
    "cgroup v2 has no device list that a file could set: privileged containers are refused by policy, "
    "or the unit that runs recipeci needs DevicePolicy=closed"
)


@dataclass(frozen=True)
class Write:
    """Put a text into a cgroup file: `text`, or what the file `copied_from` says.

    Where `known` is given, only those of the text's words (`+cpu`) that this file lists: what a kernel lacks is left.
    """

    path: Path
    text: str = ""
    copied_from: Path | None = None
    known: Path | None = None


@dataclass(frozen=True)
class CgroupPlan:
    """One cell's cgroups.

    `folders` are made in this order, `writes` done then; `enter` are the `cgroup.procs` that the cell's first process
    goes through before it leaves our cgroup namespace, `leaf` those after it, `join` those of what is run inside later.
    `steps` are what init does with the cell's own view; `notes` go into the report.
    """

    version: int
    folders: tuple[Path, ...]
    writes: tuple[Write, ...]
    enter: tuple[Path, ...]
    leaf: tuple[Path, ...]
    join: tuple[Path, ...]
    steps: tuple[tuple[str, ...], ...]
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class Hierarchy:
    """One mounted tree of cgroup v1: its folder, and the options that mount it again (`cpu,cpuacct`)."""

    mount: Path
    options: tuple[str, ...]


def plan(name: str, *, mounts: str, own: str) -> CgroupPlan:
    """Plan the cgroups of the cell `name`.

    Args:
        name: the cell's.
        mounts: the text of /proc/self/mounts.
        own: the text of /proc/self/cgroup.

    Raises:
        HostError: no cgroup tree is mounted, or one that Docker needs is not.
    """
    if found := hierarchies(mounts):
        return _plan_v1(f"{PREFIX}{name}", found)
    top = next((Path(fields[1]) for fields in _fields(mounts) if fields[2] == "cgroup2"), None)
    if top is None:
        raise HostError("no cgroup tree is mounted at /sys/fs/cgroup", hint="mount cgroup2 or the controllers of v1")
    return _plan_v2(f"{PREFIX}{name}", top=top, own=own)


def hierarchies(mounts: str) -> tuple[Hierarchy, ...]:
    """Return the mounted trees of cgroup v1; none where only a name (systemd's) or nothing is mounted."""
    found = tuple(
        Hierarchy(Path(fields[1]), tuple(o for o in fields[3].split(",") if o not in _OPTIONS and "agent" not in o))
        for fields in _fields(mounts)
        if fields[2] == "cgroup"
    )
    return found if any(not tree.options[0].startswith("name=") for tree in found if tree.options) else ()


def _fields(mounts: str) -> list[list[str]]:
    """Return the fields of each line: source, target, type, options, …."""
    return [line.split() for line in mounts.splitlines() if len(line.split()) >= 4]  # noqa: PLR2004


def _plan_v1(folder: str, trees: Sequence[Hierarchy]) -> CgroupPlan:
    """One directory in each tree; a cpuset must be filled before it can be entered."""
    there = {option for tree in trees for option in tree.options}
    if missing := [controller for controller in _NEEDED_V1 if controller not in there]:
        msg = f"no cgroup tree is mounted for {', '.join(missing)}, which Docker needs"
        raise HostError(msg, hint="mount -t cgroup -o NAME cgroup /sys/fs/cgroup/NAME")
    folders = tuple(tree.mount / folder for tree in trees)
    writes: list[Write] = []
    for tree, made in zip(trees, folders, strict=True):
        if "cpuset" in tree.options:
            writes += [Write(made / f, copied_from=tree.mount / f) for f in ("cpuset.cpus", "cpuset.mems")]
        if "pids" in tree.options:
            writes.append(Write(made / "pids.max", str(_PROCESSES)))
        if "devices" in tree.options:
            writes += [Write(made / "devices.deny", "a")]
            writes += [Write(made / "devices.allow", rule) for rule in ALLOWED_DEVICES]
    procs = tuple(made / "cgroup.procs" for made in folders)
    steps = (("tmpfs", INSIDE, "mode=755"), *(step for tree in trees for step in _mount_v1(tree)))
    return CgroupPlan(1, folders, tuple(writes), procs, (), procs, steps)


def _mount_v1(tree: Hierarchy) -> list[tuple[str, ...]]:
    """Mount a tree again: in the cell's cgroup namespace its root is the cell's own directory."""
    target = f"{INSIDE}/{tree.mount.name}"
    named = any(option.startswith("name=") for option in tree.options)
    options = ",".join(("none", *tree.options) if named else tree.options)
    links = tree.options if len(tree.options) > 1 and not named else ()
    return [
        ("folder", target, "755"),
        ("mount", "cgroup", "cgroup", target, "", options),
        *(("link", tree.mount.name, f"{INSIDE}/{option}") for option in links),
    ]


def _plan_v2(folder: str, *, top: Path, own: str) -> CgroupPlan:
    """One directory, whose controllers are handed down while its processes sit in the leaf `init`.

    It is made beside our own folder where that is the subgroup `main` of a delegated unit (DelegateSubgroup=main), else
    at the top of the tree, where Docker's own driver makes its folder too. Nothing above is touched.
    """
    ours = next((line[3:] for line in own.splitlines() if line.startswith("0::")), "/")
    parent = top / ours.strip("/") if ours.strip("/") else top
    parent = parent.parent if parent.name == "main" else top
    cell = parent / folder
    wanted = " ".join(f"+{controller}" for controller in _V2_CONTROLLERS)
    leaf = cell / "init" / "cgroup.procs"
    return CgroupPlan(
        2,
        folders=(cell, cell / "init"),
        writes=(Write(parent / "cgroup.subtree_control", wanted, known=parent / "cgroup.controllers"),),
        enter=(cell / "cgroup.procs",),
        leaf=(leaf,),
        join=(leaf,),
        steps=(
            ("mount", "cgroup2", "cgroup2", INSIDE, "", ""),
            ("enable", f"{INSIDE}/cgroup.controllers", f"{INSIDE}/cgroup.subtree_control"),
        ),
        notes=(PRIVILEGED_V2,),
    )
