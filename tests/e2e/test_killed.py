"""Runs that do not end by themselves: killed, interrupted, terminated; and two at once."""

from __future__ import annotations

import os
import random
import signal
from pathlib import Path

import pytest
from lab.repository import Built

from e2e import leftovers
from e2e.leftovers import Watch
from e2e.program import Recipeci, for_recipe
from e2e.running import let_pass, wait_for

pytestmark = pytest.mark.cell
KILLS = int(os.environ.get("RECIPECI_KILLS", "6"))
"""How many random moments; `make test-long` takes 20."""
GROUPS = 2
"""Tests that share them, so that workers can."""


@pytest.mark.parametrize("group", range(GROUPS))
def test_kill_9_at_random_moments_leaves_nothing_and_disturbs_nobody(
    *, group: int, recipeci: Recipeci, custom_html: Built, watch: Watch, folder: Path, seed: int
) -> None:
    options = for_recipe("custom-html", source=custom_html.path)
    whole = recipeci.run(*options, out="whole")
    assert whole.code == 0, whole.out + whole.err
    moments = random.Random(seed + group)  # noqa: S311 - moments, no secrets
    for kill in range(KILLS // GROUPS):
        seconds = moments.uniform(0, whole.report["seconds"])
        running = recipeci.start(*options, out=f"k{kill}")
        let_pass(running, seconds)
        running.signal(signal.SIGKILL)
        running.process.communicate()
        left = watch.wait_until_gone(folder)
        assert not left, f"killed after {seconds:.2f} s (seed {seed}): {left}"
    after = recipeci.run(*options, out="after")
    assert after.code == 0, after.out + after.err


@pytest.mark.parametrize(
    ("number", "code", "words"),
    [(signal.SIGINT, 130, "interrupted by Ctrl-C"), (signal.SIGTERM, 143, "terminated by SIGTERM")],
)
def test_a_signal_ends_a_run_after_its_teardown(
    *, number: signal.Signals, code: int, words: str, recipeci: Recipeci, custom_html: Built
) -> None:
    running = recipeci.start(*for_recipe("custom-html", source=custom_html.path))
    wait_for(running, "===== TIER: install")
    running.signal(number)
    ended = running.end()
    assert ended.code == code, ended.out + ended.err
    assert ended.report["verdict"] == "error"
    assert [error["message"] for error in ended.report["errors"] if words in error["message"]] != []
    assert ended.report["leftovers"] == []
    assert leftovers.cgroups_of(ended.report["run_id"]) == []


def test_two_runs_of_one_recipe_at_once(recipeci: Recipeci, custom_html: Built) -> None:
    options = for_recipe("custom-html", source=custom_html.path)
    both = [recipeci.start(*options, out=out) for out in ("one", "two")]
    ended = [running.end() for running in both]
    assert [run.code for run in ended] == [0, 0], "".join(run.out + run.err for run in ended)
    assert len({run.report["domain"] for run in ended}) == 2


def test_clean_removes_what_a_killed_run_left_in_the_cache_folder(recipeci: Recipeci, custom_html: Built) -> None:
    run, runs = recipeci.folder / "r", recipeci.cache / "runs"
    running = recipeci.start(*for_recipe("custom-html", source=custom_html.path))
    wait_for(running, "===== TIER: install")
    running.signal(signal.SIGKILL)
    running.process.communicate()
    assert (run / "swarm").is_dir()
    assert [entry.readlink() for entry in runs.iterdir() if entry.is_symlink()] == [run]
    cleaned = recipeci.start_as_is("clean", folder=run).end()
    assert cleaned.code == 0, cleaned.out + cleaned.err
    assert not (run / "swarm").exists()
    assert not [entry for entry in runs.iterdir() if entry.is_symlink()]
    assert cleaned.report["verdict"] == "error"
    assert leftovers.cgroups_of(cleaned.report["run_id"]) == []
