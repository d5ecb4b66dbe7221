"""run.source against real git: what the plan says of the source beyond its commits."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from lab import repository
from lab.forge import serving
from lab.repository import Built
from recipeci.errors import UsageError
from recipeci.host.command import LocalRunner
from recipeci.model import AuthorFile, LeftOut, Request, Settings, Tier
from recipeci.redact import Redactor
from recipeci.run import secrets
from recipeci.run.describing import describe
from recipeci.run.plan import Plan
from recipeci.run.source import given, sourced

BASE = Path(__file__).parents[1] / "canaries" / "base"
LABEL = "coop-cloud.${STACK_NAME}.version=1.0.0+1.22.1"
NO_SETTINGS = Settings()


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
    return plan_of(Request("canary", source=str(built.path), ref=ref, dirty=dirty), into)


def plan_of(request: Request, into: Path, *, settings: Settings = NO_SETTINGS) -> Plan:
    return sourced(request, settings, given(request, settings), into=into, runner=LocalRunner()).plan


def test_a_version_that_only_an_earlier_tag_says_is_noted(built: Built, tmp_path: Path) -> None:
    made = plan(built, tmp_path / "clone")
    assert made.own_version == "1.0.0+1.22.1"
    assert made.notes == (
        "the commit has no version label: 1.0.0+1.22.1, the newest tag before it, is taken for its own version",
    )
    assert any("no version label" in line for line in describe(made))


def test_a_version_that_the_commit_says_itself_is_not(built: Built, tmp_path: Path) -> None:
    assert plan(built, tmp_path / "clone", ref="1.0.0+1.22.1").notes == ()


def test_a_label_below_a_version_is_stale_only_if_that_came_before_it(tmp_path: Path) -> None:
    lower = f'{{in: compose.yml, old: "{LABEL}", new: "{LABEL.replace("=1.0.0", "=0.1.0")}"}}'
    higher = f'{{in: compose.yml, old: "{LABEL.replace("=1.0.0", "=0.1.0")}", new: "{LABEL}"}}'
    (tmp_path / "made").mkdir()
    (tmp_path / "made" / "history.yml").write_text(f"""\
about: a version label that is lowered again
steps:
  - {{message: before, lay: ["{BASE}"], edit: [{lower}]}}
  - {{message: published, edit: [{higher}], tag: 1.0.0+1.22.1}}
  - {{message: after, edit: [{lower}]}}
""")
    built = repository.build(tmp_path / "made", tmp_path / "canary")
    before, after = plan(built, tmp_path / "a", ref=built.commits[0]), plan(built, tmp_path / "b")
    assert {before.own_version, after.own_version} == {"0.1.0+1.22.1"}
    assert "structural: nothing to upgrade from" in before.base_reason
    assert "0.1.0+1.22.1, but 1.0.0+1.22.1 is published and came before it" in after.base_reason


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


@pytest.mark.parametrize("place", ["result", "", "not/there/yet", "../link"])
def test_a_run_folder_in_the_source_is_refused_before_anything_is_made(
    built: Built, tmp_path: Path, place: str
) -> None:
    (tmp_path / "link").symlink_to(built.path / "result")
    request = Request("canary", source=str(built.path), dirty=True, out=built.path / place)
    with pytest.raises(UsageError, match=r"^--out \S+ lies in \S+/canary, the source under test$") as caught:
        plan_of(request, tmp_path / "clone")
    assert caught.value.hint
    assert not (tmp_path / "clone").exists()
    assert not (built.path / "result").exists()


def test_a_cache_folder_in_the_source_is_refused(built: Built, tmp_path: Path) -> None:
    request = Request("canary", source=built.path.as_uri())
    with pytest.raises(UsageError, match=r"^the cache folder \S+ lies in \S+/canary, the source under test$"):
        plan_of(request, tmp_path / "clone", settings=Settings(cache=built.path / "c"))


def test_a_run_folder_that_only_a_link_in_the_source_leads_to_is_taken(built: Built, tmp_path: Path) -> None:
    (built.path / "result").symlink_to(tmp_path / "result")
    for number, out in enumerate((built.path / "result", tmp_path / "canary-result")):
        request = Request("canary", source=str(built.path), out=out)
        plan_of(request, tmp_path / f"clone{number}", settings=Settings(cache=tmp_path / "c"))


# --- authors' files


@pytest.fixture
def with_tests(tmp_path: Path) -> Built:
    """A recipe whose repository brings tests; its first version brings others than its head."""
    made = tmp_path / "made"
    for version, files in {"1": ["test_install.py"], "2": ["test_install.py", "ops.py", "custom/test_a.py"]}.items():
        for name in (*files, "conftest.py"):
            path = made / version / "tests" / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text("raise SystemExit  # never imported while planning\n")
    (made / "history.yml").write_text(f"""\
