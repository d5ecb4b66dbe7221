"""mutants.mutant: a mutant differs from the harness in one place, and is what runs when it is run."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
from mutants import catalogue, gitea, service, web
from mutants.mutant import PACKAGE, Mutant
from recipeci.host.command import BASE_ENV, LocalRunner

ALL = (
    *catalogue.ALL,
    *service.ALL,
    *(caught.mutant for caught in gitea.CAUGHT),
    *(found for found, *_ in (*web.CAUGHT, *web.SLOW)),
)


def mutant(*, old: str, new: str) -> Mutant:
    return Mutant("label-digits", "labels have seven digits", file="model/asked.py", old=old, new=new)


def label_digits(python_path: Path | None) -> str:
    """Ask a fresh Python, as the tests run the harness, for a value of the package."""
    env = {**BASE_ENV, **({"PYTHONPATH": str(python_path)} if python_path else {})}
    code = "import recipeci.model.asked as m; print(m.LABEL_DIGITS, m.__file__)"
    return LocalRunner().run([sys.executable, "-c", code], timeout=60, env=env).out


def test_a_mutant_is_what_runs_and_the_harness_is_as_before(tmp_path: Path) -> None:
    folder = mutant(old="LABEL_DIGITS = 8", new="LABEL_DIGITS = 7").make(tmp_path / "m")
    assert label_digits(folder) == f"7 {folder}/recipeci/model/asked.py\n"
    assert label_digits(None) == f"8 {PACKAGE}/model/asked.py\n"


def test_a_mutant_differs_in_one_file_only(tmp_path: Path) -> None:
    folder = mutant(old="LABEL_DIGITS = 8", new="LABEL_DIGITS = 7").make(tmp_path / "m")
    # Byte code comes and goes, beside other tests, under names of its own.
    ours = [file for file in PACKAGE.rglob("*") if "__pycache__" not in file.parts]
    files = [file.relative_to(PACKAGE) for file in ours if file.is_file()]
    differ = [str(file) for file in files if (folder / "recipeci" / file).read_bytes() != (PACKAGE / file).read_bytes()]
    assert differ == ["model/asked.py"]


@pytest.mark.parametrize(("old", "times"), [("NOWHERE = 8", "0"), ("class ", r"\d\d+")])
def test_a_replacement_that_does_not_match_exactly_once_is_refused(tmp_path: Path, old: str, times: str) -> None:
    with pytest.raises(ValueError, match=rf"model/asked.py: '{old}' is there {times} times, not once"):
        mutant(old=old, new="x").make(tmp_path / "m")


def test_a_mutant_that_is_no_python_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="mutant label-digits: invalid syntax"):
        mutant(old="LABEL_DIGITS = 8", new="LABEL_DIGITS = = 8").make(tmp_path / "m")


@pytest.mark.parametrize("listed", ALL, ids=lambda listed: listed.name)
def test_each_mutant_can_be_made(tmp_path: Path, listed: Mutant) -> None:
    listed.make(tmp_path / "m")
