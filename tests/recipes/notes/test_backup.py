"""What the backup was to hold was there when it was made, and the app noticed nothing of it."""

from __future__ import annotations

from database import DUMP, notes
from recipeci.author import App, OpState


def test_the_dump_is_whole_and_of_this_backup(app: App) -> None:
    dump = app.exec("db", ["cat", DUMP]).text
    assert "-- PostgreSQL database dump complete" in dump.splitlines()
    assert "to be changed" in dump
    assert "to be deleted" in dump


def test_the_notes_are_still_there(app: App, op: OpState) -> None:
    assert op.snapshot_id
    assert notes(app)[-2:] == ["to be changed", "to be deleted"]