about: tests in the recipe's own repository
steps:
  - {{message: first, lay: ["{BASE}", "1"], tag: 1.0.0+1.22.1}}
  - {{message: second, lay: ["2"]}}
""")
    return repository.build(made, tmp_path / "canary")


def asked(source: Path, **more: Any) -> Request:  # noqa: ANN401 - any field
    return Request("canary", source=str(source), **more)


def of_repo(plan: Plan) -> list[str]:
    """Return the repository's files that a plan uses."""
    files = [file for step in plan.steps for file in (*step.hooks, *step.suites)]
    return sorted({str(file.path) for file in files if file.source == "repo"})


USED = ["tests/custom/test_a.py", "tests/ops.py", "tests/test_install.py"]


def test_a_folders_own_tests_are_used_with_the_option_alone(with_tests: Built, tmp_path: Path) -> None:
    (tmp_path / "list").write_text(f"canary\ncanary https://forge.test{with_tests.path}\n")
    without = asked(with_tests.path, allowlist=tmp_path / "list")
    refused = plan_of(without, tmp_path / "a")
    assert of_repo(refused) == []
    why = "not allowed: code from a folder runs only with --allow-local-code"
    code = sorted((*USED, "tests/conftest.py"))
    assert refused.left_out == tuple(LeftOut(path, why) for path in code)
    allowed = plan_of(asked(with_tests.path, allow_local_code=True), tmp_path / "b")
    assert of_repo(allowed) == USED
    assert allowed.left_out == ()


def test_a_link_is_no_file_of_an_author_wherever_it_leads(with_tests: Built, tmp_path: Path) -> None:
    (with_tests.path / "tests" / "test_upgrade.py").symlink_to("test_install.py")
    request = asked(with_tests.path, allow_local_code=True, dirty=True)
    made = plan_of(request, tmp_path / "a")
    assert of_repo(made) == USED
    assert made.left_out == (LeftOut("tests/test_upgrade.py", "a link, not a file"),)


def test_the_files_are_those_of_the_target_not_of_the_newest_commit(with_tests: Built, tmp_path: Path) -> None:
    first = asked(with_tests.path, allow_local_code=True, ref="1.0.0+1.22.1")
    assert of_repo(plan_of(first, tmp_path / "a")) == [USED[2]]


def test_an_overlay_and_the_repository_add_to_each_other(with_tests: Built, tmp_path: Path) -> None:
    overlay = tmp_path / "overlays" / "canary"
    overlay.mkdir(parents=True)
    (overlay / "test_install.py").write_text("def test_it(): pass\n")
    request = asked(with_tests.path, allow_local_code=True, overlays=overlay.parent)
    made = plan_of(request, tmp_path / "a")
    assert [file for file in made.steps[0].suites if file.source != "generic"] == [
        AuthorFile("recipeci", overlay / "test_install.py"),
        AuthorFile("repo", Path("tests/test_install.py")),
    ]
    assert made.steps[0].header == "===== TIER: install (generic=run, overlay=recipeci+repo) ====="


def test_a_folder_of_overlays_without_one_of_the_recipe_is_noted(built: Built, tmp_path: Path) -> None:
    overlays, note = tmp_path / "overlays", "no overlay of the operator's is used"
    (overlays / "other").mkdir(parents=True)
    request = asked(built.path, overlays=overlays)
    assert f"--overlays {overlays} has no folder canary: {note}" in plan_of(request, tmp_path / "a").notes
    of_settings = plan_of(request, tmp_path / "b", settings=Settings(overlays=overlays))
    (overlays / "canary").mkdir()
    there = plan_of(request, tmp_path / "c")
    assert [one for made in (of_settings, there) for one in made.notes if note in one] == []


