"""The only place that removes images from the store: never one that is lent to a running cell."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass, replace
from pathlib import Path

from recipeci.host.store import locks
from recipeci.host.store.daemon import Docker
from recipeci.host.store.layout import Layout

REMOVE_SECONDS = 600
UNLIMITED = 2**63


@dataclass(frozen=True)
class Removed:
    """What was removed and what was not because it is lent (names, or 12 digits of the id), and the bytes freed."""

    images: tuple[str, ...] = ()
    in_use: tuple[str, ...] = ()
    freed: int = 0


@dataclass(frozen=True)
class Rule:
    """What may go: nothing that was used since `before` (seconds since 1970); of the named no more than must.

    That is until `keep_bytes` are not exceeded. Images without a name go in any case.
    """

    keep_bytes: int
    before: float


@dataclass(frozen=True)
class Shelf:
    """What there is: the images, the tars of base systems, and the folder with a lock an image."""

    layout: Layout
    tars: Path
    locks: Path

    @property
    def image_bytes(self) -> int:
        """The bytes of all layers that images have, each counted once."""
        images = self.layout.all_images()
        return sum({layer.chain: layer.size for image in images for layer in self.layout.layers(image)}.values())

    @property
    def tar_bytes(self) -> int:
        """The bytes of the tars of base systems."""
        return sum(tar.stat().st_size for tar in self.tars.glob("*.tar"))

    def name(self, image: str) -> str:
        """Return an image's names, or the beginning of its id."""
        return ", ".join(self.layout.tags().get(image, ())) or image[:12]

    def last_use(self, image: str) -> float:
        """Return when an image was given or lent to a run last, or else when it came (seconds since 1970)."""
        lock = self.locks / image
        return (lock if lock.exists() else self.layout.config_file(image)).stat().st_mtime

    def is_within(self, rule: Rule) -> bool:
        """Say whether there is nothing to remove."""
        return self.image_bytes + self.tar_bytes <= rule.keep_bytes and not self.next_images(_of_nameless(rule))

    def next_images(self, rule: Rule, *, stay: Collection[str] = ()) -> tuple[str, ...]:
        """Return what goes next: all nameless ones that no other is made from, else the one used longest ago."""
        parents = {self.layout.parent_of(image) for image in self.layout.all_images()}
        leaves = (image for image in self.layout.all_images() if image not in parents and self.name(image) not in stay)
        free = [image for image in leaves if self.last_use(image) < rule.before]
        if nameless := tuple(image for image in free if image not in self.layout.tags()):
            return nameless
        if self.image_bytes <= rule.keep_bytes or not free:
            return ()
        return (min(free, key=self.last_use),)


def thin_out(docker: Docker, shelf: Shelf, rule: Rule) -> Removed:
    """Remove images without a name; then as far as the rule says tars, which only save time, and other images."""
    first = _pruned(docker, shelf, _of_nameless(rule))
    freed = _drop_tars(shelf.tars, excess=shelf.image_bytes + shelf.tar_bytes - rule.keep_bytes)
    last = _pruned(docker, shelf, replace(rule, keep_bytes=rule.keep_bytes - shelf.tar_bytes))
    return Removed((*first.images, *last.images), last.in_use, first.freed + freed + last.freed)


def _of_nameless(rule: Rule) -> Rule:
    return replace(rule, keep_bytes=UNLIMITED)


def _pruned(docker: Docker, shelf: Shelf, rule: Rule) -> Removed:
    """Remove images one after the other; what one was made from may be next."""
    done = Removed()
    while candidates := shelf.next_images(rule, stay=done.in_use):
        step = _remove(docker, shelf, candidates)
        skipped = (*done.in_use, *step.in_use)
        done = Removed((*done.images, *step.images), skipped, done.freed + step.freed)
    return done


def _remove(docker: Docker, shelf: Shelf, images: Iterable[str]) -> Removed:
    """Remove images by id, whatever names they have; raises CommandFailed."""
    before, removed, in_use = shelf.image_bytes, list[str](), list[str]()
    for image in images:
        name = shelf.name(image)
        with locks.alone(shelf.locks / image) as free:
            if free:
                # Its parents too may be lent: each image is removed under its own lock alone.
                docker.run("rmi", "--force", "--no-prune", f"sha256:{image}", timeout=REMOVE_SECONDS)
        (removed if free else in_use).append(name)
    return Removed(tuple(removed), tuple(in_use), before - shelf.image_bytes)


def _drop_tars(folder: Path, *, excess: int) -> int:
    """Remove tars, the oldest first, until `excess` bytes are freed."""
    freed = 0
    for tar in sorted(folder.glob("*.tar"), key=lambda tar: tar.stat().st_mtime):
        if freed < excess:
            freed += tar.stat().st_size
            tar.unlink()
    return freed
