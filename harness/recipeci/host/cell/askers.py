"""The only place that remembers which service had which address: a question may be read when its asker is gone."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Mapping

from recipeci.errors import HostError
from recipeci.host.cell.engine_api import EngineApi


class Askers:
    """Looks at the addresses of a cell's containers each time one starts, until the cell's dockerd ends."""

    def __init__(self, api: EngineApi) -> None:
        """Take the cell's dockerd."""
        self._api = api
        self._known: dict[str, str] = {}

    def watch(self) -> None:
        """Begin to look, in a thread that ends with the cell."""
        threading.Thread(target=self._watch, name="cell-askers", daemon=True).start()

    def known(self) -> Mapping[str, str]:
        """Return what is known by now, without a look."""
        return dict(self._known)

    def services(self) -> Mapping[str, str]:
        """Return the service, or else the container, that has each address now or had it last."""
        self._look()
        return self.known()

    def _watch(self) -> None:
        """Look now and whenever a container starts."""
        with contextlib.suppress(HostError):
            for _ in self._api.container_starts():
                self._look()

    def _look(self) -> None:
        """Take in who is there now; a network that goes away meanwhile spoils this look only."""
        with contextlib.suppress(HostError):
            self._known.update(self._api.services_by_address())
