"""Runs whose disk is full: the host's fault, seen at once, with a summary, whatever can still be written."""

from __future__ import annotations

import contextlib
import json
import os
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from lab import repository
from lab.repository import Built

from e2e.program import Recipeci, Running, for_recipe
from e2e.running import wait_for

pytestmark = pytest.mark.cell
SLOW = Path(__file__).parents[1] / "canaries" / "slow-start"
"""Its health check is bad for 70 s: long enough to fill a disk."""
ON_TMPFS = 'mount -n -t tmpfs -o size=500m tmpfs "$1" && shift && exec "$@"'
SETTINGS = "runs: {min_free_gb: 0.4}\n"
"""More than a run's end frees of that disk."""


def on_a_small_disk(recipeci: Recipeci) -> Running:
    """Start a run whose folder is on a file system of 500 MB, which only that run and what it starts see."""
    folder = recipeci.folder
    small, overlay = folder / "small", folder / "overlays" / "canary"
    small.mkdir()
    overlay.mkdir(parents=True)
    (overlay / "recipe.yml").write_text("timeouts: {deploy: 90}\n")
    (folder / "settings.yml").write_text(SETTINGS)
    source = repository.build(SLOW, folder / "canary").path
    options = for_recipe("canary", source=source, stages="install")
    options += ("--overlays", str(overlay.parent), "--config", str(folder / "settings.yml"), "--out", str(small / "r"))
    shell = ["sh", "-c", ON_TMPFS, "sh", str(small)]
    prefix = ["unshare", "--mount", "--propagation", "private", "--", *shell]
    return recipeci.start_as_is(*options, folder=small / "r", prefix=prefix)


@contextlib.contextmanager
def disk_of(running: Running) -> Iterator[Path]:
    """Have the run's file system as that run sees it, also when the run has ended."""
    held = os.open(f"/proc/{running.harness}/root{running.folder.parent}", os.O_RDONLY | os.O_DIRECTORY)
    try:
        yield Path(f"/proc/self/fd/{held}")
    finally:
        os.close(held)


def fill(disk: Path) -> None:
    """Take all the space that there is."""
    with (disk / "fill").open("wb", buffering=0) as file, contextlib.suppress(OSError):
        while True:
            file.write(bytes(2**20))


def test_a_disk_that_fills_up_ends_the_wait_at_once_and_no_fresh_cell_is_tried(recipeci: Recipeci) -> None:
    running = on_a_small_disk(recipeci)
    wait_for(running, "converge")
    with disk_of(running) as disk:
        fill(disk)
        ended = running.end()
        assert ended.code == 3, ended.out + ended.err
        report = json.loads((disk / "r" / "report.json").read_text())
    assert (report["verdict"], report["exit_code"]) == ("error", 3)
    (error,) = report["errors"]
    assert error["kind"] == "host"
    assert re.match(r"no space left on device: \d\.\d MB are free in ", error["message"])  # seen by us, not by an app
    assert [note.split(":")[0] for note in report["notes"] if "fresh cell" in note] == ["not repeated in a fresh cell"]
    assert "===== RUN SUMMARY =====" in ended.out
    assert "a bug" not in ended.out + ended.err


def test_a_report_that_cannot_be_written_is_the_hosts_fault_and_the_summary_is_there_all_the_same(
    recipeci: Recipeci, custom_html: Built
) -> None:
    running = recipeci.start(*for_recipe("custom-html", source=custom_html.path, stages="install"))
    wait_for(running, "TIER: install")
    (running.folder / ".report.json.part").symlink_to("/dev/full")
    ended = running.end()
    assert ended.code == 3, ended.out + ended.err
    sentence = f"the report cannot be written to {running.folder}: No space left on device"
    said = ended.out.partition("===== RUN SUMMARY =====\n")[2].splitlines()
    assert f"error     : {sentence}" in said
    assert [line.split()[:3] for line in said if line.startswith("install")] == [["install", ":", "pass"]]
    assert said[-1].startswith("verdict   : error")
    assert said[-1].endswith("no report")
    assert ended.err.splitlines()[0] == f"recipeci: {sentence}"
    assert "a bug" not in ended.err
    assert not running.folder.exists()
    assert list((recipeci.cache / "runs").glob("2*")) == []
