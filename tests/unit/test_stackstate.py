"""host.stackstate: Docker's JSON as values. `data/look.json` is one look at a swarm as its API gave it."""

from __future__ import annotations

import copy
import json
from pathlib import Path
from typing import Any

import pytest
from recipeci.host.container import Health, health, last_lines
from recipeci.host.stackstate import Service, StackState, Task, Update, epoch, same_tasks, same_template, stack_state

from unit.builders import look, service, task, template, upgraded

LOOK = json.loads((Path(__file__).with_name("data") / "look.json").read_text())
SERVICE: dict[str, Any] = LOOK["services"][0]
TASK: dict[str, Any] = LOOK["tasks"][0]
TEN = 1795516656.0
"""2026-11-24T10:37:36Z."""


def parsed_service(**changes: Any) -> Service:  # noqa: ANN401 - any key of Docker's
    (found,) = stack_state([SERVICE | changes], [], seen=0).services
    return found


def parsed_task(**changes: Any) -> Task:  # noqa: ANN401
    (found,) = stack_state([], [TASK | changes], seen=0).tasks
    return found


def with_spec(**changes: Any) -> dict[str, Any]:  # noqa: ANN401
    spec: dict[str, Any] = copy.deepcopy(SERVICE["Spec"])
    return spec | changes


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("2026-11-24T10:37:36Z", TEN),
        ("2026-11-24T10:37:36.5Z", TEN + 0.5),
        ("2026-11-24T10:37:36.172100501Z", TEN + 0.172100501),
        ("2026-11-24T10:37:36.000000001Z", TEN),
        ("0001-01-01T00:00:00Z", 0.0),
        ("", 0.0),
    ],
)
def test_dockers_times_are_seconds_since_1970(text: str, seconds: float) -> None:
    assert epoch(text) == pytest.approx(seconds, abs=1e-6)


def test_times_keep_their_order() -> None:
    texts = ["2026-11-24T10:37:36Z", "2026-11-24T10:37:36.09Z", "2026-11-24T10:37:36.1Z", "2026-11-24T10:37:37Z"]
    assert sorted(texts, key=epoch) == texts


def test_what_is_no_time_is_refused() -> None:
    with pytest.raises(ValueError, match="Invalid isoformat"):
        epoch("yesterday")


def test_a_real_service_is_read() -> None:
    found = parsed_service()
    assert found.id == "vsjj6sf46ipr99azpfs20bi28"
    assert found.name == "rich-hostport_app"
    assert (found.image, found.previous_image) == ("bb:1", "")
    assert found.labels["k"] == "1"
    assert found.spec_version == 126
    assert (found.mode, found.replicas, found.restart_condition) == ("Replicated", 1, "any")
    assert found.update == Update()
    assert found.endpoint["Ports"][0]["PublishedPort"] == 18080
    assert not found.renews


def test_a_real_task_is_read() -> None:
    found = parsed_task()
    assert found.id == "izbrbw3xszhzz74qo98mbk3to"
    assert found.service_id == "vsjj6sf46ipr99azpfs20bi28"
    assert (found.slot, found.state, found.desired) == ("1", "running", "running")
    assert (found.error, found.exit_code) == ("", 0)
    assert found.container.startswith("67a8e4d9032c")
    assert found.created == pytest.approx(TEN + 0.179332855, abs=1e-6)
    assert found.since == pytest.approx(TEN + 1.871328579, abs=1e-6)


def test_a_real_task_carries_the_template_of_its_service() -> None:
    assert same_template(parsed_service().template, parsed_task().template)
    assert parsed_service().template != parsed_task().template


def test_an_update_is_read() -> None:
    status = {"State": "paused", "StartedAt": "2026-11-24T10:37:36.5Z", "Message": "update paused due to failure"}
    assert parsed_service(UpdateStatus=status).update == Update("paused", TEN + 0.5, "update paused due to failure")


