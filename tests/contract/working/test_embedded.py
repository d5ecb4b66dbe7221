"""The embedded engine keeps to what every engine must, with workers as processes of their own."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from engine_conformance import Conformance, Ground
from recipeci.service.engines import Engine
from recipeci.service.engines.embedded import Embedded
from recipeci.service.store import Database, jobs

from working import lab
from working.lab import Lab, Process


class OfEmbedded(Ground):
    """The database, and workers beside it."""

    def __init__(self, bridge: Lab) -> None:
        self.bridge = bridge
        self.engine = bridge.engine
        self.hosts: list[Process] = []

    def again(self) -> Engine:
        return Embedded(Database(self.bridge.database.path), clock=self.bridge.leases, lease=lab.LEASE)

    def host_comes(self) -> None:
        self.hosts.append(self.bridge.start(f"host-{len(self.hosts)}"))

    def host_dies(self) -> None:
        self.hosts.pop().kill()
        for key in self.running():
            self.engine.state(key)  # sees the last beat
        self.bridge.leases.passed += lab.LEASE + 1

    def running(self) -> list[str]:
        """Return the keys of what runs, or did when its host died."""
        with self.bridge.database.reading() as tx:
            return list(jobs.beats(tx))

    def order(self, sha: str, *, code: int) -> None:
        self.bridge.order(sha, code=code)

    def hold(self) -> None:
        self.bridge.hold()

    def release(self) -> None:
        self.bridge.release()

    def begun(self, sha: str) -> int:
        return sum(line["sha"] == sha for line in self.bridge.journal())

    def torn_down(self, sha: str) -> int:
        interrupted = {line["pid"] for line in self.bridge.journal("interrupted") if line["sha"] == sha}
        return len(interrupted & {line["pid"] for line in self.bridge.journal("ended")})


class TestEmbedded(Conformance):
    """See Conformance."""

    @pytest.fixture
    def ground(self, tmp_path: Path) -> Iterator[Ground]:
        with lab.made(tmp_path) as bridge:
            yield OfEmbedded(bridge)
