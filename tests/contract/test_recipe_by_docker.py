"""recipe.compose and recipe.interpolation against Docker's own reading of the same files; no daemon is asked."""

from __future__ import annotations

import socket
from collections.abc import Sequence
from pathlib import Path

import miniabra.docker
import pytest
from recipeci.errors import RecipeInvalid
from recipeci.host import docker_cli, engine
from recipeci.host.command import Completed, LocalRunner
from recipeci.host.docker_cli import DockerCli
from recipeci.recipe.compose import Compose, Mount, Port, Update, Used
from recipeci.recipe.interpolation import expand
from recipeci.recipe.lint import of_stack
from recipeci.recipe.rawcompose import mapping, odd_durations, version_label

COMPOSE = """\
version: "3.8"
services:
  app:
    image: nginx:${V:-1.22}
    environment: ["A=1", "B", "C=${X:-5}"]
    networks: [proxy, internal]
    configs: [{source: c1, target: /etc/x}]
    secrets: [s1]
    volumes:
      - content:/data:ro
      - /etc/hosts:/h:ro
      - {type: tmpfs, target: /t}
      - /anon
    ports: ["8080:80", "53:53/udp"]
    healthcheck: {test: curl localhost, interval: 1m30s, start_period: 2s}
    deploy:
      replicas: 2
      update_config: {failure_action: rollback, order: start-first, monitor: 90s}
      restart_policy: {condition: on-failure}
      labels: ["traefik.enable=true", "coop-cloud.${STACK_NAME}.version=1.0.0+1", "price=5$$"]
  job:
    image: busybox
    deploy: {mode: replicated-job, labels: {number: 5, dollar: "$$X"}}
  once:
    image: busybox
    healthcheck: {disable: true}
    deploy: {restart_policy: {condition: none}}
networks: {proxy: {external: true}, internal: {}}
volumes: {content: {}, other: {name: xx, external: true}}
secrets: {s1: {external: true, name: "${STACK_NAME}_s1_v1"}}
configs: {c1: {name: "${STACK_NAME}_c1_v1", file: c.txt}}
"""


@pytest.fixture(scope="module")
def docker() -> DockerCli:
    runner = LocalRunner()
    return DockerCli(engine.find(None, runner=runner).docker, runner=runner)


def resolved(docker: DockerCli, folder: Path, text: str, **env: str) -> Compose:
    (folder / "c.txt").write_text("x", encoding="utf-8")
    (folder / "compose.yml").write_text(text, encoding="utf-8")
    return Compose.parse(docker.stack_config([folder / "compose.yml"], env=env))


def test_what_docker_prints_is_read_whole(docker: DockerCli, tmp_path: Path) -> None:
    found = resolved(docker, tmp_path, COMPOSE, STACK_NAME="st")
    app = found.services["app"]
    assert app.image == "nginx:1.22"
    assert app.environment == {"A": "1", "B": "", "C": "5"}
    assert app.labels == {"traefik.enable": "true", "coop-cloud.st.version": "1.0.0+1", "price": "5$"}
    assert app.update == Update("rollback", "start-first", 90.0)
    assert app.healthcheck is not None
    assert (app.healthcheck.test, app.healthcheck.interval) == (("CMD-SHELL", "curl localhost"), 90.0)
    assert app.ports == (Port(80, 8080), Port(53, 53, "udp"))
    assert app.mounts == (
        Mount("volume", "content", "/data", read_only=True),
        Mount("bind", "/etc/hosts", "/h", read_only=True),
        Mount("tmpfs", "", "/t"),
        Mount("volume", "", "/anon"),
    )
    assert (app.networks, app.secrets, app.configs) == (
        ("internal", "proxy"),
        (Used("s1", ""),),
        (Used("c1", "/etc/x"),),
    )
    assert [name for name, service in found.services.items() if service.ends] == ["job", "once"]
    assert found.services["job"].labels == {"number": "5", "dollar": "$X"}
    assert found.secrets["s1"].name("st") == "st_s1_v1"
    assert found.volumes["other"].name("st") == "xx"
    assert of_stack(found, stack="st") == ()


def test_a_health_check_with_words_that_are_no_text_in_yaml_1_1_is_read_as_docker_runs_it(
    docker: DockerCli, tmp_path: Path
) -> None:
    words = ("CMD", "test", "new", "=", "new", "2024-02-30", "<<", "1:30")
    test = ", ".join(f'"{word}"' for word in ("CMD", "test", "${MODE}", *words[3:]))
    text = f"version: '3.8'\nservices: {{app: {{image: x, healthcheck: {{test: [{test}]}}}}}}\n"
    found = resolved(docker, tmp_path, text, MODE="new").services["app"].healthcheck
    assert found is not None
    assert found.test == words


