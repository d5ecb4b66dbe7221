"""One app in a cell for all tests of authors' code."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from lab import authors
from lab.authors import Bench


@pytest.fixture(scope="package")
def made() -> Iterator[Bench]:
    """The cell with its app."""
    with authors.bench() as bench:
        yield bench


@pytest.fixture
def bench(made: Bench) -> Iterator[Bench]:
    """The same, as it was made."""
    made.notes.clear()
    made.lines.clear()
    yield made
    made.seconds, made.accept, made.path = authors.SECONDS, (200,), "/"
