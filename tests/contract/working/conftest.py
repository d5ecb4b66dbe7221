"""What the tests of workers share."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from working import lab
from working.lab import Lab


@pytest.fixture
def bridge(tmp_path: Path) -> Iterator[Lab]:
    """A database with two repositories, and the loop that follows their requests."""
    with lab.made(tmp_path) as made:
        yield made
