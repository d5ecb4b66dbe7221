"""The only place that says what our own parts' images are made from where no registry answers.

Traefik: the closure's image, else its program by wheel or on PATH. Backup bot: ours, on the closure's base or Debian's.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from recipeci.errors import HostError, UsageError
from recipeci.host import temporary
from recipeci.host.closure import Closure, Image
from recipeci.host.command import Runner
from recipeci.host.store import bot, proxy
from recipeci.host.store.build import Builder
from recipeci.host.store.entries import Build
from recipeci.host.store.reference import Reference
from recipeci.host.store.saved import Saved
from recipeci.model import Program


@dataclass(frozen=True)
class Own:
    """An image of ours: its name, what the report calls it, and how it comes into a store."""

    image: Reference
    program: Program
    made_from: str
    """Changes when the image must be made anew; one of that name may also come from a registry."""
    what: str
    make: Callable[[Builder], None]


@dataclass(frozen=True)
class Sources:
    """Where our own parts may come from on this machine."""

    closure: Closure
    runner: Runner

    @property
    def has_proxy(self) -> bool:
        """Whether there is a Traefik without a registry."""
        return _is_brought(self.closure.proxy) or proxy.is_there(self.closure.path)

    @property
    def has_bot(self) -> bool:
        """Whether there is a backup bot without a registry."""
        return _is_brought(self.closure.bot) or bot.has_debian(self.closure.machine_path)

    def proxy(self) -> Own:
        """Return Traefik's image; raises HostError if it is broken, or (with three ways) if there is none."""
        if archive := _archive(self.closure.proxy):
            image, saved = archive
            program = Program("Traefik", (image.tag or "").removeprefix("v"), built_in=True)
            return Own(image, program, _digest(saved), "taken from the closure", lambda to: _loaded(to, saved, image))
        found = proxy.find(self.closure.path, self.runner)

        def make(builder: Builder) -> None:
            _built(builder, found.image, lambda folder: proxy.write_folder(folder, found))

        program = Program("Traefik", found.version, built_in=True)
        return Own(
            found.image, program, found.made_from, f"made from {found.origin}{_instead(self.closure.proxy)}", make
        )

    def bot(self) -> Own:
        """Return our backup bot's image; raises HostError as `proxy` does."""
        archive = _archive(self.closure.bot)
        found = bot.package(can_be_made=self.has_bot)
        base = _digest(archive[1]) if archive else bot.base_digest()
        debians = f"made from Debian's packages{_instead(self.closure.bot)}"
        what = "made on the closure's base" if archive else debians

        def write(builder: Builder, folder: Path) -> Build:
            if archive is None:
                return bot.write_folder(folder, found, base=bot.debian(folder, builder))
            image, saved = archive
            _loaded(builder, saved, image)
            return bot.write_folder(folder, found, base=f"FROM {image}")

        def make(builder: Builder) -> None:
            _built(builder, found.image, lambda folder: write(builder, folder))

        program = Program(bot.NAME, found.version, built_in=True)
        return Own(found.image, program, found.made_from(base), what, make)


def _is_brought(image: Image | None) -> bool:
    """Whether the closure has an image, be it broken. A folder is none: stubs in the place of packages make that."""
    return image is not None and not image.archive.is_dir()


def _instead(image: Image | None) -> str:
    """Return words for what takes the place of a stub."""
    return "" if image is None else ": the package was built of stubs and has no image"


def _archive(image: Image | None) -> tuple[Reference, Saved] | None:
    """Return an image of the closure's with its name; None if it has none. A file that is no archive is refused."""
    if image is None or not _is_brought(image):
        return None
    saved = Saved(image.archive)
    if not saved.looks_right:
        raise HostError(f"our own package is broken: {saved.file} is no archive of an image", hint="please report it")
    return Reference.parse(image.name), saved


def _digest(saved: Saved) -> str:
    """Return what an archive of the closure is known by: its name in the store changes with what is in it."""
    return hashlib.sha256(str(saved.file).encode()).hexdigest()


def _loaded(builder: Builder, saved: Saved, image: Reference) -> None:
    """Load an archive of the closure's; what is wrong with it, no caller can mend."""
    try:
        builder.load(saved, image)
    except UsageError as error:
        raise HostError(f"our own package is broken: {error.message}", hint="please report it") from error


def _built(builder: Builder, image: Reference, write: Callable[[Path], Build]) -> None:
    with temporary.folder(builder.work) as scratch:
        builder.build(write(scratch), image)
