"""Pages that were changed or deleted after the backup are as they were."""

from __future__ import annotations

from recipeci.author import App


def test_a_changed_page_is_as_it_was_backed_up(app: App) -> None:
    assert app.get("/kept.html").text == "as it was backed up"


def test_a_deleted_page_is_back(app: App) -> None:
    assert app.get("/deleted.html").text == "backed up, then deleted"
