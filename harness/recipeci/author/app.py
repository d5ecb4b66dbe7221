"""The only place that an author's code reaches the app by: commands in its containers, its logs, its pages, waiting.

Nothing here returns a result that was not checked: what cannot be had is raised.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, TypeVar

from recipeci.author.channel import Channel, packed, unpacked
from recipeci.redact import cutting

if TYPE_CHECKING:
    import httpx

T = TypeVar("T")
SHOWN = 2000
"""Characters of a command's output in an error."""
GET_SECONDS = 10.0
WAIT_SECONDS = 0.25


class AppError(Exception):
    """The app did not do what was asked of it, or the harness could not ask; the sentence says which."""


@dataclass(frozen=True)
class Result:
    """What a command came to: its exit code, and all that it printed to stdout and stderr (bytes).

    Output is at most 8 MiB; a command that prints more fails.
    """

    code: int
    out: bytes
    err: bytes

    @property
    def text(self) -> str:
        """Stdout as text, without the last end of line."""
        return self.out.decode(errors="backslashreplace").removesuffix("\n")


@dataclass(frozen=True)
class Http:
    """Where the app serves and with which codes, as `http` in recipe.yml says."""

    host: str
    path: str = "/"
    accept: tuple[int, ...] = (200,)
    patience: float = 30.0
    """Seconds in which it must."""


@dataclass(frozen=True)
class Recipe:
    """The recipe under test: its name, the target's own version (empty if nothing says it), the app's env.

    Values of `env` that are secrets are left out.
    """

    name: str
    version: str
    env: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))
    http: Http = Http("")


class App:
    """The deployed app."""

    def __init__(self, channel: Channel, *, domain: str, ca_file: str) -> None:
        """Take the way to the harness, the app's domain, and the certificate of the cell's authority."""
        self._channel = channel
        self._lock = threading.Lock()
        self._calls = 0
        self.domain = domain
        self.ca_file = ca_file

    @property
    def url(self) -> str:
        """Where the app serves: `https://DOMAIN`."""
        return f"https://{self.domain}"

    @property
    def cell_domain(self) -> str:
        """What the domain of every app in the cell ends with; a name in it that no app has is the proxy's."""
        return self.domain.partition(".")[2]

    def exec(
        self,
        service: str,
        argv: Sequence[str],
        *,
        input: bytes = b"",  # noqa: A002 - as subprocess calls it
        user: str | None = None,
        check: bool = True,
        timeout: float = 60,
    ) -> Result:
        """Run a command in the running container of a service, and wait for it.

        A container that is being replaced is waited for. A command is started once: if its container is stopped under
        it, that is an error.

        Args:
            service: as the compose file names it: `app`.
            argv: the program and its arguments; for a shell's line `["sh", "-c", line]`.
            input: what it reads from stdin, then end of file.
            user: `postgres` or `70:70`; the container's own if None.
            check: raise if the exit code is not 0.
            timeout: seconds for all of it; then the command is killed.

        Raises:
            AppError: the exit code is not 0 (with what it printed), there is no such service, no container in time,
                the command took too long or lost its container.
        """
        if isinstance(argv, str) or not argv or not all(isinstance(word, str) for word in argv):
            msg = f"argv is a list of words, not {argv!r}"
            raise TypeError(msg)
        value = self._call(
            "exec", service=service, argv=list(argv), input=packed(input), user=user or "", timeout=float(timeout)
        )
        result = Result(int(value["code"]), unpacked(value["out"]), unpacked(value["err"]))
        if check and result.code != 0:
            msg = f"{' '.join(argv)} in {service} ended with {result.code}: {_shown(result)}"
            raise AppError(msg)
        return result

    def get(self, path: str, *, host: str | None = None, timeout: float = GET_SECONDS) -> httpx.Response:
        """Ask the app for a page by HTTPS, through the proxy; redirects are not followed.

        The certificate must be the cell's (`ca_file`). Every status is an answer: look at it.

        Args:
            path: `/login`.
            host: another host name: `sandbox` is `sandbox.DOMAIN`, one in the cell's domain is taken as it is.
            timeout: seconds for connecting and for each read.

        Raises:
            AppError: there was no HTTP answer, or by a certificate of somebody else.
        """
        import httpx  # noqa: PLC0415 - 0.1 s that a suite without HTTP need not pay

        where = f"https://{self._host(host)}{path if path.startswith('/') else f'/{path}'}"
        try:
            with httpx.Client(verify=self._tls, trust_env=False, timeout=timeout) as client:
                return client.get(where)
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            raise AppError(f"{where}: {str(error) or type(error).__name__}") from error

    def wait(self, callable: Callable[[], T], *, timeout: float, what: str) -> T:  # noqa: A002 - DESIGN's word
        """Call something until what it returns is true, and return that.

        An AppError or an AssertionError that it raises means "not yet"; any other error ends the wait.

        Args:
            callable: looks once.
            timeout: seconds; it is called at least once.
            what: what is waited for, in the error.

        Raises:
            AppError: it did not come true in time; what was seen last is in it.
        """
        deadline = time.monotonic() + timeout
        while True:
            try:
                seen: Any = callable()
                if seen:
                    return seen  # type: ignore[no-any-return]
                last = repr(seen)
            except (AppError, AssertionError) as error:
                last = str(error)
            if time.monotonic() >= deadline:
                raise AppError(f"{what}: not within {timeout:g} s; last seen: {cutting.head(last, SHOWN)}")
            time.sleep(WAIT_SECONDS)

    def logs(self, service: str, *, lines: int = 1000) -> str:
        """Return the last lines that the running tasks of a service wrote.

        Raises:
            AppError: there is no such service.
        """
        return str(self._call("logs", service=service, lines=lines)["text"])

    def _host(self, host: str | None) -> str:
        """Return a host name in full."""
        if host is None:
            return self.domain
        return host if host.endswith(f".{self.cell_domain}") else f"{host}.{self.domain}"

    @property
    def _tls(self) -> Any:  # noqa: ANN401 - an ssl.SSLContext, which is imported late
        import ssl  # noqa: PLC0415

        return ssl.create_default_context(cafile=self.ca_file)

    def _call(self, name: str, **arguments: object) -> dict[str, Any]:
        """Ask the harness, one question at a time."""
        with self._lock:
            self._calls += 1
            question = {"say": "call", "id": self._calls, "name": name, "arguments": arguments}
            try:
                self._channel.send(question)
                answer = self._channel.receive()
            except (OSError, ValueError) as error:
                raise AppError(f"{name}: the harness cannot be asked: {error}") from error
            if answer is None or answer.get("id") != self._calls:
                raise AppError(f"{name}: the harness does not answer any more")
        if "error" in answer:
            raise AppError(f"{name} in {arguments['service']}: {answer['error']}")
        return dict(answer["value"])


def _shown(result: Result) -> str:
    """Return the end of what a command printed."""
    words = (result.err.strip() or result.out.strip()).decode(errors="backslashreplace")
    return cutting.tail(words, SHOWN) or "it printed nothing"