@pytest.mark.parametrize(
    ("mode", "name", "replicas"),
    [
        ({"Replicated": {"Replicas": 3}}, "Replicated", 3),
        ({"Replicated": {"Replicas": 0}}, "Replicated", 0),
        ({"Replicated": {}}, "Replicated", 1),
        ({"Global": {}}, "Global", None),
        ({"ReplicatedJob": {"MaxConcurrent": 1, "TotalCompletions": 2}}, "ReplicatedJob", 2),
        ({"GlobalJob": {}}, "GlobalJob", None),
    ],
)
def test_each_mode_says_how_many_tasks_it_wants(mode: dict[str, Any], name: str, replicas: int | None) -> None:
    found = parsed_service(Spec=with_spec(Mode=mode))
    assert (found.mode, found.replicas) == (name, replicas)


@pytest.mark.parametrize(
    ("policy", "condition"),
    [(None, "any"), ({}, "any"), ({"Condition": "none"}, "none"), ({"Condition": "on-failure"}, "on-failure")],
)
def test_a_service_without_a_restart_policy_is_always_restarted(policy: dict[str, str] | None, condition: str) -> None:
    spec = with_spec()
    spec["TaskTemplate"]["RestartPolicy"] = policy
    assert parsed_service(Spec=spec).restart_condition == condition


def test_a_digest_is_no_part_of_the_images_name() -> None:
    spec = with_spec()
    spec["TaskTemplate"]["ContainerSpec"]["Image"] = "registry.test:5000/nginx:1.26.3@sha256:" + "ab" * 32
    assert parsed_service(Spec=spec).image == "registry.test:5000/nginx:1.26.3"


def test_the_spec_before_gives_the_old_image_and_whether_tasks_are_renewed() -> None:
    same = parsed_service(PreviousSpec=with_spec())
    assert (same.previous_image, same.renews) == ("bb:1", False)
    spec = with_spec()
    spec["TaskTemplate"]["ContainerSpec"]["Image"] = "bb:0"
    other = parsed_service(PreviousSpec=spec)
    assert (other.previous_image, other.renews) == ("bb:0", True)


def test_labels_replicas_and_placement_renew_nothing_and_a_port_does() -> None:
    placed = with_spec(Labels={}, Mode={"Replicated": {"Replicas": 2}})
    placed["TaskTemplate"]["Placement"] = {"Constraints": ["node.role == manager"]}
    assert not parsed_service(PreviousSpec=placed).renews
    assert parsed_service(PreviousSpec=with_spec(EndpointSpec={"Mode": "vip"})).renews


def test_the_task_of_a_global_service_has_its_node_for_a_slot() -> None:
    (found,) = stack_state([], [{key: value for key, value in TASK.items() if key != "Slot"}], seen=0).tasks
    assert found.slot == "o36af40g6x5kqdeeg7uq2cbg6"


def test_a_task_that_no_node_has_yet_has_neither() -> None:
    status = {"Timestamp": "2026-11-24T10:37:36Z", "State": "pending", "Err": "no suitable node", "PortStatus": {}}
    bare = {key: value for key, value in TASK.items() if key not in {"Slot", "NodeID"}}
    (found,) = stack_state([], [bare | {"Status": status}], seen=0).tasks
    assert (found.slot, found.container, found.exit_code, found.error) == ("", "", None, "no suitable node")


def test_a_failed_task_has_its_code_and_error() -> None:
    status = {
        "Timestamp": "2026-11-24T10:37:36Z",
        "State": "failed",
        "Err": "task: non-zero exit (7)",
        "ContainerStatus": {"ContainerID": "cafe", "PID": 0, "ExitCode": 7},
    }
    found = parsed_task(Status=status)
    assert (found.state, found.exit_code, found.error) == ("failed", 7, "task: non-zero exit (7)")


def test_the_order_of_keys_makes_no_other_template() -> None:
    one = template()
    assert same_template(one, dict(reversed(list(one.items()))))


def test_runtime_and_placement_make_no_other_template() -> None:
    one = template()
    assert same_template(one, {key: value for key, value in one.items() if key != "Runtime"})
    assert same_template(one, template(Placement={"Constraints": ["node.role == manager"]}))


@pytest.mark.parametrize(
    "other",
    [
        template("nginx:1.26.4"),
        template(env=["A=1"]),
        template(ForceUpdate=1),
        template(Resources={"Limits": {"MemoryBytes": 1}}),
        template(RestartPolicy={"Condition": "none"}),
        template(Networks=[]),
        template(LogDriver={"Name": "none"}),
    ],
)
def test_whatever_else_differs_makes_another_template(other: dict[str, Any]) -> None:
    assert not same_template(template(), other)


