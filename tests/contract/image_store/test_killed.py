"""Whoever kills the owner of a store ends all that it started, and the next run goes on from there."""

from __future__ import annotations

import fcntl
import os
import signal
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from lab import cgroupfs
from recipeci.host.clock import SystemClock, until
from recipeci.host.command import Started, start
from recipeci.host.store import daemon

from image_store import tiny
from image_store.conftest import MakeStore

pytestmark = pytest.mark.cell
OWNER = """
import sys
from pathlib import Path
from recipeci.host import engine
from recipeci.host.clock import SystemClock
from recipeci.host.command import LocalRunner
from recipeci.host.store import Store
store = Store(Path(sys.argv[1]), programs=engine.find(None), runner=LocalRunner(), clock=SystemClock())
store.ensure(["slow:1"], images=Path(sys.argv[2]), say=print)
"""
SLOW = "echo now; sleep 3600"


def processes_of(store: Path) -> dict[int, str]:
    """Return pid → why, for all processes that work for the store: by command, by folder, by control group."""
    name = daemon.cgroup_of(store, own="")
    found = {}
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            seen = {
                "command": (folder / "cmdline").read_bytes().decode(errors="replace"),
                "folder": str((folder / "cwd").readlink()),
                "control group": (folder / "cgroup").read_text(),
            }
        except OSError:  # it has ended, or is a zombie
            continue
        why = [key for key, text in seen.items() if str(store) in text or name in text]
        if why and int(folder.name) != os.getpid():
            found[int(folder.name)] = f"{why[0]}: {seen['command']}"
    return found


def wait(what: str, store: Path, *, sleeping: bool) -> dict[int, str]:
    def ready(found: dict[int, str]) -> bool:
        return any("3600" in why for why in found.values()) if sleeping else not found

    return until(lambda: processes_of(store), ready, what=what, clock=SystemClock(), timeout=120, delay=0.05)


@pytest.fixture
def owner(tmp_path: Path, images: tiny.Images) -> Iterator[Started]:
    (tmp_path / "owner.py").write_text(OWNER)
    (tmp_path / "store").mkdir()
    started = start(
        [sys.executable, str(tmp_path / "owner.py"), str(tmp_path / "store"), str(images.folder)],
        output=tmp_path / "owner.log",
    )
    yield started
    started.kill()
    started.wait()


@pytest.fixture(params=["build", "prepare"])
def images(request: pytest.FixtureRequest, tmp_path: Path) -> tiny.Images:
    """slow:1, which is made for an hour: in a container, or in its prepare script."""
    made = tiny.Images(tmp_path / "images")
    script = made.folder / "prepare"
    if request.param == "build":
        made.add("slow:1", tiny.DOCKERFILE + f"RUN {SLOW}\n", name="slow")
    else:
        made.add("slow:1", tiny.DOCKERFILE, name="slow", prepare="prepare")
        script.write_text(f"#!/bin/sh\n(setsid sh -c '{SLOW}' &) ; {SLOW}\n")
        script.chmod(0o755)
    return made


def test_kill_9_of_the_owner_leaves_no_process_and_the_next_run_starts_anew(
    owner: Started, make_store: MakeStore, tmp_path: Path
) -> None:
    store = tmp_path / "store"
    wait("the slow step", store, sleeping=True)
    with (store / "lock").open() as lock, pytest.raises(BlockingIOError):
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)  # the control: while it works, the store is locked

    os.kill(owner.pid, signal.SIGKILL)
    owner.wait()
    wait("the end of all that it started", store, sleeping=False)

    quick = tiny.Images(tmp_path / "quick")
    quick.add("slow:1", tiny.DOCKERFILE, name="slow")
    said: list[str] = []
    make_store().ensure(["slow:1"], images=quick.folder, say=said.append)
    assert [line.split(" in ")[0] for line in said] == ["image slow:1: being made …", "image slow:1: made"]
    assert list((store / "work").iterdir()) == []
    assert cgroupfs.named(f"recipeci-store-*-{store.stat().st_ino:x}") == []
    assert processes_of(store) == {}
