"""The only place that serves a repository by HTTP: a web address on loopback, as a forge has it, without a forge."""

from __future__ import annotations

import contextlib
import functools
import http.server
import threading
from collections.abc import Iterator
from pathlib import Path

from recipeci.host.command import BASE_ENV, LocalRunner


class _Quiet(http.server.SimpleHTTPRequestHandler):
    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - http.server's name
        """Say nothing: what is asked for is git's matter."""


@contextlib.contextmanager
def serving(bare: Path) -> Iterator[str]:
    """Serve a bare repository as long as the block lasts; yield its address, `http://127.0.0.1:PORT/NAME`."""
    LocalRunner().run(["git", "update-server-info"], timeout=30, cwd=bare, env=dict(BASE_ENV))
    handler = functools.partial(_Quiet, directory=str(bare.parent))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}/{bare.name}"
        finally:
            server.shutdown()
            thread.join()
