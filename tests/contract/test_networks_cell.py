"""host.networks in a real swarm: what Docker lets go of goes, what it holds stays, and nobody else's is touched."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from lab import cells
from lab.cells import IMAGE, LabCell
from recipeci.host import networks
from recipeci.host.docker import STACK_LABEL, Swarm

pytestmark = pytest.mark.cell
STACK, OTHER = "a1b2c3_ci_test", "d4e5f6_ci_test"


@pytest.fixture
def lab() -> Iterator[LabCell]:
    with cells.lab_cell() as made:
        yield made


def test_networks_of_the_stack_are_removed_but_for_one_that_a_task_uses(lab: LabCell) -> None:
    for stack, name in ((STACK, "free"), (STACK, "used"), (OTHER, "others")):
        lab.docker("network", "create", "--driver", "overlay", "--label", f"{STACK_LABEL}={stack}", name)
    lab.docker("service", "create", "--detach", "--network", "used", "--entrypoint", "sleep", IMAGE, "999")
    swarm = Swarm(lab.cell.socket)
    try:
        networks.remove(STACK, swarm)
        assert [item.name for item in swarm.of_stack(STACK)] == ["used"]
        assert [item.name for item in swarm.of_stack(OTHER)] == ["others"]
    finally:
        swarm.close()
