"""The only place for the values of what an operator sets up: the bridge's and the workers' sections of the settings."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path


@dataclass(frozen=True)
class Bridge:
    """What `serve`, `enroll` and `sweep` need.

    Attributes:
        database: the SQLite file.
        forge: the forge's address, such as https://git.example.org; its API is below it.
        url: our own address as people and the forge see it, without a slash at its end.
        host: where the web server listens.
        port: the same.
        token: the forge's token; never shown.
        webhook_secrets: the first is given to new webhooks; a signature by any counts, so that one can be changed.
        poll_seconds: how often comments are listed.
        deadline_seconds: how long a run may take before it is cancelled.
        show_private: whether pages show what private repositories hold.
        builtin_is_final: whether a verdict made with the built-in abra becomes a commit status.
    """

    database: Path
    forge: str
    url: str
    host: str
    port: int
    token: str = field(repr=False)
    webhook_secrets: tuple[str, ...] = field(repr=False)
    poll_seconds: float = 30.0
    deadline_seconds: float = 3 * 3600.0
    show_private: bool = False
    builtin_is_final: bool = False

    @property
    def webhook(self) -> str:
        """Where the forge tells us of comments."""
        return f"{self.url}/hooks/gitea"


@dataclass(frozen=True)
class Work:
    """What `work` needs.

    Attributes:
        database: the SQLite file that `serve` uses too.
        name: the worker's name: one process has it at a time.
        slots: how many runs at a time.
        runs: the folder below which each run has its own.
        forge: the forge's address: what is of another is not fetched, and its code not run, whatever the queue says.
        credential: a file with what private repositories are cloned by, for the checkout step alone; None: none.
        config: the settings file that each run gets.
        environment: all of the environment that each run gets.
        keep_days: logs and folders of older runs are removed; 0 keeps all.
    """

    database: Path
    name: str
    slots: int
    runs: Path
    forge: str
    credential: Path | None = None
    config: Path | None = None
    environment: Mapping[str, str] = field(default_factory=dict)
    keep_days: int = 30
