"""The only place that plans a cell's root: each mount, node, link and file, in order, as steps for `init`.

Everything of the host comes in as an overlay mount without an upper layer, never as a read-only bind mount: root in a
cell can remount a bind and write the host's files, and cannot do so with the overlay (facts cell.md §5). What is bound
is what host and cell share on purpose: the shared folder, the data root, /run.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from recipeci.host.cell import configs
from recipeci.host.cell.cgroups import CgroupPlan
from recipeci.host.cell.confine import NODES
from recipeci.host.cell.machine import Machine
from recipeci.host.cell.spec import ADDRESS, INSIDE, CellSpec

Step = tuple[str, ...]
"""A verb of `init` and its arguments."""

DATA_ROOT = Path("/var/lib/docker")
VIPD = Path("/etc/recipeci-vipd.py")
"""Where the cell has the program that stands in for IPVS."""
_FOLDERS = ("proc", "sys", "dev", "run", "tmp", "etc/docker", "etc/alternatives", "var/lib/docker", "root", "old")
_READ_ONLY = ("/sys", "/proc/sys/kernel", "/proc/sys/vm", "/proc/sys/fs", "/proc/sysrq-trigger")
"""What belongs to the whole machine, and a container that is shown /sys or /proc could write otherwise."""
_PLAIN = "nosuid,nodev,noexec"


@dataclass(frozen=True)
class Docker:
    """The programs of Docker as a cell uses them: two by name, and where all of them are."""

    dockerd: Path
    containerd: Path
    path: str
    """The folders in which dockerd looks for the others, as PATH has them."""
    folders: tuple[Path, ...]


def steps(spec: CellSpec, machine: Machine, cgroups: CgroupPlan, docker: Docker) -> tuple[Step, ...]:
    """Plan everything that the cell's first process does until it becomes dockerd; targets are paths in the cell."""
    return (
        *_skeleton(machine),
        *_from_host(seen(spec, machine, docker)),
        *_own(spec),
        *_layers(spec),
        *_devices(),
        *_kernel(cgroups),
        *_etc(spec, machine),
        ("pivot", "old"),
        *_network(machine),
        *_daemons(machine, docker),
    )


def seen(spec: CellSpec, machine: Machine, docker: Docker) -> tuple[Path, ...]:
    """Return the paths of the host that the cell sees: outermost only, each once."""
    programs = {*machine.tool_folders, *machine.python_folders, *docker.folders}
    asked = {*machine.system, *machine.top_folders, *programs, *spec.read_only}
    return tuple(sorted(path for path in asked if not any(path.is_relative_to(other) for other in asked - {path})))


def environment(docker: Docker, *, path: str) -> dict[str, str]:
    """Return dockerd's environment: nothing of ours."""
    return {"PATH": f"{docker.path}:{path}", "HOME": "/root", "TMPDIR": "/tmp"}  # noqa: S108 - the cell's own


def _skeleton(machine: Machine) -> Iterable[Step]:
    """An empty root with its folders and the usual links."""
    yield ("tmpfs", "/", "mode=755,size=512m")
    for name in _FOLDERS:
        yield ("folder", f"/{name}", "755")
    yield ("link", "/run", "/var/run")
    for name, target in machine.top_links:
        yield ("link", target, f"/{name}")
    yield ("tmpfs", "/tmp", "mode=1777,size=2g")  # noqa: S108 - the cell's own
    for name in ("root", "opt"):  # dockerd's home, containerd's plug-ins; an abra may be copied there, of 60 MB or more
        yield ("tmpfs", f"/{name}", "mode=755,size=512m")


def _from_host(paths: Sequence[Path]) -> Iterable[Step]:
    """Programs and packages, at the same paths: folders as overlays, single files as copies."""
    return (("show", str(path), str(path)) for path in paths)


def _own(spec: CellSpec) -> Iterable[Step]:
    """What the cell keeps on the host's disk, and what it shares."""
    yield ("show", str(spec.tls), str(INSIDE))
    yield ("bind", str(spec.data), str(DATA_ROOT))
    yield ("bind", str(spec.run), "/run")
    yield ("bind", str(spec.shared), str(spec.shared))


