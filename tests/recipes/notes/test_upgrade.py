"""The new version finds the notes of the old one, and has brought their table up to date."""

from __future__ import annotations

from recipeci.author import App, OpState


def test_a_note_outlives_the_upgrade(app: App) -> None:
    texts = [note["text"] for note in app.get("/notes").json()]
    assert "older than the upgrade" in texts


def test_the_table_has_what_the_new_version_needs(app: App) -> None:
    assert all(note["pinned"] is False for note in app.get("/notes").json())


def test_only_the_app_is_another(op: OpState) -> None:
    before, after = op.before.services, op.after.services
    assert [name for name in after if after[name].image != before[name].image] == ["app"]
