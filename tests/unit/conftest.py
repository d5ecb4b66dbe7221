"""What unit tests share."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from unit.disk import Disk


@pytest.fixture
def short() -> Iterator[Path]:
    """A folder whose path is short enough for a run's sockets; pytest's own are not."""
    with tempfile.TemporaryDirectory(prefix="rc-") as folder:
        yield Path(folder)


@pytest.fixture
def disk() -> Disk:
    """A service with a volume, for the data canary."""
    return Disk()
