"""Notes by HTTPS, as people use it: what is written is read again, and not everybody may delete."""

from __future__ import annotations

import ssl
from collections.abc import Iterator

import httpx
import pytest
from database import notes
from recipeci.author import App


@pytest.fixture
def web(app: App) -> Iterator[httpx.Client]:
    """A client that trusts the cell's certificate."""
    context = ssl.create_default_context(cafile=app.ca_file)
    with httpx.Client(base_url=app.url, verify=context, trust_env=False) as client:
        yield client


def test_a_note_is_kept_in_the_database(app: App, web: httpx.Client) -> None:
    assert web.post("/notes", content="grüße").status_code == 201
    assert notes(app)[-1] == "grüße"
    assert web.get("/notes").json()[-1]["text"] == "grüße"


def test_a_file_is_kept(app: App, web: httpx.Client) -> None:
    assert web.put("/uploads/a.txt", content="a file").status_code == 201
    assert app.exec("app", ["cat", "/srv/uploads/a.txt"]).out == b"a file"
    assert web.get("/uploads/a.txt").text == "a file"


@pytest.mark.parametrize("authorization", ["", "Bearer", "Bearer guessed"])
def test_nobody_deletes_without_the_admins_token(app: App, web: httpx.Client, authorization: str) -> None:
    before = notes(app)
    assert web.delete("/notes", headers={"Authorization": authorization}).status_code == 403
    assert notes(app) == before != []


def test_secrets_are_as_long_as_the_recipe_says(app: App) -> None:
    lengths = {
        name: len(app.exec("app", ["cat", f"/run/secrets/{name}"]).text) for name in ("db_password", "admin_token")
    }
    assert lengths == {"db_password": 32, "admin_token": 40}
