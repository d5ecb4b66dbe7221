"""What was in the volume is served by the new version too."""

from __future__ import annotations

from recipeci.author import App


def test_a_page_outlives_the_upgrade(app: App) -> None:
    assert app.get("/upgraded.html").text == "older than the upgrade"
