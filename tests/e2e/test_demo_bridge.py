"""`make demo-bridge`: from two comments on a real Gitea to two verdicts by real runs; stopped, it leaves nothing."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from e2e.leftovers import Watch

pytestmark = [pytest.mark.cell, pytest.mark.usefixtures("gitea_is_built")]
TESTS = Path(__file__).parents[1]
LONGEST = 900.0
Demo = subprocess.Popen[str]


@pytest.fixture
def demo(watch: Watch) -> Iterator[Demo]:
    """The demo, under way."""
    env = {**os.environ, "PYTHONPATH": f"{TESTS}:{os.environ.get('PYTHONPATH', '')}"}
    with subprocess.Popen(
        [sys.executable, "-m", "lab.demo_bridge"], stdout=subprocess.PIPE, text=True, env=env, cwd="/"
    ) as process:
        yield process
        process.kill()
    assert not watch.wait_until_gone(TESTS / "nothing")


def read_until(demo: Demo, pattern: str) -> str:
    """Read lines until one matches; return them all."""
    assert demo.stdout is not None
    read = ""
    for line in demo.stdout:
        read += line
        if re.search(pattern, line):
            return read
    pytest.fail(f"{pattern} never came:\n{read}")


def folder_of(out: str) -> Path:
    """Return the folder that it says all is in."""
    found = re.search(r"all of the bridge is in (\S+)", out)
    assert found, out
    return Path(found[1])


def test_the_head_that_passes_and_the_one_that_fails_each_get_their_answer(demo: Demo) -> None:
    out, _ = demo.communicate(timeout=LONGEST)
    assert demo.returncode == 0, out
    assert out.count("----- as expected") == 2
    assert "commit status recipeci/custom-html of" in out
    assert re.search(r"^\*\*pass\*\* \(built-in abra\), level 5 · \[run \d\]", out, re.MULTILINE)
    assert re.search(r"^\*\*fail\*\* \(built-in abra\), level 1: `upgrade: .*marker.* is gone", out, re.MULTILINE)
    assert not folder_of(out).exists()


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_stopped_in_the_middle_it_leaves_nothing(demo: Demo, number: signal.Signals, code: int) -> None:
    out = read_until(demo, r"^#\d: pending: \*\*running\*\*")
    demo.send_signal(number)
    rest, _ = demo.communicate(timeout=LONGEST)
    assert demo.returncode == code, out + rest
    assert not folder_of(out).exists()
