"""Runs that were killed, wherever their folders are, and an image that nobody used for long: work for `clean`.

And, if asked to be `alive`, a run that goes on, with which it has nothing to do.
"""

import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

from recipeci.host import engine
from recipeci.host.clock import SystemClock
from recipeci.host.command import LocalRunner
from recipeci.host.store import Store
from recipeci.model import Commit, Request, Settings, Target
from recipeci.run import workspace

CACHE = Path("/var/cache/recipeci")
OUTS = (None, Path("/tmp/out"), Path("/root/out"), Path("/srv/out"))  # noqa: S108 - in a container of its own
IMAGES = Path("/run/images")
APP, OTHER = 999, 998


def run(out: Path | None, *, then: Callable[[], None]) -> None:
    """Make what a run leaves: a file of one user of an app's in another's folder, and a cgroup directory."""
    with workspace.opened(
        Request("custom-html", out=out), Settings(cache=CACHE, min_free_gb=0), source="s", clock=SystemClock()
    ) as made:
        made.write_manifest(target=Target(Commit("a" * 40)), creates=["x"])
        data = made.swarm / "data"
        data.mkdir()
        (data / "file").write_text("x")
        os.chown(data / "file", OTHER, OTHER)
        data.chmod(0o1700)
        os.chown(data, APP, APP)
        (Path("/sys/fs/cgroup") / f"recipeci-{made.run_id}" / "init").mkdir(parents=True)
        then()


def die() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def live() -> None:
    os.write(1, b"alive\n")
    signal.pause()


def fill_the_store(docker: Path) -> None:
    """Build an image of 10 MB, long ago."""
    (IMAGES / "tiny").mkdir(parents=True)
    (IMAGES / "tiny" / "Dockerfile").write_text("FROM scratch\nCOPY file /file\n")
    (IMAGES / "tiny" / "file").write_text("x" * 10_000_000)
    (IMAGES / "images.yml").write_text("images: [{image: 'tiny:1', build: tiny}]")
    store = Store(CACHE / "store", programs=engine.find(docker), runner=LocalRunner(), clock=SystemClock())
    store.ensure(["tiny:1"], images=IMAGES, say=print)
    configs = CACHE / "store/data/image/overlay2/imagedb/content/sha256"
    for file in [*(CACHE / "store/locks").iterdir(), *configs.iterdir()]:
        os.utime(file, (0, 0))


match sys.argv[2:]:
    case ["alive"]:
        run(None, then=live)
    case [which]:
        run(OUTS[int(which)], then=die)
    case _:
        for number in range(len(OUTS)):
            subprocess.run([sys.executable, "-I", __file__, sys.argv[1], str(number)], check=False)
        fill_the_store(Path(sys.argv[1]))
