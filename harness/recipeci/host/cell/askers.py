"""The only place that remembers which service had which address: a question may be read when its asker is gone."""

from __future__ import annotations

import contextlib
import http.client
import threading
from collections.abc import Mapping
from pathlib import Path

from recipeci.errors import HostError
from recipeci.host.cell import engine_api


class Askers:
    """Looks at the addresses of a cell's containers each time one starts, until the cell's dockerd ends."""

    def __init__(self, socket: Path) -> None:
        """Take the socket of the cell's dockerd."""
        self._socket = socket
        self._known: dict[str, str] = {}

    def watch(self) -> None:
        """Begin to look, in a thread that ends with the cell."""
        threading.Thread(target=self._watch, name="cell-askers", daemon=True).start()

    def services(self) -> Mapping[str, str]:
        """Return the service, or else the container, that has each address now or had it last."""
        self._look()
        return dict(self._known)

    def _watch(self) -> None:
        """Look now and whenever a container starts."""
        with contextlib.suppress(OSError, http.client.HTTPException):
            for _ in engine_api.container_starts(self._socket):
                self._look()

    def _look(self) -> None:
        """Take in who is there now; a container or a network that goes away meanwhile spoils this look only."""
        with contextlib.suppress(HostError), engine_api.client(self._socket) as api:
            self._known.update(engine_api.services_by_address(api))