def test_the_order_of_a_list_makes_another_template() -> None:
    assert not same_template(template(env=["A=1", "B=2"]), template(env=["B=2", "A=1"]))


def test_the_same_template_behind_another_port_takes_other_tasks() -> None:
    assert same_tasks(service(), upgraded())
    assert not same_tasks(service(), service(endpoint={"Mode": "dnsrr"}))
    assert not same_tasks(service(), service(template=template("nginx:1.26.4")))


def test_a_service_is_found_by_its_full_name_only() -> None:
    state = look(service())
    assert state.service("a1b2c3_ci_test_app") == service()
    assert state.service("app") is None


def test_tasks_of_a_service_come_oldest_first_and_no_others() -> None:
    young, old = task(id="young", created=20), task(id="old", created=10)
    state = look(service(), young, task("db"), old)
    assert [one.id for one in state.tasks_of(service())] == ["old", "young"]


def test_a_look_says_when_it_was() -> None:
    assert stack_state([SERVICE], [TASK], seen=LOOK["seen"]) == StackState(
        (parsed_service(),), (parsed_task(),), LOOK["seen"]
    )


def logged(task_id: str, *lines: str, at: int) -> str:
    """Return lines of a task as Docker gives them with their time and details."""
    labels = f"com.docker.swarm.node.id=n1,com.docker.swarm.service.id=s1,com.docker.swarm.task.id={task_id}"
    return "".join(f"2026-11-24T10:37:{at + n:02}.000000001Z {labels} {words}\n" for n, words in enumerate(lines))


def test_log_lines_are_those_of_the_tasks_that_are_asked_for() -> None:
    text = logged("old", "serving", "bye", at=0) + logged("new", "starting", "no such file", at=10)
    assert last_lines(text, tasks={"new"}, lines=20) == "starting\nno such file"
    assert last_lines(text, tasks=set(), lines=20) == ""


def test_log_lines_of_several_tasks_are_in_the_order_of_their_time_and_only_the_last() -> None:
    text = logged("b", "second", "fourth =,", at=2) + logged("a", "first", at=1) + logged("c", "third", at=2)
    assert last_lines(text, tasks={"a", "b", "c"}, lines=3) == "second\nthird\nfourth =,"


def inspected(*, streak: int, test: list[str], retries: int = 0) -> dict[str, Any]:
    """Return an inspected container whose health check failed so often in a row."""
    log = [{"ExitCode": 0, "Output": "old"}, {"ExitCode": 7, "Output": "(7) Failed\n to connect\n"}]
    state = {"Health": {"Status": "starting", "FailingStreak": streak, "Log": log}}
    return {"State": state, "Config": {"Healthcheck": {"Test": test, "Retries": retries}}}


@pytest.mark.parametrize(
    ("streak", "retries", "is_bad"), [(3, 0, True), (2, 0, False), (10, 10, True), (9, 10, False), (1, 1, True)]
)
def test_a_container_is_unhealthy_after_as_many_failures_as_its_check_says(
    streak: int, retries: int, *, is_bad: bool
) -> None:
    found = health(inspected(streak=streak, test=["CMD", "curl", "a b"], retries=retries))
    assert found == Health("curl 'a b'", "(7) Failed to connect", 7, is_bad)


def test_a_health_check_by_a_shell_is_shown_as_it_is_written() -> None:
    assert health(inspected(streak=3, test=["CMD-SHELL", "curl x || exit 1"])).check == "curl x || exit 1"


@pytest.mark.parametrize(
    "raw",
    [
        {"State": {}, "Config": {}},
        {"State": {"Health": None}, "Config": {"Healthcheck": None}},
        {"State": {"Health": {"Status": "starting", "Log": []}}, "Config": {"Healthcheck": {"Test": ["CMD", "x"]}}},
        inspected(streak=3, test=["NONE"]),
    ],
)
def test_without_a_health_check_that_ran_there_is_nothing_to_say(raw: dict[str, Any]) -> None:
    assert health(raw) == Health()
