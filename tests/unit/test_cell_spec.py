"""What a cell may be asked for, and what is refused before anything is made."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from recipeci.errors import UsageError
from recipeci.host.cell import CellSpec
from recipeci.model import LayerMount

SPEC = CellSpec(
    name="a-1",
    folder=Path("/cache/runs/1/swarm"),
    shared=Path("/cache/runs/1/cell"),
    read_only=(Path("/opt/app"),),
    domain="ci.test",
    proxy_image="traefik:v3",
)


def test_its_things_lie_in_its_folder() -> None:
    for path in (SPEC.data, SPEC.run, SPEC.socket, SPEC.tls, SPEC.ca_file, SPEC.log):
        assert path.is_relative_to(SPEC.folder)


@pytest.mark.parametrize("name", ["", "A", "a b", "a/b", "..", "a" * 41, "a\n"])
def test_a_name_that_could_be_another_path_is_refused(name: str) -> None:
    with pytest.raises(UsageError, match="is not a cell's name"):
        replace(SPEC, name=name)


@pytest.mark.parametrize("domain", ["", "test", "a b.test", "-a.test", "a.test\naddress=/x/", "A.test", "a..test"])
def test_a_domain_that_could_be_another_line_of_the_resolvers_settings_is_refused(domain: str) -> None:
    with pytest.raises(UsageError, match="is not a domain"):
        replace(SPEC, domain=domain)


@pytest.mark.parametrize(
    "asked",
    [
        lambda path: replace(SPEC, folder=path),
        lambda path: replace(SPEC, shared=path),
        lambda path: replace(SPEC, read_only=(path,)),
    ],
    ids=["folder", "shared", "read_only"],
)
def test_a_relative_path_is_refused(asked: Callable[[Path], CellSpec]) -> None:
    with pytest.raises(UsageError, match="not an absolute path"):
        asked(Path("here"))


def test_the_socket_path_may_have_107_bytes_and_no_more() -> None:
    room = 107 - len("//run/docker.sock")
    longest = replace(SPEC, folder=Path("/" + "x" * room))
    assert len(str(longest.socket)) == 107
    with pytest.raises(UsageError, match="108 bytes, 107 at most") as refused:
        replace(SPEC, folder=Path("/" + "x" * (room + 1)))
    assert "--out" in refused.value.hint


def test_bytes_count_and_not_letters() -> None:
    with pytest.raises(UsageError, match="too long for a Unix socket"):
        replace(SPEC, folder=Path("/" + "ä" * 50))


@pytest.mark.parametrize("seen", ["/cache", "/cache/runs/1", "/"])
def test_a_folder_that_shows_other_runs_is_refused(seen: str) -> None:
    with pytest.raises(UsageError, match="it would show the files of all runs"):
        replace(SPEC, read_only=(Path(seen),))


def test_a_layer_outside_of_the_data_root_is_refused() -> None:
    inside = LayerMount(Path("/store/l/diff"), SPEC.data / "overlay2" / "l" / "diff")
    assert replace(SPEC, layers=(inside,)).layers == (inside,)
    with pytest.raises(UsageError, match="is not in the cell's data root"):
        replace(SPEC, layers=(replace(inside, target=Path("/etc")),))
