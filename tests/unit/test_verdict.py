"""run.verdict: outcomes of outcomes, checked over all combinations against the rules in words."""

from __future__ import annotations

import itertools
import re
from collections.abc import Sequence
from typing import Any, NamedTuple

import pytest
from recipeci.model import (
    Leftover,
    LintResult,
    Outcome,
    RunError,
    SecretScan,
    SuiteResult,
    TestResult,
    Tier,
    TierResult,
)
from recipeci.run.verdict import Verdict, level, of_outcomes, of_tests, stands, verdict

PASS, FAIL, SKIP, UNVERIFIED, ERROR = Outcome.PASS, Outcome.FAIL, Outcome.SKIP, Outcome.UNVERIFIED, Outcome.ERROR
CLEAN = LintResult(PASS)
SCANNED = SecretScan(known=6, found=0, artifacts=9)
LETTERS = {"p": PASS, "f": FAIL, "s": SKIP, "u": UNVERIFIED, "e": ERROR}
"""`-` stands for a tier that was not run."""
ALL_TIERS = ["".join(letters) for letters in itertools.product("pfsue-", repeat=len(Tier))]

LEVEL = [
    (5, r"[ps][ps][ps][ps][ps]", "all five tiers are good, and so is lint"),
    (4, r"[ps][ps][ps][ps][ps]", "all five tiers are good, and lint is not"),
    (3, r"[ps][ps][ps][ps].", "install, upgrade, backup and restore are good"),
    (2, r"[ps][ps]...", "install and upgrade are good"),
    (1, r"[ps]....", "install is good"),
    (0, r".....", "install is not"),
]
"""The level in words: the first line that fits."""

OUTCOME = [
    (ERROR, r".*e.*", "an error of ours or of the host's in any tier"),
    (FAIL, r".*f.*", "a tier that failed"),
    (UNVERIFIED, r".*[u-].*", "a tier that was planned and is not proven"),
    (UNVERIFIED, r"s+", "nothing but skips: nothing of the target ran"),
    (PASS, r"[ps]+", "passed or skipped for a reason"),
]
"""The verdict of a run of which all five tiers were planned, in words: the first line that fits."""
EXIT = {PASS: 0, FAIL: 1, UNVERIFIED: 1, ERROR: 70}


def results(letters: str) -> tuple[TierResult, ...]:
    """Return the tiers' results as letters say them."""
    return tuple(TierResult(tier, LETTERS[one]) for tier, one in zip(Tier, letters, strict=True) if one != "-")


def judged(letters: str = "ppppp", **changes: Any) -> Verdict:  # noqa: ANN401 - any argument
    """Return the verdict of a run in which nothing else went wrong."""
    given: dict[str, Any] = {
        "tiers": results(letters),
        "lint": CLEAN,
        "planned": tuple(Tier),
        "deploys": 1,
        "expected_deploys": 1,
        "leftovers": (),
        "secrets": SCANNED,
        "errors": (),
        "error_code": 0,
        "built_in_abra": False,
        "generic_skipped": (),
    }
    return verdict(**(given | changes))


def in_words(table: Sequence[tuple[Any, str, str]], letters: str) -> Any:  # noqa: ANN401 - of either table
    return next(value for value, pattern, _ in table if re.fullmatch(pattern, letters))


def test_the_level_of_every_combination_of_tiers_is_as_in_words() -> None:
    for letters in ALL_TIERS:
        assert level(results(letters), CLEAN) == in_words(LEVEL, letters), letters
        for lint in (FAIL, UNVERIFIED, SKIP, ERROR):
            without_lint = [line for line in LEVEL if line[0] != 5]
            assert level(results(letters), LintResult(lint)) == in_words(without_lint, letters), (letters, lint)


def test_the_verdict_of_every_combination_of_tiers_is_as_in_words() -> None:
    for letters in ALL_TIERS:
        found, outcome = judged(letters), in_words(OUTCOME, letters)
        assert found.outcome is outcome, letters
        assert found.exit_code == EXIT[outcome], letters
        assert found.level == (None if outcome is ERROR else in_words(LEVEL, letters)), letters
        assert found.label == str(outcome), letters


def test_green_is_exit_0_and_nothing_else_is() -> None:
    green = [letters for letters in ALL_TIERS if judged(letters).exit_code == 0]
    assert green == [letters for letters in ALL_TIERS if judged(letters).outcome is PASS]
    assert all(set(letters) <= {"p", "s"} for letters in green)
    assert len(green) == 2**5 - 1


LEFT = (Leftover("volume", "a1b2c3_ci_test_content"),)
HOST = RunError("host", "Docker does not answer")


