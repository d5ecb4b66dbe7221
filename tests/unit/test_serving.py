"""run.serving: whether what answers is the app, in ways that an app that is down or wrong can look up."""

from __future__ import annotations

from collections.abc import Mapping

import pytest
from recipeci.host.http import Answer, Http, HttpFailed
from recipeci.run.serving import HOPS, Look, Rules, describe, look, wrong

HOST = "a1b2c3.ci.test"
URL = f"https://{HOST}/"
STRANGER = "no-router.ci.test"
RULES = Rules(HOST)
PROXYS = b"404 page not found\n"


def answer(status: int, body: bytes = b"", *, to: str | None = None) -> Answer:
    """Return an answer; `get` gives it the address that was asked."""
    return Answer(status, "", {} if to is None else {"location": to}, body, 0.01)


class Pages(Http):
    """What answers at each address; another one must not be asked. `None`: nothing answers."""

    def __init__(self, pages: Mapping[str, Answer | None]) -> None:
        self.pages = {f"https://{STRANGER}/": answer(404, PROXYS), **pages}
        self.asked: list[str] = []

    def get(self, url: str, *, timeout: float = 10) -> Answer:
        assert timeout > 0
        assert url in self.pages, f"{url} was not to be asked"
        self.asked.append(url)
        found = self.pages[url]
        if found is None:
            raise HttpFailed(url, "connection refused")
        return Answer(found.status, url, found.headers, found.body, found.seconds)


def seen(pages: Mapping[str, Answer | None], rules: Rules = RULES) -> Look:
    return look(Pages(pages), rules, stranger=STRANGER)


def why(pages: Mapping[str, Answer | None], rules: Rules = RULES) -> str:
    return wrong(seen(pages, rules), rules)


def test_a_page_serves() -> None:
    assert not why({URL: answer(200, b"hello")})


def test_what_is_asked_is_the_page_and_a_host_that_no_router_has() -> None:
    pages = Pages({URL: answer(200)})
    look(pages, RULES, stranger=STRANGER)
    assert pages.asked == [URL, f"https://{STRANGER}/"]


def test_the_proxys_404_is_named_as_its_own() -> None:
    assert "the proxy's own 404: no router has this host" in why({URL: answer(404, PROXYS)})


def test_the_apps_404_is_red_and_shown() -> None:
    assert why({URL: answer(404, b"<p>no such\npage</p>")}) == f"{URL} answered 404 (<p>no such page</p>)"


def test_a_404_is_red_though_the_operator_accepts_it() -> None:
    assert why({URL: answer(404, b"x")}, Rules(HOST, accept=frozenset({200, 404})))


@pytest.mark.parametrize("status", [301, 400, 401, 403, 410, 500, 501, 204, 304])
def test_a_code_that_is_not_accepted_is_red(status: int) -> None:
    assert f"{URL} answered {status}" in why({URL: answer(status)})


@pytest.mark.parametrize(
    ("status", "body"), [(502, b"Bad Gateway"), (503, b"no available server\n"), (504, b"Gateway Timeout")]
)
def test_the_proxys_page_of_an_app_that_is_down_is_red_even_where_its_code_is_accepted(
    status: int, body: bytes
) -> None:
    for rules in (RULES, Rules(HOST, accept=frozenset({200, 502, 503, 504}))):
        message = why({URL: answer(status, body)}, rules)
        assert message.startswith(f"{URL} answered the proxy's own {status} (")
        assert message.endswith("the app does not answer it")


def test_a_503_of_the_apps_own_is_red_unless_it_is_accepted() -> None:
    page = {URL: answer(503, b"<h1>maintenance</h1>")}
    assert "answered 503 (<h1>maintenance</h1>), accepted: 200" in why(page)
    assert not why(page, Rules(HOST, accept=frozenset({503})))


def test_whatever_page_a_stranger_gets_is_the_proxys_own() -> None:
    parked = answer(200, b"parked")
    assert "the proxy's own 200" in why({URL: parked, f"https://{STRANGER}/": parked})
    assert not why({URL: answer(200, b"hello"), f"https://{STRANGER}/": parked})


def test_a_proxy_that_sends_strangers_elsewhere_sends_no_app_there() -> None:
    away = answer(302, to="https://proxy.test/")
    assert "the proxy's own 302" in why({URL: away, f"https://{STRANGER}/": away})
    assert not why({URL: answer(302, to="https://login.test/"), f"https://{STRANGER}/": away})


def test_an_app_that_asks_for_a_password_is_accepted_if_the_recipe_says_so() -> None:
    assert why({URL: answer(401)})
    assert not why({URL: answer(401)}, Rules(HOST, accept=frozenset({401})))


