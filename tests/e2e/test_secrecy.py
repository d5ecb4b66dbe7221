"""What watches over all runs of these tests: it finds a secret that a test gave, and it sees only ended runs."""

from __future__ import annotations

from pathlib import Path

import pytest

from e2e import secrecy

SECRET = "k7HqXw2mP"


@pytest.fixture
def run(tmp_path: Path) -> Path:
    """A run's folder beside an overlay that inserts two secrets, of which one is short."""
    overlay = tmp_path / "overlays" / "canary" / "recipe.yml"
    overlay.parent.mkdir(parents=True)
    overlay.write_text(f"secrets: {{token: {{value: {SECRET}}}, pin: {{value: '1234'}}}}\n")
    run = tmp_path / "r"
    (run / "state").mkdir(parents=True)
    (run / "report.json").write_text('{"pin": "1234"}')
    return run


@pytest.mark.parametrize("words", [f"a {SECRET} b", "k7Hq\nXw2mP", "k7Hq Xw2mP", r"k7Hq\nXw2mP"])
def test_a_secret_in_any_file_of_a_run_is_found(run: Path, words: str) -> None:
    assert secrecy.leaks(run.parent) == []
    (run / "state" / "op.json").write_text(words)
    assert secrecy.leaks(run.parent) == [f"{run}/state/op.json: {SECRET}"]


def test_overlays_and_runs_that_have_not_ended_are_no_artifacts(run: Path) -> None:
    (run / "run.log").write_text(SECRET)
    (run / "report.json").unlink()
    assert secrecy.leaks(run.parent) == []
