"""The only place that says what a cell is made from, and where the things of a cell lie on the host."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from pathlib import Path

from recipeci.errors import UsageError
from recipeci.model import LayerMount

ADDRESS = "203.0.113.1"
"""Every cell's own address, on lo: each has a network namespace of its own, so that one address does for all."""
PROXY_SUBNET = "10.200.0.0/16"
"""A /16: in a /24 the addresses of services run out (facts H-01)."""
INSIDE = Path("/etc/recipeci")
"""Where the cell shows its CA (`ca.pem`) and what the proxy reads (`proxy/`)."""

_NAME = re.compile(r"[a-z0-9-]{1,40}\Z")
_DOMAIN = re.compile(r"[a-z0-9]([a-z0-9-]*[a-z0-9])?(\.[a-z0-9]([a-z0-9-]*[a-z0-9])?)+\Z")
_SOCKET_PATH_BYTES = 107  # sun_path is 108 bytes with its final zero


@dataclass(frozen=True)
class CellSpec:
    """One cell as it is asked for.

    Raises UsageError if a name, a domain or a path cannot be used; nothing has been made then.
    """

    name: str
    """[a-z0-9-]{1,40}; its cgroup directories are called `recipeci-NAME`."""
    folder: Path
    """The cell's own folder on the host, removed with the cell."""
    shared: Path
    """The one folder that host and cell both write, at the same path in both."""
    read_only: tuple[Path, ...]
    """Folders and files of the host that the cell sees, at the same paths, and cannot change."""
    domain: str
    """Every name in it is the cell's proxy."""
    proxy_image: str
    """Reference of the Traefik image, which must be among the images that are there."""
    hosts: tuple[str, ...] = ()
    """Names below those directly in `domain` that the proxy's certificate is for too; `*` stands for one label."""
    bot_image: str = ""
    """Reference of the backup bot's image, which must be among the images that are there; empty: no bot."""
    layers: tuple[LayerMount, ...] = ()
    """Image layers that the store lends; each target lies in `data`."""

    def __post_init__(self) -> None:
        """Refuse what could not work, before anything is made."""
        if not _NAME.match(self.name):
            msg = f"{self.name!r} is not a cell's name: lower-case letters, digits and hyphens, 40 at most"
            raise UsageError(msg)
        if not _DOMAIN.match(self.domain):
            msg = f"{self.domain!r} is not a domain: lower-case labels with a dot between them"
            raise UsageError(msg)
        self._check_paths()

    @property
    def data(self) -> Path:
        """Docker's data root, seen inside at its usual place."""
        return self.folder / "data"

    @property
    def run(self) -> Path:
        """The cell's /run: Docker's socket, the resolver's log."""
        return self.folder / "run"

    @property
    def socket(self) -> Path:
        """Docker's socket."""
        return self.run / "docker.sock"

    @property
    def root(self) -> Path:
        """Where the cell's own root is mounted before it becomes the root."""
        return self.folder / "root"

    @property
    def empty(self) -> Path:
        """An empty folder: the lower half of each overlay that has no upper layer."""
        return self.folder / "empty"

    @property
    def plan(self) -> Path:
        """The steps that the cell's first process follows."""
        return self.folder / "plan.json"

    @property
    def tls(self) -> Path:
        """What the cell shows at INSIDE."""
        return self.folder / "tls"

    @property
    def ca_file(self) -> Path:
        """The certificate of the authority that signed the proxy's."""
        return self.tls / "ca.pem"

    @property
    def log(self) -> Path:
        """What the cell's first process and dockerd print."""
        return self.folder / "log"

    def _check_paths(self) -> None:
        """Paths are absolute and short enough, and no folder that the cell sees holds this or another run."""
        for path in (self.folder, self.shared, *self.read_only):
            if not path.is_absolute():
                msg = f"{path} is not an absolute path"
                raise UsageError(msg)
        if (size := len(os.fsencode(self.socket))) > _SOCKET_PATH_BYTES:
            msg = f"{self.socket} is too long for a Unix socket: {size} bytes, {_SOCKET_PATH_BYTES} at most"
            raise UsageError(msg, hint="choose a run folder with a shorter path (--out, or the cache folder)")
        for seen in self.read_only:
            if self.folder.is_relative_to(seen) or self.shared.is_relative_to(seen):
                msg = f"{self.folder} lies in {seen}, which every cell sees: it would show the files of all runs"
                raise UsageError(msg, hint="choose a run folder outside of it (--out, or the cache folder)")
        for layer in self.layers:
            if not layer.target.is_relative_to(self.data):
                msg = f"layer {layer.target} is not in the cell's data root {self.data}"
                raise UsageError(msg)
