"""Removing images from the store: which go, which stay, and what `recipeci clean` makes of it."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path
from typing import NoReturn

import pytest
from recipeci.errors import HostError
from recipeci.host.clock import Clock, SystemClock
from recipeci.host.command import LocalRunner
from recipeci.host.store import Store
from recipeci.host.store.removal import Removed
from recipeci.model import Settings
from recipeci.run import janitor

from image_store import tiny
from image_store.conftest import MakeStore

pytestmark = pytest.mark.cell
ALL = 10**12
OTHER = tiny.DOCKERFILE + "RUN echo other > /other\n"


class Later(SystemClock):
    """A clock that is two hours ahead: what was made and lent before is not recent."""

    def epoch(self) -> float:
        return super().epoch() + 7200


class Refusing:
    """A runner that must not be needed."""

    def run(self, argv: object, **_: object) -> NoReturn:
        pytest.fail(f"it ran {argv}")


@pytest.fixture
def store(make_store: MakeStore, images: tiny.Images) -> Store:
    """A store, two hours later, with tiny:1 in it."""
    made = make_store(clock=Later())
    made.ensure(["tiny:1"], images=images.folder, say=print)
    return made


def bytes_of(store: Store) -> int:
    return sum(int(file.read_text()) for file in store.folder.glob("data/image/overlay2/layerdb/sha256/*/size"))


@contextlib.contextmanager
def lent(store: Store, ref: str, folder: Path) -> Iterator[None]:
    """As a cell whose harness is gone: its init holds the lock."""
    with store.lend([ref], data_root=folder) as lending:
        heir = os.dup(lending.fds[0])
    try:
        yield
    finally:
        os.close(heir)


def clean(folder: Path, *, keep_gb: float, clock: Clock | None = None) -> tuple[str, ...]:
    settings = Settings(cache=folder, store_keep_gb=keep_gb)
    return janitor.thin_out(settings, runner=LocalRunner(), clock=clock or Later(), say=print)


def test_a_lent_image_is_not_removed_and_goes_when_it_is_given_back(store: Store, tmp_path: Path) -> None:
    with lent(store, "tiny:1", tmp_path / "data"):
        kept = store.prune(0, say=print)
        assert (kept.images, kept.in_use) == ((), ("tiny:1",))
    gone = store.prune(0, say=print)
    assert "tiny:1" in gone.images
    assert gone.in_use == ()
    assert gone.freed > 1_000_000
    with pytest.raises(HostError, match="no longer in the store"), lent(store, "tiny:1", tmp_path / "again"):
        pass


def test_what_fits_stays_and_what_was_used_last(store: Store, images: tiny.Images, tmp_path: Path) -> None:
    images.add("old:1", OTHER, name="old", args={"VERSION": "old"})
    store.ensure(["old:1"], images=images.folder, say=print)
    assert store.prune(ALL, say=print).images == ()
    for ref in ("old:1", "tiny:1"):
        with store.lend([ref], data_root=tmp_path / ref.partition(":")[0]):
            pass
    done = store.prune(bytes_of(store) - 1, say=print)
    assert "old:1" in done.images
    assert "tiny:1" not in done.images


def test_an_image_that_a_run_was_just_given_stays(make_store: MakeStore, images: tiny.Images, tmp_path: Path) -> None:
    """It is not lent yet, and its run counts on it."""
    run = make_store()
    run.ensure(["tiny:1"], images=images.folder, say=print)
    for file in (run.folder / "data/image/overlay2/imagedb/content/sha256").iterdir():
        os.utime(file, (0, 0))  # made long ago: being given is what counts
    assert make_store().prune(0, say=print) == Removed()
    with run.lend(["tiny:1"], data_root=tmp_path / "data"):
        pass
    assert "tiny:1" in make_store(clock=Later()).prune(0, say=print).images


def test_an_image_that_lost_its_name_goes_whatever_the_limit(store: Store, images: tiny.Images) -> None:
    images.entries[0]["args"]["VERSION"] = "2"
    images.write()
    store.ensure(["tiny:1"], images=images.folder, say=print)
    before = bytes_of(store)
    done = store.prune(ALL, say=print)
    assert done.images
    assert "tiny:1" not in done.images
    assert bytes_of(store) == before - done.freed < before


def test_nothing_to_do_starts_no_daemon(store: Store, make_store: MakeStore) -> None:
    assert store.prune(ALL, say=print) == Removed()
    assert make_store(clock=Later(), runner=Refusing()).prune(ALL, say=print) == Removed()
    with pytest.raises(pytest.fail.Exception, match="it ran"):  # the control
        make_store(clock=Later(), runner=Refusing()).prune(0, say=print)


def test_tars_of_base_systems_go_before_images(store: Store) -> None:
    tars = store.folder / "tars"
    tars.mkdir()
    for day, name in enumerate(["old.tar", "new.tar"]):
        (tars / name).write_bytes(b"x" * 10_000_000)
        os.utime(tars / name, (day, day))
    assert store.prune(15_000_000, say=print).images == ()
    assert [tar.name for tar in tars.iterdir()] == ["new.tar"]


def test_clean_removes_what_exceeds_the_settings_and_says_so(store: Store, tmp_path: Path) -> None:
    assert clean(tmp_path, keep_gb=50) == ()
    assert clean(tmp_path, keep_gb=0) == ()  # all is kept
    assert clean(tmp_path, keep_gb=1e-6, clock=SystemClock()) == ()  # a run may be about to lend it
    with lent(store, "tiny:1", tmp_path / "data"):
        assert clean(tmp_path, keep_gb=1e-6) == ("image store: lent to a running cell, stays: tiny:1",)
    (said,) = clean(tmp_path, keep_gb=1e-6)
    assert said.startswith("image store: 0.0 GB freed; removed: tiny:1, ")
    assert said.endswith(" images without a name")
    assert clean(tmp_path, keep_gb=1e-6) == ()


def test_clean_of_a_cache_without_a_store_makes_none(tmp_path: Path) -> None:
    assert clean(tmp_path, keep_gb=1e-6) == ()
    assert list(tmp_path.iterdir()) == []
