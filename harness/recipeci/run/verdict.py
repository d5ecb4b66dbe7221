"""The only place that makes outcomes of outcomes: of a suite, a tier, the run, with level and exit code. Pure."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass

from recipeci.model import Leftover, LintResult, Outcome, RunError, SecretScan, TestResult, Tier, TierResult

EXIT_PASS = 0
EXIT_FAILED = 1
EXIT_LEFTOVERS = 4
EXIT_BUG = 70
WORST_FIRST = (Outcome.ERROR, Outcome.FAIL, Outcome.UNVERIFIED)
HARNESS = "harness"
"""The source of the suite that holds what the harness measured itself."""
GOOD = frozenset({Outcome.PASS, Outcome.SKIP})
RUNGS: tuple[tuple[Tier, ...], ...] = (
    (Tier.INSTALL,),
    (Tier.UPGRADE,),
    (Tier.BACKUP, Tier.RESTORE),
    (Tier.CUSTOM,),
)
"""Levels 1 to 4; level 5 is lint."""


@dataclass(frozen=True)
class Verdict:
    """What a run came to: `label` is the outcome with its provisos, as people read it."""

    outcome: Outcome
    level: int | None
    exit_code: int
    label: str


def of_tests(tests: Iterable[TestResult]) -> Outcome:
    """Return the outcome of a suite: the worst of its tests; without one that passed it is unverified (R-03)."""
    found = {test.outcome for test in tests}
    worst = next((outcome for outcome in WORST_FIRST if outcome in found), None)
    return worst or (Outcome.PASS if Outcome.PASS in found else Outcome.UNVERIFIED)


def of_outcomes(outcomes: Iterable[Outcome]) -> Outcome:
    """Return the worst of several outcomes; of none at all, unverified."""
    found = set(outcomes)
    worst = next((outcome for outcome in WORST_FIRST if outcome in found), None)
    if worst:
        return worst
    return Outcome.PASS if Outcome.PASS in found else Outcome.SKIP if found else Outcome.UNVERIFIED


def stands(tier: TierResult) -> bool:
    """Say whether later tiers can build on this one: its op was done, and all that the harness measured of it is well.

    What an author's suite found is of that tier alone.
    """
    own = [suite.outcome for suite in tier.suites if suite.source == HARNESS]
    return of_outcomes(own) in GOOD if own else tier.outcome in GOOD


def level(tiers: Sequence[TierResult], lint: LintResult) -> int:
    """Return the highest rung (0 to 5) with all below it passed or skipped; a tier that was not run is no rung."""
    outcomes = {tier.name: tier.outcome for tier in tiers}
    for rung, names in enumerate(RUNGS):
        if not all(outcomes.get(name) in GOOD for name in names):
            return rung
    return len(RUNGS) + (lint.outcome is Outcome.PASS)


def verdict(
    *,
    tiers: Sequence[TierResult],
    lint: LintResult,
    planned: Collection[Tier],
    deploys: int,
    expected_deploys: int,
    leftovers: Sequence[Leftover] | None,
    secrets: SecretScan | None,
    errors: Sequence[RunError],
    error_code: int,
    built_in_abra: bool,
    generic_skipped: Collection[Tier],
) -> Verdict:
    """Return the verdict of a run.

    Args:
        tiers: the results of the tiers, in order.
        lint: the recipe's own files; where it is blocking, nothing was deployed.
        planned: the tiers that the plan has; one without a result is unverified.
        deploys: how often an app was made; it must be `expected_deploys` (1, or 0 where lint failed).
        expected_deploys: see above.
        leftovers: what teardown left; None where that could not be asked.
        secrets: what the scan of the artifacts found; None where it could not be made.
        errors: what ended the run early, if anything did.
        error_code: the exit code of the first of them, 0 if there is none.
        built_in_abra: whether miniabra deployed.
        generic_skipped: the tiers that were carried out without our own suite; with one of them there is no level.
    """
    outcomes = [tier.outcome for tier in tiers]
    outcomes += [Outcome.UNVERIFIED for name in planned if name not in {tier.name for tier in tiers}]
    outcomes += [Outcome.FAIL] if lint.blocking else []
    outcomes += [Outcome.FAIL] if deploys != expected_deploys else []
    outcomes += [Outcome.FAIL] if leftovers else []
    outcomes += [Outcome.UNVERIFIED] if leftovers is None and expected_deploys else []
    outcomes += [of_secrets(secrets)]
    outcomes += [Outcome.ERROR] if errors or error_code else []
    # A run in which all is skipped has shown nothing of the code under test.
    outcomes += [Outcome.UNVERIFIED] if Outcome.PASS not in outcomes else []
    outcome = of_outcomes(outcomes)
    return Verdict(
        outcome=outcome,
        level=None
        if outcome is Outcome.ERROR or generic_skipped
        else level([t for t in tiers if t.name in planned], lint),
        exit_code=_exit_code(outcome, leftovers=leftovers, error_code=error_code),
        label=_label(
            outcome,
            built_in_abra=built_in_abra,
            generic_skipped=bool(generic_skipped),
            partial=set(Tier) - set(planned),
        ),
    )


def of_secrets(secrets: SecretScan | None) -> Outcome:
    """Return the outcome of the scan of the artifacts: a secret in one is a failure, no scan proves nothing."""
    if secrets is None:
        return Outcome.UNVERIFIED
    return Outcome.FAIL if secrets.found else Outcome.SKIP


def _exit_code(outcome: Outcome, *, leftovers: Sequence[Leftover] | None, error_code: int) -> int:
    """An error's code first; then what was left behind, which an operator must see; then the recipe's own.

    An error is never the recipe's fault: one of a tier that brings no code of its own is a bug of ours.
    """
    if error_code:
        return error_code
    if outcome is Outcome.ERROR:
        return EXIT_BUG
    if leftovers:
        return EXIT_LEFTOVERS
    return EXIT_PASS if outcome in GOOD else EXIT_FAILED


def _label(outcome: Outcome, *, built_in_abra: bool, generic_skipped: bool, partial: Collection[Tier]) -> str:
    provisos = ["built-in abra"] if built_in_abra else []
    provisos += ["generic skipped"] if generic_skipped else []
    if partial and outcome in GOOD:
        provisos.append("not asked for: " + ", ".join(tier for tier in Tier if tier in partial))
    return str(outcome) + (f" ({'; '.join(provisos)})" if provisos else "")