class World(NamedTuple):
    """One way in which a run can end."""

    letters: str
    lint: LintResult
    deploys: int
    wanted: int
    left: tuple[Leftover, ...] | None
    code: int


WORLDS = [
    World(*case)
    for case in itertools.product(
        ("ppppp", "pspps", "pfppp", "puuuu", "epppp", "sssss", "-----"),
        (LintResult(PASS), LintResult(FAIL), LintResult(FAIL, blocking=True)),
        (0, 1, 2),
        (0, 1),
        ((), LEFT, None),
        (0, 2, 3, 70, 130),
    )
]


def outcome_in_words(world: World) -> Outcome:
    """Say it once more, one sentence a line."""
    if world.code or "e" in world.letters:
        return ERROR
    if "f" in world.letters or world.lint.blocking or world.deploys != world.wanted or world.left == LEFT:
        return FAIL
    if world.left is None and world.wanted == 1:
        return UNVERIFIED
    return PASS if "p" in world.letters and set(world.letters) <= {"p", "s"} else UNVERIFIED


def code_in_words(world: World) -> int:
    """The error's own; 70 for an error without one; then 4 for leftovers, 0 for green, 1 for all else."""
    if world.code:
        return world.code
    if outcome_in_words(world) is ERROR:
        return 70
    if world.left == LEFT:
        return 4
    return 0 if outcome_in_words(world) is PASS else 1


@pytest.mark.parametrize("errors_named", [True, False])
def test_the_verdict_of_every_end_of_a_run_is_as_in_words(errors_named: bool) -> None:  # noqa: FBT001 - parametrized
    for world in WORLDS:
        found = judged(
            world.letters,
            lint=world.lint,
            deploys=world.deploys,
            expected_deploys=world.wanted,
            leftovers=world.left,
            errors=(HOST,) if world.code and errors_named else (),
            error_code=world.code,
        )
        assert found.outcome is outcome_in_words(world), world
        assert found.exit_code == code_in_words(world), world
        assert (found.level is None) is (found.outcome is ERROR), world


def test_an_error_without_a_code_of_its_own_is_a_bug_never_the_recipes_failure() -> None:
    assert judged(errors=(HOST,)).exit_code == 70
    assert judged("epppp").exit_code == 70


def test_two_deployments_fail_though_each_tier_passed() -> None:
    assert judged(deploys=2).outcome is FAIL
    assert judged(deploys=0).outcome is FAIL
    assert judged(deploys=1).outcome is PASS


def test_leftovers_fail_with_their_own_code_and_not_having_looked_is_unverified() -> None:
    assert (judged(leftovers=LEFT).outcome, judged(leftovers=LEFT).exit_code) == (FAIL, 4)
    assert judged("pfppp", leftovers=LEFT).exit_code == 4
    assert (judged(leftovers=None).outcome, judged(leftovers=None).exit_code) == (UNVERIFIED, 1)


def test_a_secret_in_an_artifact_fails_and_not_having_scanned_is_unverified() -> None:
    found = SecretScan(known=6, found=1, artifacts=9)
    assert (judged(secrets=found).outcome, judged(secrets=found).exit_code) == (FAIL, 1)
    assert (judged(secrets=None).outcome, judged(secrets=None).exit_code) == (UNVERIFIED, 1)
    assert judged("puppp", secrets=found).outcome is FAIL
    assert judged(secrets=found, leftovers=LEFT).exit_code == 4
    assert judged("p----", secrets=found, errors=(HOST,), error_code=130).exit_code == 130


def test_a_secret_that_is_not_masked_is_listed_and_costs_nothing() -> None:
    listed = SecretScan(known=6, found=0, artifacts=9, not_masked=("pin_v1 (shorter than 8 bytes)",))
    assert judged(secrets=listed).outcome is PASS


def test_a_scan_alone_makes_nothing_green() -> None:
    assert judged("-----", planned=(), secrets=SCANNED).outcome is UNVERIFIED


def test_an_interrupted_run_keeps_its_code_also_with_leftovers() -> None:
    assert judged("p----", leftovers=LEFT, errors=(HOST,), error_code=130).exit_code == 130


def test_lint_that_forbids_a_deployment_fails_at_level_0() -> None:
    found = judged("-----", lint=LintResult(FAIL, blocking=True), deploys=0, expected_deploys=0, leftovers=None)
    assert (found.outcome, found.exit_code, found.level) == (FAIL, 1, 0)


def test_a_broken_rule_of_abras_lint_costs_level_5_only() -> None:
    found = judged(lint=LintResult(FAIL))
    assert (found.outcome, found.exit_code, found.level) == (PASS, 0, 4)


