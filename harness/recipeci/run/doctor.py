"""The only place that says what this machine has and lacks for a run, each with what to do."""

from __future__ import annotations

import enum
import os
import platform
import shutil
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from recipeci.errors import CommandFailed, HostError, RecipeCIError
from recipeci.host import abra, closure, command, engine, temporary
from recipeci.host.cell import cgroups
from recipeci.host.closure import Closure
from recipeci.host.command import Runner
from recipeci.host.store import filesystem
from recipeci.host.store.own import Sources
from recipeci.model import Settings
from recipeci.report import text
from recipeci.run import workspace

NEEDED = {
    "git": "git",
    "unshare": "util-linux",
    "nsenter": "util-linux",
    "setpriv": "util-linux",
    "ip": "iproute2",
    "iptables": "iptables",
    "nft": "nftables",
    "tini": "tini",
    "dnsmasq": "dnsmasq-base",
}
"""Programs that a run needs, each with the Debian package that brings it."""
NAMESPACES = ("--net", "--mount", "--pid", "--uts", "--ipc", "--cgroup")
GB = 1_000_000_000


class State(enum.StrEnum):
    """What a finding means for a run."""

    OK = "ok"
    MISSING = "missing"
    NOTE = "note"


@dataclass(frozen=True)
class Finding:
    """One thing that was looked for: what was found, and what to do if that is not enough."""

    name: str
    state: State
    found: str
    to_do: str = ""


Look = Callable[[], Finding]


def examine(settings: Settings, *, runner: Runner) -> tuple[Finding, ...]:
    """Look at everything that a run needs; nothing stays changed, not even a cache folder."""
    looks: list[tuple[str, Look]] = [
        ("root", _root),
        ("python", _python),
        ("docker", lambda: _docker(settings, runner)),
        ("cgroups", _cgroups),
        ("overlay", _overlay),
        ("namespaces", lambda: _namespaces(runner)),
        *((name, lambda name=name: _program(name)) for name in NEEDED),
        ("mmdebstrap", _mmdebstrap),
        ("traefik", lambda: traefik(closure.OWN, runner)),
        ("vip", _vip),
        ("abra", lambda: _abra(settings, runner)),
        ("cache", lambda: _cache(settings, runner)),
        ("disk", lambda: _disk(settings)),
    ]
    return tuple(_looked(name, look) for name, look in looks)


def missing(findings: Sequence[Finding]) -> tuple[Finding, ...]:
    """Return what keeps a run from working."""
    return tuple(finding for finding in findings if finding.state is State.MISSING)


def table(findings: Sequence[Finding]) -> Iterator[str]:
    """Yield the lines of the table, what to do under each finding that needs it, and the sum at the end."""
    for finding in findings:
        yield f"{finding.name:<11} {finding.state:<8} {text.one_line(finding.found)}"
        if finding.to_do:
            yield f"{'':<20} → {text.one_line(finding.to_do)}"
    lacking = ", ".join(finding.name for finding in missing(findings))
    yield f"a run cannot work here: {lacking}" if lacking else "a run can work here"


def _looked(name: str, look: Look) -> Finding:
    """Look; an error of ours is a finding, with its hint as what to do."""
    try:
        return look()
    except RecipeCIError as e:
        return Finding(name, State.MISSING, e.message, e.hint)


def _root() -> Finding:
    """A cell makes namespaces, mounts and devices."""
    if os.geteuid() == 0:
        return Finding("root", State.OK, "yes")
    raise HostError("no", hint="run it with sudo")


def _python() -> Finding:
    """The interpreter that runs us; its package asks for 3.11."""
    return Finding("python", State.OK, platform.python_version())


def _docker(settings: Settings, runner: Runner) -> Finding:
    """Docker's programs, new enough."""
    programs = engine.find(settings.docker_prefix, runner=runner, path=settings.search_path)
    version = engine.version(programs, runner)
    return Finding("docker", State.OK, f"{version.version} in {programs.dockerd.parent}")


def _cgroups() -> Finding:
    """The cgroup tree that a cell gets a part of."""
    plan = cgroups.plan(
        "doctor", mounts=Path("/proc/self/mounts").read_text(), own=Path("/proc/self/cgroup").read_text()
    )
    trees = ", ".join(sorted({folder.parent.name for folder in plan.folders}))
    to_do = "; ".join(plan.notes)
    return Finding("cgroups", State.NOTE if to_do else State.OK, f"v{plan.version}: {trees}", to_do)


