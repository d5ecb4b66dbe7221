"""run.infrastructure: words that Docker and registries really say."""

from __future__ import annotations

import pytest
from recipeci.errors import HostError
from recipeci.run import infrastructure


@pytest.mark.parametrize(
    ("words", "name"),
    [
        ("write /var/lib/docker/x: no space left on device", "no space left on device"),
        ("could not find an available IP while allocating VIP", "no free service address"),
        ("toomanyrequests: You have reached your pull rate limit", "registry refuses"),
        ("received unexpected HTTP status: 503 Service Unavailable", "registry refuses"),
        ("No such image: ghcr.io/x/y:1", "image unavailable"),
        ("Cannot connect to the Docker daemon at unix:///run/docker.sock", "Docker is gone"),
    ],
)
def test_a_fault_of_the_host_is_named_and_raised(words: str, name: str) -> None:
    assert infrastructure.fault(words) == name
    with pytest.raises(HostError, match=name):
        infrastructure.blame(words)


@pytest.mark.parametrize(
    "words",
    [
        "task: non-zero exit (7)",
        "task: non-zero exit (137): dockerexec: unhealthy container",
        "secret not generated: x",
    ],
)
def test_a_fault_of_the_recipe_is_not_the_hosts(words: str) -> None:
    assert infrastructure.fault(words) == ""
    infrastructure.blame(words)
