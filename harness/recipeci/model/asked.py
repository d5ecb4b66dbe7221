"""The only place for the values of what is asked and planned for: target, base, tiers, request, settings, files."""

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
    code_source: str | None = None
    """The source that the allowlist is asked about, empty if nobody knows it; None: the one that is cloned."""
    clone_credential: Path | None = None
    """A file with what the source's host is shown when it is cloned."""
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
class AuthorFile:
    """One file of an author that a run uses: whose it is, and where.

    `source` is `generic` (ours, in the package), `recipeci` (the operator's overlay) or `repo` (the recipe's own
    repository). `path` is absolute, of `repo` relative to the root of the target's tree.
    """

    source: str
    path: Path


@dataclass(frozen=True)
class LayerMount:
    """One image layer that the store lends to a cell: its folder in the store, and where the cell shows it."""

    source: Path
    target: Path
