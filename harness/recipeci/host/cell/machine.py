"""The only place that reads what a cell needs to know of this machine: programs, folders, cgroups, kernel."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from recipeci.errors import CommandFailed, HostError
from recipeci.host import closure, command
from recipeci.host.closure import Closure

_TOOLS = {
    "sh": "dash",
    "env": "coreutils",
    "rm": "coreutils",
    "unshare": "util-linux",
    "nsenter": "util-linux",
    "setpriv": "util-linux",
    "ip": "iproute2",
    "iptables": "iptables",
    "nft": "nftables",
    "tini": "tini",
    "dnsmasq": "dnsmasq-base",
}
"""What a cell is made with, and Debian's package of each."""
SYSTEM = (Path("/usr"), Path("/nix/store"))
"""What every cell sees of the machine's programs, where it is there."""
_TOP_LINKS = ("bin", "sbin", "lib", "lib32", "lib64", "libx32")


@dataclass(frozen=True)
class Machine:
    """What was found, as values: the planner reads nothing itself."""

    tools: dict[str, str]
    """Absolute path of each program; the same inside."""
    tool_folders: tuple[Path, ...]
    """The folders that they are in, and those that links of theirs lead to."""
    python: Path
    """The interpreter that runs `init` and `vipd`; its folder is among `python_folders` or in `system`."""
    python_folders: tuple[Path, ...]
    system: tuple[Path, ...]
    """Folders that hold the machine's programs: /usr, the Nix store."""
    top_links: tuple[tuple[str, str], ...]
    """Links at the root (`bin`, `usr/bin`)."""
    top_folders: tuple[Path, ...]
    """Where such a name is a folder of its own."""
    alternatives: tuple[tuple[str, str], ...]
    """Debian's links in /etc/alternatives (iptables is one)."""
    loader_cache: Path | None
    mounts: str
    own_cgroup: str
    has_ipvs: bool
    """Whether the kernel has IPVS now; a cell cannot load modules."""


def look(*, path: str = command.PATH, filesystems: Path = Path("/proc/filesystems")) -> Machine:
    """Look at this machine: for programs in `path`, for the overlay file system in the kernel's list.

    Raises:
        HostError: no root, no overlay file system, or a program is missing; says what to do.
    """
    _check_root()
    _check_overlay(filesystems.read_text())
    cache, tools = Path("/etc/ld.so.cache"), _tools(path)
    return Machine(
        tools=tools,
        tool_folders=_folders(tools.values()),
        python=Path(os.path.realpath(sys.executable)),
        python_folders=(Path(sys.base_prefix), Path(sys.base_exec_prefix)),
        system=tuple(folder for folder in _system(closure.OWN) if folder.is_dir()),
        top_links=tuple(
            (name, str(Path("/", name).readlink())) for name in _TOP_LINKS if Path(f"/{name}").is_symlink()
        ),
        top_folders=tuple(p for name in _TOP_LINKS if (p := Path(f"/{name}")).is_dir() and not p.is_symlink()),
        alternatives=_links(Path("/etc/alternatives")),
        loader_cache=cache if cache.is_file() else None,
        mounts=Path("/proc/self/mounts").read_text(),
        own_cgroup=Path("/proc/self/cgroup").read_text(),
        has_ipvs=Path("/proc/net/ip_vs").exists(),
    )


def _check_root() -> None:
    """Namespaces, mounts and devices need root."""
    if os.geteuid() != 0:
        raise HostError("a cell needs root", hint=f"sudo {' '.join(sys.argv)}")


def _check_overlay(known: str) -> None:
    """Both the root of a cell and Docker's images are overlay mounts."""
    if "\toverlay\n" not in known:
        raise HostError("this kernel has no overlay file system", hint="modprobe overlay")


def _tools(path: str) -> dict[str, str]:
    """Find every program, or name all that are missing."""
    found: dict[str, str] = {}
    missing: list[str] = []
    for name in _TOOLS:
        try:
            found[name] = command.program(name, path=path)
        except CommandFailed:
            missing.append(name)
    if missing:
        msg = f"a cell needs {', '.join(missing)}, not found in {path}"
        raise HostError(msg, hint=closure.OWN.remedy({_TOOLS[name] for name in missing}))
    return found


def _folders(programs: Iterable[str]) -> tuple[Path, ...]:
    """Return the folders that must be seen to run programs."""
    paths = [Path(program) for program in programs]
    return tuple(dict.fromkeys(folder for path in paths for folder in (path.parent, path.resolve().parent)))


def _system(own: Closure) -> tuple[Path, ...]:
    """Return where the machine's programs are, and our own package's if they are elsewhere."""
    return (*SYSTEM, *([own.store] if own.store else []))


def _links(folder: Path) -> tuple[tuple[str, str], ...]:
    """Return the links in a folder, with where each leads."""
    if not folder.is_dir():
        return ()
    return tuple((link.name, str(link.readlink())) for link in sorted(folder.iterdir()) if link.is_symlink())
