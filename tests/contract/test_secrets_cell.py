"""run.secrets in a real cell: values are read from running tasks, wherever they are shown, and from nowhere else."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from lab import cells
from lab.cells import IMAGE, LabCell
from recipeci.host.clock import SystemClock, until
from recipeci.host.docker import Swarm
from recipeci.redact import Redactor
from recipeci.run.secrets import StackSecrets

pytestmark = pytest.mark.cell
STACK = "a1b2c3_ci_test"
SECONDS = 60.0
VALUES = {key: f"value-of-{key}-k7HqXw2mP" for key in ("plain", "named", "folder", "hostile", "never", "given")}
PIN = "1234"
SENTINEL = "a-file-of-the-host"
COMPOSE = """\
version: "3.8"
services:
  app:
    image: {image}
    secrets: [plain, pin, {{source: named, target: other-name}}, {{source: folder, target: /etc/app/token}}]
  hostile:
    image: {image}
    secrets: [{{source: hostile, target: /vault/app/token}}]
    entrypoint: [sh, -c]
    command:
      - mv /vault /old && mkdir -p /vault/app && ln -s {sentinel} /vault/app/token && touch /done && sleep 999
    stop_grace_period: 1s
    healthcheck: {{test: [CMD, test, -e, /done], interval: 1s, retries: 60}}
  never:
    image: {image}
    secrets: [never, given]
    deploy: {{replicas: 0}}
secrets:
{secrets}"""


@dataclass(frozen=True)
class Deployed:
    """A stack with secrets, in a cell."""

    lab: LabCell
    swarm: Swarm
    sentinel: Path
    """A file of the host, to which the hostile service's secret became a link."""


@pytest.fixture(scope="module")
def deployed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Deployed]:
    sentinel = tmp_path_factory.mktemp("host") / "sentinel"
    sentinel.write_text(SENTINEL)
    with cells.lab_cell() as lab:
        shared = lab.cell.spec.shared
        declared = ""
        for key, value in (*VALUES.items(), ("pin", PIN)):
            (shared / key).write_text(value)
            lab.docker("secret", "create", f"{STACK}_{key}_v1", str(shared / key))
            declared += f"  {key}: {{external: true, name: {STACK}_{key}_v1}}\n"
        lab.docker("secret", "create", "elses_token_v1", str(shared / "plain"))
        (shared / "compose.yml").write_text(COMPOSE.format(image=IMAGE, sentinel=sentinel, secrets=declared))
        lab.docker("stack", "deploy", "--resolve-image", "never", "-c", str(shared / "compose.yml"), STACK)
        swarm = Swarm(lab.cell.socket)
        try:
            yield Deployed(lab, swarm, sentinel)
        finally:
            swarm.close()


def test_values_are_learned_from_running_tasks_and_what_stays_unknown_is_listed(deployed: Deployed) -> None:
    redactor = Redactor()
    secrets = StackSecrets(STACK, deployed.swarm, deployed.lab.cell.init, redactor, frozenset({"given"}))

    def learned() -> set[str]:
        state = deployed.swarm.stack(STACK)
        if all(t.state == "running" for t in state.tasks):  # the hostile service is healthy then: its link is there
            secrets.learn(state)
        return secrets.learned

    wanted = {f"{STACK}_{key}_v1" for key in ("plain", "named", "folder", "pin")}
    until(learned, lambda seen: seen >= wanted, what="secrets", clock=SystemClock(), timeout=SECONDS, successes=1)
    secrets.list_unknown()
    assert secrets.learned == wanted
    assert redactor.known == 3
    for key in ("plain", "named", "folder"):
        assert redactor.mask(f"<{VALUES[key]}>") == "<***>"
    assert redactor.not_masked == {
        "pin_v1": "shorter than 8 bytes",
        "hostile_v1": "no running task showed its value",
        "never_v1": "no running task showed its value",
    }


def test_a_link_of_a_container_is_not_followed_to_a_file_of_the_host(deployed: Deployed) -> None:
    cell, swarm = deployed.lab.cell, deployed.swarm
    service = swarm.stack(STACK).service(f"{STACK}_hostile")
    assert service is not None

    def pid() -> int:
        tasks = swarm.stack(STACK).tasks_of(service)
        return swarm.pid(tasks[-1].container) if tasks and tasks[-1].state == "running" else 0

    found = until(pid, bool, what="hostile", clock=SystemClock(), timeout=SECONDS, successes=1)
    plain = Path(f"/proc/{cell.init}/root/proc/{found}/root/vault/app/token")
    assert plain.read_text() == SENTINEL  # what a plain open does
    redactor = Redactor()
    StackSecrets(STACK, swarm, cell.init, redactor).learn(swarm.stack(STACK))
    assert redactor.mask(SENTINEL) == SENTINEL


def test_a_container_that_is_gone_has_no_process(deployed: Deployed) -> None:
    assert deployed.swarm.pid("0" * 64) == 0
