"""run.completeness: a tier that passed shows every measurement and suite that is due, or it has not passed."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest
from recipeci.model import AuthorFile, Outcome, SuiteResult, TestResult, Tier, TierResult, whose
from recipeci.recipe.compose import Compose, ComposeService, Mount, Resource
from recipeci.run.completeness import ALWAYS, Due, complete
from recipeci.run.plan import Fate, Step, generic_suite

LABELS = {
    "backupbot.backup": "true",
    "backupbot.backup.volumes.content.path": "a,./b/",
    "backupbot.backup.pre-hook": "dump",
    "backupbot.restore.post-hook": "load",
}
MOUNTS = (Mount("volume", "content", "/srv/"), Mount("volume", "", "/cache"), Mount("bind", "/etc", "/host"))
COMPOSE = Compose(
    {"app": ComposeService("app", "app:1", labels=LABELS, mounts=MOUNTS), "db": ComposeService("db", "db:1")},
    volumes={"content": Resource("content")},
)
OVERLAY = AuthorFile("recipeci", Path("/overlays/x/test_it.py"))
CANARY = {"canary app:/srv/a", "canary app:/cache"}
MORE = {
    Tier.INSTALL: set[str](),
    Tier.UPGRADE: {"update of s_app", "update of s_db", *CANARY},
    Tier.BACKUP: {"hooks", "backup of app:/srv//a", "backup of app:/srv//./b/", *CANARY},
    Tier.RESTORE: {"hooks", *CANARY},
    Tier.CUSTOM: set[str](),
}
"""What is due for this compose file beside ALWAYS."""
EACH = [(tier, name) for tier in Tier for name in (*ALWAYS[tier], *sorted(MORE[tier]))]


def due(tier: Tier, *, before: Compose = COMPOSE) -> Due:
    own = () if tier is Tier.CUSTOM else (generic_suite(tier),)
    return Due(Step(tier, Fate.RUN, suites=(*own, OVERLAY)), "s", before=before, after=COMPOSE)


def shown(tier: Tier, *, without: str = "") -> TierResult:
    """Return a result that shows everything but one thing."""
    names = [f"harness::{name}" for name in (*ALWAYS[tier], *MORE[tier]) if name != without]
    own = SuiteResult("harness", "harness", Outcome.PASS, tuple(TestResult(name, Outcome.PASS) for name in names))
    paths = {"generic": f"test_{tier}.py", "recipeci": str(OVERLAY.path)}
    wanted = {file.source: paths[file.source] for file in due(tier).step.suites}
    suites = [SuiteResult(source, path, Outcome.PASS) for source, path in wanted.items() if source != without]
    return TierResult(tier, Outcome.PASS, suites=(own, *suites))


@pytest.mark.parametrize("tier", Tier)
def test_a_tier_that_shows_everything_stays_as_it_is(tier: Tier) -> None:
    assert complete(shown(tier), due(tier)) == shown(tier)


@pytest.mark.parametrize(("tier", "name"), EACH)
def test_each_measurement_that_is_missing_is_named_and_the_tier_unverified(tier: Tier, name: str) -> None:
    found = complete(shown(tier, without=name), due(tier))
    said = {"canary app:/srv/a": "canary app:/srv"}.get(name, name)
    assert (found.outcome, found.reason) == (Outcome.UNVERIFIED, f"not measured: {said}")
    assert found.suites[-1].tests == (TestResult(f"harness::{said}", Outcome.UNVERIFIED, message="not measured"),)
    assert found.suites[-1].source == "harness"  # what comes later does not build on it


@pytest.mark.parametrize("source", ["generic", "recipeci"])
def test_each_suite_that_was_planned_and_is_missing_is_named(source: str) -> None:
    found = complete(shown(Tier.BACKUP, without=source), due(Tier.BACKUP))
    path = {"generic": "test_backup.py", "recipeci": str(OVERLAY.path)}[source]
    assert (found.outcome, found.reason) == (Outcome.UNVERIFIED, f"planned and not run: {whose(source)} {path}")


def test_another_suite_of_the_same_name_is_not_the_one_that_was_planned() -> None:
    good = shown(Tier.INSTALL)
    other = tuple(
        dataclasses.replace(s, path="/elsewhere/test_it.py") if s.source == "recipeci" else s for s in good.suites
    )
    assert complete(dataclasses.replace(good, suites=other), due(Tier.INSTALL)).outcome is Outcome.UNVERIFIED


@pytest.mark.parametrize("outcome", [outcome for outcome in Outcome if outcome is not Outcome.PASS])
def test_what_did_not_pass_owes_nothing(outcome: Outcome) -> None:
    result = TierResult(Tier.BACKUP, outcome, "a reason")
    assert complete(result, due(Tier.BACKUP)) == result


def test_a_volume_that_the_upgrade_brings_had_nothing_to_lose() -> None:
    before = Compose({"app": ComposeService("app", "app:1")})
    result = shown(Tier.UPGRADE, without="canary app:/cache")
    assert complete(result, due(Tier.UPGRADE, before=before)) == result


def test_a_row_of_a_neighbour_is_no_word_of_a_volume() -> None:
    near = dataclasses.replace(COMPOSE.services["app"], mounts=(Mount("volume", "content", "/srv/aa"),))
    found = complete(shown(Tier.UPGRADE), due(Tier.UPGRADE, before=Compose({"app": near})))
    assert found.reason == "not measured: canary app:/srv/aa"


def test_without_labels_neither_promises_nor_hooks_are_due() -> None:
    bare = Compose({"app": ComposeService("app", "app:1")})
    result = shown(Tier.BACKUP, without="hooks")
    assert complete(result, dataclasses.replace(due(Tier.BACKUP), after=bare, before=bare)) == result


def restore(*names: str, authors: Outcome | None = None, compose: Compose = COMPOSE) -> TierResult:
    """Return the completed result of a restore that measured these beside what is always due."""
    due_names = [*ALWAYS[Tier.RESTORE], *(MORE[Tier.RESTORE] if compose is COMPOSE else ()), *names]
    tests = tuple(TestResult(f"harness::{name}", Outcome.PASS) for name in due_names)
    suites = [SuiteResult("harness", "harness", Outcome.PASS, tests)]
    suites += [SuiteResult("recipeci", str(OVERLAY.path), authors)] if authors else []
    step = Step(Tier.RESTORE, Fate.RUN, suites=(OVERLAY,) if authors else ())
    result = TierResult(Tier.RESTORE, Outcome.PASS, suites=tuple(suites))
    return complete(result, Due(step, "s", before=compose, after=compose))


def test_a_restore_of_which_nobody_saw_what_it_brought_back_is_unverified() -> None:
    found = restore()
    assert found.outcome is Outcome.UNVERIFIED
    assert found.reason.startswith("not measured: restored data (no promised place takes a marker")


def test_a_restore_is_shown_by_our_markers_or_by_an_authors_suite() -> None:
    assert restore("restored data").outcome is Outcome.PASS
    assert restore(authors=Outcome.PASS).outcome is Outcome.PASS


@pytest.mark.parametrize("authors", [Outcome.SKIP, Outcome.UNVERIFIED, Outcome.FAIL])
def test_an_authors_suite_that_did_not_pass_shows_nothing(authors: Outcome) -> None:
    assert restore(authors=authors).outcome is Outcome.UNVERIFIED


def test_where_nothing_is_promised_nothing_has_to_come_back() -> None:
    labels = {"backupbot.backup": "true"}
    assert restore(compose=Compose({"app": ComposeService("app", "app:1", labels=labels)})).outcome is Outcome.PASS


WHOLE = Compose(
    {"app": ComposeService("app", "app:1", labels={"backupbot.backup": "true"}, mounts=MOUNTS[:1])},
    volumes={"content": Resource("content")},
)


@pytest.mark.parametrize(("canary", "expected"), [(Outcome.PASS, Outcome.UNVERIFIED), (Outcome.SKIP, Outcome.PASS)])
def test_a_volume_that_takes_markers_owes_a_word_of_them_in_the_snapshot(canary: Outcome, expected: Outcome) -> None:
    names = [*ALWAYS[Tier.BACKUP], "backup of app:/srv/"]
    tests = [TestResult(f"harness::{name}", Outcome.PASS) for name in names]
    tests.append(TestResult("harness::canary app:/srv/", canary))
    result = TierResult(
        Tier.BACKUP, Outcome.PASS, suites=(SuiteResult("harness", "harness", Outcome.PASS, tuple(tests)),)
    )
    found = complete(result, Due(Step(Tier.BACKUP, Fate.RUN), "s", before=WHOLE, after=WHOLE))
    assert found.outcome is expected
    assert ("marker in the snapshot app:/srv/" in found.reason) is (expected is Outcome.UNVERIFIED)
