"""The only place for the values that all rooms share: what is asked, what is planned for, and what was found."""

from __future__ import annotations

import enum
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from recipeci.errors import UsageError

RECIPE_NAME = re.compile(r"[a-z0-9][a-z0-9-]{0,62}\Z")
FULL_SHA = re.compile(r"[0-9a-f]{40}\Z")
LABEL_DIGITS = 8  # abra's SmallSHA: the first 8 digits of the commit (facts A-05)


OVERLAYS = frozenset({"recipeci", "repo"})
"""The sources of overlays: the operator's own tree, and the recipe's repository."""


def whose(source: str) -> str:
    """Return the source of a suite or a hook as people read it: `generic`, `recipeci overlay`, `repo overlay`."""
    return f"{source} overlay" if source in OVERLAYS else source


class Tier(enum.StrEnum):
    """The tiers of a run, in their order."""

    INSTALL = "install"
    UPGRADE = "upgrade"
    BACKUP = "backup"
    RESTORE = "restore"
    CUSTOM = "custom"


class Outcome(enum.StrEnum):
    """What became of a test, a suite, a tier or a run. What could not be checked is UNVERIFIED, never PASS."""

    PASS = "pass"  # noqa: S105 - an outcome, not a password
    FAIL = "fail"
    SKIP = "skip"
    UNVERIFIED = "unverified"
    ERROR = "error"


class BaseMode(enum.StrEnum):
    """How the base is deployed: by its version, or checked out and deployed by chaos (DESIGN §3.7)."""

    PINNED = "pinned"
    CHAOS = "chaos"


@dataclass(frozen=True)
class Commit:
    """A commit by its full sha: 40 hex digits. Never a branch, never a short sha."""

    sha: str

    def __post_init__(self) -> None:
        """Refuse anything else."""
        if not FULL_SHA.match(self.sha):
            msg = f"{self.sha!r} is not a full commit sha (40 hex digits)"
            raise UsageError(msg)

    def __str__(self) -> str:
        """Return the 40 digits."""
        return self.sha

    @property
    def label(self) -> str:
        """What abra writes as chaos-version for a clean checkout of this commit."""
        return self.sha[:LABEL_DIGITS]


@dataclass(frozen=True)
class Tag:
    """One tag of a recipe's repository: the commit that it stands for, and whether it is annotated or lightweight."""

    name: str
    commit: Commit
    annotated: bool


@dataclass(frozen=True)
class Target:
    """What is under test: a commit, and the published version that it is, if it was asked for as one."""

    commit: Commit
    version: str | None = None
    uncommitted: bool = False
    """True for --dirty: the commit was made in the private clone from uncommitted work, and exists nowhere else."""


@dataclass(frozen=True)
class Base:
    """The published version that the upgrade starts from."""

    version: str
    commit: Commit
    mode: BaseMode
    why: str


@dataclass(frozen=True)
class Request:
    """One run as it was asked for at the command line, each field already checked for form."""

    recipe: str
    source: str | None = None
    ref: str | None = None
    base: str | None = None
    dirty: bool = False
    pr: int | None = None
    stages: tuple[Tier, ...] = tuple(Tier)
    images: Path | None = None
    overlays: Path | None = None
    allowlist: Path | None = None
    allow_local_code: bool = False
    skip_generic: Mapping[Tier, str] = field(default_factory=dict)
    """The tiers whose generic suite the caller skips, each with the variable that says so."""
    proxy_image: str | None = None
    bot_image: str | None = None
    abra: str | None = None
    out: Path | None = None
    keep: bool = False
    plan_only: bool = False
    as_json: bool = False
    verbose: bool = False

    def __post_init__(self) -> None:
        """Refuse a recipe name that could be more than a folder's and a repository's name; and a restore of nothing."""
        if not RECIPE_NAME.match(self.recipe):
            msg = f"{self.recipe!r} is not a recipe name: lower-case letters, digits and hyphens, 63 at most"
            raise UsageError(msg, hint="recipeci --recipe custom-html")
        if Tier.RESTORE in self.stages and Tier.BACKUP not in self.stages:
            raise UsageError("restore needs a backup, and --stages leaves that out", hint="--stages backup,restore")


@dataclass(frozen=True)
class Settings:
    """What the operator's YAML file says (docs/settings.md); every field has a default."""

    forge: str = "https://git.coopcloud.tech/coop-cloud"
    cache: Path | None = None
    abra: str | None = None
    images: Path | None = None
    overlays: Path | None = None
    allowlist: Path | None = None
    proxy_image: str | None = None
    bot_image: str | None = None
    builtin_abra_is_final: bool = False
    docker_prefix: Path | None = None
    keep_days: int = 30
    """Folders of ended runs that are older are removed; 0 keeps all."""
    min_free_gb: float = 2
    """With less free space no run begins."""
    source_max_gb: float = 2
    """A recipe whose history or whose files are larger is not taken."""
    store_keep_gb: float = 50
    """More than this `clean` does not leave in the image store; 0 keeps all."""
    search_path: str = "/usr/local/bin:/usr/bin:/bin"
    """The caller's PATH: where an abra or a Docker of his own is looked for."""
    network_env: tuple[tuple[str, str], ...] = ()
    """The caller's proxy and certificate variables, for what has the machine's network: git, the store."""


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


@dataclass(frozen=True)
class AuthorFile:
    """One file of an author that a run uses: whose it is, and where.

    `source` is `generic` (ours, in the package), `recipeci` (the operator's overlay) or `repo` (the recipe's own
    repository). `path` is absolute, of `repo` relative to the root of the target's tree.
    """

    source: str
    path: Path


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
class LayerMount:
    """One image layer that the store lends to a cell: its folder in the store, and where the cell shows it."""

    source: Path
    target: Path


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
