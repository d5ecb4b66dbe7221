"""Each mutant of the adapter for Gitea turns the test red that is there for it; beside the harness it is green."""

from __future__ import annotations

from pathlib import Path

import pytest
from mutants import gitea
from mutants.gitea import Caught
from test_web_mutants import is_caught

REAL = [
    caught for caught in gitea.CAUGHT if caught.file in ("test_gitea.py", "test_gitea_trust.py", "test_gitea_enrol.py")
]
DOUBLE = [caught for caught in gitea.CAUGHT if caught not in REAL]


@pytest.mark.parametrize("caught", DOUBLE, ids=lambda caught: caught.mutant.name)
def test_a_mutant_of_the_adapter_is_caught(caught: Caught, tmp_path: Path) -> None:
    is_caught(caught.mutant, tmp_path / "mutant", f"contract/{caught.file}", caught.name)


@pytest.mark.long
@pytest.mark.usefixtures("gitea_is_built")
@pytest.mark.parametrize("caught", REAL, ids=lambda caught: caught.mutant.name)
def test_a_mutant_of_the_adapter_is_caught_by_the_real_gitea(caught: Caught, tmp_path: Path) -> None:
    is_caught(caught.mutant, tmp_path / "mutant", f"contract/{caught.file}", caught.name)