def _layers(spec: CellSpec) -> Iterable[Step]:
    """The store's layers. dockerd would bind these two folders onto themselves and hide what is mounted in them."""
    for folder in (DATA_ROOT, DATA_ROOT / "overlay2"):
        yield ("folder", str(folder), "710")
        yield ("rebind", str(folder))
    for layer in spec.layers:
        yield ("show", str(layer.source), str(DATA_ROOT / layer.target.relative_to(spec.data)))


def _devices() -> Iterable[Step]:
    """A /dev of its own."""
    yield ("tmpfs", "/dev", "mode=755,size=1m")
    for name in ("pts", "shm", "mqueue"):
        yield ("folder", f"/dev/{name}", "755")
    for name, major, minor in NODES:
        yield ("node", f"/dev/{name}", str(major), str(minor))
    yield ("link", "pts/ptmx", "/dev/ptmx")
    yield ("link", "/proc/self/fd", "/dev/fd")
    for number, name in enumerate(("stdin", "stdout", "stderr")):
        yield ("link", f"/proc/self/fd/{number}", f"/dev/{name}")
    yield ("mount", "devpts", "pts", "/dev/pts", "", "newinstance,ptmxmode=666,mode=620")
    yield ("tmpfs", "/dev/shm", "mode=1777")  # noqa: S108 - the cell's own
    yield ("mount", "mqueue", "mqueue", "/dev/mqueue", "", "")


def _kernel(cgroups: CgroupPlan) -> Iterable[Step]:
    """/proc with nothing of other users, the machine's own knobs read-only; /sys of the cell's network; cgroups."""
    yield ("mount", "proc", "proc", "/proc", _PLAIN, "hidepid=2")
    yield ("mount", "sysfs", "sys", "/sys", _PLAIN, "")
    for path in _READ_ONLY:
        yield ("readonly", path, _PLAIN)
    yield from cgroups.steps


def _etc(spec: CellSpec, machine: Machine) -> Iterable[Step]:
    """The cell's own /etc."""
    for name, text in configs.etc_files(spec.domain).items():
        yield ("text", f"/etc/{name}", text)
    for name, target in machine.alternatives:
        yield ("link", target, f"/etc/alternatives/{name}")
    if machine.loader_cache:
        yield ("copy", str(machine.loader_cache), str(machine.loader_cache))
    yield ("text", "/run/dns.servers", "")
    if not machine.has_ipvs:
        yield ("copy", str(Path(__file__).with_name("vipd.py")), str(VIPD))


def _network(machine: Machine) -> Iterable[Step]:
    """The cell's address is on lo: kernels may lack the dummy device."""
    yield ("hostname", "cell")
    yield ("run", machine.tools["ip"], "link", "set", "lo", "up")
    yield ("run", machine.tools["ip"], "addr", "add", f"{ADDRESS}/32", "dev", "lo")
    yield ("set", "/proc/sys/net/ipv4/ip_forward", "1")


def _daemons(machine: Machine, docker: Docker) -> Iterable[Step]:
    """The resolver, the stand-in for IPVS where the kernel has none, and dockerd in our place."""
    yield ("run", machine.tools["dnsmasq"], "-C", "/etc/dnsmasq.conf")
    if not machine.has_ipvs:
        yield ("start", "/run/vipd.log", str(machine.python), "-I", "-S", str(VIPD), "/run/docker.sock", "/run/docker")
    yield ("folder", str(Path(configs.CONTAINERD_SOCKET).parent), "700")
    yield ("start", "/run/containerd.log", str(docker.containerd), "--config", "/etc/docker/containerd.toml")
    yield ("wait", configs.CONTAINERD_SOCKET)
    yield ("seal", "/")  # a container that is shown the root must not choose which libraries programs load here
    yield ("exec", *configs.dockerd_argv(str(docker.dockerd), tini=machine.tools["tini"]))
