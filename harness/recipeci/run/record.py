"""The only place that collects what a run finds while it goes on, and makes the report of it, however it ended."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass, field

from recipeci.errors import RecipeCIError, exit_code_of
from recipeci.model import (
    Canary,
    Identity,
    ImageUsed,
    Leftover,
    LintResult,
    Outcome,
    Phase,
    Program,
    Report,
    RunError,
    SecretScan,
    Tier,
    TierResult,
)
from recipeci.run import verdict
from recipeci.run.plan import Plan
from recipeci.run.workspace import Workspace


@dataclass
class Record:
    """What one run has found so far. `plan` and `builtin_is_final` are what its verdict is measured against."""

    workspace: Workspace
    plan: Plan
    programs: dict[str, Program] = field(default_factory=dict)
    lint: LintResult = field(default_factory=lambda: LintResult(Outcome.UNVERIFIED, "not run"))
    notes: list[str] = field(default_factory=list)
    images: tuple[ImageUsed, ...] = ()
    tiers: list[TierResult] = field(default_factory=list)
    identity: Identity = field(default_factory=Identity)
    canary: tuple[Canary, ...] = ()
    deploys: int = 0
    expected_deploys: int = 1
    leftovers: tuple[Leftover, ...] | None = None
    errors: list[RunError] = field(default_factory=list)
    error_code: int = 0

    def note(self, words: str) -> None:
        """Keep a note, once."""
        if words not in self.notes:
            self.notes.append(words)

    def failed(self, error: BaseException) -> None:
        """Keep what ended the run; the first error's exit code counts."""
        if isinstance(error, RecipeCIError):
            self.errors.append(RunError(error.kind, error.message, error.hint))
        else:
            words = f"{type(error).__name__}: {error}"
            self.errors.append(RunError("bug", words, "please report it with run.log, which has the traceback"))
        self.error_code = self.error_code or exit_code_of(error)

    @property
    def has_failed(self) -> bool:
        """Whether the recipe has failed already: what the host does after that must not hide it."""
        return any(result.outcome is Outcome.FAIL for result in self.tiers)

    def fresh_attempt(self, error: RecipeCIError) -> None:
        """Forget what a cell showed that the host took away, and say so: the whole run is repeated once."""
        assert not self.has_failed  # noqa: S101 - see there
        self.note(
            "the first attempt ended by the host's fault and was repeated in a fresh cell; "
            f"first attempt: {self._came_to()}: {error.message}"
        )
        self.tiers, self.identity, self.canary, self.deploys, self.leftovers = [], Identity(), (), 0, None

    def _came_to(self) -> str:
        """Return how far it got: `install pass, upgrade not reached`."""
        outcomes = {result.name: str(result.outcome) for result in self.tiers}
        names = dict.fromkeys([*outcomes, *(step.tier for step in self.plan.steps)])
        return ", ".join(f"{name} {outcomes.get(name, 'not reached')}" for name in names)

    def report(self, *, phases: Sequence[Phase], seconds: float, secrets: SecretScan | None) -> Report:
        """Return the report, with what the scan of the artifacts found."""
        judged = verdict.verdict(
            tiers=self.tiers,
            lint=self.lint,
            planned=[step.tier for step in self.plan.steps],
            deploys=self.deploys,
            expected_deploys=self.expected_deploys,
            leftovers=self.leftovers,
            secrets=secrets,
            errors=self.errors,
            error_code=self.error_code,
            generic_skipped=self.plan.generic_skipped,
            built_in_abra=any(p.built_in for key, p in self.programs.items() if key == "abra"),
        )
        return Report(
            run_id=self.workspace.run_id,
            recipe=self.plan.recipe,
            started=self.workspace.started,
            verdict=judged.outcome,
            exit_code=judged.exit_code,
            level=judged.level,
            label=judged.label,
            seconds=round(seconds, 3),
            source=self.workspace.source,
            pr=self.workspace.pr,
            domain=self.workspace.domain,
            target=self.plan.target,
            base=self.plan.base,
            base_reason=self.plan.base_reason,
            programs=dict(self.programs),
            lint=self.lint,
            tiers=self._all_tiers(),
            deploys=self.deploys,
            expected_deploys=self.expected_deploys,
            leftovers=self.leftovers,
            secrets=secrets,
            identity=self.identity,
            canary=self.canary,
            left_out=self.plan.left_out,
            images=self.images,
            phases=tuple(phases),
            notes=tuple(self.notes),
            errors=tuple(self.errors),
        )

    def _all_tiers(self) -> tuple[TierResult, ...]:
        """Return the results of all planned tiers; one that was never reached is unverified and says why.

        An install that nobody asked for is the way to an upgrade: it is shown if it is the reason of the verdict.
        """
        done = {result.name: result for result in self.tiers}
        planned = {step.tier for step in self.plan.steps}
        unasked = (one for one in self.tiers if one.name not in planned and one.outcome not in verdict.GOOD)
        return (*unasked, *(done.get(step.tier, self._unreached(step.tier)) for step in self.plan.steps))

    def _unreached(self, tier: Tier) -> TierResult:
        why = "lint failed" if self.lint.blocking else "the run ended before"
        return dataclasses.replace(TierResult(tier, Outcome.UNVERIFIED), reason=why)
