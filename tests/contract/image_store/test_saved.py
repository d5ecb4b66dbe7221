"""Images out of archives that a real `docker save` has written: an images.yml's, and those that a closure brings."""

from __future__ import annotations

import contextlib
import gzip
import shutil
from collections.abc import Iterator
from pathlib import Path

import minibot
import pytest
from recipeci.errors import HostError, UsageError
from recipeci.host.clock import SystemClock
from recipeci.host.closure import Closure, Image
from recipeci.host.command import LocalRunner
from recipeci.host.engine import DockerPrograms
from recipeci.host.store import Store, daemon, locks
from recipeci.model import Program

from image_store import tiny
from image_store.conftest import MakeStore
from image_store.test_proxy import Silent

pytestmark = pytest.mark.cell
TINY = "tiny:1"


@contextlib.contextmanager
def docker_of(store: Path, programs: DockerPrograms) -> Iterator[daemon.Docker]:
    """Docker's command line on a store."""
    with (
        locks.exclusive(store / "lock", clock=SystemClock(), timeout=60, waiting=lambda: None) as fd,
        daemon.running(
            store, programs=programs, runner=LocalRunner(), clock=SystemClock(), lock_fd=fd, env={}
        ) as docker,
    ):
        yield docker


@pytest.fixture
def folder(make_store: MakeStore, images: tiny.Images, programs: DockerPrograms, tmp_path: Path) -> Path:
    """A folder with archives of tiny:1: `named.tar`, the same packed, and `nameless.tar`, which was saved by its id."""
    folder = tmp_path / "archives"
    folder.mkdir()
    make_store("maker").ensure([TINY], images=images.folder, say=print)
    with docker_of(tmp_path / "maker", programs) as docker:
        image = docker.run("inspect", "--format", "{{.Id}}", TINY, timeout=60).out.strip()
        docker.run("save", "--output", str(folder / "named.tar"), TINY, timeout=60)
        docker.run("save", "--output", str(folder / "nameless.tar"), image, timeout=60)
    with (folder / "named.tar").open("rb") as plain, gzip.open(folder / "named.tar.gz", "wb") as packed:
        shutil.copyfileobj(plain, packed)
    return folder


def entry(folder: Path, *, archive: str, image: str = TINY) -> Path:
    (folder / "images.yml").write_text(f"images: [{{image: '{image}', archive: {archive}}}]")
    return folder


def out_of(store: Store, programs: DockerPrograms, data: Path, *, image: str, command: tuple[str, ...] = ()) -> str:
    """Return what a container of an image prints."""
    with store.lend([image], data_root=data) as lending:
        return tiny.run_borrowed(programs, data, lending.mounts, image=image, command=command)


def test_an_archive_is_loaded_once_and_its_containers_run(
    make_store: MakeStore, folder: Path, programs: DockerPrograms, tmp_path: Path, said: list[str]
) -> None:
    make_store().ensure([TINY], images=entry(folder, archive="named.tar.gz"), say=said.append)
    assert [line.split(" in ")[0] for line in said] == ["image tiny:1: being made …", "image tiny:1: made"]
    said.clear()
    store = make_store()
    store.ensure([TINY], images=folder, say=said.append)
    assert said == []
    assert out_of(store, programs, tmp_path / "data", image=TINY) == "version 1\n"


def test_an_image_without_a_name_gets_the_entrys_and_one_of_another_name_is_refused(
    make_store: MakeStore, folder: Path, programs: DockerPrograms, tmp_path: Path
) -> None:
    store = make_store()
    store.ensure(["other:2"], images=entry(folder, archive="nameless.tar", image="other:2"), say=print)
    assert out_of(store, programs, tmp_path / "data", image="other:2") == "version 1\n"
    with pytest.raises(UsageError, match=r"named\.tar\.gz holds tiny:1, not other:3"):
        make_store().ensure(["other:3"], images=entry(folder, archive="named.tar.gz", image="other:3"), say=print)


def test_our_bot_runs_on_a_base_of_the_closure(make_store: MakeStore, programs: DockerPrograms, tmp_path: Path) -> None:
    """Its base stands for Nix's: Python and restic under their usual names."""
    base, archive = "recipeci-bot-base:1", tmp_path / "base.tar"
    made, _ = make_store("maker", registries=Silent()).ensure_bot(None, images=None, say=print)
    with docker_of(tmp_path / "maker", programs) as docker:
        docker.run("tag", made, base, timeout=60)
        docker.run("save", "--output", str(archive), base, timeout=60)
    store = make_store(registries=Silent(), own=Closure(path="/nonexistent", bot=Image(base, archive)))
    bot, _ = store.ensure_bot(None, images=None, say=print)
    said = out_of(store, programs, tmp_path / "data", image=bot, command=("--version",))
    assert said == f"minibot {minibot.__version__}\n"


def test_what_the_closure_brings_is_taken_where_no_registry_answers(
    make_store: MakeStore, folder: Path, tmp_path: Path, said: list[str]
) -> None:
    """Stands for Traefik's image, and for the base that our bot is laid on."""
    brought = Image(TINY, folder / "named.tar.gz")
    closure = Closure(proxy=brought, bot=brought)
    store = make_store(registries=Silent(), own=closure)
    assert store.ensure_proxy(None, images=None, say=said.append) == (TINY, Program("Traefik", "1", built_in=True))
    name = f"minibot:{minibot.__version__}"
    bots = (name, Program("minibot", minibot.__version__, built_in=True))
    assert store.ensure_bot(None, images=None, say=said.append) == bots
    told = [line.split(" in ")[0] for line in said if not line.endswith("…")]
    assert told == [f"image {TINY}: taken from the closure", f"image {name}: made on the closure's base"]

    said.clear()
    again = make_store(registries=Silent(), own=closure)
    again.ensure_proxy(None, images=None, say=said.append)
    again.ensure_bot(None, images=None, say=said.append)
    assert said == []
    with again.lend([name], data_root=tmp_path / "data") as lending:
        assert len(lending.images) == 1


def test_an_image_of_the_closure_that_is_another_one_is_our_packages_fault(make_store: MakeStore, folder: Path) -> None:
    store = make_store(registries=Silent(), own=Closure(proxy=Image("traefik:v9", folder / "named.tar.gz")))
    with pytest.raises(HostError, match=r"our own package is broken: .*named\.tar\.gz holds tiny:1, not traefik:v9"):
        store.ensure_proxy(None, images=None, say=print)
