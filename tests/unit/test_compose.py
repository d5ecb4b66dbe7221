"""recipe.compose, recipe.rawcompose and recipe.exports."""

from __future__ import annotations

import pytest
from recipeci.errors import RecipeInvalid
from recipeci.recipe.compose import Compose, Healthcheck, Mount, Port, Update, Used
from recipeci.recipe.exports import exported_names, literal_exports
from recipeci.recipe.rawcompose import mapping, odd_durations, seconds, version_label

# What Docker 26.1.5 prints.
RESOLVED = """\
version: "3.8"
services:
  app:
    configs:
    - source: c1
      target: /etc/x
    deploy:
      replicas: 2
      labels:
        coop-cloud.st.version: 1.0.0+1
        "n": "1"
        traefik.enable: "true"
      update_config:
        failure_action: rollback
        monitor: 5m0s
        order: start-first
      restart_policy:
        condition: on-failure
        delay: 5s
    environment:
      A: "1"
      B: null
    healthcheck:
      test:
      - CMD
      - "true"
      interval: 1m30s
      retries: 10
      start_period: 500ms
    image: nginx:1.22
    networks:
      internal: null
      proxy: null
    ports:
    - mode: host
      target: 80
      published: 8080
      protocol: udp
    - target: 81
    secrets:
    - source: s1
    volumes:
    - type: volume
      source: content
      target: /data
      read_only: true
    - type: bind
      source: /etc/hosts
      target: /h
    - type: tmpfs
      target: /t
    - type: volume
      target: /anon
  g:
    deploy:
      mode: global
    image: busybox
networks:
  internal: {}
  proxy:
    name: proxy
    external: true
volumes:
  content: {}
  nfs:
    driver: local
    driver_opts:
      device: :/
      type: nfs
  other:
    external: true
secrets:
  s1:
    name: st_s1_v1
    external: true
configs:
  c1:
    name: st_c1_v1
    file: /recipe/c.txt
"""


def test_a_service_as_docker_resolved_it() -> None:
    app = Compose.parse(RESOLVED).services["app"]
    assert (app.image, app.mode, app.replicas, app.restart_condition) == ("nginx:1.22", "replicated", 2, "on-failure")
    assert app.labels == {"coop-cloud.st.version": "1.0.0+1", "n": "1", "traefik.enable": "true"}
    assert app.environment == {"A": "1", "B": ""}
    assert app.update == Update(failure_action="rollback", order="start-first", monitor=300.0)
    assert app.healthcheck == Healthcheck(("CMD", "true"), interval=90.0, retries=10, start_period=0.5)
    assert app.networks == ("internal", "proxy")
    assert app.secrets == (Used("s1", ""),)
    assert app.configs == (Used("c1", "/etc/x"),)
    assert app.ports == (Port(80, published=8080, protocol="udp", mode="host"), Port(81))
    assert app.mounts == (
        Mount("volume", "content", "/data", read_only=True),
        Mount("bind", "/etc/hosts", "/h"),
        Mount("tmpfs", "", "/t"),
        Mount("volume", "", "/anon"),
    )


def test_resources_and_their_names() -> None:
    found = Compose.parse(RESOLVED)
    assert found.networks["proxy"].external
    assert found.networks["internal"].name("st") == "st_internal"
    assert found.networks["proxy"].name("st") == "proxy"
    assert found.volumes["content"].name("st") == "st_content"
    assert found.volumes["other"].name("st") == "other"
    assert found.volumes["nfs"].driver_opts == {"device": ":/", "type": "nfs"}
    assert found.secrets["s1"].name("st") == "st_s1_v1"
    assert found.configs["c1"].file == "/recipe/c.txt"


def test_defaults_are_dockers() -> None:
    service = Compose.parse("services: {app: {image: x}}").services["app"]
    assert service.update == Update("pause", "stop-first", 5.0)
    assert (service.mode, service.replicas, service.restart_condition) == ("replicated", 1, "any")
    assert not service.has_healthcheck
    assert not service.is_routed


def test_images_each_once() -> None:
    text = "services: {a: {image: x}, b: {image: y}, c: {image: x}}"
    assert Compose.parse(text).images == ("x", "y")


@pytest.mark.parametrize(
    ("deploy", "ends"),
    [
        ("{}", False),
        ("{replicas: 2}", False),
        ("{replicas: 0}", True),
        ("{mode: global}", False),
        ("{mode: replicated-job}", True),
        ("{mode: global-job}", True),
        ("{restart_policy: {condition: none}}", True),
        ("{restart_policy: {condition: on-failure}}", False),
        ("{restart_policy: {condition: any}}", False),
    ],
)
def test_which_services_are_meant_to_end(deploy: str, ends: bool) -> None:  # noqa: FBT001 - a table
    assert Compose.parse(f"services: {{app: {{image: x, deploy: {deploy}}}}}").services["app"].ends is ends


@pytest.mark.parametrize(
    "check", ["{disable: true}", "{test: [NONE]}", "{interval: 5s}", "{test: [CMD, x], disable: true}"]
)
def test_a_health_check_that_is_none(check: str) -> None:
    assert not Compose.parse(f"services: {{app: {{image: x, healthcheck: {check}}}}}").services["app"].has_healthcheck


