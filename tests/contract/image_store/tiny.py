"""The smallest images that can be built: busybox from Debian, from scratch; and a cell that only runs containers."""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml
from recipeci.host.command import BASE_ENV, PATH, LocalRunner
from recipeci.host.engine import DockerPrograms
from recipeci.model import LayerMount

PROGRAMS = Path(sys.prefix) / "docker" / "lab"
"""Where `make setup` puts what only tests run: a static busybox, a registry."""
DOCKERFILE = """FROM scratch
COPY busybox /bin/busybox
SHELL ["/bin/busybox", "sh", "-c"]
ARG VERSION
RUN /bin/busybox --install -s /bin && echo "version $VERSION" > /version
CMD ["cat", "/version"]
"""
# A file of the lower layer is deleted, one is replaced, and a folder is made anew: whiteouts and an opaque folder.
MARKED = """FROM tiny:1
RUN mkdir /dir /other && echo old > /deleted && echo old > /dir/old && echo old > /other/kept
RUN rm -r /deleted /dir && mkdir /dir && echo new > /dir/new
"""
# What a cell's init does with what was lent: dockerd would hide the layers' mounts if these two were no mounts yet.
BORROWER = """
set -eu
data=$1; lent=$2; image=$3; shift 3
mount -n --bind "$data" "$data"
mount -n --bind "$data/overlay2" "$data/overlay2"
mkdir "$data.empty"
while read -r source target; do
  mount -n -t overlay overlay -o "lowerdir=$source:$data.empty" "$target"
done < "$lent"
mount -n -t tmpfs tmpfs /run
dockerd --bridge none --iptables=false --ip6tables=false --ip-forward=false --exec-root /run/docker -p /run/pid \
  -H unix:///run/docker.sock --data-root "$data" --config-file "$lent.json" > "$lent.log" 2>&1 &
until docker -H unix:///run/docker.sock version > /dev/null 2>&1; do
  kill -0 $! || { cat "$lent.log" >&2; exit 1; }
done
docker -H unix:///run/docker.sock run --rm --network none "$image" "$@"
"""


@dataclass(frozen=True)
class Images:
    """An images folder that a test may change."""

    folder: Path
    entries: list[dict[str, Any]] = field(default_factory=list)

    def add(self, image: str, dockerfile: str, *, name: str, **more: object) -> Path:
        """Add an entry that is built from a folder of that name, and return the folder."""
        folder = self.folder / name
        folder.mkdir(parents=True)
        (folder / "Dockerfile").write_text(dockerfile)
        if "COPY busybox" in dockerfile:
            (folder / "busybox").write_bytes((PROGRAMS / "busybox").read_bytes())
            (folder / "busybox").chmod(0o755)
        self.entries.append({"image": image, "build": name, **more})
        self.write()
        return folder

    def write(self) -> None:
        """Write images.yml."""
        (self.folder / "images.yml").write_text(yaml.safe_dump({"images": self.entries}))


def run_borrowed(
    programs: DockerPrograms, data: Path, mounts: Sequence[LayerMount], *, image: str, command: Sequence[str] = ()
) -> str:
    """Start a second dockerd on a lent data root, in namespaces of its own, and return what a container printed."""
    lent = data.with_name("lent")
    lent.write_text("".join(f"{mount.source} {mount.target}\n" for mount in mounts))
    config = {"storage-driver": "overlay2", "exec-opts": ["native.cgroupdriver=cgroupfs"]}
    lent.with_name("lent.json").write_text(json.dumps(config))
    argv = [
        *("unshare", "--mount", "--pid", "--net", "--cgroup", "--fork", "--kill-child=KILL", "--mount-proc"),
        *("--propagation", "private", "--", "sh", "-c", BORROWER, "sh", str(data), str(lent), image, *command),
    ]
    env = {**BASE_ENV, "PATH": f"{programs.path}:{PATH}", "HOME": str(data)}
    return LocalRunner().run(argv, timeout=300, env=env).out
