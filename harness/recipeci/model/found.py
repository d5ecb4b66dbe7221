"""The only place for the values of what a run found: tests, suites, tiers, what ran, and the report of it all."""

from __future__ import annotations

from dataclasses import dataclass, field

from recipeci.model.asked import Base, Outcome, Target, Tier


@dataclass(frozen=True)
class TestResult:
    """One test of a suite; `harness::…` names are measurements of the harness, judged by run/verdict."""

    __test__ = False
    name: str
    outcome: Outcome
    seconds: float = 0.0
    message: str = ""


@dataclass(frozen=True)
class SuiteResult:
    """One suite: where it came from (`generic`, `recipeci`, `repo`, `harness`), its file, its tests."""

    source: str
    path: str
    outcome: Outcome
    tests: tuple[TestResult, ...] = ()
    message: str = ""


@dataclass(frozen=True)
class TierResult:
    """One tier's outcome with its reason; `seconds` covers its hooks, its op and its suites."""

    name: Tier
    outcome: Outcome
    reason: str = ""
    seconds: float = 0.0
    op: str = ""
    suites: tuple[SuiteResult, ...] = ()


@dataclass(frozen=True)
class LintResult:
    """What the recipe's own files have wrong, and abra's lint table where it was run.

    `blocking` says that the files are so wrong that nothing is deployed; broken rules of abra's cost only level 5.
    """

    outcome: Outcome
    reason: str = ""
    seconds: float = 0.0
    rules: int = 0
    not_checked: tuple[str, ...] = ()
    findings: tuple[str, ...] = ()
    blocking: bool = False


@dataclass(frozen=True)
class Phase:
    """One step of the run: `start` in seconds after the run began (monotonic), `seconds` long."""

    name: str
    start: float
    seconds: float


@dataclass(frozen=True)
class Program:
    """A program that the verdict rests on."""

    name: str
    version: str
    built_in: bool = False


@dataclass(frozen=True)
class ServiceIdentity:
    """What one service runs after the upgrade: images, whether its task template differs, how its update ended."""

    name: str
    image: str
    image_before: str
    changed: bool
    update_state: str


@dataclass(frozen=True)
class Identity:
    """The proof of what is deployed: the checked-out HEAD, the chaos-version label, each service.

    Of a first deployment by its version `chaos_version` is the version label; there is no other then.
    """

    head: str = ""
    chaos_version: str = ""
    services: tuple[ServiceIdentity, ...] = ()


@dataclass(frozen=True, order=True)
class Leftover:
    """One thing that is still there after teardown: its kind (`volume`, `service`, …) and its name."""

    kind: str
    name: str


@dataclass(frozen=True)
class LeftOut:
    """One file of the recipe's or the operator's that was not used, and why."""

    path: str
    reason: str


@dataclass(frozen=True)
class ImageUsed:
    """One image by the reference that the compose file names and the id that the cell ran."""

    ref: str
    id: str


@dataclass(frozen=True)
class RunError:
    """An error of ours, of the host's or of the caller's that ended a run: its kind, sentence and next step."""

    kind: str
    message: str
    hint: str = ""


@dataclass(frozen=True)
class Canary:
    """One marker in one mount: filled by the data canary."""

    service: str
    path: str
    volume: str
    outcome: Outcome
    reason: str = ""


@dataclass(frozen=True)
class SecretScan:
    """What the scan of the finished artifacts found: how many of the known secrets, in how many artifacts.

    `not_masked` names secrets whose values are not known or cannot be masked, each with the reason; `where` says in
    which artifact each one found was, before it was withheld.
    """

    known: int
    found: int
    artifacts: int
    not_masked: tuple[str, ...] = ()
    where: tuple[str, ...] = ()


@dataclass(frozen=True)
class Report:
    """All that a run found: what report.json holds (schemas/report.json), also of a run that deployed nothing."""

    run_id: str
    recipe: str
    started: str
    verdict: Outcome
    exit_code: int
    level: int | None = None
    label: str = ""
    """The verdict with its provisos, as people read it: `pass (built-in abra)`."""
    seconds: float = 0.0
    source: str = ""
    pr: int | None = None
    domain: str = ""
    target: Target | None = None
    base: Base | None = None
    base_reason: str = ""
    programs: dict[str, Program] = field(default_factory=dict)
    """Keys: abra, backup_bot, proxy, vip, docker."""
    lint: LintResult = field(default_factory=lambda: LintResult(Outcome.UNVERIFIED, "not run"))
    tiers: tuple[TierResult, ...] = ()
    deploys: int = 0
    expected_deploys: int = 1
    """0 where the recipe's own files forbid a deployment."""
    leftovers: tuple[Leftover, ...] | None = None
    """None: there was no swarm to look at, or it could not be asked; the summary then says `not checked`."""
    secrets: SecretScan | None = None
    """None: the artifacts could not be scanned."""
    identity: Identity = field(default_factory=Identity)
    canary: tuple[Canary, ...] = ()
    left_out: tuple[LeftOut, ...] = ()
    images: tuple[ImageUsed, ...] = ()
    phases: tuple[Phase, ...] = ()
    notes: tuple[str, ...] = ()
    errors: tuple[RunError, ...] = ()
