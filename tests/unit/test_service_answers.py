"""service.webapp: hostile texts are nothing but text in a page, and no answer lets a browser do anything else."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest
from flask import Flask
from flask.testing import FlaskClient
from recipeci.report import text
from recipeci.service import shown

from unit.hostile import PAYLOADS, Structure
from unit.weblab import Lab, lab
from unit.webpages import PAGE, SHOWN, app_of, filled, page_of


@pytest.fixture
def here(tmp_path: Path) -> Iterator[Lab]:
    with lab(tmp_path) as made:
        yield made


def structures(app: Flask) -> list[Structure]:
    return [page_of(app, path) for path in SHOWN]


@pytest.fixture(scope="module")
def harmless(tmp_path_factory: pytest.TempPathFactory) -> Sequence[Structure]:
    """Return the pages with a word in each place in which a hostile text is tried."""
    with lab(tmp_path_factory.mktemp("harmless")) as here:
        filled(here, "x")
        return structures(app_of(here))


@pytest.mark.parametrize("payload", PAYLOADS, ids=range(len(PAYLOADS)))
def test_a_hostile_text_is_text_wherever_it_stands(here: Lab, harmless: Sequence[Structure], payload: str) -> None:
    filled(here, payload)
    app = app_of(here)
    for before, now in zip(harmless, structures(app), strict=True):
        assert now.elements == before.elements
        assert [script for script in now.scripts if script not in before.scripts] == []
        assert [link for link in now.links if not link.startswith(("/bridge/", "https://git.test/"))] == []
    assert all(text.clean(stored(payload)) in "".join(page_of(app, path).words) for path in SHOWN)


def stored(payload: str) -> str:
    return payload.encode("utf-8", "ignore").decode()


def test_every_text_of_a_report_that_a_page_shows_was_tried(here: Lab) -> None:
    """A page of `filled` shows the words in each place that has any: else a payload there would prove nothing."""
    filled(here, "zzz")
    app = app_of(here)
    assert ["".join(page_of(app, path).words).count("zzz") for path in SHOWN] == [16, 30, 5, 4]


def test_control_without_escaping_hostile_texts_are_found(here: Lab, harmless: Sequence[Structure]) -> None:
    filled(here, "<img src=x onerror=alert(1)>")
    app = app_of(here)
    app.jinja_env.autoescape = False
    found = structures(app)
    assert [now.elements != before.elements for before, now in zip(harmless, found, strict=True)] == [True] * 4


# Every answer.

ANSWERS = (
    "/",
    "/runs/1",
    "/runs/1/log",
    "/healthz",
    "/metrics",
    "/style.css",
    "/nope",
    "/runs/99",
    "/runs/1/log?after=x",
)


@pytest.fixture(scope="module")
def client(tmp_path_factory: pytest.TempPathFactory) -> Iterator[FlaskClient]:
    """A client of a bridge with one request, for tests that change nothing."""
    with lab(tmp_path_factory.mktemp("answers")) as here:
        here.open(here.enrol())
        yield app_of(here).test_client()


@pytest.mark.parametrize("path", [*ANSWERS, "/hooks/gitea"])
@pytest.mark.parametrize("method", ["GET", "POST", "HEAD"])
def test_every_answer_has_the_headers_that_keep_browsers_at_home(client: FlaskClient, method: str, path: str) -> None:
    headers = client.open(path, method=method).headers
    policy = dict(part.strip().partition(" ")[::2] for part in headers["Content-Security-Policy"].split(";"))
    assert {name: policy[name] for name in policy if name != "script-src"} == {
        "default-src": "'none'",
        "style-src": "'self'",
        "connect-src": "'self'",
        "base-uri": "'none'",
        "form-action": "'none'",
        "frame-ancestors": "'none'",
    }
    assert (headers["X-Content-Type-Options"], headers["Referrer-Policy"]) == ("nosniff", "no-referrer")
    assert "Set-Cookie" not in headers


def test_all_pages_load_nothing_but_the_style_sheet(here: Lab) -> None:
    filled(here, "x")
    app = app_of(here)
    loading = {"audio", "embed", "frame", "iframe", "img", "input", "object", "source", "video", "form", "base"}
    for path in SHOWN:
        assert {tag for tag, _ in page_of(app, path).elements} & loading == set()
    style = app.test_client().get("/style.css")
    assert (style.content_type, "url(" in style.text, "@import" in style.text) == (
        "text/css; charset=utf-8",
        False,
        False,
    )


@pytest.mark.parametrize(
    "path",
    ["/nope", "/runs", "/runs/", "/runs/0", "/runs/x", "/runs/-1", f"/runs/{2**63}", f"/runs/{'9' * 5000}", "/runs//1"],
)
def test_an_address_that_is_none_is_not_there_in_our_own_words(client: FlaskClient, path: str) -> None:
    page, line = client.get(path, headers=PAGE), client.get(path)
    assert (page.status_code, line.status_code, line.text) == (404, 404, "There is no such page.\n")
    assert "<p>There is no such page.</p>" in page.text


@pytest.mark.parametrize("path", ["/runs/7", "/runs/7/log", "/runs/7/report.json"])
def test_a_run_that_is_none_is_not_there(client: FlaskClient, path: str) -> None:
    answer = client.get(path)
    assert (answer.status_code, answer.text) == (404, "There is no run 7.\n")


@pytest.mark.parametrize("path", ANSWERS[:6])
def test_head_is_answered_and_a_slash_at_the_end_changes_nothing(client: FlaskClient, path: str) -> None:
    head, whole = client.head(path), client.get(path)
    assert (head.status_code, head.data, head.content_type) == (200, b"", whole.content_type)
    assert client.get(f"{path.rstrip('/')}/").status_code == 200


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "OPTIONS", "PATCH", "TRACE"])
@pytest.mark.parametrize("path", ANSWERS[:6])
def test_pages_can_only_be_read(client: FlaskClient, method: str, path: str) -> None:
    answer = client.open(path, method=method)
    assert (answer.status_code, answer.headers["Allow"]) == (405, "GET, HEAD")
    assert answer.text == "This address does not take that method.\n"


def test_a_bug_of_ours_is_answered_with_a_sentence_and_logged(here: Lab, caplog: pytest.LogCaptureFixture) -> None:
    here.open(here.enrol())
    here.writing("UPDATE request SET asked = 'not JSON'")
    answer = app_of(here).test_client().get("/runs/1")
    assert (answer.status_code, answer.text) == (500, "A bug of recipeci, see the log of serve.\n")
    assert "Content-Security-Policy" in answer.headers
    assert "JSONDecodeError" in caplog.text


def test_a_database_that_cannot_be_read_is_503(here: Lab) -> None:
    app = app_of(here)
    here.database.close()
    here.database.path.write_bytes(b"no database" * 1000)
    for path in ("/", "/runs/1", "/runs/1/log", "/metrics"):
        assert app.test_client().get(path).status_code == 503, path


def test_the_live_script_asks_only_us() -> None:
    script = Path(shown.__file__).with_name("pages") / "live.js"
    assert "</" not in script.read_text()
    assert "http" not in script.read_text()
    assert script.read_text().isascii()
