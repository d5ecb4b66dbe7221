"""The only place that lends images: their small files copied into a fresh data root, their layers by a mount each.

Its time depends on the number of layers, not on their size. dockerd binds its data root and `overlay2` onto themselves
at start, which would hide the mounts: whoever makes them binds both first (facts store §3).
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterable
from pathlib import Path

from recipeci.host.command import Runner
from recipeci.host.store.layout import Layer, Layout
from recipeci.host.store.marks import is_noted_as_marked
from recipeci.host.store.reference import Reference
from recipeci.model import LayerMount

COPY_SECONDS = 600


def clone(
    store: Layout, new: Layout, *, images: Iterable[tuple[Reference, str]], marks: Path, runner: Runner
) -> tuple[LayerMount, ...]:
    """Make `new` a data root that has the images under their names; returns the mounts that give it their layers.

    Nothing but the images' own files is taken: no containers, volumes, build cache, swarm state.

    Args:
        store: where the images are.
        new: its data root must have no images yet.
        images: (name, image id).
        marks: the notes about the store's layers, complete for these images.
        runner: copies marked layers.

    Raises:
        HostError: an image or a layer is no longer there.
        FileExistsError: `new` has images.
    """
    _make_folders(new)
    repositories: dict[str, dict[str, str]] = {}
    layers: dict[str, Layer] = {}
    for ref, image in images:
        names = {ref.key: f"sha256:{image}"} | store.names_of(image, family=ref.family)
        repositories.setdefault(ref.family, {}).update(names)
        _copy_image(store, new, image)
        layers |= {layer.chain: layer for layer in store.layers(image)}
    mounts = [_lend_layer(store, new, layer, marks=marks, runner=runner) for layer in layers.values()]
    # Last: dockerd sees images only through this file.
    (new.images / "repositories.json").write_text(json.dumps({"Repositories": repositories}), encoding="utf-8")
    return tuple(mount for mount in mounts if mount is not None)


def _make_folders(new: Layout) -> None:
    new.images.mkdir(parents=True)
    for part in (
        "imagedb/content/sha256",
        "imagedb/metadata/sha256",
        "layerdb/sha256",
        "layerdb/tmp",
        "layerdb/mounts",
    ):
        (new.images / part).mkdir(parents=True, mode=0o700)
    (new.data_root / "overlay2" / "l").mkdir(parents=True, mode=0o710)


def _copy_image(store: Layout, new: Layout, image: str) -> None:
    """Copy an image's config and metadata, without the name of its parent, which is not taken along."""
    shutil.copy2(store.config_file(image), new.config_file(image))
    source, target = store.metadata_folder(image), new.metadata_folder(image)
    if source.is_dir():
        shutil.copytree(source, target, ignore=shutil.ignore_patterns("parent"), dirs_exist_ok=True)


def _lend_layer(store: Layout, new: Layout, layer: Layer, *, marks: Path, runner: Runner) -> LayerMount | None:
    """Give a layer to the new root; a marked one is copied (then there is no mount)."""
    shutil.copytree(store.layer_folder(layer.chain), new.layer_folder(layer.chain))
    source, target = store.content_folder(layer.cache_id), new.content_folder(layer.cache_id)
    target.mkdir(mode=0o710)
    for name in ("link", "lower", "committed"):
        if (source / name).exists():
            shutil.copy2(source / name, target / name)
    if (source / "work").exists():
        (target / "work").mkdir(mode=0o700)
    short = (source / "link").read_text(encoding="ascii").strip()
    (new.data_root / "overlay2" / "l" / short).symlink_to(f"../{layer.cache_id}/diff")
    if is_noted_as_marked(marks, layer.cache_id):
        runner.run(
            ["cp", "--archive", "--reflink=auto", str(source / "diff"), str(target / "diff")], timeout=COPY_SECONDS
        )
        return None
    (target / "diff").mkdir()
    return LayerMount(source=source / "diff", target=target / "diff")
