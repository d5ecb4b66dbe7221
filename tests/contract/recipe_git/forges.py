"""The only place in the contract tests that plays a forge: web servers on loopback."""

from __future__ import annotations

import base64
import contextlib
import http.server
import subprocess
import threading
from collections.abc import Iterator
from pathlib import Path

from recipe_git.made import ENV


@contextlib.contextmanager
def serving(handler: type[http.server.BaseHTTPRequestHandler]) -> Iterator[str]:
    """A web server on loopback."""
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_address[1]}"
        finally:
            server.shutdown()
            thread.join()


class Quiet(http.server.BaseHTTPRequestHandler):
    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base class's name
        """Say nothing."""


@contextlib.contextmanager
def forge_that_answers(status: int, body: bytes = b"") -> Iterator[str]:
    """A forge that gives every question the same answer."""

    class Handler(Quiet):
        def do_GET(self) -> None:
            self.send_response(status)
            if status == 401:
                self.send_header("WWW-Authenticate", 'Basic realm="forge"')
            self.end_headers()
            self.wfile.write(body)

    with serving(Handler) as url:
        yield url


@contextlib.contextmanager
def forge_that_sends_on(to: str) -> Iterator[str]:
    """A forge that has moved elsewhere, and says so to everybody."""

    class Handler(Quiet):
        def do_GET(self) -> None:
            self.send_response(302)
            self.send_header("Location", f"{to}{self.path}")
            self.end_headers()

    with serving(Handler) as url:
        yield url


@contextlib.contextmanager
def forge_of(root: Path, *, login: str | None = None, shown: list[str] | None = None) -> Iterator[str]:
    """A forge that serves the repositories in a folder by git's own program, as Gitea does.

    `login` is `USER:TOKEN`, which whoever asks must show; into `shown` goes what was.
    """
    wanted = None if login is None else f"Basic {base64.b64encode(login.encode()).decode()}"

    class Handler(Quiet):
        def do_GET(self) -> None:
            given = self.headers.get("Authorization")
            if shown is not None and given is not None:
                shown.append(given)
            if wanted not in (None, given):
                self.send_response(401)
                self.send_header("WWW-Authenticate", 'Basic realm="forge"')
                self.end_headers()
                return
            self.answer()

        def answer(self) -> None:
            path, _, query = self.path.partition("?")
            length = int(self.headers.get("Content-Length") or 0)
            asked = {"PATH_INFO": path, "QUERY_STRING": query, "REQUEST_METHOD": self.command}
            asked |= {"CONTENT_TYPE": self.headers.get("Content-Type") or "", "CONTENT_LENGTH": str(length)}
            asked |= {"HTTP_CONTENT_ENCODING": self.headers.get("Content-Encoding") or ""}
            asked |= {"GIT_PROTOCOL": self.headers.get("Git-Protocol") or "", "GIT_PROJECT_ROOT": str(root)}
            done = subprocess.run(
                ["/usr/bin/env", "git", "http-backend"],
                input=self.rfile.read(length),
                env={**ENV, **asked, "GIT_HTTP_EXPORT_ALL": "1", "REMOTE_ADDR": "127.0.0.1"},
                stdout=subprocess.PIPE,
                timeout=120,
                check=False,  # a refusal is in the body
            )
            head, _, body = done.stdout.partition(b"\r\n\r\n")
            lines = [line.split(": ", 1) for line in head.decode().split("\r\n")]
            self.send_response(int(dict(lines).get("Status", "200").split()[0]))
            for name, value in lines:
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(body)

        do_POST = do_GET  # noqa: N815 - the base class's name

    with serving(Handler) as url:
        yield url
