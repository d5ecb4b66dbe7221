"""run.source against real git: what the plan says of the source beyond its commits."""

from __future__ import annotations

from pathlib import Path

import pytest
from lab import repository
from lab.repository import Built
from recipeci.host.command import LocalRunner
from recipeci.model import Request, Settings
from recipeci.run.plan import Plan, describe
from recipeci.run.source import sourced

BASE = Path(__file__).parents[1] / "canaries" / "base"
LABEL = "coop-cloud.${STACK_NAME}.version=1.0.0+1.22.1"


@pytest.fixture
def built(tmp_path: Path) -> Built:
    """A recipe with one published version, and a commit after it whose compose file has no version label."""
    history = tmp_path / "made" / "history.yml"
    history.parent.mkdir()
    history.write_text(f"""\
about: a version label that went away
steps:
  - {{message: first, lay: ["{BASE}"], tag: 1.0.0+1.22.1}}
  - message: second
    edit: [{{in: compose.yml, old: '        - "{LABEL}"', new: ''}}]
""")
    return repository.build(history.parent, tmp_path / "canary")


def plan(built: Built, into: Path, *, ref: str | None = None, dirty: bool = False) -> Plan:
    request = Request("canary", source=str(built.path), ref=ref, dirty=dirty)
    return sourced(request, Settings(), into=into, runner=LocalRunner()).plan


def test_a_version_that_only_an_earlier_tag_says_is_noted(built: Built, tmp_path: Path) -> None:
    made = plan(built, tmp_path / "clone")
    assert made.own_version == "1.0.0+1.22.1"
    assert made.notes == (
        "the commit has no version label: 1.0.0+1.22.1, the newest tag before it, is taken for its own version",
    )
    assert any("no version label" in line for line in describe(made))


def test_a_version_that_the_commit_says_itself_is_not(built: Built, tmp_path: Path) -> None:
    assert plan(built, tmp_path / "clone", ref="1.0.0+1.22.1").notes == ()


@pytest.mark.parametrize(
    ("names", "words"),
    [
        (("new",), "1 file is uncommitted and not tested: new; --dirty tests such work too"),
        (("a", "b", "c", "d"), "4 files are uncommitted and not tested: a, b, c …; --dirty tests such work too"),
    ],
)
def test_uncommitted_work_that_is_not_tested_is_noted(
    built: Built, tmp_path: Path, names: tuple[str, ...], words: str
) -> None:
    for name in names:
        (built.path / name).write_text("x")
    assert words in plan(built, tmp_path / "clone").notes


def test_work_that_is_tested_or_that_nobody_asked_about_is_not_noted(built: Built, tmp_path: Path) -> None:
    (built.path / "new").write_text("x")
    notes = (*plan(built, tmp_path / "a", dirty=True).notes, *plan(built, tmp_path / "b", ref="1.0.0+1.22.1").notes)
    assert not [note for note in notes if "not tested" in note]


def test_work_that_git_cannot_add_does_not_end_a_run_that_does_not_test_it(built: Built, tmp_path: Path) -> None:
    (built.path / "embedded").mkdir()
    LocalRunner().run(["git", "init", "--quiet", str(built.path / "embedded")], timeout=30)
    (note,) = (note for note in plan(built, tmp_path / "clone").notes if "not tested" in note)
    assert "cannot be taken: 'embedded/' does not have a commit checked out; it is not tested" in note
