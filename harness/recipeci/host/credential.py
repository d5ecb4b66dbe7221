"""The only place that knows what a private repository is cloned by, and how git gets it: one call, one host.

git asks a helper that its configuration names for this host alone, so that it is sent nowhere else, also not where the
host redirects to. The helper prints it from the environment of that git: it is in no argument, no file and no address.
"""

from __future__ import annotations

import urllib.parse
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from recipeci.errors import UsageError
from recipeci.host import secretfile

FORM = "one line: https://USER:TOKEN@HOST"
LOOPBACK = frozenset({"127.0.0.1", "localhost", "::1"})
DEFAULT_PORTS = {"https": 443, "http": 80}
HELPER = (
    '!f() { test "$1" = get && '
    r"""printf 'username=%s\npassword=%s\n' "$RECIPECI_CLONE_USER" "$RECIPECI_CLONE_TOKEN"; }; f"""
)
"""sh, by git, which adds the word `get`, `store` or `erase`; printf is the shell's own and no process."""


@dataclass(frozen=True)
class Credential:
    """Who we are to one host: `origin` is its scheme, name and port, as in https://git.example.org."""

    origin: str
    user: str = field(repr=False)
    token: str = field(repr=False)

    @classmethod
    def of(cls, url: str, *, user: str, token: str) -> Credential:
        """Return what the host of an address is shown: git knows credentials by hosts, not by paths."""
        parts = urllib.parse.urlsplit(url)
        return cls(f"{parts.scheme}://{parts.netloc.lower()}", user, token)

    def is_for(self, url: str) -> bool:
        """Whether an address is on the host that it is for."""
        return _origin(url) == _origin(self.origin)

    @property
    def config(self) -> tuple[str, str]:
        """The setting of git's that names the helper, and its value."""
        return f"credential.{self.origin}.helper", HELPER

    @property
    def environment(self) -> Mapping[str, str]:
        """What the helper prints."""
        return {"RECIPECI_CLONE_USER": self.user, "RECIPECI_CLONE_TOKEN": self.token}


def is_safe(scheme: str, host: str | None) -> bool:
    """Whether nobody on the way can read or change what is said: by TLS, or on this machine."""
    return scheme == "https" or (scheme == "http" and host in LOOPBACK)


def read(what: str, path: Path) -> Credential:
    """Return the credential of a file; `what` is the option or the setting that names it.

    Raises:
        UsageError: the file is wrong (host/secretfile.py), or its line is no address with a user and a token.
    """
    line = secretfile.line(what, path)
    try:
        parts = urllib.parse.urlsplit(line)
        host, user, token = (
            parts.hostname,
            *(urllib.parse.unquote(one or "") for one in (parts.username, parts.password)),
        )
    except ValueError as e:
        raise _wrong(what, path) from e
    rest = parts.path.strip("/") or parts.query or parts.fragment
    if rest or not (host and is_safe(parts.scheme, host) and _is_word(user) and _is_word(token)):
        raise _wrong(what, path)
    if len(token) < secretfile.SHORTEST:
        raise UsageError(f"{what}: the token in {path} has less than {secretfile.SHORTEST} characters")
    return Credential(f"{parts.scheme}://{parts.netloc.rpartition('@')[2].lower()}", user, token)


def _wrong(what: str, path: Path) -> UsageError:
    return UsageError(f"{what}: {path} holds no address with a user and a token", hint=FORM)


def _is_word(text: str) -> bool:
    """Whether git can be told it: its helpers speak in lines."""
    return bool(text) and text.isprintable()


def _origin(url: str) -> tuple[str, str | None, int | None]:
    """Return what tells one host from another."""
    parts = urllib.parse.urlsplit(url)
    return parts.scheme, parts.hostname, parts.port or DEFAULT_PORTS.get(parts.scheme)
