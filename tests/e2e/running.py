"""The only place that waits for a run under way: for a while, or for its words."""

from __future__ import annotations

import contextlib
import subprocess

import pytest

from e2e.program import Running


def let_pass(running: Running, seconds: float) -> None:
    """Wait so long, or until the run has ended."""
    with contextlib.suppress(subprocess.TimeoutExpired):
        running.process.wait(timeout=seconds)


def wait_for(running: Running, words: str) -> str:
    """Read the run's lines until one has the words, and return what was read; the test fails if none has."""
    assert running.process.stdout is not None
    read = ""
    for line in running.process.stdout:
        read += line
        if words in line:
            return read
    pytest.fail(f"{words!r} never came:\n{read}")
