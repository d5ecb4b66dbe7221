"""The only place that reads an archive of an image, as `docker save` and Nix's dockerTools write it."""

from __future__ import annotations

import contextlib
import hashlib
import json
import tarfile
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from recipeci.errors import UsageError
from recipeci.host.store.reference import Reference

MANIFEST = "manifest.json"
PACKED = (b"\x1f\x8b", b"BZh", b"\xfd7zXZ\x00")
"""How gzip, bzip2 and xz begin; both Python and Docker read them."""
TAR_AT, TAR = 257, b"ustar"
HINT = "`docker save --output FILE NAME` writes one"


@dataclass(frozen=True)
class Saved:
    """A file that holds one image."""

    file: Path

    @property
    def looks_right(self) -> bool:
        """Whether the file is there and begins like an archive; what is in it is read only before it is loaded."""
        try:
            with self.file.open("rb") as opened:
                start = opened.read(TAR_AT + len(TAR))
        except OSError:
            return False
        return start.startswith(PACKED) or start[TAR_AT:] == TAR

    @property
    def digest(self) -> str:
        """What is in it, as 64 hex digits."""
        with self.file.open("rb") as opened:
            return hashlib.file_digest(opened, "sha256").hexdigest()

    def check(self, image: Reference) -> None:
        """Refuse an archive that does not hold exactly one image, or holds it under another name than `image`.

        Docker gives an image that it loads the name in the archive, and takes it from another image.
        """
        images = self._images()
        if len(images) != 1:
            raise UsageError(f"{self.file} holds {len(images)} images, and one is needed", hint=HINT)
        names = images[0].get("RepoTags") or []
        if [Reference.parse(name).key for name in names] not in ([], [image.key]):
            raise UsageError(f"{self.file} holds {', '.join(names)}, not {image}", hint=f"image: {names[0]}")

    def _images(self) -> list[dict[str, Any]]:
        with self._opened() as archive:
            try:
                manifest = archive.extractfile(MANIFEST)
            except KeyError:
                manifest = None
            if manifest is None:
                raise UsageError(f"{self.file} has no {MANIFEST}: it is no archive of an image", hint=HINT)
            images: list[dict[str, Any]] = json.load(manifest)
        return images

    @contextlib.contextmanager
    def _opened(self) -> Iterator[tarfile.TarFile]:
        try:
            with tarfile.open(self.file) as archive:
                yield archive
        except (tarfile.TarError, EOFError, OSError, ValueError, zlib.error) as error:
            raise UsageError(f"{self.file} cannot be read as an archive: {error}", hint=HINT) from error