def test_a_list_in_the_source_is_refused(with_tests: Built, tmp_path: Path) -> None:
    (with_tests.path / "allowlist").write_text("canary\n")
    with pytest.raises(UsageError, match="must not allow itself"):
        plan_of(asked(with_tests.path, allowlist=with_tests.path / "allowlist"), tmp_path / "a")
    assert not (tmp_path / "a").exists()


def test_the_permission_of_folders_is_refused_for_what_is_none(tmp_path: Path) -> None:
    request = Request("canary", source="https://forge.invalid/canary", allow_local_code=True)
    with pytest.raises(
        UsageError, match=r"--allow-local-code is for a folder, and https://forge\.invalid/canary is none"
    ):
        plan_of(request, tmp_path / "a")


def test_generic_suites_that_the_caller_skips(with_tests: Built, tmp_path: Path) -> None:
    made = plan_of(
        asked(with_tests.path, skip_generic={Tier.INSTALL: "CCCI_SKIP_GENERIC_DEPLOY is set"}), tmp_path / "a"
    )
    (install,) = (step for step in made.steps if step.tier is Tier.INSTALL)
    assert (made.generic_skipped, install.suites) == ((Tier.INSTALL,), ())


# --- whose code it is, where that is not what is cloned: a service's pull requests


@pytest.fixture
def by_web(with_tests: Built, tmp_path: Path) -> Iterator[str]:
    """The address of the recipe that brings tests, on a forge."""
    forge = tmp_path / "forge"
    LocalRunner().run(
        ["git", "clone", "--quiet", "--bare", str(with_tests.path), str(forge / "canary.git")], timeout=30
    )
    with serving(forge) as url:
        yield f"{url}/canary.git"


HEADS = "https://forge.test/somebody/canary.git"


@pytest.mark.parametrize(
    ("listed", "code_source", "used", "why"),
    [
        ("CLONED", None, USED, ""),
        (HEADS, HEADS, USED, ""),
        ("CLONED", HEADS, [], f"not allowed: recipe canary from source {HEADS} is not on the allowlist"),
        (HEADS, "", [], "not allowed: the source of recipe canary is not known"),
        ("CLONED", "", [], "not allowed: the source of recipe canary is not known"),
    ],
)
def test_code_is_the_heads_repositorys_wherever_its_commit_is_cloned_from(
    by_web: str, tmp_path: Path, *, listed: str, code_source: str | None, used: list[str], why: str
) -> None:
    (tmp_path / "list").write_text(f"canary {by_web if listed == 'CLONED' else listed}\n")
    request = Request("canary", source=by_web, code_source=code_source, allowlist=tmp_path / "list")
    made = plan_of(request, tmp_path / "a")
    assert of_repo(made) == used
    assert {left.path for left in made.left_out} == (set() if used else {*USED, "tests/conftest.py"})
    assert all(left.reason.startswith(why) for left in made.left_out)


def test_a_folder_has_no_other_source_of_code_and_no_credential(with_tests: Built, tmp_path: Path) -> None:
    for more, option in (({"code_source": HEADS}, "--code-source"), ({"clone_credential": tmp_path}, "--clone-cred")):
        with pytest.raises(UsageError, match=rf"{option}.* is for a source by URL, and .* is a folder"):
            plan_of(asked(with_tests.path, **more), tmp_path / "a")


def test_the_clones_credential_is_read_before_anything_is_fetched(tmp_path: Path) -> None:
    (tmp_path / "open").write_text("https://me:a-token-of-16-characters@forge.test")
    request = Request("canary", source="https://forge.invalid/canary", clone_credential=tmp_path / "open")
    with pytest.raises(UsageError, match=r"--clone-credential: .*/open is open to others \(mode 0644\)"):
        plan_of(request, tmp_path / "a")


def test_the_clones_credential_is_masked_from_the_first_word_on(tmp_path: Path) -> None:
    (tmp_path / "own").write_text("https://me:a-token-of-16-characters@forge.test")
    (tmp_path / "own").chmod(0o600)
    request = Request("canary", source="https://forge.invalid/canary", clone_credential=tmp_path / "own")
    redactor = Redactor()
    secrets.of_clone(redactor, given(request, NO_SETTINGS))
    assert redactor.mask("me:a-token-of-16-characters") == "me:***"
