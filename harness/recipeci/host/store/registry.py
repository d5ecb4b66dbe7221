"""The only place that asks registries: which digest a name has now, and whether anybody answers at all.

One host is waited for once a run: a registry that did not answer is not asked again. The time for an answer is bounded
from outside, because a resolver whose packets vanish blocks for longer than any timeout of a connection.
"""

from __future__ import annotations

import enum
import re
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeVar

from recipeci.host.store.reference import DEFAULT_REGISTRY, Reference

if TYPE_CHECKING:
    import httpx

T = TypeVar("T")
SECONDS = 6.0
"""For one question; a registry across the world answers in less than 2."""
HUB = "registry-1.docker.io"
ACCEPT = ", ".join(
    [
        "application/vnd.oci.image.index.v1+json",
        "application/vnd.docker.distribution.manifest.list.v2+json",
        "application/vnd.oci.image.manifest.v1+json",
        "application/vnd.docker.distribution.manifest.v2+json",
    ]
)
FIELD = re.compile(r'(\w+)="([^"]*)"')
OK, UNAUTHORIZED, FORBIDDEN, NOT_FOUND = 200, 401, 403, 404


class Found(enum.Enum):
    """What a registry said."""

    YES = "has it"
    NO = "has no such image"
    """Also where it wants a login: the Docker Hub says so of names that do not exist."""
    BUSY = "gave an error"
    SILENT = "does not answer"


@dataclass(frozen=True)
class Answer:
    """What became of a question: the digest (`sha256:…`) if it was found, else the reason in a few words."""

    found: Found
    digest: str = ""
    reason: str = ""


class Registries:
    """All registries, as far as they are reached from here without a login."""

    def __init__(self, *, seconds: float = SECONDS) -> None:
        """Begin with nobody known to be silent; `seconds` is the time for one question."""
        self._silent: dict[str, Answer] = {}
        self._seconds = seconds

    def ask(self, ref: Reference) -> Answer:
        """Ask the image's registry for the digest of its tag; never raises, never takes longer than its time."""
        if ref.registry not in self._silent:
            answer = _within(self._seconds, lambda: _ask(ref, self._seconds)) or Answer(
                Found.SILENT, reason=f"within {self._seconds:g} s"
            )
            if answer.found is not Found.SILENT:
                return answer
            self._silent[ref.registry] = answer
        return self._silent[ref.registry]


def _within(seconds: float, call: Callable[[], T]) -> T | None:
    """Return what a call returns, None if it takes longer; then its thread is left to itself and ends with us."""
    results: list[T] = []
    thread = threading.Thread(target=lambda: results.append(call()), daemon=True)
    thread.start()
    thread.join(seconds)
    return results[0] if results else None


def _ask(ref: Reference, seconds: float) -> Answer:
    import httpx  # noqa: PLC0415 - slow to import, and most runs ask nobody

    host = HUB if ref.registry == DEFAULT_REGISTRY else ref.registry
    # As dockerd does: registries on this machine may speak plain HTTP.
    schemes = ("https", "http") if host.startswith(("127.", "localhost")) else ("https",)
    answer = Answer(Found.SILENT)
    for scheme in schemes:
        try:
            with httpx.Client(timeout=seconds, follow_redirects=True) as client:
                return _judged(
                    _head(client, f"{scheme}://{host}/v2/{ref.repository}/manifests/{ref.digest or ref.tag}")
                )
        except (httpx.HTTPError, httpx.InvalidURL, OSError, ValueError) as error:
            answer = Answer(Found.SILENT, reason=str(error) or type(error).__name__)
    return answer


def _head(client: httpx.Client, url: str) -> httpx.Response:
    """Ask for a manifest's headers, with an anonymous token if the registry wants one."""
    headers = {"Accept": ACCEPT}
    response = client.head(url, headers=headers)
    challenge = response.headers.get("www-authenticate", "")
    if response.status_code == UNAUTHORIZED and challenge.lower().startswith("bearer "):
        token = _token(client, dict(FIELD.findall(challenge)))
        response = client.head(url, headers={**headers, "Authorization": f"Bearer {token}"})
    return response


def _token(client: httpx.Client, challenge: Mapping[str, str]) -> str:
    """Fetch a token for nobody in particular; raises ValueError if there is none in the answer."""
    params = {key: challenge[key] for key in ("service", "scope") if key in challenge}
    data = client.get(challenge.get("realm", ""), params=params).json()
    token = data.get("token") or data.get("access_token") if isinstance(data, dict) else None
    if not isinstance(token, str):
        raise ValueError("the registry gave no token")  # noqa: TRY004 - it is the answer that is wrong
    return token


def _judged(response: httpx.Response) -> Answer:
    """Say what the answer means."""
    status, digest = response.status_code, response.headers.get("docker-content-digest", "")
    if status == OK and digest:
        return Answer(Found.YES, digest=digest)
    if status in {UNAUTHORIZED, FORBIDDEN, NOT_FOUND}:
        return Answer(Found.NO, reason=f"it answered {status}")
    return Answer(Found.BUSY, reason=f"it answered {status}")
