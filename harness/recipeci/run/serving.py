"""The only place that says whether an app serves: HTTPS by its domain, through the proxy, judged by the answers.

An app that is down still gets answers: the proxy's own 404 for a host that no router has, its 502 and 503, and the
redirect from http to https, which the proxy makes whether there is an app or not (C-09). None of them is the app's.
"""

from __future__ import annotations

import urllib.parse
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, replace

from recipeci.host.http import Answer, Http, HttpFailed
from recipeci.redact import cutting

REDIRECTS = frozenset({301, 302, 303, 307, 308})
NOT_FOUND = 404
SERVER_ERROR = 500
HOPS = 5
"""So many redirects of its own are followed; more is a loop to a browser too."""
DOWN: Mapping[int, tuple[bytes, ...]] = {
    502: (b"Bad Gateway",),
    503: (b"no available server", b"Service Unavailable"),
    504: (b"Gateway Timeout",),
}
"""Traefik's own words for an app that is down: never the app's, whatever codes are accepted."""
SHOWN = 80
GET_SECONDS = 10.0


@dataclass(frozen=True)
class Rules:
    """What an app must answer: at which path of which host, with which codes (`http` in recipe.yml)."""

    host: str
    path: str = "/"
    accept: frozenset[int] = frozenset({200})

    @property
    def url(self) -> str:
        """The address that is asked."""
        return f"https://{self.host}{self.path}"


@dataclass(frozen=True)
class Look:
    """One look: the chain of answers from the first address to where its redirects end, and why there is none.

    `stranger` is what the proxy itself answers for a host that no router has.
    """

    answers: tuple[Answer, ...]
    stranger: Answer | None
    failure: str = ""


def look(http: Http, rules: Rules, *, stranger: str) -> Look:
    """Ask once, following redirects that stay on the host; `stranger` is a name that no router has."""
    answers: list[Answer] = []
    url = rules.url
    try:
        while len(answers) <= HOPS:
            answers.append(http.get(url, timeout=GET_SECONDS))
            following = _next(answers[-1])
            if not following or _host(following) != rules.host or following in {a.url for a in answers}:
                break
            url = following
        return Look(tuple(answers), http.get(f"https://{stranger}{rules.path}", timeout=GET_SECONDS))
    except HttpFailed as e:
        return Look(tuple(answers), None, failure=str(e))


def wrong(seen: Look, rules: Rules) -> str:
    """Return why what was seen is not an app that serves, or nothing."""
    if seen.failure:
        return f"{rules.url}: {seen.failure}"
    first, last = seen.answers[0], seen.answers[-1]
    if last.status == NOT_FOUND or _is_proxys(last, seen.stranger):
        return _not_found(last, seen.stranger)
    if first.status in REDIRECTS:
        return _wrong_redirect(seen.answers, rules)
    if first.status in rules.accept:
        return ""
    return f"{rules.url} answered {_words(first)}, accepted: {_codes(rules.accept)}"


def masked(seen: Look, mask: Callable[[bytes], bytes]) -> Look:
    """Return what was seen without secrets, to be told: of what is cut afterwards no part of one is left."""
    return replace(seen, answers=tuple(replace(answer, body=mask(answer.body)) for answer in seen.answers))


def describe(seen: Look) -> str:
    """Return what was seen in a few words."""
    return seen.failure or " → ".join(str(answer.status) for answer in seen.answers)


def _is_proxys(answer: Answer, stranger: Answer | None) -> bool:
    """Say whether an answer is the proxy's own: what it says to a name without a router, or of an app that is down."""
    if stranger and _said(answer) == _said(stranger):
        return True
    return answer.body.strip() in DOWN.get(answer.status, ())


def _said(answer: Answer) -> tuple[int, str, bytes]:
    return answer.status, _location(answer), answer.body


def _not_found(answer: Answer, stranger: Answer | None) -> str:
    if not _is_proxys(answer, stranger):
        return f"{answer.url} answered {_words(answer)}"
    if answer.status in DOWN:
        return f"{answer.url} answered the proxy's own {_words(answer)}: the app does not answer it"
    return (
        f"{answer.url} answered the proxy's own {answer.status}: no router has this host "
        "(labels of the service, its health)"
    )


def _wrong_redirect(answers: tuple[Answer, ...], rules: Rules) -> str:
    """A redirect is good if it leads elsewhere: off the host, or to an answer of its own that is no error."""
    last = answers[-1]
    following = _next(last)
    if not following:
        dead_end = last.status >= SERVER_ERROR or last.status in REDIRECTS
        return f"{last.url} answered {_words(last)}" + _pointing(last) if dead_end else ""
    if _plain(following) in {_plain(answer.url) for answer in answers}:
        return f"{rules.url} redirects in a circle: {' → '.join(a.url for a in answers)} → {following}"
    if _host(following) == rules.host:
        return f"{rules.url} redirects more than {HOPS} times, last to {following}"
    return ""


def _next(answer: Answer) -> str:
    """Return where a redirect leads, absolute; nothing for an answer that is none, or that leads to no address."""
    location = _location(answer)
    if answer.status not in REDIRECTS or not location:
        return ""
    try:
        following = urllib.parse.urljoin(answer.url, location)
        return following if _host(following) else ""
    except ValueError:
        return ""


def _location(answer: Answer) -> str:
    return next((value for key, value in answer.headers.items() if key.lower() == "location"), "")


def _pointing(answer: Answer) -> str:
    return f", leading to no address: {_location(answer)!r}" if answer.status in REDIRECTS else ""


def _host(url: str) -> str:
    return urllib.parse.urlsplit(url).hostname or ""


def _plain(url: str) -> str:
    """Return an address without its scheme: http://x/ and https://x/ are the proxy's redirect to itself."""
    parts = urllib.parse.urlsplit(url)
    return f"{parts.hostname}{parts.path or '/'}?{parts.query}"


def _words(answer: Answer) -> str:
    body = cutting.head(" ".join(answer.body.decode(errors="replace").split()), SHOWN)
    return f"{answer.status}" + (f" ({body})" if body else "")


def _codes(codes: Collection[int]) -> str:
    return ", ".join(str(code) for code in sorted(codes))
