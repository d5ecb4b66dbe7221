"""The adapter of Docker's archive API against a real engine: what is written, what is read, what is no file of ours."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import PurePosixPath

import pytest
from lab.canarylab import Stack, cell_with_swarm, service
from recipeci.host.archive import ContainerGoneError, ReadOnlyError
from recipeci.host.archived import File, Folder, Kind, Mounted, NewFile, NotThere, Other

pytestmark = pytest.mark.cell
DATA = PurePosixPath("/data")
MARKER = NewFile(".marker", b"what was written\n", uid=1234, gid=4321, mtime=1_700_000_000, mode=0o640)
SCRIPT = """
mkdir /data/sub /data/full; echo x > /data/file; ln -s file /data/link; ln -s /etc /data/out; chown 33:44 /data/sub
head -c 9000 /dev/zero > /data/large; mkfifo /data/fifo
head -c 100000 /dev/zero > /data/full/a; touch /data/full/z; touch /data/sub/PG_VERSION
"""
MOUNTS = (
    "data:/data",
    "data:/read-only:ro",
    "/anonymous",
    {"type": "tmpfs", "target": "/memory"},
    {"type": "bind", "source": "/tmp", "target": "/host"},  # noqa: S108 - the cell's own
)


@pytest.fixture(scope="module")
def stack() -> Iterator[Stack]:
    with cell_with_swarm() as (lab, swarm):
        made = Stack(lab, swarm, "archive")
        scratch = {"image": lab.cell.spec.proxy_image, "read_only": True, "volumes": ["scratch:/data"]}
        made.deploy({"app": service(SCRIPT, volumes=MOUNTS), "scratch": scratch}, volumes={"data": {}, "scratch": {}})
        yield made


def read(stack: Stack, path: str, *, at: str = "", limit: int = 4096) -> File | Other | NotThere:
    container = at or stack.container("app").id
    return stack.archive.read(container, PurePosixPath(path), within=DATA, limit=limit)


def folder(stack: Stack, path: str, *names: str) -> Folder | Other | NotThere:
    return stack.archive.folder(stack.container("app").id, PurePosixPath(path), within=DATA, names=names)


@pytest.mark.parametrize("name", ["app", "scratch"])
def test_what_is_written_comes_back_whole_with_owner_mode_and_time(stack: Stack, name: str) -> None:
    at = stack.container(name).id
    assert stack.archive.put(at, DATA, [MARKER])
    want = File(MARKER.content, 1234, 4321, 0o640, 1_700_000_000)
    assert read(stack, "/data/.marker", at=at) == want
    stack.archive.remove(at, DATA, ".marker")
    assert read(stack, "/data/.marker", at=at) == NotThere()


def test_the_app_sees_what_was_written_and_no_longer_what_was_removed(stack: Stack) -> None:
    at = stack.container("app").id
    stack.archive.put(at, DATA, [MARKER])
    assert stack.sh("app", "stat -c %u:%g:%a /data/.marker; cat /data/.marker") == "1234:4321:640\nwhat was written\n"
    stack.archive.remove(at, DATA, ".marker")
    assert stack.sh("app", "ls -A /data | grep marker || true") == ""


def test_a_container_that_has_stopped_is_read_and_written_too(stack: Stack) -> None:
    at = stack.lab.docker("create", "-v", "/data", stack.lab.cell.spec.proxy_image).out.strip()
    assert stack.archive.put(at, DATA, [MARKER])
    assert isinstance(read(stack, "/data/.marker", at=at), File)
    stack.lab.docker("rm", "-v", at)
    with pytest.raises(ContainerGoneError):
        read(stack, "/data/.marker", at=at)
    with pytest.raises(ContainerGoneError):
        stack.archive.put(at, DATA, [MARKER])


@pytest.mark.parametrize(
    ("path", "found"),
    [
        ("/data/absent", NotThere()),
        ("/data/absent/deep/er", NotThere()),
        ("/data/link", Other(Kind.LINK)),
        ("/data/sub", Other(Kind.FOLDER)),
        ("/data/fifo", Other(Kind.SPECIAL)),
        ("/data/large", Other(Kind.FILE)),
        ("/data/out/passwd", Other(Kind.LINK)),
        ("/data/file/x", Other(Kind.FILE)),
    ],
)
def test_only_a_small_file_that_no_link_leads_to_is_read(stack: Stack, path: str, found: object) -> None:
    assert read(stack, path) == found


def test_a_file_of_just_the_limit_is_read(stack: Stack) -> None:
    found = read(stack, "/data/large", limit=9000)
    assert isinstance(found, File)
    assert found.content == bytes(9000)


@pytest.mark.parametrize(
    ("path", "found"),
    [
        ("/data/sub", Folder(33, 44, frozenset({"PG_VERSION"}))),
        ("/data/full", Folder(0, 0, frozenset({"z"}))),  # behind more bytes than are listed
        ("/data/file", Other(Kind.FILE)),
        ("/data/out", Other(Kind.LINK)),
        ("/data/out/ssl", Other(Kind.LINK)),
        ("/data/absent", NotThere()),
    ],
)
def test_a_folder_tells_its_owner_and_which_of_the_names_are_in_it(stack: Stack, path: str, found: object) -> None:
    assert folder(stack, path, "PG_VERSION", "z") == found


def test_a_folder_that_is_not_there_takes_no_file(stack: Stack) -> None:
    assert not stack.archive.put(stack.container("app").id, DATA / "absent", [MARKER])


def test_a_read_only_mount_is_refused_by_name(stack: Stack) -> None:
    with pytest.raises(ReadOnlyError, match="read-only"):
        stack.archive.put(stack.container("app").id, PurePosixPath("/read-only"), [MARKER])


def test_removing_a_link_leaves_what_it_points_to(stack: Stack) -> None:
    stack.sh("app", "ln -s file /data/to-go")
    stack.archive.remove(stack.container("app").id, DATA, "to-go")
    assert read(stack, "/data/to-go") == NotThere()
    assert isinstance(read(stack, "/data/file"), File)


def test_a_directory_with_something_in_it_is_no_marker_and_its_removal_is_seen(stack: Stack) -> None:
    stack.sh("app", "mkdir /data/odd")
    stack.archive.remove(stack.container("app").id, DATA, "odd")
    assert read(stack, "/data/odd") == NotThere()


def test_every_mount_is_listed_with_its_kind_and_volume(stack: Stack) -> None:
    mounts = {mount.target: mount for mount in stack.container("app").mounts}
    anonymous = mounts.pop("/anonymous")
    assert len(anonymous.volume) == 64
    assert mounts == {
        "/data": Mounted("volume", "archive_data", "/data", writable=True),
        "/read-only": Mounted("volume", "archive_data", "/read-only", writable=False),
        "/memory": Mounted("tmpfs", "", "/memory", writable=True),
        "/host": Mounted("bind", "", "/host", writable=True),
    }
    assert (stack.container("app").slot, stack.container("app").service) == ("1", "archive_app")