def test_the_path_of_the_recipe_is_asked() -> None:
    health = f"https://{HOST}/api/health"
    stranger = f"https://{STRANGER}/api/health"
    rules = Rules(HOST, path="/api/health")
    assert not why({health: answer(200), stranger: answer(404, PROXYS)}, rules)
    assert why({health: answer(500), stranger: answer(404, PROXYS)}, rules)


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
@pytest.mark.parametrize("to", ["/login", "login", f"https://{HOST}/login", f"//{HOST}/login", "/login?next=/#top"])
def test_a_redirect_to_a_page_of_the_app_serves(status: int, to: str) -> None:
    login = f"https://{HOST}/login{to.partition('login')[2]}"
    assert not why({URL: answer(status, to=to), login: answer(200, b"log in")})


@pytest.mark.parametrize("status", [401, 403])
def test_a_redirect_to_a_page_that_asks_who_is_there_serves(status: int) -> None:
    assert not why({URL: answer(302, to="/login"), f"{URL}login": answer(status)})


@pytest.mark.parametrize(("status", "body"), [(500, b"oops"), (502, b"Bad Gateway"), (503, b""), (404, b"none")])
def test_a_redirect_to_a_page_that_is_broken_is_red(status: int, body: bytes) -> None:
    for rules in (RULES, Rules(HOST, accept=frozenset({200, 302}))):
        message = why({URL: answer(302, to="/login"), f"{URL}login": answer(status, body)}, rules)
        assert f"{URL}login answered" in message
        assert str(status) in message


@pytest.mark.parametrize(
    "to", ["/", URL, f"https://{HOST}", f"http://{HOST}/", f"http://{HOST}", f"https://{HOST}:443/"]
)
def test_a_redirect_to_itself_is_red_also_where_its_code_is_accepted(to: str) -> None:
    back = answer(301, to=URL)
    pages = {URL: answer(302, to=to), f"https://{HOST}": back, f"http://{HOST}/": back, f"http://{HOST}": back}
    for rules in (RULES, Rules(HOST, accept=frozenset({200, 302}))):
        assert "redirects in a circle" in why({**pages, f"https://{HOST}:443/": answer(302, to=to)}, rules)


def test_the_proxys_way_from_http_to_https_and_on_to_a_page_serves() -> None:
    """An app that does not know that it is behind TLS sends to http; the proxy sends back, to another page."""
    there, login = f"http://{HOST}/login", f"https://{HOST}/login"
    assert not why({URL: answer(302, to=there), there: answer(301, to=login), login: answer(200)})


def test_a_circle_of_two_is_red() -> None:
    pages = {URL: answer(302, to="/a"), f"{URL}a": answer(302, to="/b"), f"{URL}b": answer(302, to="/a")}
    assert why(pages) == f"{URL} redirects in a circle: {URL} → {URL}a → {URL}b → {URL}a"


def chain(hops: int) -> dict[str, Answer | None]:
    """Return pages that send from one to the next, so many times, and end with a good one."""
    steps = {f"{URL}{n}" if n else URL: answer(302, to=f"/{n + 1}") for n in range(hops)}
    return {**steps, f"{URL}{hops}": answer(200)}


def test_five_hops_serve_and_six_are_red() -> None:
    assert not why(chain(HOPS))
    assert why(chain(HOPS + 1)) == f"{URL} redirects more than 5 times, last to {URL}{HOPS + 1}"


@pytest.mark.parametrize("to", ["https://login.test/x", "http://other.ci.test/", "//cdn.test/", "myapp://open/x"])
def test_a_redirect_off_the_host_serves_and_is_not_followed(to: str) -> None:
    pages = Pages({URL: answer(302, to=to)})
    assert not wrong(look(pages, RULES, stranger=STRANGER), RULES)
    assert pages.asked == [URL, f"https://{STRANGER}/"]


@pytest.mark.parametrize("to", ["https://[half/", "mailto:a@b.test", "http:///"])
def test_a_redirect_to_no_address_is_red(to: str) -> None:
    assert f"answered 302, leading to no address: {to!r}" in why({URL: answer(302, to=to)})


def test_an_address_in_what_is_no_redirect_is_not_followed() -> None:
    assert not why({URL: answer(200, b"hello", to="/elsewhere")})


@pytest.mark.parametrize("to", [None, ""])
def test_a_redirect_to_nowhere_is_red(to: str | None) -> None:
    assert f"{URL} answered 302" in why({URL: answer(302, to=to)})


def test_no_answer_is_red_with_its_reason() -> None:
    found = seen({URL: None})
    assert found.answers == ()
    assert "connection refused" in wrong(found, RULES)
    assert "connection refused" in describe(found)


def test_no_answer_after_a_redirect_is_red() -> None:
    assert f"{URL}login: connection refused" in why({URL: answer(302, to="/login"), f"{URL}login": None})


def test_a_proxy_that_does_not_answer_strangers_is_no_proof_of_an_app() -> None:
    assert "connection refused" in why({URL: answer(200), f"https://{STRANGER}/": None})


def test_only_the_start_of_a_page_is_shown_and_any_bytes_can_be() -> None:
    message = why({URL: answer(500, b"\xff\x00 " + b"x" * 5000)})
    assert len(message) < 200


def test_a_look_is_described_by_its_codes() -> None:
    assert describe(seen({URL: answer(302, to="/login"), f"{URL}login": answer(200)})) == "302 → 200"
