"""The only place that reads environment variables: where abra's files, Docker and the switches are."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from miniabra.habits import Habits, flipped

DEFAULT_SOCKET = "unix:///var/run/docker.sock"
DEFAULT_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"


@dataclass(frozen=True)
class Environment:
    """What the caller's environment says, with the defaults of the programs that it is for."""

    abra_dir: Path
    habits: Habits
    home: str
    path: str
    docker_host: str
    docker_config: str

    @property
    def for_children(self) -> dict[str, str]:
        """All of what git and docker get; their messages are read, so the locale is C."""
        return {"PATH": self.path, "HOME": self.home, "LC_ALL": "C"}


def read() -> Environment:
    """Read the environment of this process.

    Raises Fatal if MINIABRA_HABITS names no switch.
    """
    home = os.environ.get("HOME") or "/nonexistent"
    return Environment(
        abra_dir=Path(os.environ.get("ABRA_DIR") or Path(home) / ".abra"),
        habits=flipped(os.environ.get("MINIABRA_HABITS", "")),
        home=home,
        path=os.environ.get("PATH") or DEFAULT_PATH,
        docker_host=os.environ.get("DOCKER_HOST") or DEFAULT_SOCKET,
        docker_config=os.environ.get("DOCKER_CONFIG") or str(Path(home) / ".docker"),
    )