@pytest.mark.parametrize("missing", Tier)
def test_a_planned_tier_without_a_result_is_unverified(missing: Tier) -> None:
    tiers = tuple(TierResult(tier, PASS) for tier in Tier if tier is not missing)
    assert judged(tiers=tiers).outcome is UNVERIFIED


def test_stages_that_were_not_asked_for_are_named_and_give_no_level() -> None:
    found = judged("pp---", planned=(Tier.INSTALL, Tier.UPGRADE))
    assert (found.outcome, found.exit_code, found.level) == (PASS, 0, 2)
    assert found.label == "pass (not asked for: backup, restore, custom)"


def test_no_tier_at_all_is_unverified() -> None:
    found = judged("-----", planned=())
    assert (found.outcome, found.exit_code, found.level) == (UNVERIFIED, 1, 0)


def test_a_built_in_abra_is_said_whatever_the_outcome() -> None:
    assert judged(built_in_abra=True).label == "pass (built-in abra)"
    assert judged("pfppp", built_in_abra=True).label == "fail (built-in abra)"
    assert judged("f----", planned=(Tier.INSTALL,)).label == "fail"
    partly = judged("p----", planned=(Tier.INSTALL,), built_in_abra=True)
    assert partly.label == "pass (built-in abra; not asked for: upgrade, backup, restore, custom)"


@pytest.mark.parametrize("tier", [tier for tier in Tier if tier is not Tier.CUSTOM])
def test_without_a_generic_suite_there_is_no_level_and_the_verdict_says_why(tier: Tier) -> None:
    """The rest is as ever: skipping our own suites changes nothing of what was found."""
    for letters in ALL_TIERS:
        with_all, without = judged(letters), judged(letters, generic_skipped=(tier,))
        assert (without.outcome, without.exit_code) == (with_all.outcome, with_all.exit_code)
        assert without.level is None
        assert without.label == f"{with_all.outcome} (generic skipped)"


def test_all_provisos_stand_beside_each_other() -> None:
    found = judged("p----", planned=(Tier.INSTALL,), built_in_abra=True, generic_skipped=(Tier.INSTALL,))
    assert found.label == "pass (built-in abra; generic skipped; not asked for: upgrade, backup, restore, custom)"
    assert found.level is None


def of_letters(letters: str) -> list[TestResult]:
    return [TestResult(f"test_{number}", LETTERS[one]) for number, one in enumerate(letters)]


@pytest.mark.parametrize(
    ("letters", "outcome"),
    [
        ("", UNVERIFIED),
        ("s", UNVERIFIED),
        ("sss", UNVERIFIED),
        ("p", PASS),
        ("sp", PASS),
        ("pf", FAIL),
        ("pu", UNVERIFIED),
        ("uf", FAIL),
        ("pe", ERROR),
        ("fe", ERROR),
    ],
)
def test_a_suite_passes_by_a_test_that_passed_and_none_that_did_not(letters: str, outcome: Outcome) -> None:
    assert of_tests(of_letters(letters)) is outcome


def test_the_worst_outcome_counts_in_any_order() -> None:
    for letters in itertools.chain.from_iterable(itertools.product("pfsue", repeat=n) for n in range(5)):
        found = of_outcomes([LETTERS[one] for one in letters])
        worst = next((LETTERS[one] for one in "efups" if one in letters), UNVERIFIED)
        assert found is worst, letters


def tier_of(*suites: tuple[str, Outcome], outcome: Outcome = FAIL) -> TierResult:
    return TierResult(Tier.BACKUP, outcome, suites=tuple(SuiteResult(source, "f", found) for source, found in suites))


@pytest.mark.parametrize("authors", [PASS, FAIL, UNVERIFIED])
def test_later_tiers_build_on_a_tier_whose_own_measurements_are_well(authors: Outcome) -> None:
    assert stands(tier_of(("harness", PASS), ("recipeci", authors)))


@pytest.mark.parametrize("own", [FAIL, UNVERIFIED, ERROR])
def test_nothing_builds_on_a_tier_whose_own_measurements_are_not(own: Outcome) -> None:
    assert not stands(tier_of(("harness", own), ("recipeci", PASS)))


@pytest.mark.parametrize(("outcome", "expected"), [(PASS, True), (SKIP, True), (FAIL, False), (UNVERIFIED, False)])
def test_a_tier_that_measured_nothing_stands_by_its_outcome(outcome: Outcome, *, expected: bool) -> None:
    assert stands(tier_of(outcome=outcome)) is expected


def test_an_install_that_nobody_asked_for_is_no_rung() -> None:
    """It is the way to what was asked for, and it can fail; the level is of what was asked for."""
    assert judged("p-p--", planned=(Tier.BACKUP,)).level == 0
    assert judged("f-u--", planned=(Tier.BACKUP,)).outcome is FAIL
