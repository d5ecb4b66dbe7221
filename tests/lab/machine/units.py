"""The only place that knows units: what a file of systemd's says, and the few things that this init can do with it.

It refuses what it does not know, so that a page cannot say what nobody has tried.
"""

from __future__ import annotations

import contextlib
import os
import pwd
import shlex
import signal
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from recipeci.host.command import PATH, Started, ends_within, start

FOLDER = Path("/etc/systemd/system")
KNOWN: Mapping[str, frozenset[str]] = {
    "Unit": frozenset({"Description", "Wants", "After"}),
    "Service": frozenset(
        {
            *("Type", "User", "ExecStart", "Restart", "RestartPreventExitStatus", "KillMode", "TimeoutStopSec"),
            *("NoNewPrivileges", "CapabilityBoundingSet", "ProtectSystem", "ReadWritePaths", "ProtectHome"),
            *("PrivateTmp", "PrivateDevices", "InaccessiblePaths"),
        }
    ),
    "Timer": frozenset({"OnCalendar", "Persistent"}),
    "Install": frozenset({"WantedBy"}),
}
"""Sections and keys. What bounds a service is read and not done: systemd's own verifier judges it, if there is one."""
STOP_SECONDS = 400.0
CLEAN = (0, -signal.SIGTERM)
"""To be ended by the signal that asks for it, before one could heed it, is no failure to systemd either."""


class Refused(Exception):
    """What is asked for cannot be done; the message is for whoever asked."""


@dataclass(frozen=True)
class Unit:
    """One file."""

    name: str
    said: Mapping[str, Mapping[str, str]]

    @property
    def is_timer(self) -> bool:
        """Whether it only says when."""
        return self.name.endswith(".timer")

    @property
    def is_oneshot(self) -> bool:
        """Whether its start is over when its program has ended."""
        return self.said["Service"].get("Type") == "oneshot"

    def argv(self) -> list[str]:
        """Return what starts its program, as its user: the kernel ends it with us."""
        program = shlex.split(self.said["Service"]["ExecStart"])
        user = self.said["Service"].get("User")
        who = [] if user is None else [f"--reuid={user}", f"--regid={pwd.getpwnam(user).pw_gid}", "--init-groups"]
        return ["setpriv", *who, "--pdeathsig", "KILL", "--", *program]

    def environment(self) -> dict[str, str]:
        """Return all of its environment, as a service of the system has it."""
        user = self.said["Service"].get("User")
        more = {} if user is None else {"HOME": pwd.getpwnam(user).pw_dir, "USER": user, "LOGNAME": user}
        return {"PATH": f"/usr/local/sbin:/usr/local/bin:{PATH}", "LANG": "C.UTF-8", **more}


def read(name: str) -> Unit:
    """Read the unit of this name; `recipeci-serve` is `recipeci-serve.service`."""
    full = name if name.endswith((".service", ".timer")) else f"{name}.service"
    try:
        text = (FOLDER / full).read_text()
    except FileNotFoundError as e:
        raise Refused(f"Unit {full} not found.") from e
    said: dict[str, dict[str, str]] = {}
    section = ""
    for line in filter(None, map(str.strip, text.splitlines())):
        if line.startswith("["):
            section = line.strip("[]")
            said[section] = {}
            continue
        key, _, value = line.partition("=")
        if key not in KNOWN.get(section, ()) or key in said[section]:
            raise Refused(f"{full}: [{section}] {key}= is not known here, or is there twice")
        said[section][key] = value
    if "Timer" not in said and "ExecStart" not in said.get("Service", {}):
        raise Refused(f"{full}: it has nothing to start")
    return Unit(full, said)


@dataclass
class Units:
    """All units of a machine. A change of a file counts from the next `daemon-reload` on, as on any."""

    logs: Path
    loaded: dict[str, Unit] = field(default_factory=dict)
    running: dict[str, Started] = field(default_factory=dict)

    def reload(self) -> None:
        """Read all files again."""
        self.loaded = {}

    def find(self, name: str) -> Unit:
        """Return a unit, which is read once."""
        if name not in self.loaded:
            self.loaded[name] = read(name)
        return self.loaded[name]

    def enable(self, name: str) -> None:
        """Have it started at boot."""
        if "Install" not in self.find(name).said:
            raise Refused(f"{name}: the unit has no [Install] section")

    def start(self, name: str) -> None:
        """Start it, or do nothing if it runs."""
        unit = self.find(name)
        if unit.is_timer:
            self.find(unit.name.replace(".timer", ".service"))
            return
        if unit.name in self.running and self.running[unit.name].poll() is None:
            return
        process = start(unit.argv(), output=self.log(name), env=unit.environment())
        if not unit.is_oneshot:
            self.running[unit.name] = process
        elif code := process.wait():
            raise Refused(f"Job for {unit.name} failed: exit code {code}")

    def stop(self, name: str) -> None:
        """End it in order; raise if it ended otherwise."""
        unit = self.find(name)
        process = self.running.pop(unit.name, None)
        if process is None:
            return
        ended_before = process.poll() is not None
        with contextlib.suppress(ProcessLookupError):
            os.kill(process.pid, signal.SIGTERM)
        if not ends_within(process, STOP_SECONDS):
            raise Refused(f"{unit.name} does not end")
        if process.returncode not in CLEAN or ended_before:
            raise Refused(f"{unit.name} ended with {process.returncode}{' by itself' if ended_before else ''}")

    def log(self, name: str) -> Path:
        """Return where what it prints goes."""
        return self.logs / self.find(name).name
