"""The only place that speaks HTTP to a forge: to one host, with one token, and with an end to everything.

No redirect is followed, so the token goes nowhere else. An answer is a Shape, or one of the errors of `forge.py`: what
the forge itself refuses is told from what stands between us and it.
"""

from __future__ import annotations

import datetime
import email.utils
import json
import re
import ssl
import urllib.parse
from collections.abc import Mapping
from dataclasses import dataclass

from recipeci.errors import UsageError
from recipeci.host.clock import Clock
from recipeci.host.http import HttpFailed
from recipeci.host.transport import Session, tcp
from recipeci.service.forge import ForgeRefused, ForgeUnavailable, Gone
from recipeci.service.shape import Shape, parse

TIMEOUT_SECONDS = 10.0
"""For a whole request: connection, TLS, and the answer to its last byte."""
ANSWER_BYTES = 8 * 1024 * 1024
RETRY_AFTER_MOST = 3600.0
SAID_MOST = 200
"""Characters of the forge's own words in an error of ours."""
BASE = re.compile(r"https?://(?:[A-Za-z0-9._-]+|\[[0-9A-Fa-f:.]+\])(?::[0-9]{1,5})?(?:/[A-Za-z0-9._~-]+)*\Z")
TOKEN = re.compile(r"[!-~]+\Z")
DIGITS = re.compile(r"[0-9]{1,9}\Z")

OK, CREATED, NO_CONTENT, MULTIPLE = 200, 201, 204, 300
BAD_REQUEST, UNAUTHORIZED, NOT_FOUND, TIMEOUT, TOO_EARLY, TOO_MANY, SERVER_ERROR = 400, 401, 404, 408, 425, 429, 500


class TooLong(ForgeUnavailable):
    """The answer is longer than we read: asking for less of it may do."""


@dataclass(frozen=True)
class Answer:
    """What the forge said: its JSON, and how many entries there are altogether, if it says so."""

    shape: Shape
    total: int | None


@dataclass(frozen=True)
class _Raw:
    """An answer as it came."""

    status: int
    headers: Mapping[str, str]
    body: bytes


