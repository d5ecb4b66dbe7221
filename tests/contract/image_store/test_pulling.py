"""Images from a real registry, Debian's, on this machine's loopback."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from recipeci.errors import HostError
from recipeci.host.clock import SystemClock, until
from recipeci.host.command import LocalRunner, start
from recipeci.host.engine import DockerPrograms
from recipeci.host.store import daemon, locks

from image_store import tiny
from image_store.conftest import MakeStore

pytestmark = pytest.mark.cell
SECONDS = 120.0
CONFIG = """
version: 0.1
storage: {{filesystem: {{rootdirectory: {folder}/blobs}}}}
http: {{addr: "127.0.0.1:0"}}
"""


@pytest.fixture
def registry(tmp_path: Path) -> Iterator[str]:
    """The address of an empty registry."""
    config, log = tmp_path / "registry.yml", tmp_path / "registry.log"
    config.write_text(CONFIG.format(folder=tmp_path / "registry"))
    started = start([str(tiny.PROGRAMS / "docker-registry"), "serve", str(config)], output=log)

    def listens() -> str:
        """Return its address once it says it: a port that we had picked could be another test's by now."""
        return "".join(re.findall(r'msg="listening on (127\.0\.0\.1:\d+)"', log.read_text()))

    try:
        yield until(listens, bool, what="registry", clock=SystemClock(), timeout=SECONDS, delay=0.05, successes=1)
    finally:
        started.kill()
        started.wait()


def push(image: str, *, store: Path, programs: DockerPrograms) -> None:
    """Push an image of a store to its registry."""
    runner, clock = LocalRunner(), SystemClock()
    with (
        locks.exclusive(store / "lock", clock=clock, timeout=SECONDS, waiting=lambda: None) as fd,
        daemon.running(store, programs=programs, runner=runner, clock=clock, lock_fd=fd, env={}) as docker,
    ):
        docker.run("push", image, timeout=SECONDS)


@pytest.fixture
def publish(registry: str, images: tiny.Images, make_store: MakeStore, programs: DockerPrograms, tmp_path: Path) -> str:
    """The name of an image that the registry has, in version 1."""
    name = f"{registry}/shop/tiny:1"
    images.entries[0]["image"] = name
    images.write()
    make_store("maker").ensure([name], images=images.folder, say=print)
    push(name, store=tmp_path / "maker", programs=programs)
    return name


def test_an_image_is_pulled_once(publish: str, make_store: MakeStore, said: list[str]) -> None:
    make_store().ensure([publish], images=None, say=said.append)
    assert [line.split(" in ")[0] for line in said] == [f"image {publish}: being pulled …", f"image {publish}: pulled"]
    said.clear()
    make_store().ensure([publish], images=None, say=said.append)
    assert said == []


def test_an_image_is_pulled_again_when_the_registry_has_another(
    publish: str, images: tiny.Images, make_store: MakeStore, programs: DockerPrograms, tmp_path: Path
) -> None:
    make_store().ensure([publish], images=None, say=print)
    images.entries[0]["args"]["VERSION"] = "2"
    images.write()
    make_store("maker").ensure([publish], images=images.folder, say=print)
    push(publish, store=tmp_path / "maker", programs=programs)
    store = make_store()
    store.ensure([publish], images=None, say=print)
    with store.lend([publish], data_root=tmp_path / "data") as lending:
        assert tiny.run_borrowed(programs, tmp_path / "data", lending.mounts, image=publish) == "version 2\n"


def test_an_image_by_digest_is_pulled_lent_and_never_asked_for_again(
    publish: str, make_store: MakeStore, programs: DockerPrograms, tmp_path: Path, said: list[str]
) -> None:
    host, _, path = publish.partition("/")
    url = f"http://{host}/v2/{path.replace(':', '/manifests/')}"
    accept = {"Accept": "application/vnd.docker.distribution.manifest.v2+json"}
    digest = httpx.head(url, headers=accept, timeout=SECONDS).headers["docker-content-digest"]
    name = f"{publish.rpartition(':')[0]}@{digest}"
    make_store().ensure([name], images=None, say=said.append)
    assert len(said) == 2
    store = make_store()
    store.ensure([name], images=None, say=said.append)
    assert len(said) == 2
    with store.lend([name], data_root=tmp_path / "data") as lending:
        assert tiny.run_borrowed(programs, tmp_path / "data", lending.mounts, image=name) == "version 1\n"


def test_an_image_that_its_registry_does_not_know_is_unavailable_even_if_the_store_has_one_of_that_name(
    publish: str, images: tiny.Images, registry: str, make_store: MakeStore
) -> None:
    name = f"{registry}/shop/unpublished:1"
    images.add(name, f"FROM {publish}\nRUN echo local > /local\n", name="local")
    make_store().ensure([name], images=images.folder, say=print)
    with pytest.raises(HostError, match=f"image unavailable: {name}: its registry has no such image") as caught:
        make_store().ensure([name], images=None, say=print)
    assert caught.value.exit_code == 3


def test_where_no_registry_answers_the_stores_image_is_used_and_its_age_told(
    images: tiny.Images, make_store: MakeStore, said: list[str]
) -> None:
    name = "127.0.0.1:1/tiny:1"
    images.entries[0]["image"] = name
    images.write()
    make_store().ensure([name], images=images.folder, say=print)
    make_store().ensure([name], images=None, say=said.append)
    assert len(said) == 1
    assert said[0].startswith(f"image {name}: its registry does not answer (")
    assert said[0].endswith("; the store's is used, from today")


def test_where_no_registry_answers_and_the_store_has_none_the_three_ways_are_named(make_store: MakeStore) -> None:
    with pytest.raises(HostError, match=r"image unavailable: 127\.0\.0\.1:1/tiny:1: .* does not answer") as caught:
        make_store().ensure(["127.0.0.1:1/tiny:1"], images=None, say=print)
    assert caught.value.hint.count(";") == 2
    assert not make_store().folder.exists()


def test_a_base_from_a_registry_is_pulled_for_a_build(
    publish: str, make_store: MakeStore, said: list[str], tmp_path: Path
) -> None:
    own = tiny.Images(tmp_path / "own")
    own.add("top:1", f"FROM {publish}\nRUN echo top > /top\n", name="top")
    make_store().ensure(["top:1"], images=own.folder, say=said.append)
    assert [line for line in said if line.endswith("…")] == [
        f"image {publish}: being pulled …",
        "image top:1: being made …",
    ]
    said.clear()
    make_store().ensure(["top:1"], images=own.folder, say=said.append)
    assert said == []
