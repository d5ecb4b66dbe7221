"""The only place that serves repositories by HTTP: web addresses on loopback, as a forge has them, without a forge."""

from __future__ import annotations

import contextlib
import functools
import http.server
import threading
from collections.abc import Iterator
from pathlib import Path

from recipeci.host.command import BASE_ENV, LocalRunner


class _Quiet(http.server.SimpleHTTPRequestHandler):
    """A web server of files, by which git can clone too."""

    def log_message(self, *_: object) -> None:
        """Say nothing: what is asked for is git's matter."""


@contextlib.contextmanager
def serving(folder: Path) -> Iterator[str]:
    """Serve the bare repositories of a folder as long as the block lasts; yield the folder's address."""
    for head in (file for file in folder.rglob("HEAD") if (file.parent / "objects").is_dir()):
        LocalRunner().run(["git", "update-server-info"], timeout=30, cwd=head.parent, env=dict(BASE_ENV))
    handler = functools.partial(_Quiet, directory=str(folder))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}"
        finally:
            server.shutdown()
            thread.join()
