"""What watches over all runs of these tests: it finds a secret that was given or generated, in ended runs alone."""

from __future__ import annotations

import dataclasses
import json
import shutil
import sys
from pathlib import Path

import pytest
from lab.repository import Built
from mutants.mutant import Mutant
from recipeci.host.command import LocalRunner

from e2e import knownabra, secrecy
from e2e.program import Recipeci, for_recipe

SECRET = "k7HqXw2mP"
LEARNS_NOTHING = Mutant(
    name="nothing is learned",
    about="what the running tasks show is read and forgotten: the harness knows of no secret, and its scan finds none",
    file="run/secrets.py",
    old="                self.redactor.add(self._short(reference.name), value)\n",
    new="",
)
SUITE = """
def test_tells(app, capfd):
    value = app.exec("app", ["cat", "/run/secrets/htpasswd"]).text
    with capfd.disabled():
        print(value)
"""


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


def report_of(run: Path, *, known: int, version: str, built_in: bool = True) -> None:
    """Write a run's report, beside which there is no recipe.yml."""
    run.mkdir()
    abra = {"name": "miniabra", "version": version, "built_in": built_in}
    (run / "report.json").write_text(json.dumps({"secrets": {"known": known}, "programs": {"abra": abra}}))


def test_a_run_of_which_no_secret_is_known_is_told(tmp_path: Path) -> None:
    report_of(tmp_path / "known", known=1, version=f"0.1.0{knownabra.MARK}")
    report_of(tmp_path / "without", known=0, version="0.1.0")
    report_of(tmp_path / "another", known=1, version="0.13.0", built_in=False)
    assert secrecy.blind(tmp_path) == []
    report_of(tmp_path / "blind", known=1, version="0.1.0")
    assert secrecy.blind(tmp_path) == [f"{tmp_path}/blind/report.json: none of its secrets is known here"]


def test_runs_without_secrets_or_with_given_ones_are_not_blind(run: Path) -> None:
    report = {"secrets": {"known": 1}, "programs": {"abra": {"version": "0.1.0", "built_in": True}}}
    (run / "report.json").write_text(json.dumps(report))
    assert secrecy.blind(run.parent) == []
    (run / "report.json").write_text(json.dumps({"secrets": None, "programs": {}}))
    (run.parent / "overlays" / "canary" / "recipe.yml").unlink()
    assert secrecy.blind(run.parent) == []


@pytest.mark.parametrize("modifiers", [{"length": "40"}, {"length": "40", "charset": "hex"}, {"length": "9"}, {}])
def test_what_the_abra_of_these_tests_generates_is_found(run: Path, modifiers: dict[str, str]) -> None:
    folder = knownabra.make(run.parent / "abra")
    code = f"from miniabra.secrets import *; print(value_of(Secret('a', 'v1', 'r', {modifiers!r}), Habits()))"
    argv = [sys.executable, "-c", code]
    value = LocalRunner().run(argv, timeout=60, env={"PYTHONPATH": str(folder)}).out.strip()
    (run / "run.log").write_text(f"a {value} b")
    found = [f"{run}/run.log: {knownabra.BEGIN}"]
    assert secrecy.leaks(run.parent) == (found if len(value) >= len(knownabra.BEGIN) else [])


@pytest.mark.cell
def test_control_a_generated_secret_is_found_that_the_harness_does_not_know(
    recipeci: Recipeci, custom_html: Built, folder: Path
) -> None:
    overlay = folder / "overlays" / "custom-html"
    overlay.mkdir(parents=True)
    (overlay / "test_install.py").write_text(SUITE)
    mutated = dataclasses.replace(recipeci, python_path=(LEARNS_NOTHING.make(folder / "mutant"),))
    options = for_recipe("custom-html", source=custom_html.path, stages="install")
    ended = mutated.run(*options, "--overlays", str(overlay.parent))
    assert (ended.code, ended.report["secrets"]["known"], ended.report["secrets"]["found"]) == (0, 0, 0), ended.out
    assert secrecy.leaks(folder) == [f"{ended.folder}/run.log: {knownabra.BEGIN}"]
    shutil.rmtree(ended.folder)  # what it told is this test's aim
