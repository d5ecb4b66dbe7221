"""Notes and files are as they were when the backup was made."""

from __future__ import annotations

from database import notes
from recipeci.author import App


def test_the_notes_are_those_of_the_backup(app: App) -> None:
    texts = notes(app)
    assert texts[-2:] == ["to be changed", "to be deleted"]
    assert "changed after the backup" not in texts
    assert "written after the backup" not in texts


def test_the_app_serves_the_restored_notes(app: App) -> None:
    # The restore ends its connection to the database: it may answer 500 until it has a new one.
    served = app.wait(lambda: app.get("/notes").raise_for_status().json(), timeout=10, what="the notes")
    assert [note["text"] for note in served] == notes(app)


def test_a_deleted_file_is_back(app: App) -> None:
    assert app.get("/uploads/kept.txt").text == "as it was backed up"
