"""The adapter and miniabra on a real swarm, inside a cell: what Docker has after each command."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from lab import cells
from lab.cells import IMAGE, LabCell
from miniabralab import Checkout
from recipeci.errors import AbraFailed, UsageError
from recipeci.host.abra import Abra, choose
from recipeci.host.clock import SystemClock, until
from recipeci.host.command import LocalRunner

pytestmark = pytest.mark.cell
RECIPE = "real"
SECONDS = 60.0
END = "/content/end"
"""The service `app` ends when this is there, and not because it is told to."""
SAMPLE = "TYPE=real\nDOMAIN=real.example.com\nPRICE='$5'\nSECRET_KEY_VERSION=v1 # length=43 charset=hex\n"
COMPOSE = f"""\
version: "3.8"
services:
  app:
    image: {IMAGE}
    secrets: [key]
    volumes: ["content:/content"]
    entrypoint: ["/bin/sh", "-c", "trap '' TERM QUIT; until [ -e {END} ]; do sleep 0.1; done"]
    stop_grace_period: 600s
    deploy:
      labels: ["traefik.enable=true", "coop-cloud.${{STACK_NAME}}.version=1.1.0+1.26.3"]
  helper:
    image: {IMAGE}
volumes: {{content: }}
secrets:
  key: {{external: true, name: "${{STACK_NAME}}_key_${{SECRET_KEY_VERSION}}"}}
"""
HELPER = f"  helper:\n    image: {IMAGE}\n"
ABRA = "#!/bin/sh\necho abra version 0.13.0\n"


@dataclass(frozen=True)
class Real:
    """A cell, the recipe's checkout in it, and abra."""

    lab: LabCell
    checkout: Checkout
    abra: Abra

    def app(self, name: str, *, deployed: str | None = "1.0.0+1.26.3") -> tuple[str, str]:
        """Make an app with its secrets; return its domain and stack."""
        domain = f"{name}.ci.test"
        self.abra.app_new(RECIPE, domain=domain, version="1.0.0+1.26.3", chaos=False)
        self.abra.app_secret_generate(domain)
        if deployed is not None:
            self.abra.app_deploy(domain, version=deployed, chaos=False, timeout=SECONDS)
        return domain, domain.replace(".", "_")

    def inspect(self, kind: str, name: str) -> dict[str, Any]:
        (found,) = json.loads(self.lab.docker(kind, "inspect", name).out)
        return dict(found)

    def names(self, kind: str, stack: str) -> list[str]:
        listed = self.lab.docker(kind, "ls", "--filter", f"name={stack}", "--format", "{{.Name}}").out
        return sorted(listed.split())

    def containers(self, stack: str) -> list[str]:
        label = f"label=com.docker.stack.namespace={stack}"
        return self.lab.docker("ps", "-aq", "--filter", label).out.split()

    def running(self, stack: str, service: str) -> str:
        """Wait for a container of a service; return its id."""
        label = f"label=com.docker.swarm.service.name={stack}_{service}"

        def look() -> str:
            return self.lab.docker("ps", "-q", "--filter", label).out.strip()

        return until(look, bool, what=f"container of {service}", clock=SystemClock(), timeout=SECONDS, successes=1)


@pytest.fixture(scope="module")
def real() -> Iterator[Real]:
    chosen = choose("builtin", None, runner=LocalRunner())
    with cells.lab_cell(read_only=chosen.read_only) as lab:
        abra_dir = lab.cell.spec.shared / "abra"
        checkout = recipe(abra_dir / "recipes" / RECIPE)
        abra = Abra(chosen, runner=lab.cell.runner, abra_dir=abra_dir, docker_folder=lab.programs.docker.parent)
        yield Real(lab, checkout, abra)


def recipe(folder: Path) -> Checkout:
    """Make a recipe with one published version and a head that drops a service."""
    folder.mkdir(parents=True)
    made = Checkout(folder)
    made.git("init", "--quiet", "--initial-branch=main")
    for name, text in {".env.sample": SAMPLE, "compose.yml": COMPOSE}.items():
        made.write(name, text)
    made.commit(tag="1.0.0+1.26.3")
    made.replace("compose.yml", HELPER, "")
    made.commit()
    return made


def test_a_pinned_deployment_is_on_the_swarm_with_its_labels_and_its_env(real: Real) -> None:
    domain, stack = real.app("pinned")
    service = real.inspect("service", f"{stack}_app")["Spec"]
    ours = {key: value for key, value in service["Labels"].items() if key.startswith("coop-cloud.")}
    assert ours == {
        f"coop-cloud.{stack}.recipe": RECIPE,
        f"coop-cloud.{stack}.version": "1.0.0+1.26.3",
        f"coop-cloud.{stack}.chaos": "false",
    }
    env = dict(pair.split("=", 1) for pair in service["TaskTemplate"]["ContainerSpec"]["Env"])
    assert (env["TYPE"], env["DOMAIN"], env["PRICE"]) == ("real:1.0.0+1.26.3", domain, "$5")
    assert not [key for key in real.inspect("service", f"{stack}_helper")["Spec"]["Labels"] if "coop-cloud" in key]


