"""The only place that decides whether an image is pulled, taken as the store has it, or not to be had."""

from __future__ import annotations

import datetime
from collections.abc import Callable
from dataclasses import dataclass

from recipeci.errors import CommandFailed, HostError
from recipeci.host.clock import Clock
from recipeci.host.store.daemon import Docker
from recipeci.host.store.layout import Layout
from recipeci.host.store.reference import Reference
from recipeci.host.store.registry import Answer, Found, Registries

PULL_SECONDS = 3600
WAYS = "three ways: let this machine reach the registry; give --images DIR whose images.yml makes it; correct its name"


@dataclass(frozen=True)
class Pull:
    """An image that a registry has otherwise than the store, by the digest that it has there."""

    image: Reference
    digest: str


@dataclass(frozen=True)
class Pulling:
    """Compares one store with the registries."""

    layout: Layout
    registries: Registries
    clock: Clock

    def decide(self, ref: Reference, *, say: Callable[[str], None]) -> Pull | None:
        """Return what to pull, None if the store's image is to be used.

        Raises HostError if the registry does not know the image, or if neither it nor the store can give it.
        """
        image = self.layout.id_of(ref)
        if ref.digest and image is not None:
            return None
        answer = self.registries.ask(ref)
        if answer.found is Found.YES:
            pull = Pull(ref, answer.digest)
            return None if self.is_done(pull) else pull
        if answer.found is Found.NO:
            raise HostError(f"image unavailable: {ref}: its registry has no such image ({answer.reason})", hint=WAYS)
        if image is None:
            raise _unavailable(ref, answer)
        say(
            f"image {ref}: its registry {answer.found.value} ({answer.reason}); the store's is used, {self._age(image)}"
        )
        return None

    def is_done(self, pull: Pull) -> bool:
        """Return True if the store has the image under that name with that digest."""
        image = self.layout.id_of(pull.image)
        names = self.layout.names_of(image, family=pull.image.family) if image else {}
        return f"{pull.image.family}@{pull.digest}" in names

    def carry_out(self, pull: Pull, docker: Docker) -> None:
        """Pull an image; raises HostError, `image unavailable`."""
        try:
            docker.run("pull", "--quiet", str(pull.image), timeout=PULL_SECONDS)
        except CommandFailed as error:
            raise HostError(f"image unavailable: {pull.image}: {error.message}", hint=WAYS) from error

    def _age(self, image: str) -> str:
        """Say how long the store has had an image."""
        then = self.layout.config_file(image).stat().st_mtime
        days = int((datetime.datetime.fromisoformat(self.clock.now()).timestamp() - then) // 86400)
        return "from today" if days < 1 else f"{days} day{'s' if days > 1 else ''} old"


def _unavailable(ref: Reference, answer: Answer) -> HostError:
    said = f"{ref.registry} {answer.found.value} ({answer.reason})"
    return HostError(f"image unavailable: {ref}: {said} and the image store does not have it", hint=WAYS)
