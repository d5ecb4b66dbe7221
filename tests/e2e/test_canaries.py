"""Each canary through the whole program: the verdict, the outcomes, and the reason by name."""

from __future__ import annotations

import contextlib
import dataclasses
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml
from lab import forge, repository

from e2e import expectation, leftovers, onefile
from e2e.expectation import Expectation
from e2e.program import Ended, Recipeci, for_recipe

pytestmark = pytest.mark.cell
CANARIES = Path(__file__).parents[1] / "canaries"
NAMES = sorted(file.parent.name for file in CANARIES.glob("*/expect.yml"))
SLOWEST_FIRST = sorted(NAMES, key=lambda name: -expectation.read(CANARIES / name).install_seconds)
RECIPE = "canary"
"""The name of every canary: what its .env.sample says as TYPE."""


@pytest.mark.parametrize("name", SLOWEST_FIRST)
def test_canary(name: str, recipeci: Recipeci, folder: Path) -> None:
    expected = expectation.read(CANARIES / name)
    program = dataclasses.replace(recipeci, env=expected.env)
    with source_of(name, expected, folder) as source:
        ended = program.run(*options_of(name, expected, folder, source=source, package=recipeci.package))
    assert expected.differences(ended.report, code=ended.code) == [], ended.out
    nothing_is_left(ended)
    nothing_is_said(ended, expected.never_said)


@contextlib.contextmanager
def source_of(name: str, expected: Expectation, folder: Path) -> Iterator[str]:
    """Make the canary's repository, and yield where it is."""
    if not expected.served:
        yield str(repository.build(CANARIES / name, folder / RECIPE).path)
        return
    repository.build(CANARIES / name, folder / "web" / RECIPE, bare=True)
    with forge.serving(folder / "web") as address:
        yield f"{address}/{RECIPE}"


def options_of(name: str, expected: Expectation, folder: Path, *, source: str, package: Path) -> list[str]:
    """Lay down what the operator gives, and return the options of the run; `package` is that of the built-in abra."""
    overlay = folder / "overlays" / RECIPE
    if (files := CANARIES / name / "overlay").is_dir():
        shutil.copytree(files, overlay)
    overlay.mkdir(parents=True, exist_ok=True)
    (overlay / "recipe.yml").write_text(yaml.safe_dump(dict(expected.overlay)))
    program = str(abra(CANARIES / name / expected.abra, folder, package)) if expected.abra else "builtin"
    options = list(for_recipe(RECIPE, source=source, stages=expected.stages, abra=program))
    options += ["--overlays", str(overlay.parent), *expected.options]
    if expected.allowlist is not None:
        (folder / "allowlist").write_text(expected.allowlist.replace("SOURCE", source))
        options += ["--allowlist", str(folder / "allowlist")]
    return options


def abra(script: Path, folder: Path, package: Path) -> Path:
    """Write a program that stands before the built-in abra, in one file with it: no cell sees more of a program."""
    text = script.read_text().replace("@MINIABRA@", onefile.COMMAND)
    return onefile.make(folder / "abra" / "abra", text, package)


def nothing_is_left(ended: Ended) -> None:
    """A run that ended by itself found no leftover in its swarm, and removed the cell whole."""
    assert ended.report["leftovers"] == ([] if ended.report["deploys"] else None)
    assert leftovers.cgroups_of(ended.report["run_id"]) == []
    assert sorted(entry.name for entry in ended.folder.iterdir()) == ["junit.xml", "report.json", "run.log", "state"]


def nothing_is_said(ended: Ended, values: tuple[str, ...]) -> None:
    """No value stands on the terminal or in a file of the run."""
    files = [file for file in ended.folder.rglob("*") if file.is_file()]
    said = {"the terminal": ended.out + ended.err} | {str(file): file.read_text(errors="replace") for file in files}
    for value in values:
        assert [where for where, text in said.items() if value in text] == [], value
