"""run.infrastructure: words that Docker and registries really say."""

from __future__ import annotations

import errno
import os
from pathlib import Path

import pytest
from recipeci.errors import HostError
from recipeci.host.container import Health
from recipeci.host.stackstate import Task
from recipeci.run import infrastructure

from unit.builders import DEPLOYED, STACK, failed, look, old_task, service, task

FULL, ROOMY = 20 * 10**6, 50 * 10**9


@pytest.mark.parametrize(
    ("words", "name"),
    [
        ("could not find an available IP while allocating VIP", "no free service address"),
        ("toomanyrequests: You have reached your pull rate limit", "registry refuses"),
        ("received unexpected HTTP status: 503 Service Unavailable", "registry refuses"),
        ("Cannot connect to the Docker daemon at unix:///run/docker.sock", "Docker is gone"),
    ],
)
def test_a_fault_of_the_host_is_named_and_raised(words: str, name: str) -> None:
    assert infrastructure.fault(words, free=ROOMY) == name
    with pytest.raises(HostError, match=name):
        infrastructure.blame(words, free=ROOMY)


def test_a_full_disk_is_the_hosts_only_if_it_is_full() -> None:
    words = "write /var/lib/docker/x: no space left on device"
    with pytest.raises(HostError, match=r"\Ano space left on device: write /var/lib"):
        infrastructure.blame(words, free=FULL)
    assert infrastructure.fault(words, free=ROOMY) == ""
    infrastructure.blame(words, free=ROOMY)


def test_another_fault_in_the_same_words_counts_whatever_the_disk_says() -> None:
    words = "no space left on device; received unexpected HTTP status: 503 Service Unavailable"
    assert infrastructure.fault(words, free=ROOMY) == "registry refuses"


@pytest.mark.parametrize(
    "words",
    [
        "task: non-zero exit (7)",
        "task: non-zero exit (137): dockerexec: unhealthy container",
        "secret not generated: x",
        "No such image: ghcr.io/x/y:1",
        "pull access denied for x, repository does not exist or may require 'docker login'",
        "manifest for x:1 not found: manifest unknown",
    ],
)
def test_a_fault_of_the_recipe_is_not_the_hosts(words: str) -> None:
    assert infrastructure.fault(words, free=FULL) == ""
    infrastructure.blame(words, free=FULL)


def test_the_free_space_is_that_of_the_folders_file_system(tmp_path: Path) -> None:
    found = os.statvfs(tmp_path)
    assert infrastructure.free_bytes(tmp_path) <= found.f_blocks * found.f_frsize
    assert infrastructure.free_bytes(Path("/proc")) == 0


def test_a_disk_without_room_is_the_hosts_fault(tmp_path: Path) -> None:
    infrastructure.blame_disk(tmp_path)
    with pytest.raises(HostError, match=r"\Ano space left on device: 0\.0 MB are free in /proc\Z"):
        infrastructure.blame_disk(Path("/proc"))


def meets(error: OSError) -> None:
    """Meet an error of the system where one of a full disk is the host's."""
    with infrastructure.disks_fault():
        raise error


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EDQUOT])
def test_what_we_cannot_write_because_the_disk_is_full_is_the_hosts_fault(number: int) -> None:
    with pytest.raises(HostError, match=r"\Ano space left on device: /x\Z"):
        meets(OSError(number, os.strerror(number), "/x"))
    with pytest.raises(HostError, match=r"\Ano space left on device\Z"):
        meets(OSError(number, os.strerror(number)))


def test_another_error_of_the_system_stays_what_it_is() -> None:
    with pytest.raises(PermissionError):
        meets(PermissionError(errno.EACCES, "Permission denied"))


GONE = "Cannot connect to the Docker daemon at unix:///run/docker.sock"
BUSY = "received unexpected HTTP status: 503 Service Unavailable"


def blame_tasks(*tasks: Task, guilty: str = "app") -> None:
    state = look(service(), service("db"), *tasks)
    infrastructure.blame_tasks(state, f"{STACK}_{guilty}" if guilty else "", since=DEPLOYED, free=ROOMY)


@pytest.mark.parametrize("guilty", ["app", ""], ids=["of the guilty service", "of any, where none is guilty"])
def test_dockers_words_of_a_task_are_the_hosts(guilty: str) -> None:
    with pytest.raises(HostError, match="registry refuses"):
        blame_tasks(failed(1), failed(2, error=BUSY), guilty=guilty)


@pytest.mark.parametrize(
    "other",
    [
        pytest.param(
            failed(1, health=Health(check="test", output=GONE, exit_code=1, is_bad=True)), id="a health check's"
        ),
        pytest.param(failed(1, service_id="id-db", error=BUSY), id="another service's"),
        pytest.param(old_task(error=BUSY), id="of before the deploy"),
        pytest.param(task(), id="none"),
    ],
)
def test_other_words_are_not(other: Task) -> None:
    blame_tasks(failed(2), other)
