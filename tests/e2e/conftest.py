"""What tests of the whole program share: the images, a watch over what is left behind, a folder with a short path."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from lab import folders, ports, prepare, repository
from lab.gitea import LabGitea
from lab.machine import running as machines
from lab.repository import Built
from recipeci.host import temporary
from recipeci.host.clock import SystemClock
from recipeci.host.command import LocalRunner
from recipeci.model import Settings
from recipeci.run import janitor

from e2e import knownabra, secrecy
from e2e import site as sites
from e2e.leftovers import Watch
from e2e.program import Recipeci
from e2e.site import Site, Village

LAB = Path(__file__).parents[1] / "lab" / "recipes"


@pytest.fixture(scope="session")
def cache() -> Path:
    """The cache folder, with the images of the lab in its store."""
    folder = prepare.cache_folder()
    prepare.prepare(folder, say=print)
    return folder


@pytest.fixture(scope="session")
def abra(cache: Path) -> Iterator[Path]:
    """The folder of an abra whose generated secrets are known, where each cell can be shown it."""
    with folders.beside_the_store(above=cache / "tests") as made:
        made.chmod(0o755)
        yield knownabra.make(made)


@pytest.fixture
def watch(cache: Path) -> Watch:  # noqa: ARG001 - what fills the store is no run's
    """The watch over all processes of this test's runs."""
    return Watch.begin()


@pytest.fixture
def folder(cache: Path) -> Iterator[Path]:
    """An empty folder on the cache's file system, which can hold cells, its path short enough for sockets."""
    with folders.beside_the_store(above=cache / "tests") as made:
        made.chmod(0o755)
        yield made


@pytest.fixture
def recipeci(folder: Path, cache: Path, abra: Path, watch: Watch) -> Iterator[Recipeci]:
    """The program, with runs of its own and the images of all; when the test ends nothing of what it ran may be there.

    Runs of its own, because each run cleans up what killed ones left, and would do so for tests beside it.
    """
    own = folder / "c" / "recipeci"
    own.mkdir(parents=True)
    (own / "store").symlink_to(cache / "store")
    program = Recipeci(folder, own, abra=abra)
    program.temporary.mkdir()
    yield program
    program.kill_all()
    told = [*secrecy.leaks(folder), *secrecy.blind(folder)]
    left = watch.wait_until_gone(folder)
    assert not left, left
    assert not told, told
    assert list(program.temporary.iterdir()) == []
    janitor.clean(Settings(cache=own), runner=LocalRunner(), clock=SystemClock())  # before its folder goes
    assert list(folder.rglob(f"{temporary.PREFIX}*")) == []


@pytest.fixture
def custom_html(folder: Path) -> Built:
    """The repository of the lab recipe custom-html."""
    return repository.build(LAB / "custom-html", folder / "custom-html")


@pytest.fixture(scope="session")
def village(gitea: LabGitea, tmp_path_factory: pytest.TempPathFactory) -> Village:
    """The people of the pages about the bridge, on a real forge."""
    return sites.village(gitea, tmp_path_factory.mktemp("village"))


@pytest.fixture
def site(village: Village, folder: Path, cache: Path, watch: Watch) -> Iterator[Site]:
    """A machine on which `make setup` was done, and nothing else; when it is off nothing of it may be left."""
    own, first = folder / "c" / "recipeci", folder / "m"
    own.mkdir(parents=True)
    first.mkdir()
    (own / "store").symlink_to(cache / "store")
    with (
        ports.held() as port,
        machines.running(first, shown={"/var/cache/recipeci": own}, needed=[cache / "store"]) as machine,
    ):
        machine.do(f"mkdir /opt/recipeci && ln -s {sys.prefix} /opt/recipeci/.venv")
        yield Site(machine, village, port)
    left = watch.wait_until_gone(folder)
    assert not left, left
