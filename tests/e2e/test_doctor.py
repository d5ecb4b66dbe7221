"""`recipeci doctor` on this machine, and its selftest with a cache folder that nothing was ever in."""

from __future__ import annotations

from pathlib import Path

import pytest
from mutants.mutant import Mutant

from e2e.program import Recipeci

pytestmark = pytest.mark.cell
STEPS = ["images", "cell", "proxy", "app", "removal", "end"]
WRONG = Mutant(
    "selftest-expects-another-answer",
    about="the app is asked for what it never says, and not for long",
    file="run/selftest.py",
    old='ANSWER = b"OK"\nAPP_SECONDS = 60.0',
    new='ANSWER = b"KO"\nAPP_SECONDS = 40.0',
)


def steps(out: str) -> list[str]:
    """Return the steps that ended well, in their order."""
    lines = [line for line in out.splitlines() if line.endswith(" s") and "failed" not in line and " … " not in line]
    ended = [line.split() for line in lines]
    return [words[0] for words in ended if words[0] in STEPS]


def test_the_selftest_passes_on_a_machine_that_can_run_recipes_and_leaves_only_the_store(
    recipeci: Recipeci, folder: Path
) -> None:
    fresh = Recipeci(folder, folder / "recipeci")
    ended = fresh.start_as_is("doctor", "--selftest", folder=folder / "r").end()
    assert (ended.code, ended.err) == (0, ""), ended.out
    assert steps(ended.out) == STEPS
    assert ended.out.splitlines()[-1] == "selftest: pass"
    assert "a run can work here" in ended.out
    assert sorted(path.name for path in fresh.cache.iterdir()) == ["runs", "store"]
    assert [path.name for path in (fresh.cache / "runs").iterdir()] == [".lock"]
    assert recipeci.cache != fresh.cache


def test_the_selftest_fails_where_the_app_does_not_answer_and_leaves_nothing(
    recipeci: Recipeci, folder: Path, tmp_path: Path
) -> None:
    wrong = Recipeci(folder, recipeci.cache, python_path=(WRONG.make(tmp_path),))
    ended = wrong.start_as_is("doctor", "--selftest", folder=folder / "r").end()
    assert ended.code == 3, ended.out
    assert "an answer of the app through the proxy: not within 40 s; last seen: 200 b'OK'" in ended.err
    assert steps(ended.out) == ["images", "cell", "proxy", "end"]


def test_doctor_names_what_is_missing_and_what_to_do(recipeci: Recipeci, folder: Path) -> None:
    config = folder / "s.yml"
    config.write_text(f"docker: {{prefix: {folder}/none}}\nruns: {{min_free_gb: 1000000}}\n")
    ended = recipeci.start_as_is("doctor", "--selftest", "--config", str(config), folder=folder / "r").end()
    assert ended.code == 3
    assert ended.out.splitlines()[-1] == "a run cannot work here: docker, disk"
    assert f"dockerd not found in {folder}/none/bin" in ended.out
    assert "a run needs 1000000 GB" in ended.out
