"""service.carrying: what a run prints is brought to its log whole, whenever the database can be written."""

from __future__ import annotations

import contextlib
import sqlite3
import threading
from pathlib import Path

import pytest
from recipeci.host.clock import SystemClock
from recipeci.model import Tier
from recipeci.service.carrying import Bench, Carrying
from recipeci.service.leavings import Tail
from recipeci.service.model import Asked, Job
from recipeci.service.setup import Work
from recipeci.service.store import Database, database, jobs

ASKED = Asked("web", "a" * 40, (Tier.INSTALL,), "https://h/coop/web.git", None, pull=3)
ANY_TIME = float("-inf")


def test_what_cannot_be_stored_now_is_stored_later(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(database, "BUSY_MS", 10)
    output = tmp_path / "output.log"
    work = Work(tmp_path / "db", "one", 1, tmp_path, "https://h")
    with contextlib.closing(Database(tmp_path / "db")) as opened:
        with opened.writing() as tx:
            jobs.put(tx, Job("1.1", 7, ASKED), now=0.0)
            taken = jobs.take(tx, worker="one", forge="https://h", now=0.0)
        assert taken is not None
        carrying, tail = Carrying(taken, Bench(work, opened, SystemClock(), threading.Event())), Tail(output)
        with contextlib.closing(sqlite3.connect(tmp_path / "db", isolation_level=None)) as other:
            for printed in ("one\n", "one\ntwo\n", "one\ntwo\nthree\n"):
                output.write_text(printed)
                other.execute("BEGIN IMMEDIATE" if printed == "one\ntwo\n" else "SELECT 1")
                carrying._said = ANY_TIME  # it is time again
                carrying._tell(tail)
                if other.in_transaction:
                    other.execute("COMMIT")
        carrying._said = ANY_TIME
        carrying._tell(tail)
        with opened.reading() as tx:
            assert jobs.log(tx, "1.1")[1] == "one\ntwo\nthree\n"