@pytest.mark.parametrize(
    "text",
    [
        "plain",
        "$A",
        "${A}",
        "x${A}y",
        "$$A",
        "$$$A",
        "$AB",
        "${NO-x}",
        "${NO:-x}",
        "${EMPTY-x}",
        "${EMPTY:-x}",
        "${A:-x}",
        "${NO:-}",
        "${A:?must}",
        "${NO:-a:b}",
        "${NO:-$A}",
        "Host(`${A}`${NO})",
    ],
)
def test_values_are_put_in_as_docker_does(docker: DockerCli, tmp_path: Path, text: str) -> None:
    env = {"A": "1", "EMPTY": ""}
    text_of_stack = f"version: '3.8'\nservices: {{app: {{image: x, hostname: 'v{text}'}}}}\n"
    (tmp_path / "compose.yml").write_text(text_of_stack, encoding="utf-8")
    printed = docker.stack_config([tmp_path / "compose.yml"], env=env)
    assert mapping(printed, where="x")["services"]["app"]["hostname"] == "v" + expand(text, env)


@pytest.mark.parametrize("text", ["${NO?must}", "${NO:?must}", "${EMPTY:?must}", "${", "${}", "${A b}", "${1}"])
def test_what_docker_cannot_put_in_is_refused_here_too(docker: DockerCli, tmp_path: Path, text: str) -> None:
    env = {"A": "1", "EMPTY": ""}
    (tmp_path / "compose.yml").write_text(f"version: '3.8'\nservices: {{app: {{image: '{text}'}}}}\n", encoding="utf-8")
    with pytest.raises(RecipeInvalid):
        docker.stack_config([tmp_path / "compose.yml"], env=env)
    with pytest.raises(RecipeInvalid):
        expand(text, env)


class NothingRuns:
    """A runner that refuses all."""

    def run(self, argv: Sequence[str], **_: object) -> Completed:
        raise AssertionError(argv)


@pytest.mark.parametrize(
    "name", ["LD_PRELOAD", "LD_AUDIT", "GCONV_PATH", "GLIBC_TUNABLES", "BASH_ENV", "PATH", "HOME", "DOCKER_CLI_HOOKS"]
)
def test_what_programs_obey_is_handed_to_none(docker: DockerCli, tmp_path: Path, name: str) -> None:
    text = f"version: '3.8'\nservices: {{app: {{image: x, hostname: '${{{name}}}'}}}}\n"
    (tmp_path / "compose.yml").write_text(text, encoding="utf-8")
    unused = DockerCli(Path("/nonexistent"), runner=NothingRuns())
    with pytest.raises(RecipeInvalid, match=f"the app's env sets {name}, which the programs that deploy it would obey"):
        unused.stack_config([tmp_path / "compose.yml"], env={"A": "1", name: "./evil.so"})
    assert docker.stack_config([tmp_path / "compose.yml"], env={"A": "1", f"APP_{name}": "x"})


def test_both_packages_refuse_the_same_names() -> None:
    """They do not import each other, so each has the list."""
    assert miniabra.docker.OBEYED.pattern == docker_cli.READ_ON_THE_WAY.pattern


def test_a_name_of_the_clients_is_a_value_of_the_apps_and_no_daemon_is_asked(docker: DockerCli, tmp_path: Path) -> None:
    names = ("DOCKER_HOST", "DOCKER_CONTEXT", "DOCKER_CONFIG", "DOCKER_TLS_VERIFY", "DOCKER_API_VERSION")
    values = " ".join(f"${{{name}}}" for name in names)
    (tmp_path / "compose.yml").write_text(f"version: '3.8'\nservices: {{app: {{image: x, labels: ['a={values}']}}}}\n")
    with socket.create_server(("127.0.0.1", 0)) as daemon:
        env = dict.fromkeys(names, f"tcp://127.0.0.1:{daemon.getsockname()[1]}")
        printed = docker.stack_config([tmp_path / "compose.yml"], env=env)
        daemon.setblocking(False)  # noqa: FBT003 - the interface
        with pytest.raises(BlockingIOError):
            daemon.accept()
    assert mapping(printed, where="x")["services"]["app"]["labels"] == {"a": " ".join(env.values())}


def test_the_label_that_is_worked_out_without_docker_is_dockers(docker: DockerCli, tmp_path: Path) -> None:
    found = resolved(docker, tmp_path, COMPOSE, STACK_NAME="st").services["app"].labels["coop-cloud.st.version"]
    assert version_label([mapping(COMPOSE, where="x")], {}) == found


@pytest.mark.parametrize("use", ["networks: [gone]", "secrets: [gone]", "configs: [gone]", 'volumes: ["gone:/x"]'])
def test_docker_resolves_what_is_not_declared_so_lint_must_look(docker: DockerCli, tmp_path: Path, use: str) -> None:
    found = resolved(docker, tmp_path, f"version: '3.8'\nservices: {{app: {{image: x, {use}}}}}\n")
    (finding,) = of_stack(found, stack="st")
    assert finding.endswith("gone, which the compose file does not declare")


def test_docker_takes_a_duration_that_abra_does_not_so_lint_must_look(docker: DockerCli, tmp_path: Path) -> None:
    text = "version: '3.8'\nservices: {app: {image: x, healthcheck: {test: x, start_period: '${X:-5m}'}}}\n"
    check = resolved(docker, tmp_path, text).services["app"].healthcheck
    assert check is not None
    assert check.start_period == 300.0
    assert list(odd_durations(mapping(text, where="x")))
