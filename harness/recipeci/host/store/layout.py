"""The only place that reads the files of Docker's overlay2 image store; it writes nothing.

dockerd replaces these files by rename and registers an image after its layers, so that reading is whole while the
store's dockerd builds and pulls. The layout is the same in 20.10 and 26.1.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from recipeci.errors import HostError
from recipeci.host.store.reference import DIGEST, Reference


@dataclass(frozen=True)
class Layer:
    """One layer of an image: its chain id and its diff id (both without `sha256:`), its folder's name, its bytes."""

    chain: str
    diff: str
    cache_id: str
    size: int


def chain_ids(diff_ids: Sequence[str]) -> tuple[str, ...]:
    """Return the chain ids (`sha256:…`) of layers from the lowest up: sha256 of the parent's, a space, the diff id."""
    chains: list[str] = []
    for diff in diff_ids:
        if not DIGEST.match(diff):
            raise HostError(f"the store's image config has a layer {diff!r}, which is no digest")
        text = f"{chains[-1]} {diff}" if chains else ""
        chains.append(f"sha256:{hashlib.sha256(text.encode()).hexdigest()}" if text else diff)
    return tuple(chains)


class Layout:
    """The image store in a data root of dockerd's; image ids are 64 hex digits."""

    def __init__(self, data_root: Path) -> None:
        """Take the data root; it need not be there yet."""
        self.data_root = data_root
        self.images = data_root / "image" / "overlay2"

    def repositories(self) -> dict[str, dict[str, str]]:
        """Return family → name → image id, with `sha256:`; empty where nothing was ever filled."""
        try:
            text = (self.images / "repositories.json").read_text()
        except FileNotFoundError:
            return {}
        found: dict[str, dict[str, str]] = json.loads(text).get("Repositories", {})
        return found

    def id_of(self, ref: Reference) -> str | None:
        """Return the id of the image of that name, None if the store has none."""
        found = self.repositories().get(ref.family, {}).get(ref.key)
        return found.removeprefix("sha256:") if found else None

    def names_of(self, image: str, *, family: str) -> dict[str, str]:
        """Return the digest names that an image has in a family, as repositories.json has them."""
        names = self.repositories().get(family, {})
        return {name: value for name, value in names.items() if value == f"sha256:{image}" and "@" in name}

    def all_images(self) -> tuple[str, ...]:
        """Return the ids of all images, those without a name too."""
        folder = self.config_file("")
        return tuple(sorted(file.name for file in folder.iterdir())) if folder.is_dir() else ()

    def tags(self) -> dict[str, tuple[str, ...]]:
        """Return image id → its names."""
        tags: dict[str, tuple[str, ...]] = {}
        for names in self.repositories().values():
            for name, image in names.items():
                key = image.removeprefix("sha256:")
                tags[key] = (*tags.get(key, ()), name)
        return tags

    def config_file(self, image: str) -> Path:
        """Return the path of an image's config."""
        return self.images / "imagedb" / "content" / "sha256" / image

    def metadata_folder(self, image: str) -> Path:
        """Return the folder of lastUpdated, parent and the like; it need not be there."""
        return self.images / "imagedb" / "metadata" / "sha256" / image

    def parent_of(self, image: str) -> str | None:
        """Return the image that a legacy build made this one from."""
        try:
            return (self.metadata_folder(image) / "parent").read_text().strip().removeprefix("sha256:")
        except FileNotFoundError:
            return None

    def layer_folder(self, chain: str) -> Path:
        """Return the folder of a layer's small files."""
        return self.images / "layerdb" / "sha256" / chain

    def content_folder(self, cache_id: str) -> Path:
        """Return the folder that holds a layer's `diff`."""
        return self.data_root / "overlay2" / cache_id

    def config(self, image: str) -> dict[str, Any]:
        """Return an image's config; raises HostError if the store has no such image."""
        try:
            config: dict[str, Any] = json.loads(self.config_file(image).read_bytes())
        except FileNotFoundError:
            raise HostError(f"image {image[:12]} is no longer in the store", hint="run again") from None
        return config

    def layers(self, image: str) -> tuple[Layer, ...]:
        """Return an image's layers from the lowest up; raises HostError if one is gone."""
        diffs = self.config(image)["rootfs"].get("diff_ids") or []
        pairs = zip(diffs, chain_ids(diffs), strict=True)
        return tuple(self._layer(diff, chain.removeprefix("sha256:")) for diff, chain in pairs)

    def _layer(self, diff: str, chain: str) -> Layer:
        folder = self.layer_folder(chain)
        try:
            cache_id = (folder / "cache-id").read_text().strip()
            size = int((folder / "size").read_text())
        except FileNotFoundError:
            raise HostError(f"layer {chain[:12]} is no longer in the store", hint="run again") from None
        return Layer(chain, diff.removeprefix("sha256:"), cache_id, size)
