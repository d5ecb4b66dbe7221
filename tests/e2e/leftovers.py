"""The only place that looks for what a run left on this host: processes, mounts, namespaces, rules, folders.

Processes are found by descent, not by name: the test process is made a *subreaper*, so whatever a run started, however
often it forked and whoever died between, is a descendant of ours until it ends. That holds for what runs in the
namespaces of a cell too; a cgroup without a process of ours has no task of ours, and tests beside us are not seen.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import re
from dataclasses import dataclass, field
from pathlib import Path

from recipeci.errors import WaitFailed
from recipeci.host.clock import SystemClock, until
from recipeci.host.command import LocalRunner

PR_SET_CHILD_SUBREAPER = 36
GONE_SECONDS = 60.0
"""How long the kernel of a busy machine may take to end what a killed run had; no program of ours is there to do it."""
COUNTED = re.compile(r"\[\d+:\d+\]|packets \d+ bytes \d+|(?:valid|preferred)_lft \S+")
"""What of rules and addresses changes by itself: packets that were counted, and how long an address is lent."""
RULES = (
    ["iptables-save"],
    ["ip6tables-save"],
    ["nft", "list", "ruleset"],
    ["ip", "-o", "link"],
    ["ip", "-o", "address"],
)


@dataclass(frozen=True)
class Host:
    """What a run must leave as it was: rules and addresses, mounts that hold namespaces, what is in /run."""

    rules: str
    namespaces: frozenset[str]
    run: frozenset[str]


@dataclass(frozen=True)
class Remains:
    """What is still there of one run, each thing in words; empty if nothing is."""

    processes: tuple[str, ...] = ()
    mounts: tuple[str, ...] = ()

    def __bool__(self) -> bool:
        """Whether there is anything."""
        return bool(self.processes or self.mounts)


@dataclass
class Watch:
    """Watches over the runs of one test: what was there before they began, and what that starts, is none of theirs."""

    before: frozenset[int] = field(default_factory=frozenset)

    @classmethod
    def begin(cls) -> Watch:
        """Make this process the one that orphans of its descendants come to; it stays so."""
        libc = ctypes.CDLL(None, use_errno=True)
        if libc.prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0):
            raise OSError(ctypes.get_errno(), "prctl(PR_SET_CHILD_SUBREAPER)")
        return cls(frozenset(descendants(os.getpid())))

    def remains(self, folder: Path) -> Remains:
        """Return what is there now of a run with that run folder; dead orphans are buried first."""
        new = descendants(os.getpid(), without=self.before)
        bury(new)
        living = tuple(words for pid in sorted(new) if (words := describe(pid)))
        mounts = tuple(line for line in mounts_of_host() if str(folder) in line)
        return Remains(living, mounts)

    def wait_until_gone(self, folder: Path, *, seconds: float = GONE_SECONDS) -> Remains:
        """Return what is left when nothing is left any more, or when the time is over."""
        left = [Remains()]

        def look() -> Remains:
            left[:] = [self.remains(folder)]
            return left[0]

        with contextlib.suppress(WaitFailed):  # what is left is the answer
            until(
                look,
                lambda seen: not seen,
                what="the end of all that was started",
                clock=SystemClock(),
                timeout=seconds,
                delay=0.05,
                successes=1,
            )
        return left[0]


def host() -> Host:
    """Return what this host is like, as far as a run could have changed it for good."""
    runner = LocalRunner()
    rules = "\n".join(runner.run(argv, timeout=30).out for argv in RULES)
    lines = (line for line in rules.splitlines() if not line.startswith("#"))  # those have the time
    plain = COUNTED.sub("", "\n".join(lines))
    namespaces = frozenset(line for line in mounts_of_host() if " - nsfs " in line)
    return Host(plain, namespaces, frozenset(entry.name for entry in Path("/run").iterdir()))


def descendants(ancestor: int, *, without: frozenset[int] = frozenset()) -> set[int]:
    """Return the ids of all processes that descend from one, dead ones that nobody has buried too.

    Those in `without` do not count, nor what descends from them.
    """
    parents = {int(entry.name): parent for entry in Path("/proc").iterdir() if (parent := parent_of(entry)) is not None}
    found: set[int] = set()
    todo = {ancestor}
    while todo:
        todo = {pid for pid, parent in parents.items() if parent in todo} - found - without
        found |= todo
    return found


def parent_of(entry: Path) -> int | None:
    """Return a process's parent; None for what is no process, or no longer one."""
    if not entry.name.isdigit():
        return None
    try:
        return int((entry / "stat").read_text().rpartition(")")[2].split()[1])
    except (FileNotFoundError, ProcessLookupError):
        return None


def describe(pid: int) -> str:
    """Return a process's id and command line; nothing if it is dead."""
    with contextlib.suppress(FileNotFoundError, ProcessLookupError):
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
        words = Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
        return "" if state in "ZX" else f"{pid} {words or '(kernel)'}".strip()
    return ""


def program_of(pid: int) -> str:
    """Return the first word of a process's command line; nothing if it is dead."""
    return (describe(pid).split()[1:] or [""])[0]


def bury(pids: set[int]) -> None:
    """Reap those that are dead children of ours: orphans that came to us. Others are left to their parents."""
    for pid in pids:
        if parent_of(Path(f"/proc/{pid}")) == os.getpid() and not describe(pid):
            with contextlib.suppress(ChildProcessError):
                os.waitpid(pid, os.WNOHANG)


def mounts_of_host() -> list[str]:
    """Return the lines of this process's mount table."""
    return Path("/proc/self/mountinfo").read_text().splitlines()


def cgroups_of(run_id: str) -> list[Path]:
    """Return the cgroup directories of a run's cell; after a run that was not killed there are none."""
    walked = os.walk("/sys/fs/cgroup")  # which passes over directories that other cells remove meanwhile
    named = (Path(top) / name for top, names, _ in walked for name in names if name.startswith("recipeci-"))
    return [path for path in named if run_id in path.name]
