"""Each mutant of the web server turns the test red that is there for it; beside the harness the same test is green."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest
from mutants import web
from mutants.mutant import Mutant
from unit.processes import TESTS, ended


def is_caught(mutant: Mutant, folder: Path, file: str, name: str) -> None:
    """Run a test by its name, beside the mutant instead of the harness."""
    paths = os.pathsep.join([str(mutant.make(folder)), str(TESTS)])
    argv = [sys.executable, "-m", "pytest", "-x", "-q", "-p", "no:cacheprovider", "-p", "no:xdist", "-o", "addopts="]
    code, out, err = ended([*argv, str(TESTS / file), "-k", name], env={"PATH": os.defpath, "PYTHONPATH": paths})
    assert (code, f"::{name}" in out) == (1, True), out + err


@pytest.mark.parametrize(("mutant", "file", "name"), web.CAUGHT, ids=[mutant.name for mutant, *_ in web.CAUGHT])
def test_a_mutant_of_the_web_server_is_caught(mutant: Mutant, file: str, name: str, tmp_path: Path) -> None:
    is_caught(mutant, tmp_path / "mutant", file, name)


@pytest.mark.long
@pytest.mark.parametrize(("mutant", "file", "name"), web.SLOW, ids=[mutant.name for mutant, *_ in web.SLOW])
def test_a_mutant_that_a_stranger_can_hold_up_is_caught(mutant: Mutant, file: str, name: str, tmp_path: Path) -> None:
    is_caught(mutant, tmp_path / "mutant", file, name)
