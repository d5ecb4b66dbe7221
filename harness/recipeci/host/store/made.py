"""The only place that remembers what images of images.yml were made from, and says which must be made anew."""

from __future__ import annotations

import json
import platform
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from recipeci.host.store.entries import Build, Entry, digest
from recipeci.host.store.layout import Layout
from recipeci.host.store.reference import Reference


@dataclass(frozen=True)
class Made:
    """The notes of one store: for each image made here, the digest of what made it and the id that came of it."""

    folder: Path
    layout: Layout

    def digests(self, needed: Sequence[Entry]) -> Mapping[str, str]:
        """Return name → digest of what makes it, for entries that are in the order of making."""
        found: dict[str, str] = {}
        for entry in needed:
            names = [base.key for base in bases_of(entry)]
            of_bases = {name: found.get(name, "") for name in names}  # one from a registry counts by its name
            found[entry.image.key] = digest(entry, bases=of_bases, machine=platform.machine())
        return found

    def stale(self, needed: Sequence[Entry], *, wanted: Collection[str]) -> tuple[Entry, ...]:
        """Return what must be made, in the order of making: `wanted` names that are not fresh, and their bases."""
        digests, names, found = self.digests(needed), set(wanted), list[Entry]()
        for entry in reversed(needed):
            if entry.image.key in names and not self.is_fresh(entry.image, made_from=digests[entry.image.key]):
                found.append(entry)
                names |= {base.key for base in bases_of(entry)}
        return tuple(reversed(found))

    def note(self, image: Reference, *, made_from: str) -> None:
        """Remember that the image of that name, as it is now, was made from this digest."""
        self.folder.mkdir(exist_ok=True)
        note = {"image": image.key, "digest": made_from, "id": self.layout.id_of(image)}
        self._file(image).write_text(json.dumps(note), encoding="utf-8")

    def is_fresh(self, image: Reference, *, made_from: str) -> bool:
        """Return True if the image of that name was made from this digest."""
        try:
            note = json.loads(self._file(image).read_text(encoding="utf-8"))
        except (FileNotFoundError, ValueError):  # ValueError: killed while writing it
            return False
        now = self.layout.id_of(image)
        return now is not None and note == {"image": image.key, "digest": made_from, "id": now}

    def _file(self, image: Reference) -> Path:
        return self.folder / f"{image.key.replace('/', '%')}.json"


def bases_of(entry: Entry) -> tuple[Reference, ...]:
    """Return the images that an entry starts from."""
    return entry.made_from.bases if isinstance(entry.made_from, Build) else ()
