"""Makefile: `make test` checks the Nix files and runs all tests, whatever becomes of either."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest
from recipeci.host.command import BASE_ENV, Completed, LocalRunner

MAKEFILE = Path(__file__).parents[2] / "Makefile"


def make(folder: Path, *words: str, nix_check: int = 0, pytest_: int = 0) -> Completed:
    """Run make in a folder with this Makefile, where every program only notes how it was called."""
    shutil.copy(MAKEFILE, folder)
    bin_, tools = folder / "bin", folder / "tools"
    for file, code in ((tools / "nix-check", nix_check), (bin_ / "python", pytest_), (tools / "lint", 0)):
        file.parent.mkdir(exist_ok=True)
        file.write_text(f'#!/bin/sh\necho "{file.name} $*"\ncase "$*" in *-m\\ lab.*) exit 0;; esac\nexit {code}\n')
        file.chmod(0o755)
    env = {**BASE_ENV, "PATH": f"{bin_}:{os.environ['PATH']}", "HOME": str(folder), "RECIPECI_SHELL": "test"}
    return LocalRunner().run([shutil.which("make") or "make", *words], env=env, cwd=folder, timeout=60, ok=range(256))


@pytest.mark.parametrize("target", ["test", "test-long"])
@pytest.mark.parametrize(("nix_check", "pytest_"), [(0, 0), (1, 0), (0, 1), (1, 1)])
def test_both_are_done_and_either_makes_it_red(tmp_path: Path, target: str, nix_check: int, pytest_: int) -> None:
    done = make(tmp_path, target, nix_check=nix_check, pytest_=pytest_)

    lint, _, _, checked, tested = done.out.splitlines()
    assert (lint.split()[0], checked.split()[0]) == ("lint", "nix-check")
    assert tested.startswith("python -m pytest ")
    assert (done.code != 0) is bool(nix_check or pytest_)


def test_who_does_not_want_the_nix_files_checked_says_so(tmp_path: Path) -> None:
    assert "nix-check --skip" in make(tmp_path, "test", "NIX_CHECK=no").out.splitlines()
