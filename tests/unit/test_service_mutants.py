"""Each mutant of the bridge's pure code turns red the tests that are there for it."""

from __future__ import annotations

import os
import re
import sys
from pathlib import Path

import pytest
from mutants import pure
from mutants.caught import Caught

from unit.processes import TESTS, ended


def run(harness: Path, caught: Caught) -> tuple[int, int]:
    """Run tests beside a harness until enough of them are red; return pytest's exit code, and how many were."""
    argv = [
        sys.executable,
        "-m",
        "pytest",
        "-q",
        "-p",
        "no:cacheprovider",
        "-p",
        "no:xdist",
        "-o",
        "addopts=",
        "--tb=no",
    ]
    files = sorted((TESTS / "unit").glob(caught.files))
    assert files, f"no test is in {caught.files}"  # without any, pytest would run all that it finds
    argv += [f"--maxfail={caught.least}", *map(str, files), "-k", caught.names]
    env = {"PATH": os.defpath, "PYTHONPATH": os.pathsep.join([str(harness), str(TESTS)])}
    code, out, err = ended(argv, env=env)
    assert re.search(r"\d+ (passed|failed)", out), out + err
    found = re.search(r"(\d+) failed", out)
    return code, int(found[1]) if found else 0


@pytest.mark.parametrize("caught", pure.ALL, ids=[caught.mutant.name for caught in pure.ALL])
def test_a_mutant_is_caught(caught: Caught, tmp_path: Path) -> None:
    assert run(caught.mutant.make(tmp_path / "mutant"), caught) in ((1, caught.least), (2, caught.least))
