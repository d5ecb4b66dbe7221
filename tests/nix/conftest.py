"""What the tests of the Nix files share: the checkout as a flake, and copies of it to break.

They are collected only where RECIPECI_NIX names the program that stands for `nix`, as `tools/nix-check` does once it
has asked whether there is one that works. The other tests need nothing but what `make setup` brings, and must not
change colour with a Nix that happens to be on a machine; what was not checked, `tools/nix-check` says in one line.

By hand: `RECIPECI_NIX=nix python -m pytest tests/nix`.
"""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest

from nix import machines
from nix.flake import Flake
from nix.machines import Machines

PROGRAM = "RECIPECI_NIX"
collect_ignore_glob = [] if PROGRAM in os.environ else ["test_*.py"]


@pytest.fixture(scope="session")
def nix() -> Flake:
    """The checkout."""
    return Flake(os.environ[PROGRAM])


@pytest.fixture
def copy(nix: Flake, tmp_path: Path) -> Flake:
    """A copy of the checkout that a test may change (`copy.change`)."""
    folder = tmp_path / "flake"
    folder.mkdir()
    return nix.copy(folder)


@pytest.fixture(scope="session")
def variants(nix: Flake, tmp_path_factory: pytest.TempPathFactory) -> Machines:
    """Machines whose units systemd's tools judge. What is skipped here, `tools/nix-check` says in a line of its own."""
    if not (Path(nix.program).parent / "check-units.sh").exists() or not (machines.STATE / "guest").is_dir():
        pytest.skip("only nixrig judges units, by the systemd-analyze of its container: setup.sh guest")
    return machines.of(nix, tmp_path_factory.mktemp("machines"))


@pytest.fixture(scope="session")
def guest(variants: Machines) -> Machines:
    """The same, where they can be booted too."""
    if not shutil.which("systemd-nspawn"):
        pytest.skip("no container in which units boot: systemd-nspawn")
    return variants
