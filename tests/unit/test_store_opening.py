"""service.store.database: a new file that somebody else is just making is waited for, as an old one is."""

from __future__ import annotations

import contextlib
import sqlite3
from collections.abc import Iterator
from pathlib import Path

import pytest
from recipeci.errors import HostError
from recipeci.service.store import Database, database


class Ending:
    """A clock on which the other one's transaction ends as soon as somebody waits for that."""

    def __init__(self, other: sqlite3.Connection) -> None:
        self.other = other
        self.slept = 0.0

    def monotonic(self) -> float:
        return 100.0 + self.slept

    def now(self) -> str:
        raise AssertionError("nobody is to ask for the date")

    def epoch(self) -> float:
        raise AssertionError("nobody is to ask for the date")

    def sleep(self, seconds: float) -> None:
        self.slept += seconds
        if self.other.in_transaction:
            self.other.execute("COMMIT")


@pytest.fixture
def other(tmp_path: Path) -> Iterator[sqlite3.Connection]:
    """Another process that has made the file, and is in the middle of its first transaction."""
    with contextlib.closing(sqlite3.connect(tmp_path / "db", isolation_level=None)) as made:
        made.execute("BEGIN IMMEDIATE")
        yield made


def test_what_another_one_is_just_making_is_waited_for(tmp_path: Path, other: sqlite3.Connection) -> None:
    clock = Ending(other)
    with contextlib.closing(sqlite3.connect(tmp_path / "db", isolation_level=None)) as ours:
        database.write_ahead(ours, clock=clock)
        assert ours.execute("PRAGMA journal_mode").fetchone() == ("wal",)
    assert clock.slept > 0


@pytest.mark.usefixtures("other")
def test_one_that_is_never_made_is_the_hosts_matter(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(database, "BUSY_MS", 10)
    with pytest.raises(HostError, match="database is locked"):
        Database(tmp_path / "db")


def test_what_is_no_database_is_not_waited_for(tmp_path: Path, other: sqlite3.Connection) -> None:
    (tmp_path / "text").write_text("no database" * 1000)
    clock = Ending(other)
    with (
        contextlib.closing(sqlite3.connect(tmp_path / "text", isolation_level=None)) as ours,
        pytest.raises(sqlite3.DatabaseError, match="not a database"),
    ):
        database.write_ahead(ours, clock=clock)
    assert clock.slept == 0
