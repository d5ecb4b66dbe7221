"""What miniabra gives Docker is read by the real Docker as it was meant, whatever YAML would make of it."""

from __future__ import annotations

from pathlib import Path

import miniabralab
import pytest
from miniabralab import DOMAIN, Lab
from recipeci.host import engine
from recipeci.host.command import LocalRunner
from recipeci.host.docker_cli import DockerCli
from recipeci.recipe import dockeryaml
from recipeci.recipe.rawcompose import mapping

DEPLOY = ("app", "deploy", DOMAIN, "-o", "-n", "-c", "-D")


@pytest.fixture
def lab(tmp_path: Path) -> Lab:
    return miniabralab.make(tmp_path / "lab")


@pytest.mark.parametrize("value", ["08", "0o17", "12345e67", "-.5", "2024-1-1", "1:30", "0X1F", "no", "~", "="])
def test_a_value_that_docker_would_take_for_another_kind_reaches_the_app_as_it_is(
    lab: Lab, tmp_path: Path, value: str
) -> None:
    lab.new()
    lab.env_file.write_text(lab.env_file.read_text() + f"VALUE='{value}'\n")
    lab.deployable()
    lab.done(*DEPLOY)
    (call,) = lab.docker.of("stack", "deploy")
    text = call.files[-1].replace("services", "x-services") + "services: {app: {image: x}}\n"
    (tmp_path / "compose.yml").write_text(text)
    docker = DockerCli(engine.find(None).docker, runner=LocalRunner())
    shown = docker.stack_config([tmp_path / "compose.yml"], env={})
    assert mapping(shown, where="x", read=dockeryaml.printed)["x-services"]["app"]["environment"]["VALUE"] == value
