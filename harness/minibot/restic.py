"""The only place that runs restic, with the repository and the password that its own environment variables name."""

from __future__ import annotations

import fcntl
import json
import os
import re
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from minibot.errors import Failed

HOST = "backupbot"
"""Every snapshot is of this host: a container's own name changes whenever it is replaced."""
INCOMPLETE = 3
"""restic's code for a snapshot of which something could not be read."""
PATTERN = re.compile(r"([\\*?\[\]])")
LOCK = Path("/tmp/minibot.lock")  # noqa: S108 - in a container of its own


@dataclass(frozen=True)
class Snapshot:
    """One snapshot: its id, and when it was made as restic writes it."""

    id: str
    time: str


def ensure_repository() -> None:
    """Make the repository if it is not there; two at once wait for each other."""
    if (Path(os.environ.get("RESTIC_REPOSITORY", "")) / "config").is_file():
        return  # restic itself takes half a second to say so
    with LOCK.open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if _run("cat", "config").returncode:
            _checked("init")


def backup(paths: Sequence[str], *, tag: str) -> str:
    """Save paths that are there; return restic's summary, one line of JSON with `snapshot_id`.

    Raises Failed if something could not be read: such a snapshot may lack anything.
    """
    done = _run("backup", "--json", "--host", HOST, "--tag", tag, "--", *paths)
    lines = [line for line in done.stdout.splitlines() if '"message_type":"summary"' in line.replace(" ", "")]
    if done.returncode == INCOMPLETE:
        raise Failed(f"the snapshot is not complete: {_reason(done)}")
    if done.returncode or not lines:
        raise Failed(f"restic backup ended with {done.returncode}: {_reason(done)}")
    return lines[-1]


def snapshots(*, tag: str) -> tuple[Snapshot, ...]:
    """Return the snapshots with a tag (all if it is empty), the oldest first."""
    tagged = ["--tag", tag] if tag else []
    found: list[dict[str, Any]] = json.loads(_checked("snapshots", "--json", *tagged) or "[]") or []
    return tuple(Snapshot(one["id"], one["time"]) for one in sorted(found, key=lambda one: str(one["time"])))


def restore(snapshot: str, paths: Sequence[str], *, target: str) -> None:
    """Put files of a snapshot back; what is there already is overwritten, what was added since stays."""
    includes = [word for path in paths for word in ("--include", PATTERN.sub(r"\\\1", path))]
    _checked("restore", snapshot, "--target", target, *includes)


def entries(snapshot: str, path: str, *, recursive: bool) -> tuple[dict[str, Any], ...]:
    """Return what a snapshot has below a path."""
    deep = ["--recursive"] if recursive else []
    lines = map(json.loads, _checked("ls", "--json", *deep, snapshot, path).splitlines())
    return tuple(line for line in lines if line.get("struct_type") == "node")


def _checked(*args: str) -> str:
    done = _run(*args)
    if done.returncode:
        raise Failed(f"restic {args[0]} ended with {done.returncode}: {_reason(done)}")
    return done.stdout


def _run(*args: str) -> subprocess.CompletedProcess[str]:
    argv = ["restic", "--no-cache", *args]
    try:
        return subprocess.run(argv, capture_output=True, text=True, errors="replace", check=False, env=dict(os.environ))
    except OSError as error:
        raise Failed(f"restic cannot be started: {error}") from error


def _reason(done: subprocess.CompletedProcess[str]) -> str:
    return " | ".join((done.stderr.strip() or done.stdout.strip()).splitlines()[-3:])
