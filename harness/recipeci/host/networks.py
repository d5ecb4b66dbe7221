"""The only place that removes a stack's networks by itself: abra does it, unless Docker did not let it."""

from __future__ import annotations

import logging

from recipeci.host.docker import Swarm

log = logging.getLogger(__name__)


def remove(stack: str, swarm: Swarm) -> None:
    """Remove the networks that carry a stack's label; those that are in use stay.

    Raises HostError if Docker does not answer to the question which there are.
    """
    import docker.errors  # noqa: PLC0415 - as in `docker.py`

    for network in swarm.networks(stack):
        try:
            swarm.api.remove_network(network)
        except docker.errors.APIError as e:
            log.info("network %s stays: %s", network, e)
