"""The only place that serves repositories by HTTP: web addresses on loopback, as a forge has them, without a forge."""

from __future__ import annotations

import base64
import contextlib
import functools
import http.server
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

from recipeci.host.command import BASE_ENV, LocalRunner


class _Quiet(http.server.SimpleHTTPRequestHandler):
    """A web server of files, by which git can clone too."""

    def log_message(self, *_: object) -> None:
        """Say nothing: what is asked for is git's matter."""


class _Private(_Quiet):
    """One that wants a login, and tells whenever it was shown that."""

    login = ""
    shown: Callable[[], None]

    def do_GET(self) -> None:
        if self.headers.get("Authorization") != f"Basic {base64.b64encode(self.login.encode()).decode()}":
            self.send_response(401)
            self.send_header("WWW-Authenticate", 'Basic realm="forge"')
            self.send_header("Content-Length", "0")
            self.end_headers()
            return
        type(self).shown()
        super().do_GET()


@contextlib.contextmanager
def serving(folder: Path) -> Iterator[str]:
    """Serve the bare repositories of a folder as long as the block lasts; yield the folder's address."""
    with _served(folder, _Quiet) as url:
        yield url


@contextlib.contextmanager
def private(folder: Path, *, login: str, shown: Callable[[], None]) -> Iterator[str]:
    """Serve them to whoever shows `USER:TOKEN`; `shown` is called whenever somebody has."""
    handler = type("Private", (_Private,), {"login": login, "shown": staticmethod(shown)})
    with _served(folder, handler) as url:
        yield url


@contextlib.contextmanager
def _served(folder: Path, handler: type[_Quiet]) -> Iterator[str]:
    for head in (file for file in folder.rglob("HEAD") if (file.parent / "objects").is_dir()):
        LocalRunner().run(["git", "update-server-info"], timeout=180, cwd=head.parent, env=dict(BASE_ENV))
    ours = functools.partial(handler, directory=str(folder))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), ours) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}"
        finally:
            server.shutdown()
            thread.join()
