"""Each canary through the whole program: the verdict, the outcomes, and the reason by name."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml
from lab import repository

from e2e import expectation, leftovers
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
    source = repository.build(CANARIES / name, folder / RECIPE).path
    overlay = folder / "overlays" / RECIPE / "recipe.yml"
    overlay.parent.mkdir(parents=True)
    overlay.write_text(yaml.safe_dump(dict(expected.overlay)))
    options = (*for_recipe(RECIPE, source=source), "--overlays", str(folder / "overlays"), *expected.options)
    ended = recipeci.run(*options)
    assert expected.differences(ended.report, code=ended.code) == [], ended.out
    nothing_is_left(ended)


def nothing_is_left(ended: Ended) -> None:
    """A run that ended by itself found no leftover in its swarm, and removed the cell whole."""
    assert ended.report["leftovers"] == ([] if ended.report["deploys"] else None)
    assert leftovers.cgroups_of(ended.report["run_id"]) == []
    assert sorted(entry.name for entry in ended.folder.iterdir()) == ["junit.xml", "report.json", "run.log", "state"]
