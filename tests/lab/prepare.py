"""The only place that fills the image store for the lab: once, before tests in parallel would queue for it.

python -m lab.prepare      # in tests/: builds what is missing, says what it does, and is quick where all is there
"""

from __future__ import annotations

import fcntl
import os
from collections.abc import Callable
from pathlib import Path

from recipeci.host import engine
from recipeci.host.clock import SystemClock
from recipeci.host.command import LocalRunner
from recipeci.host.store import Store

IMAGES = Path(__file__).parent / "images"
NEEDED = ("nginx:1.22.1", "nginx:1.26.3", "postgres:15", "lab/notes:1.0.0", "lab/notes:1.1.0")


def cache_folder() -> Path:
    """Return the cache folder that `recipeci` itself would take: a store that is filled once serves both."""
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "recipeci"


def prepare(cache: Path, *, say: Callable[[str], None]) -> None:
    """Build what the lab's recipes run and the store does not have; another process that does so is waited for."""
    cache.mkdir(parents=True, exist_ok=True, mode=0o700)
    with (cache / "lab.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        runner = LocalRunner()
        programs = engine.find(None, runner=runner)
        store = Store(cache / "store", programs=programs, runner=runner, clock=SystemClock())
        store.ensure(NEEDED, images=IMAGES, say=say)
        store.ensure_proxy(None, images=IMAGES, say=say)
        store.ensure_bot(None, images=IMAGES, say=say)


def main() -> None:
    """Prepare from the command line."""
    prepare(cache_folder(), say=lambda line: print(line, flush=True))  # noqa: T201 - progress, for people


if __name__ == "__main__":
    main()
