"""The only place for the values that authors' suites and hooks are told of an op; docs/testing.md shows them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True)
class ServiceSeen:
    """One service as an op found or left it: its image as the compose file names it, and its spec's version."""

    image: str
    spec_version: int


@dataclass(frozen=True)
class Seen:
    """A deployed app at one moment: its version labels (empty if it has none), its services by their short names."""

    version: str = ""
    chaos_version: str = ""
    services: Mapping[str, ServiceSeen] = field(default_factory=dict)


@dataclass(frozen=True)
class OpState:
    """What the newest op did, as suites read it (fixture `op`, `CCCI_OP_STATE_FILE`; DESIGN §15).

    `before` is what the op found; of the deploy nothing. Times are ISO 8601 UTC. `base` is the base's version, empty
    where there is none; `snapshot_id` is of the newest backup, empty before there is one.
    """

    op: str
    recipe: str
    domain: str
    before: Seen
    after: Seen
    head_ref: str
    base: str
    snapshot_id: str
    started: str
    ended: str
