"""The only place that takes a deployment down, and says what it left behind.

The cell is thrown away afterwards whatever is in it; that the recipe can be removed from a swarm is checked all the
same, by asking Docker for everything before `app new` and after the teardown.
"""

from __future__ import annotations

import contextlib
import logging
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass

from recipeci.errors import CommandFailed, WaitFailed
from recipeci.host import networks
from recipeci.host.abra import Abra
from recipeci.host.clock import Clock, until
from recipeci.host.docker import Swarm
from recipeci.model import Leftover

log = logging.getLogger(__name__)
GONE_SECONDS = 90.0
"""`stack rm` takes 6 s, and 16 s for a PID 1 that ignores SIGTERM (facts swarm §2)."""
LEFT_SECONDS = 20.0
"""Docker's lists lag behind its removals: a little, or on a busy machine for some seconds."""


@dataclass(frozen=True)
class Teardown:
    """What takes a stack down; `note` hears what abra could not do."""

    domain: str
    stack: str
    abra: Abra
    swarm: Swarm
    clock: Clock
    note: Callable[[str], None]

    def run(self, *, before: frozenset[Leftover]) -> tuple[Leftover, ...]:
        """Remove the app with its volumes and secrets; return what is there now and was not `before`.

        Of an app that was never made abra knows nothing, and it refuses to undeploy one that is not deployed.
        """
        if self.abra.env_file(self.domain).exists():
            self._remove()
        return self._left(before)

    def _remove(self) -> None:
        if self.swarm.of_stack(self.stack):
            self._undeploy()
        with self._noted("app volume remove"):
            self.abra.app_volume_remove(self.domain)
        if self._has_secrets():
            with self._noted("app secret remove"):
                self.abra.app_secret_remove(self.domain)
        with self._noted("app remove"):
            self.abra.app_remove(self.domain)

    def _undeploy(self) -> None:
        """Have the stack removed; a network that Docker did not let abra remove is removed when its tasks have gone.

        Now and then Docker says that a network is in use by a task which it is about to end (swarmkit, RemoveNetwork).
        That is no fault of the recipe's; what holds a network for good holds it then, too.
        """
        try:
            self.abra.app_undeploy(self.domain)
        except CommandFailed as e:
            self._note("app undeploy", e)
            self._wait_until_gone(but=("network",))
            networks.remove(self.stack, self.swarm)
        self._wait_until_gone()

    def _has_secrets(self) -> bool:
        """Tell whether there are secrets to remove: that `app remove` does so is only believed (contract/facts.yml)."""
        return any(it.kind == "secret" and it.name.startswith(f"{self.stack}_") for it in self.swarm.objects())

    def _wait_until_gone(self, *, but: Collection[str] = ()) -> None:
        """Wait, because abra returns while swarm still removes (A-22); the inventory shows what did not go.

        Things of the kinds in `but` may stay.
        """
        try:
            until(
                lambda: tuple(item for item in self.swarm.of_stack(self.stack) if item.kind not in but),
                lambda left: not left,
                what=f"removal of {self.stack}",
                clock=self.clock,
                timeout=GONE_SECONDS,
                describe=lambda left: ", ".join(f"{item.kind} {item.name}" for item in left) or "gone",
                successes=1,
            )
        except WaitFailed as e:
            self.note(e.message)

    def _left(self, before: frozenset[Leftover]) -> tuple[Leftover, ...]:
        """Return what is left once it no longer shrinks to nothing."""
        found: list[frozenset[Leftover]] = []

        def look() -> frozenset[Leftover]:
            found.append(frozenset(_not_of(before, self.swarm.objects())))
            return found[-1]

        with contextlib.suppress(WaitFailed):  # what is left is the answer
            until(look, lambda left: not left, what="inventory", clock=self.clock, timeout=LEFT_SECONDS, successes=1)
        return tuple(sorted(found[-1]))

    @contextlib.contextmanager
    def _noted(self, what: str) -> Iterator[None]:
        """Note what abra could not do; whether it matters is what the inventory says."""
        try:
            yield
        except CommandFailed as e:
            self._note(what, e)

    def _note(self, what: str, error: CommandFailed) -> None:
        said = error.message
        self.note(said if said.startswith(f"abra {what}") else f"abra {what}: {said}")


def _not_of(before: frozenset[Leftover], now: frozenset[Leftover]) -> Iterator[Leftover]:
    """Yield what is new; a container of a service that was there before (the proxy's) is not ours."""
    services = {item.name for item in before if item.kind == "service"}
    for item in now - before:
        if item.kind != "container" or item.name.partition("/")[0] not in services:
            yield item
