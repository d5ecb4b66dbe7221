"""The only place that knows what our own package brings along: nothing, or (of Nix) all programs and some images.

nix/package.nix lays `closure.json` beside the package; for the package of a checkout, nix/checkout.sh lays it into the
Python of the shell. It is read once, and nothing that a caller sets changes it.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path

import recipeci

USUAL = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
"""Where programs are on a machine that keeps to the usual folders."""
NIXOS = "/run/current-system/sw/bin"
"""Where an operator's own programs are on NixOS."""


@dataclass(frozen=True)
class Image:
    """An image in a file."""

    name: str
    archive: Path
    """What dockerTools wrote, as `docker save` writes it. Whether it really is one, its user looks."""


@dataclass(frozen=True)
class Closure:
    """What is there without looking at the machine."""

    path: str = USUAL
    """The folders of the programs that a run needs, as PATH has them."""
    store: Path | None = None
    """The folder that holds these programs and all that they load; None where they are the machine's."""
    proxy: Image | None = None
    """Traefik."""
    bot: Image | None = None
    """What our backup bot is laid on: Python and restic under their usual names."""

    @property
    def machine_path(self) -> str:
        """The same, and after it the machine's own folders: for what only an operator's images.yml needs."""
        return ":".join(dict.fromkeys([*self.path.split(":"), *([NIXOS] if self.store else []), *USUAL.split(":")]))

    def remedy(self, packages: Collection[str]) -> str:
        """Return what to do where programs are missing that these packages of Debian's hold."""
        if self.store:
            return f"the package of recipeci lacks {', '.join(sorted(packages))}: please report it"
        return f"apt-get install {' '.join(sorted(packages))}"


def read(*files: Path) -> Closure:
    """Return what the first of the files says that is there; without one there is no closure."""
    file = next((file for file in files if file.is_file()), None)
    if file is None:
        return Closure()
    data = json.loads(file.read_text(encoding="utf-8"))
    images = {name: Image(image["name"], Path(image["archive"])) for name, image in data["images"].items()}
    return Closure(path=data["path"], store=Path(data["store"]), **images)


OWN = read(Path(recipeci.__file__).with_name("closure.json"), Path(sys.prefix, "closure.json"))
