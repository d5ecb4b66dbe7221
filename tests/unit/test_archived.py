"""host.archived: what Docker's archive API sends, and the adapter where Docker does not answer as it should."""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from types import TracebackType
from typing import Self

import pytest
import requests
from recipeci.errors import HostError
from recipeci.host import archived
from recipeci.host.archive import Archive, ReadOnlyError
from recipeci.host.archived import Container, File, Kind, Mounted, NewFile
from recipeci.host.docker import Swarm

FILE = NewFile("f", b"content", uid=3_000_000, gid=44, mtime=1_700_000_000, mode=0o640)
LISTED: Mapping[str, object] = {
    "Id": "aba44e95a27d",
    "State": "running",
    "Created": 1795887469,
    "Labels": {
        "com.docker.swarm.service.name": "st_app",
        "com.docker.swarm.task.name": "st_app.12.kpu6ia02yobur7tlcdu7rya3g",
    },
    "Mounts": [
        {"Type": "volume", "Name": "st_data", "Source": "/x", "Destination": "/data", "Driver": "local", "RW": False},
        {"Type": "tmpfs", "Source": "", "Destination": "/run", "Mode": "", "RW": True, "Propagation": ""},
    ],
}


def test_an_entry_of_dockers_list_is_a_container_with_its_mounts() -> None:
    mounts = (Mounted("volume", "st_data", "/data", writable=False), Mounted("tmpfs", "", "/run", writable=True))
    assert archived.container(LISTED) == Container("aba44e95a27d", "st_app", "12", True, 1795887469, mounts)  # noqa: FBT003


def test_a_container_of_no_service_has_neither_slot_nor_mounts() -> None:
    raw = {**LISTED, "State": "exited", "Labels": None, "Mounts": None}
    assert archived.container(raw) == Container("aba44e95a27d", "", "", False, 1795887469, ())  # noqa: FBT003


@pytest.mark.parametrize(
    ("mode", "kind"),
    [
        (420, Kind.FILE),
        (2147484141, Kind.FOLDER),
        (134218239, Kind.LINK),
        (33554852, Kind.SPECIAL),
        (0o644 | 1 << 24, Kind.SPECIAL),
        (0o644 | 1 << 23, Kind.FILE),  # setuid
    ],
)
def test_gos_mode_tells_what_is_at_a_path(mode: int, kind: Kind) -> None:
    assert archived.kind({"mode": mode}) is kind


def test_a_file_goes_through_a_tar_whole_also_with_an_owner_beyond_the_old_format() -> None:
    assert archived.file(archived.tar_of([FILE])) == File(b"content", 3_000_000, 44, 0o640, 1_700_000_000)


@pytest.mark.parametrize("body", [b"", b"x" * 512, archived.tar_of([FILE])[:1400], archived.self_link("f")])
def test_what_holds_no_whole_file_is_the_hosts_fault(body: bytes) -> None:
    with pytest.raises(HostError):
        archived.file(body)


def test_what_was_cut_off_is_listed_as_far_as_it_goes() -> None:
    names = ["data", "data/a", "data/b/c", "data/z"]
    whole = archived.tar_of([NewFile(name, b"y" * 600, uid=1, gid=2, mtime=0) for name in names])
    assert archived.listing(whole) == (1, 2, frozenset({"a", "b", "z"}))
    assert archived.listing(whole[:2600]) == (1, 2, frozenset({"a"}))


@dataclass
class Answer:
    """An answer of the archive API."""

    status_code: int = 200
    body: bytes = b""
    mode: int | None = None
    size: int = 0

    @property
    def raw(self) -> Answer:
        return self

    @property
    def headers(self) -> Mapping[str, str]:
        stat = base64.b64encode(json.dumps({"mode": self.mode, "size": self.size}).encode()).decode()
        return {} if self.mode is None else {"X-Docker-Container-Path-Stat": stat}

    def read(self, count: int) -> bytes:
        return self.body[:count]

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, e: BaseException | None, at: TracebackType | None) -> None:
        return None


@dataclass
class Api:
    """A Docker that gives one answer to everything, or none."""

    answer: Answer | None
    base_url: str = "http+docker://localhost"
    api_version: str = "1.45"
    asked: list[str] = field(default_factory=list)

    def request(self, method: str, url: str, **options: object) -> Answer:
        assert set(options) == {"params", "data", "headers", "stream", "timeout"}
        self.asked.append(f"{method} {url} {options['params']}")
        if self.answer is None:
            raise requests.ConnectionError("connection refused")
        return self.answer


class Answering(Swarm):
    """A swarm whose Docker is the given one."""

    def __init__(self, api: Api) -> None:
        super().__init__(Path("/nowhere"))
        self.given = api

    @property
    def api(self) -> Api:  # type: ignore[override] # only what the archive's adapter needs
        return self.given


def put(answer: Answer | None) -> bool:
    return Archive(Answering(Api(answer))).put("c" * 64, PurePosixPath("/data"), [FILE])


@pytest.mark.parametrize(
    ("answer", "error", "words"),
    [
        (None, HostError, "Docker does not answer for /data of container cccccccccccc: connection refused"),
        (Answer(500, b'{"message":"mounted volume is marked read-only"}'), ReadOnlyError, "marked read-only"),
        (Answer(500, b'{"message":"no space left on device"}'), HostError, "with 500: no space left on device"),
        (Answer(502, b"not json"), HostError, "with 502: not json"),
        (Answer(503), HostError, "with 503: no reason given"),
    ],
)
def test_what_docker_refuses_is_told_in_its_own_words(
    answer: Answer | None, error: type[HostError], words: str
) -> None:
    with pytest.raises(error, match=words) as caught:
        put(answer)
    assert type(caught.value) is error


def test_a_file_that_grew_after_it_was_looked_at_is_not_taken_for_a_short_one() -> None:
    large = archived.tar_of([NewFile("f", bytes(100_000), uid=0, gid=0, mtime=0)])
    archive = Archive(Answering(Api(Answer(200, large, mode=420, size=10))))
    with pytest.raises(HostError, match="ends early"):
        archive.read("c", PurePosixPath("/data/f"), within=PurePosixPath("/data"), limit=4096)


def test_a_file_that_docker_did_not_remove_is_not_called_removed() -> None:
    archive = Archive(Answering(Api(Answer(200, mode=420))))
    with pytest.raises(HostError, match="did not remove /data/f"):
        archive.remove("c", PurePosixPath("/data"), "f")