def _overlay() -> Finding:
    """The file system that images are stacked with."""
    if "\toverlay\n" in Path("/proc/filesystems").read_text():
        return Finding("overlay", State.OK, "in the kernel")
    raise HostError("not in the kernel", hint="modprobe overlay")


def _namespaces(runner: Runner) -> Finding:
    """What a cell lives in."""
    try:
        runner.run(["unshare", *NAMESPACES, "--fork", "true"], timeout=20)
    except CommandFailed as e:
        raise HostError(e.message, hint="run it as root, on a machine or in a container that may unshare") from e
    return Finding("namespaces", State.OK, ", ".join(name.lstrip("-") for name in NAMESPACES))


def _program(name: str) -> Finding:
    """A program on the path that commands are run with."""
    try:
        return Finding(name, State.OK, command.program(name))
    except CommandFailed:
        return Finding(name, State.MISSING, f"not found in {command.PATH}", closure.OWN.remedy([NEEDED[name]]))


def _mmdebstrap() -> Finding:
    """Wanted by some images.yml only."""
    if found := shutil.which("mmdebstrap", path=closure.OWN.machine_path):
        return Finding("mmdebstrap", State.OK, found)
    to_do = "needed only by an images.yml with `mmdebstrap:`; apt-get install mmdebstrap"
    return Finding("mmdebstrap", State.NOTE, "not found", to_do)


def traefik(own: Closure, runner: Runner) -> Finding:
    """What the proxy is made from where no registry answers."""
    sources = Sources(own, runner)
    try:
        found = sources.proxy()
    except HostError as e:
        reason = e.message if sources.has_proxy else "not here"
        return Finding("traefik", State.NOTE, f"{reason}: a registry must answer, or --proxy-image", e.hint)
    return Finding("traefik", State.OK, f"{found.program.version}, {found.what}")


def _vip() -> Finding:
    """How service addresses are carried."""
    if Path("/proc/net/ip_vs").exists():
        return Finding("vip", State.OK, "IPVS")
    return Finding("vip", State.NOTE, "no IPVS in the kernel: our own rules by nftables carry service addresses")


def _abra(settings: Settings, runner: Runner) -> Finding:
    """The program that deploys."""
    chosen = abra.choose(None, settings.abra, runner=runner, path=settings.search_path, cache=settings.cache)
    words = f"{chosen.program.name} {chosen.program.version}"
    if not chosen.program.built_in:
        return Finding("abra", State.OK, f"{words}: {chosen.argv[0]}")
    told = "the verdict says so"
    if not settings.builtin_abra_is_final:
        told += ", and `recipeci work` does not use it"
    return Finding("abra", State.NOTE, f"{words}, built in: {told}", "put abra on PATH, or set abra.program")


def _cache(settings: Settings, runner: Runner) -> Finding:
    """Whether images can be kept in the cache folder: by a trial where it is, or where it would be made."""
    cache = workspace.cache_folder(settings, make=False)
    there = next(parent for parent in (cache, *cache.parents) if parent.is_dir())
    try:
        with temporary.folder(there) as trial:
            filesystem.check_overlays(trial, runner=runner)
    except OSError as e:
        hint = "set `cache` in the settings to a folder on ext4, xfs or btrfs, or run it with sudo"
        raise HostError(f"{there} cannot be written: {e.strerror}", hint=hint) from e
    return Finding("cache", State.OK, f"{cache}{'' if cache.is_dir() else ' (will be made)'}")


def _disk(settings: Settings) -> Finding:
    """Free space where the cache folder is or would be."""
    cache = workspace.cache_folder(settings, make=False)
    there = next(parent for parent in (cache, *cache.parents) if parent.is_dir())
    free = shutil.disk_usage(there).free / GB
    enough = free >= settings.min_free_gb
    to_do = "" if enough else f"a run needs {settings.min_free_gb:.10g} GB: free some, or set `cache` in the settings"
    return Finding("disk", State.OK if enough else State.MISSING, f"{free:.1f} GB free in {there}", to_do)