class ForgeHttp:
    """Requests to the API of one forge; any thread may use it."""

    def __init__(self, base: str, token: str, *, clock: Clock, timeout: float = TIMEOUT_SECONDS) -> None:
        """Take the forge's address and our token.

        Raises:
            UsageError: it is no address, or a token that cannot be sent.
        """
        if not BASE.match(base):
            raise UsageError(f"bridge.forge: {base!r} is no address such as https://git.example.org")
        if not TOKEN.match(token):
            raise UsageError("bridge.token_file: a forge's token is one word of ASCII characters, and this is not")
        self.base = base
        self._headers = {
            "Authorization": f"token {token}",
            "Accept": "application/json",
            "Accept-Encoding": "identity",
            "User-Agent": "recipeci",
        }
        self._clock = clock
        self._timeout = timeout
        self._quiet_until = 0.0
        """Before this moment (monotonic) the forge wants to be left alone, by whatever part of us."""
        self._session = Session(connect=tcp, tls=_authorities(base), clock=clock)

    def close(self) -> None:
        """Hang up."""
        self._session.close()

    def get(self, *path: str | int, query: Mapping[str, str | int] | None = None) -> Answer:
        """Ask for something; once more if the connection is reset, since asking changes nothing."""
        return self._answer("GET", path, query=query)

    def post(self, *path: str | int, fields: Mapping[str, object]) -> Answer:
        """Make something."""
        return self._answer("POST", path, fields=fields, expected=CREATED)

    def patch(self, *path: str | int, fields: Mapping[str, object]) -> Answer:
        """Change something."""
        return self._answer("PATCH", path, fields=fields)

    def delete(self, *path: str | int) -> None:
        """Take something away."""
        where, raw = self._asked("DELETE", path)
        if raw.status != NO_CONTENT:
            raise self._refusal(raw, where)

    def _answer(
        self,
        method: str,
        path: tuple[str | int, ...],
        *,
        query: Mapping[str, str | int] | None = None,
        fields: Mapping[str, object] | None = None,
        expected: int = OK,
    ) -> Answer:
        """Make one request and judge what comes back."""
        where, raw = self._asked(method, path, query=query, fields=fields)
        if raw.status != expected:
            raise self._refusal(raw, where)
        return Answer(parse(raw.body, where=where), _total(raw.headers))

    def _asked(
        self,
        method: str,
        path: tuple[str | int, ...],
        *,
        query: Mapping[str, str | int] | None = None,
        fields: Mapping[str, object] | None = None,
    ) -> tuple[str, _Raw]:
        """Make one request; return what it was, for errors, and the answer."""
        where = f"the forge, {method} /{'/'.join(map(str, path))}"
        url = f"{self.base}/api/v1/{'/'.join(urllib.parse.quote(str(part), safe='') for part in path)}"
        if query:
            url += f"?{urllib.parse.urlencode(query)}"
        body = b"" if fields is None else json.dumps(fields).encode()
        return where, self._sent(method, url, body=body, where=where, again=method == "GET")

    def _sent(self, method: str, url: str, *, body: bytes, where: str, again: bool) -> _Raw:
        """Send a request and read the answer; nothing is sent while the forge wants to be left alone."""
        if (left := self._quiet_until - self._clock.monotonic()) > 0:
            raise ForgeUnavailable(f"{where}: not asked: the forge wants to be left alone", retry_after=left)
        headers = {**self._headers, **({"Content-Type": "application/json"} if body else {})}
        deadline = self._clock.monotonic() + self._timeout
        try:
            raw = _Raw(
                *self._session.request(
                    method, url, deadline=deadline, limit=ANSWER_BYTES + 1, headers=headers, body=body
                )
            )
        except HttpFailed as e:
            if again and e.reset:
                return self._sent(method, url, body=body, where=where, again=False)
            raise ForgeUnavailable(f"{where}: {e.reason}") from e
        if len(raw.body) > ANSWER_BYTES:
            raise TooLong(f"{where}: the answer is longer than {ANSWER_BYTES} bytes")
        return raw

    def _refusal(self, raw: _Raw, where: str) -> ForgeUnavailable | ForgeRefused:
        """Return the error that an answer with an unexpected status is."""
        words = _own_words(raw)
        said = f"{where}: it answered {raw.status}{words and f': {words}'}"
        if raw.status == NOT_FOUND:
            # A proxy says 404 too while the forge behind it is down, and nothing must follow from that.
            return Gone(said, status=NOT_FOUND) if words else ForgeUnavailable(f"{said}, and not as the API does")
        if raw.status in (TIMEOUT, TOO_EARLY, TOO_MANY) or raw.status >= SERVER_ERROR or raw.status < MULTIPLE:
            pause = self._retry_after(raw.headers)
            self._quiet_until = max(self._quiet_until, self._clock.monotonic() + pause)
            return ForgeUnavailable(said, retry_after=pause)
        return ForgeRefused(said, status=raw.status)

    def _retry_after(self, headers: Mapping[str, str]) -> float:
        """Return how many seconds the forge wants to be left alone; it may say so as seconds or as a date."""
        text = headers.get("retry-after", "").strip()
        if DIGITS.match(text):
            return min(float(text), RETRY_AFTER_MOST)
        try:
            moment = email.utils.parsedate_to_datetime(text)
        except (ValueError, TypeError):
            return 0.0
        left = moment.replace(tzinfo=moment.tzinfo or datetime.UTC).timestamp() - self._clock.epoch()
        return min(max(left, 0.0), RETRY_AFTER_MOST)


def _authorities(base: str) -> ssl.SSLContext:
    """Return whom to believe: the machine's authorities; reading them takes a while, and plain HTTP needs none."""
    return ssl.create_default_context() if base.startswith("https:") else ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)


def _total(headers: Mapping[str, str]) -> int | None:
    """Return how many entries a list has altogether."""
    text = headers.get("x-total-count", "")
    return int(text) if DIGITS.match(text) else None


def _own_words(raw: _Raw) -> str:
    """Return what the API says in an error of its own, which is JSON with a message; empty if it is something else."""
    try:
        text = parse(raw.body, where="")["message"].text()
    except ForgeUnavailable:
        return ""
    return "".join(char if char.isprintable() else " " for char in text[:SAID_MOST])
