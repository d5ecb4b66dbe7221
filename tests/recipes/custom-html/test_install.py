"""The website is served out of the volume, and nothing else is."""

from __future__ import annotations

from recipeci.author import App


def test_a_page_of_the_volume_is_served(app: App) -> None:
    app.exec("app", ["tee", "/usr/share/nginx/html/hello.html"], input=b"<h1>hello</h1>")
    page = app.get("/hello.html")
    assert (page.status_code, page.text) == (200, "<h1>hello</h1>")
    assert page.headers["content-type"] == "text/html"


def test_a_page_that_is_not_there_is_not_found(app: App) -> None:
    assert app.get("/no-such-page.html").status_code == 404
