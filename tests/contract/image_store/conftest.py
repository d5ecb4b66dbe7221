"""A store of the test's own with images that take a second to build."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from recipeci.host import closure, engine
from recipeci.host.clock import Clock, SystemClock
from recipeci.host.closure import Closure
from recipeci.host.command import LocalRunner, Runner
from recipeci.host.engine import DockerPrograms
from recipeci.host.store import Store
from recipeci.host.store.registry import Registries

from image_store import tiny

MakeStore = Callable[..., Store]


@pytest.fixture(scope="session")
def programs() -> DockerPrograms:
    return engine.find(None)


@pytest.fixture
def images(tmp_path: Path) -> tiny.Images:
    """An images folder with tiny:1."""
    made = tiny.Images(tmp_path / "images")
    made.add("tiny:1", tiny.DOCKERFILE, name="tiny", args={"VERSION": "1"})
    return made


@pytest.fixture
def make_store(tmp_path: Path, programs: DockerPrograms) -> MakeStore:
    """Give a new Store object on the test's folder, as another run would have it."""

    def make(
        name: str = "store",
        registries: Registries | None = None,
        clock: Clock | None = None,
        runner: Runner | None = None,
        own: Closure = closure.OWN,
    ) -> Store:
        return Store(
            tmp_path / name,
            programs=programs,
            runner=runner or LocalRunner(),
            clock=clock or SystemClock(),
            registries=registries,
            own=own,
        )

    return make


@pytest.fixture
def said() -> list[str]:
    """What the store told; its `append` is the `say` of a test."""
    return []
