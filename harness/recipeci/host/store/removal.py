"""The only place that removes images from the store: never one that is lent to a running cell."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from pathlib import Path

from recipeci.host.store import locks
from recipeci.host.store.daemon import Docker
from recipeci.host.store.layout import Layout

REMOVE_SECONDS = 600


@dataclass(frozen=True)
class Removed:
    """What was removed and what was not because it is lent (names, or 12 digits of the id), and the bytes freed."""

    images: tuple[str, ...] = ()
    in_use: tuple[str, ...] = ()
    freed: int = 0


def remove(docker: Docker, layout: Layout, images: Iterable[str], *, locks_folder: Path) -> Removed:
    """Remove images by id, whatever names they have; raises CommandFailed."""
    before, removed, in_use = total_bytes(layout), list[str](), list[str]()
    for image in images:
        name = ", ".join(layout.tags().get(image, ())) or image[:12]
        with locks.alone(locks_folder / image) as free:
            if free:
                # Its parents too may be lent: each image is removed under its own lock alone.
                docker.run("rmi", "--force", "--no-prune", f"sha256:{image}", timeout=REMOVE_SECONDS)
        (removed if free else in_use).append(name)
    return Removed(tuple(removed), tuple(in_use), before - total_bytes(layout))


@dataclass(frozen=True)
class Rule:
    """What may go: nothing that was used since `before` (seconds since 1970); of the named no more than must.

    That is until `keep_bytes` are not exceeded. Images without a name go in any case.
    """

    keep_bytes: int
    before: float


def next_images(layout: Layout, rule: Rule, *, locks_folder: Path, stay: Collection[str] = ()) -> tuple[str, ...]:
    """Return what goes next: all nameless images that no other is made from, else the one that was used longest ago."""
    tags = layout.tags()
    parents = {layout.parent_of(image) for image in layout.all_images()}
    leaves = [image for image in layout.all_images() if image not in parents and _name(tags, image) not in stay]
    used = {image: last_use(layout, image, locks_folder=locks_folder) for image in leaves}
    free = [image for image in leaves if used[image] < rule.before]
    if nameless := tuple(image for image in free if image not in tags):
        return nameless
    if total_bytes(layout) <= rule.keep_bytes or not free:
        return ()
    return (min(free, key=used.__getitem__),)


def prune(docker: Docker, layout: Layout, rule: Rule, *, locks_folder: Path) -> Removed:
    """Remove images without a name, then those used longest ago, as far as the rule says."""
    done = Removed()
    while candidates := next_images(layout, rule, locks_folder=locks_folder, stay=done.in_use):
        step = remove(docker, layout, candidates, locks_folder=locks_folder)
        skipped = (*done.in_use, *step.in_use)
        done = Removed((*done.images, *step.images), skipped, done.freed + step.freed)
    return done


def drop_tars(folder: Path, *, excess: int) -> int:
    """Remove tars of base systems, which only save time, the oldest first, until `excess` bytes are freed."""
    freed = 0
    for tar in sorted(folder.glob("*.tar"), key=lambda tar: tar.stat().st_mtime):
        if freed < excess:
            freed += tar.stat().st_size
            tar.unlink()
    return freed


def tar_bytes(folder: Path) -> int:
    """Return the bytes of the tars of base systems."""
    return sum(tar.stat().st_size for tar in folder.glob("*.tar"))


def total_bytes(layout: Layout) -> int:
    """Return the bytes of all layers that images have, each counted once."""
    layers = {layer.chain: layer.size for image in layout.all_images() for layer in layout.layers(image)}
    return sum(layers.values())


def last_use(layout: Layout, image: str, *, locks_folder: Path) -> float:
    """Return when an image was lent last, or else when it came (seconds since 1970)."""
    lock = locks_folder / image
    return (lock if lock.exists() else layout.config_file(image)).stat().st_mtime


def _name(tags: dict[str, tuple[str, ...]], image: str) -> str:
    return ", ".join(tags.get(image, ())) or image[:12]
