"""host.engine: which Docker is taken, and which is refused."""

from __future__ import annotations

from pathlib import Path

import pytest
from recipeci.errors import HostError
from recipeci.host import engine
from recipeci.host.command import LocalRunner
from recipeci.host.engine import DockerPrograms

NAMES = ("dockerd", "docker", "containerd", "runc", "docker-proxy")


def docker(prefix: Path, *, engine: str = "26.1.5+dfsg1", cli: str = "26.1.5+dfsg1") -> Path:
    """Make a prefix whose programs know their version, and nothing else."""
    (prefix / "bin").mkdir(parents=True)
    for name in NAMES:
        version = cli if name == "docker" else engine
        program = prefix / "bin" / name
        program.write_text(f"#!/bin/sh\necho 'Docker version {version}, build 1234567'\n")
        program.chmod(0o755)
    return prefix


def test_a_prefix_is_searched_and_nothing_else(tmp_path: Path) -> None:
    found = engine.find(docker(tmp_path))
    assert [getattr(found, name.replace("-", "_")) for name in NAMES] == [tmp_path / "bin" / name for name in NAMES]
    assert found.docker_init is None
    assert found.path == str(tmp_path / "bin")
    with pytest.raises(HostError, match=f"dockerd not found in {tmp_path}/none/bin"):
        engine.find(tmp_path / "none")


def test_the_version_is_its_number_without_the_packagers_suffix(tmp_path: Path) -> None:
    program = engine.version(engine.find(docker(tmp_path)), LocalRunner())
    assert (program.name, program.version) == ("Docker", "26.1.5")


@pytest.mark.parametrize(
    ("versions", "refused"),
    [
        ({"engine": "20.10.0", "cli": "23.0.0"}, ""),
        ({"engine": "28.2.2", "cli": "100.1"}, ""),
        ({"engine": "20.9.9"}, "dockerd is version 20.9.9; 20.10 or later"),
        ({"engine": "9.10.1"}, "dockerd is version 9.10.1; 20.10 or later"),
        ({"cli": "20.10.24+dfsg1"}, "docker is version 20.10.24; 23.0 or later"),
        ({"cli": "dev"}, "docker --version printed 'Docker version dev"),
    ],
)
def test_what_is_too_old_is_refused(tmp_path: Path, versions: dict[str, str], refused: str) -> None:
    prefix = docker(tmp_path, **versions)
    if not refused:
        engine.find(prefix)
        return
    with pytest.raises(HostError, match=refused) as caught:
        engine.find(prefix)
    assert "docker.prefix" in caught.value.hint


def test_a_program_that_is_missing_is_named(tmp_path: Path) -> None:
    (docker(tmp_path) / "bin" / "runc").unlink()
    with pytest.raises(HostError, match="runc not found"):
        engine.find(tmp_path)


def test_the_folders_to_see_are_those_of_the_links_and_of_what_they_lead_to(tmp_path: Path) -> None:
    real = docker(tmp_path / "real")
    links = tmp_path / "links" / "bin"
    links.mkdir(parents=True)
    for name in NAMES:
        (links / name).symlink_to(real / "bin" / name)
    assert engine.find(tmp_path / "links").folders == (links, real / "bin")


def test_what_dockerd_starts_may_lie_where_a_distribution_keeps_it(tmp_path: Path) -> None:
    """As in nixpkgs: a link to a dockerd, and beside that one's folder libexec/docker with what nobody else starts."""
    real = docker(tmp_path / "moby")
    private = real / "libexec" / "docker"
    private.mkdir(parents=True)
    for name in ("containerd", "runc", "docker-proxy"):
        (real / "bin" / name).rename(private / name)
    links = tmp_path / "links" / "bin"
    links.mkdir(parents=True)
    for name in ("dockerd", "docker"):
        (links / name).symlink_to(real / "bin" / name)
    found = engine.located(f"{links}:{docker(tmp_path / 'another') / 'bin'}")
    assert (found.dockerd, found.containerd, found.runc) == (
        links / "dockerd",
        private / "containerd",
        private / "runc",
    )
    assert found.path == f"{links}:{private}"
    assert set(found.folders) == {links, private, real / "bin"}


def test_a_relative_path_is_refused() -> None:
    with pytest.raises(HostError, match="is not an absolute path"):
        DockerPrograms(*(Path(name) for name in NAMES))
