"""The only place that says for suites what serving means: by HTTPS, with an accepted code, from the app itself.

The proxy answers for an app that is down too: a 404 for a name without a router, 502 to 504 with words of its own, and
the redirect from http to https.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from recipeci.author.app import App, Recipe
from recipeci.redact import cutting

if TYPE_CHECKING:
    import httpx

TIMES = 3
"""An app that answers once may be one that is going down."""
REDIRECTS = frozenset({301, 302, 303, 307, 308})
PROXYS_ERRORS = frozenset({502, 503, 504})
SHOWN = 200


def assert_serving(app: App, recipe: Recipe) -> None:
    """Assert that the app soon answers as recipe.yml's `http` says, three times in a row, and not the proxy for it."""
    __tracebackhide__ = True
    stranger = app.get(recipe.http.path, host=f"no-router.{app.cell_domain}")

    def serves() -> bool:
        for _ in range(TIMES):
            wrong = not_serving(app.get(recipe.http.path, host=recipe.http.host), recipe, stranger)
            assert not wrong, wrong
        return True

    app.wait(serves, timeout=recipe.http.patience, what="serving")


def not_serving(answer: httpx.Response, recipe: Recipe, stranger: httpx.Response) -> str:
    """Return why an answer does not show that the app serves, or nothing.

    `stranger` is what the proxy answers to a name that no app has.
    """
    said = f"{answer.url} answered {answer.status_code} ({cutting.head(answer.text.strip(), SHOWN)})"
    if (answer.status_code, answer.content) == (stranger.status_code, stranger.content):
        return f"{said}: that is the proxy's own, no router has this host"
    if answer.status_code in recipe.http.accept:
        return ""
    if answer.status_code in REDIRECTS:
        return _astray(answer)
    if answer.status_code in PROXYS_ERRORS:
        return f"{said}: the app does not answer the proxy"
    return f"{said}, accepted: {', '.join(map(str, sorted(recipe.http.accept)))}"


def _astray(answer: httpx.Response) -> str:
    """Return what is wrong with a redirect: it must lead elsewhere than to itself."""
    following = answer.next_request
    if following is None:
        return f"{answer.url} redirects to no address: {answer.headers.get('location')!r}"
    here, there = answer.url, following.url
    same = (here.host, here.path, here.query) == (there.host, there.path, there.query)
    return f"{here} redirects to itself" if same else ""
