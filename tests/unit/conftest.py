"""What unit tests share."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from recipeci.service.deciding import Deciding
from recipeci.service.sending import Sending
from recipeci.service.store import Database

from unit import follows, sends, servicehost
from unit.bridge import URL, Scene, scene
from unit.disk import Disk
from unit.follows import World
from unit.servicehost import Host


@pytest.fixture
def short() -> Iterator[Path]:
    """A folder whose path is short enough for a run's sockets; pytest's own are not."""
    with tempfile.TemporaryDirectory(prefix="rc-") as folder:
        yield Path(folder)


@pytest.fixture
def disk() -> Disk:
    """A service with a volume, for the data canary."""
    return Disk()


@pytest.fixture
def bridge(tmp_path: Path) -> Iterator[Scene]:
    """A bridge over a database, and a forge that refuses what was not declared."""
    with scene(tmp_path) as made:
        yield made


@pytest.fixture
def sending(bridge: Scene) -> Sending:
    """What sends for that bridge."""
    return sends.again(bridge)


@pytest.fixture
def deciding(bridge: Scene) -> Deciding:
    """What decides for that bridge."""
    return Deciding(bridge.database, bridge.forge, bridge.clock, URL)


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    """A bridge with an engine that says what was declared."""
    with follows.world(tmp_path) as made:
        yield made


@pytest.fixture
def host(short: Path) -> Host:
    """A host with settings, for the service's commands."""
    return servicehost.written(short)


@pytest.fixture
def database(host: Host) -> Iterator[Database]:
    """That host's database, with a repository."""
    with servicehost.opened(host) as made:
        yield made