def test_a_generated_secret_reaches_the_task_and_carries_no_label(real: Real) -> None:
    _, stack = real.app("secret")
    assert real.inspect("secret", f"{stack}_key_v1")["Spec"]["Labels"] == {}
    container = real.running(stack, "app")
    value = real.lab.docker("exec", container, "cat", "/run/secrets/key").out.rstrip()
    assert len(value) == 43
    assert set(value) <= set("0123456789abcdef")


def test_a_secret_that_is_there_is_not_replaced(real: Real) -> None:
    domain, stack = real.app("insert", deployed=None)
    file = real.lab.cell.spec.shared / "value"
    file.write_text("x")
    with pytest.raises(AbraFailed) as caught:
        real.abra.app_secret_insert(domain, name="key", version="v1", file=file)
    assert caught.value.reason == f"rpc error: code = AlreadyExists desc = secret {stack}_key_v1 already exists"


def test_a_chaos_deployment_names_the_commit_and_leaves_what_was_dropped(real: Real) -> None:
    domain, stack = real.app("chaos")
    head = real.checkout.git("rev-parse", "main")
    real.checkout.git("checkout", "--quiet", "main")
    real.abra.app_deploy(domain, version=None, chaos=True, timeout=SECONDS)
    labels = real.inspect("service", f"{stack}_app")["Spec"]["Labels"]
    assert labels[f"coop-cloud.{stack}.chaos"] == "true"
    assert labels[f"coop-cloud.{stack}.chaos-version"] == head[:8]
    assert labels[f"coop-cloud.{stack}.version"] == "1.1.0+1.26.3"
    assert real.names("service", stack) == [f"{stack}_app", f"{stack}_helper"]


def test_without_c_it_waits_until_the_tasks_run(real: Real) -> None:
    domain, stack = real.app("waits", deployed=None)
    abra_dir = str(real.lab.cell.spec.shared / "abra")
    env = {"ABRA_DIR": abra_dir, "HOME": abra_dir, "PATH": f"{real.lab.programs.docker.parent}:/usr/bin:/bin"}
    argv = [*choose("builtin", None, runner=LocalRunner()).argv, "app", "deploy", domain, "-o", "-n", "-D"]
    real.lab.cell.runner.run(argv, timeout=SECONDS, env=env)
    listed = real.lab.docker("stack", "services", stack, "--format", "{{.Replicas}}").out.split()
    assert listed == ["1/1", "1/1"]


def test_undeploy_returns_early_and_a_volume_in_use_is_refused_until_the_containers_are_gone(real: Real) -> None:
    domain, stack = real.app("leaves")
    container = real.running(stack, "app")
    real.abra.app_undeploy(domain)
    assert real.names("service", stack) == []
    assert real.containers(stack)
    with pytest.raises(AbraFailed, match="volume is in use"):
        real.abra.app_volume_remove(domain)
    real.lab.docker("exec", container, "touch", END)
    until(
        lambda: real.containers(stack),
        lambda seen: not seen,
        what="containers gone",
        clock=SystemClock(),
        timeout=SECONDS,
        successes=1,
    )
    assert real.names("volume", stack) == [f"{stack}_content"]
    real.abra.app_volume_remove(domain)
    assert (real.names("volume", stack), real.names("secret", stack)) == ([], [f"{stack}_key_v1"])
    real.abra.app_remove(domain)
    assert real.names("secret", stack) == []
    assert not real.abra.env_file(domain).exists()


def test_dockers_refusal_is_the_reason(real: Real) -> None:
    domain, _ = real.app("refused", deployed=None)
    real.checkout.git("checkout", "--quiet", "main")
    old = real.checkout.folder / "compose.yml"
    text = old.read_text()
    real.checkout.write("compose.yml", f"{text}networks: {{default: {{external: true, name: nowhere}}}}\n")
    try:
        with pytest.raises(AbraFailed, match='network "nowhere" is declared as external'):
            real.abra.app_deploy(domain, version=None, chaos=True, timeout=SECONDS)
    finally:
        old.write_text(text)


def test_of_a_given_program_a_cell_sees_its_file_and_nothing_beside_it(tmp_path: Path) -> None:
    for name, script in {"abra": ABRA, "needy": f"#!/bin/sh\n. {tmp_path}/beside\n"}.items():
        (tmp_path / name).write_text(script)
        (tmp_path / name).chmod(0o755)
    (tmp_path / "beside").write_text("echo abra version 0.13.0\n")
    alone, needy = (choose(str(tmp_path / name), None, runner=LocalRunner()) for name in ("abra", "needy"))
    with cells.lab_cell(read_only=(*alone.read_only, *needy.read_only)) as lab:
        folder, docker = lab.cell.spec.shared / "abra", lab.programs.docker.parent
        runner = lab.cell.runner
        Abra(alone, runner=runner, abra_dir=folder, docker_folder=docker).require()
        with pytest.raises(UsageError, match="needy does not run in a cell"):
            Abra(needy, runner=runner, abra_dir=folder, docker_folder=docker).require()
        seen = runner.run(["ls", str(tmp_path)], timeout=SECONDS).out.split()
        assert sorted(seen) == ["abra", "needy"]