def test_a_health_check_in_one_text_is_the_shells() -> None:
    service = Compose.parse("services: {app: {image: x, healthcheck: {test: curl localhost}}}").services["app"]
    assert service.healthcheck == Healthcheck(("CMD-SHELL", "curl localhost"))


@pytest.mark.parametrize(("value", "routed"), [('"true"', True), ('"True"', True), ('"false"', False), ('"1"', False)])
def test_which_services_traefik_routes_to(value: str, routed: bool) -> None:  # noqa: FBT001 - a table
    text = f"services: {{app: {{image: x, deploy: {{labels: {{traefik.enable: {value}}}}}}}}}"
    assert Compose.parse(text).services["app"].is_routed is routed


@pytest.mark.parametrize("text", ["", "- a", "text", "a: [", "a: b: c", "\t", "!!python/object:os.system {}"])
def test_what_is_no_compose_file(text: str) -> None:
    with pytest.raises(RecipeInvalid, match=r"compose\.yml is no"):
        mapping(text, where="compose.yml")


@pytest.mark.parametrize(
    ("text", "value"),
    [("5s", 5), ("1m30s", 90), ("5m0s", 300), ("1h", 3600), ("500ms", 0.5), ("1.5s", 1.5), ("2us", 2e-6)],
)
def test_durations(text: str, value: float) -> None:
    assert seconds(text) == pytest.approx(value)


@pytest.mark.parametrize("text", ["", "5", "s", "5 s", "${X:-5m}", "-5s", "5d"])
def test_what_is_no_duration(text: str) -> None:
    with pytest.raises(RecipeInvalid, match="is no duration"):
        seconds(text)


def test_durations_that_abra_refuses_since_it_looks_before_it_puts_values_in() -> None:
    raw = mapping(
        """
services:
  app:
    stop_grace_period: ${STOP:-1m}
    healthcheck: {test: x, interval: 30s, start_period: "${START:-5m}", retries: 3}
    deploy:
      update_config: {monitor: 5s, delay: $DELAY}
      restart_policy: {window: 2m}
  db: {image: x}
  odd:
""",
        where="compose.yml",
    )
    assert list(odd_durations(raw)) == [
        ("services.app.healthcheck.start_period", "${START:-5m}"),
        ("services.app.deploy.update_config.delay", "$DELAY"),
        ("services.app.stop_grace_period", "${STOP:-1m}"),
    ]


LIST = 'services: {app: {deploy: {labels: ["a=b", "coop-cloud.${STACK_NAME}.version=1.1.0+1.26.3"]}}}'
MAP = 'services: {app: {deploy: {labels: {"coop-cloud.${STACK_NAME}.version": "${V:-1.2.0+2}"}}}}'
NONE = 'services: {app: {deploy: {labels: ["coop-cloud.${STACK_NAME}.timeout=${TIMEOUT:-300}"]}}, db: {}}'


@pytest.mark.parametrize(
    ("texts", "env", "version"),
    [
        ([LIST], {}, "1.1.0+1.26.3"),
        ([MAP], {}, "1.2.0+2"),
        ([MAP], {"V": "9.0.0+9"}, "9.0.0+9"),
        ([NONE], {}, ""),
        ([LIST, NONE], {}, "1.1.0+1.26.3"),
        ([LIST, MAP], {}, "1.2.0+2"),
        ([], {}, ""),
        (["services: []"], {}, ""),
        (["services: {app: text}"], {}, ""),
    ],
)
def test_the_version_label(texts: list[str], env: dict[str, str], version: str) -> None:
    assert version_label([mapping(text, where="x") for text in texts], env) == version


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("\nexport A='x\0'\n", r"abra\.sh:2: a NUL character"),
        (f"export A={'x' * 131069}\n", r"abra\.sh:1: A has 131071 bytes"),
        ("".join(f"export K{i}={'x' * 100000}\n" for i in range(6)), r"abra\.sh: its variables have 6000"),
    ],
    ids=("nul", "long", "many"),
)
def test_exports_that_no_environment_can_hold(text: str, sentence: str) -> None:
    with pytest.raises(RecipeInvalid, match=sentence):
        literal_exports(text)


def test_literal_exports_of_abra_sh() -> None:
    text = """\
#!/bin/bash
export NGINX_DEFAULT_CONF_VERSION=v1
export A_VERSION="v2"   # why
export B='x y' C=z
export A_VERSION=v3
export MADE=$(date)
export ALSO="$A_VERSION"
export TICKS=`id`
export OPEN="x
NOT_EXPORTED=v1
# export COMMENT=v1
upgrade() {
  export INSIDE=v1
}
"""
    known = {"NGINX_DEFAULT_CONF_VERSION", "A_VERSION", "B", "C"}
    assert exported_names(text) == {*known, "MADE", "ALSO", "TICKS", "OPEN"}
    assert literal_exports(text) == {"NGINX_DEFAULT_CONF_VERSION": "v1", "A_VERSION": "v3", "B": "x y", "C": "z"}
