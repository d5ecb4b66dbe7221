"""host.taskfile: a file below another root, whatever its links say."""

from __future__ import annotations

import errno
import os
from pathlib import Path, PurePosixPath

import pytest
from recipeci.host import taskfile

SECRET = PurePosixPath("/run/secrets/token")


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A container's root, beside a file of the host."""
    (tmp_path / "host").write_text("the host's")
    root = tmp_path / "root"
    (root / "run/secrets").mkdir(parents=True)
    return root


def read(root: Path, path: PurePosixPath = SECRET, limit: int = 100) -> bytes:
    return taskfile.read_below(root, path, limit=limit)


def test_a_file_is_read_by_the_path_that_the_container_sees(root: Path) -> None:
    (root / "run/secrets/token").write_bytes(b"hunter2\n")
    assert read(root) == b"hunter2\n"
    (root / "run/secrets/token").write_bytes(b"x" * 100)
    assert read(root) == b"x" * 100


def test_a_link_is_followed_inside_only(root: Path) -> None:
    (root / "etc").mkdir()
    (root / "etc/token").write_text("inside")
    for number, link in enumerate(("/etc/token", "../../etc/token", "../../../../../etc/token")):
        (root / f"run/secrets/{number}").symlink_to(link)
        assert read(root, PurePosixPath(f"/run/secrets/{number}")) == b"inside"


@pytest.mark.parametrize("way", ["file", "folder", "climbing"])
def test_a_link_to_a_file_of_the_host_leads_nowhere(root: Path, way: str) -> None:
    host = root.parent / "host"
    if way == "file":
        (root / "run/secrets/token").symlink_to(host)
    elif way == "climbing":
        (root / "run/secrets/token").symlink_to("../../../host")
    else:
        (root / "run/secrets").rmdir()
        (root / "run/secrets").symlink_to(root.parent)
        (root.parent / "token").write_text("the host's")
    assert (root / "run/secrets/token").read_text() == "the host's"  # what a plain open does
    with pytest.raises(FileNotFoundError):
        read(root)


@pytest.mark.parametrize("link", ["/proc/self/exe", "/proc/self/fd/0"])
def test_a_magic_link_is_not_followed(link: str) -> None:
    with pytest.raises(OSError, match="levels of symbolic links"):
        read(Path("/"), PurePosixPath(link))


def test_what_is_no_regular_file_is_refused_and_nobody_waits(root: Path) -> None:
    os.mkfifo(root / "run/secrets/token")
    with pytest.raises(OSError, match="no regular file") as caught:
        read(root)
    assert caught.value.errno == errno.EINVAL
    with pytest.raises(OSError, match="no regular file"):
        read(root, PurePosixPath("/run"))


def test_a_file_above_the_limit_is_refused(root: Path) -> None:
    (root / "run/secrets/token").write_bytes(b"x" * 101)
    with pytest.raises(OSError, match="more than 100 bytes"):
        read(root)


def test_a_process_that_is_gone_is_an_error(root: Path) -> None:
    with pytest.raises(FileNotFoundError):
        taskfile.read(SECRET, init=os.getpid(), pid=2**22 + 1, limit=1)
    with pytest.raises(FileNotFoundError):
        read(root / "gone")
