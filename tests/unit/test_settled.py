"""run.settled: when a deployment is settled, and when waiting for it is hopeless, rule by rule."""

from __future__ import annotations

import dataclasses
from typing import Any

import pytest
from recipeci.host.container import Health
from recipeci.host.stackstate import Service, Task, Update
from recipeci.run.settled import CRASHES, STABLE_SECONDS, UNSCHEDULABLE_SECONDS, broken_since, has_ended, judge

from unit.builders import (
    COMPLETED,
    DEPLOYED,
    IMAGE,
    NOW,
    OLD_IMAGE,
    OLD_TEMPLATE,
    expected,
    failed,
    look,
    old_task,
    service,
    task,
    template,
    upgraded,
    waiting,
)


def is_settled(*things: Service | Task, ending: tuple[str, ...] = ()) -> bool:
    judged = judge(look(*things), expected(ending=ending))
    assert not judged.hopeless
    return judged.settled


def reason(*things: Service | Task, ending: tuple[str, ...] = (), seen: float = NOW) -> str:
    judged = judge(look(*things, seen=seen), expected(ending=ending))
    assert not judged.settled
    return judged.hopeless


def test_a_running_task_of_the_current_spec_is_settled() -> None:
    assert is_settled(service(), task())


def test_no_service_yet_is_not_settled() -> None:
    assert judge(look(), expected()).summary == "no service yet"
    assert not is_settled()


def test_a_service_that_is_still_missing_is_not_settled() -> None:
    assert not judge(look(service(), task()), expected("app", "db")).settled


@pytest.mark.parametrize("state", ["new", "pending", "assigned", "accepted", "preparing", "ready", "starting"])
def test_a_task_on_its_way_is_not_settled(state: str) -> None:
    assert not is_settled(service(), task(state=state))


def test_a_task_is_stable_after_two_seconds() -> None:
    assert not is_settled(service(), task(since=NOW - STABLE_SECONDS + 0.1))
    assert is_settled(service(), task(since=NOW - STABLE_SECONDS))


def test_a_task_of_another_spec_does_not_count() -> None:
    assert not is_settled(service(), task(template=OLD_TEMPLATE))


def test_a_task_with_its_old_placement_counts() -> None:
    assert is_settled(service(), task(template=template(Placement={"Constraints": ["node.role == manager"]})))


def test_fewer_and_more_tasks_than_wanted_are_not_settled() -> None:
    two = service(replicas=2)
    assert not is_settled(two, task())
    assert is_settled(two, task(), task(id="second", slot="2"))
    assert not is_settled(service(), task(), task(id="second"))


def test_a_global_service_is_settled_with_its_task() -> None:
    everywhere = service(mode="Global", replicas=None)
    assert not is_settled(everywhere)
    assert is_settled(everywhere, task(slot="node"))


def test_no_replicas_are_settled_without_tasks_and_not_before_the_old_one_is_gone() -> None:
    off = service(replicas=0, renews=True)
    assert is_settled(off, ending=("app",))
    assert not is_settled(off, old_task(state="running", desired="remove"), ending=("app",))


@pytest.mark.parametrize("state", ["updating", "of a Docker yet to come"])
def test_an_update_under_way_is_not_settled_whenever_it_began(state: str) -> None:
    for started in (DEPLOYED - 50, DEPLOYED + 1):
        assert not is_settled(upgraded(update=Update(state, started)), task())


def test_a_completed_update_is_settled() -> None:
    assert is_settled(upgraded(), old_task(), task())


def test_an_update_that_swarm_still_owes_is_not_settled_though_all_looks_well() -> None:
    """The port changed: template, tasks and UpdateStatus are as before for a moment."""
    assert not is_settled(service(renews=True), task())
    assert is_settled(service(renews=False), task())


def test_an_old_task_that_still_stops_is_not_settled() -> None:
    assert not is_settled(upgraded(), old_task(state="running"), task())


def test_an_old_task_that_was_never_started_is_nothing_to_wait_for() -> None:
    assert is_settled(upgraded(), old_task(state="assigned"), task())


@pytest.mark.parametrize("state", ["paused", "rollback_paused", "rollback_completed"])
def test_what_happened_before_the_deploy_is_no_news(state: str) -> None:
    assert is_settled(service(update=Update(state, DEPLOYED - 50)), task())


@pytest.mark.parametrize("state", ["rollback_started", "rollback_paused", "rollback_completed"])
@pytest.mark.parametrize("started", [DEPLOYED + 1, 0.0])
def test_every_rollback_is_hopeless_with_both_images(state: str, started: float) -> None:
    back = service(template=OLD_TEMPLATE, update=Update(state, started))
    why = reason(back, task(template=OLD_TEMPLATE, id="old"), failed(1))
    assert f"({state}): new image {IMAGE}, old image {OLD_IMAGE}; task: non-zero exit (7)" in why


def test_a_rollback_of_which_no_task_is_left_says_so() -> None:
    back = service(template=OLD_TEMPLATE, update=Update("rollback_completed", DEPLOYED + 1))
    assert "new image not known, old image nginx:1.22.1" in reason(back, task(template=OLD_TEMPLATE))


def test_the_reason_of_a_rollback_is_its_first_error_of_the_new_spec() -> None:
    back = service(template=OLD_TEMPLATE, update=Update("rollback_paused", DEPLOYED + 1))
    later = failed(2, template=OLD_TEMPLATE, error="task: non-zero exit (3)")
    assert reason(back, failed(1), later).endswith("; task: non-zero exit (7)")


BAD = Health("curl -f http://localhost:81/", "curl: (7) Failed to connect", 7, is_bad=True)


def test_a_health_check_that_failed_is_named_with_what_it_said() -> None:
    back = service(template=OLD_TEMPLATE, update=Update("rollback_completed", DEPLOYED + 1))
    why = reason(back, failed(1, state="complete", health=BAD))
    assert why.endswith(
        "; its health check failed: `curl -f http://localhost:81/`: curl: (7) Failed to connect (ended with 0)"
    )


def test_a_health_check_that_did_not_yet_fail_often_enough_ended_nothing() -> None:
    early = dataclasses.replace(BAD, is_bad=False)
    back = service(template=OLD_TEMPLATE, update=Update("rollback_completed", DEPLOYED + 1))
    assert reason(back, failed(1, health=early)).endswith("; task: non-zero exit (7)")


def test_a_health_check_that_fails_while_it_is_waited_for_is_seen() -> None:
    silent = dataclasses.replace(BAD, output="")
    starting = [task(state="starting", health=one) for one in (BAD, silent, Health("true"))]
    assert [judge(look(service(), one), expected()).summary.partition("_app ")[2] for one in starting] == [
        "starting, its health check fails: `curl -f http://localhost:81/`: curl: (7) Failed to connect",
        "starting, its health check fails: `curl -f http://localhost:81/`: ended with 7",
        "starting",
    ]


def test_an_update_that_was_not_about_the_image_does_not_name_it() -> None:
    paused = upgraded(update=Update("paused", DEPLOYED + 1), previous_image=IMAGE)
    why = reason(paused, failed(1))
    assert why.endswith("is paused by swarm (paused): task: non-zero exit (7)")
    assert "image" not in why


def test_a_pause_is_hopeless_with_both_images() -> None:
    paused = upgraded(update=Update("paused", DEPLOYED + 1))
    why = f"(paused): new image {IMAGE}, old image {OLD_IMAGE}; task: non-zero exit (7)"
    assert why in reason(paused, failed(1), waiting())


def test_the_guilty_service_is_named_not_the_one_that_waits() -> None:
    broken = upgraded("db", update=Update("paused", DEPLOYED + 1))
    judged = judge(look(service(), task(state="starting"), broken), expected("app", "db"))
    assert judged.guilty == broken.name
    assert broken.name in judged.hopeless


def test_a_service_that_the_compose_file_does_not_name_is_hopeless() -> None:
    judged = judge(look(service(), task(), service("web"), task("web")), expected())
    assert judged.guilty.endswith("_web")
    assert "the compose file does not name it" in judged.hopeless


def test_a_crash_loop_is_three_failures_of_one_slot() -> None:
    crashes = [failed(n) for n in range(1, CRASHES + 1)]
    assert "failed 3 times: task: non-zero exit (7)" in reason(service(), *crashes, waiting())
    assert not reason(service(), *crashes[1:], waiting())


def test_failures_of_several_slots_are_no_loop() -> None:
    slots = [failed(n, slot=str(n)) for n in range(1, CRASHES + 1)]
    tries = [waiting(id=f"next-{n}", slot=str(n)) for n in range(1, CRASHES + 1)]
    assert not reason(service(replicas=3), *slots, *tries)


def test_failures_before_the_deploy_are_no_loop() -> None:
    assert not reason(service(), *(failed(-n) for n in range(1, CRASHES + 2)), waiting())


def test_a_crash_that_was_got_over_is_settled() -> None:
    assert is_settled(service(), failed(1), failed(2), task(created=DEPLOYED + 20, since=DEPLOYED + 21))


@pytest.mark.parametrize("state", ["failed", "rejected"])
def test_a_failed_task_without_a_successor_is_given_up(state: str) -> None:
    why = reason(service(restart_condition="on-failure"), failed(1, state=state))
    assert why.endswith("task: non-zero exit (7), and is not restarted (condition on-failure)")
    assert not reason(service(), failed(1, state=state), waiting())


def test_a_task_rejected_while_it_waits_is_tried_again() -> None:
    assert not reason(service(), failed(1, state="rejected", desired="ready", error="No such image: x:1"))


def test_a_service_that_should_run_and_ended_with_0_is_given_up() -> None:
    ended: dict[str, Any] = {"state": "complete", "desired": "shutdown"}
    why = reason(service(restart_condition="on-failure"), task(**ended))
    assert why.endswith("ended with 0, and is not restarted (condition on-failure)")
    assert is_settled(service(restart_condition="none"), task(**ended), ending=("app",))


def test_one_slot_that_ended_is_seen_beside_one_that_runs() -> None:
    ended = task(state="complete", desired="shutdown", slot="1")
    assert "ended with 0" in reason(service(replicas=2), ended, task(id="second", slot="2", created=DEPLOYED + 3))


def test_the_end_of_the_base_before_or_while_it_is_updated_is_not_given_up() -> None:
    assert not reason(service(renews=True), old_task(state="complete", template=template()))
    assert not reason(upgraded(update=Update("updating", DEPLOYED + 1)), old_task(state="complete"))


def test_a_failure_of_which_swarm_says_nothing_has_its_code() -> None:
    assert "task failed with 7, and is not restarted" in reason(service(), failed(1, error=""))
    assert "task failed, and is not restarted" in reason(service(), failed(1, error="", exit_code=None))


def test_a_one_shot_that_still_runs_is_not_settled() -> None:
    assert not is_settled(service(restart_condition="none"), task(), ending=("app",))


def test_a_one_shot_that_ended_under_the_old_spec_is_not_settled() -> None:
    assert not is_settled(upgraded(restart_condition="none"), old_task(state="complete"), ending=("app",))


def test_a_one_shot_that_failed_is_hopeless() -> None:
    why = reason(service(restart_condition="none"), failed(1), ending=("app",))
    assert why.endswith("task: non-zero exit (7), and is not restarted (condition none)")


def test_every_slot_of_a_one_shot_must_have_ended() -> None:
    twice = service(restart_condition="none", replicas=2)
    first, second = (task(id=f"t{n}", slot=str(n), state="complete", desired="shutdown") for n in (1, 2))
    assert has_ended(twice, look(twice, first, second))
    assert not has_ended(twice, look(twice, first, dataclasses.replace(second, state="running")))
    assert not has_ended(twice, look(twice, first, dataclasses.replace(second, slot="1")))


def test_a_one_shot_that_swarm_paused_at_its_end_is_settled() -> None:
    paused = upgraded(restart_condition="none", update=Update("paused", DEPLOYED + 1))
    assert is_settled(paused, task(state="complete", desired="shutdown"), ending=("app",))


def test_a_one_shot_that_swarm_paused_before_all_slots_were_updated_is_hopeless() -> None:
    paused = upgraded(restart_condition="none", replicas=2, update=Update("paused", DEPLOYED + 1))
    done = task(state="complete", desired="shutdown")
    assert "is paused by swarm" in reason(paused, done, old_task(state="complete", slot="2"), ending=("app",))


def test_a_service_that_should_run_and_is_paused_at_its_end_is_hopeless() -> None:
    paused = upgraded(update=Update("paused", DEPLOYED + 1))
    assert reason(paused, task(state="complete", desired="shutdown")).endswith("; ended with 0")


def test_the_tasks_of_a_job_have_no_slot_and_each_counts() -> None:
    job = service(mode="ReplicatedJob", replicas=2, restart_condition="none")
    first, second = (task(id=f"t{n}", slot="node", state="complete", desired="complete") for n in (1, 2))
    assert not has_ended(job, look(job, first))
    assert has_ended(job, look(job, first, second))


def test_any_failed_task_of_a_job_that_is_not_restarted_is_hopeless() -> None:
    job = service(mode="ReplicatedJob", replicas=2, restart_condition="none")
    good = task(id="good", slot="node", state="complete", desired="complete", created=DEPLOYED + 30)
    assert "is not restarted" in reason(job, failed(1, slot="node"), good, ending=("app",))


def test_a_task_that_no_node_takes_is_hopeless_after_a_while() -> None:
    stuck = task(state="pending", error="no suitable node (scheduling constraints not satisfied on 1 node)")
    late = stuck.created + UNSCHEDULABLE_SECONDS
    assert not reason(service(), stuck, seen=late)
    assert "cannot be placed: no suitable node" in reason(service(), stuck, seen=late + 0.1)


def test_a_pending_task_that_is_no_longer_wanted_is_nothing_to_wait_for() -> None:
    stale = task(id="stale", state="pending", desired="shutdown", error="no suitable node", created=DEPLOYED + 1)
    assert is_settled(service(), stale, task())


def test_a_pending_task_without_a_reason_is_waited_for() -> None:
    assert not reason(service(), task(state="pending"))


def test_a_task_that_waits_for_what_is_still_stopping_is_waited_for() -> None:
    stuck = task(state="pending", desired="ready", error="no suitable node (host-mode port already in use on 1 node)")
    updating = upgraded(update=Update("updating", DEPLOYED + 1))
    assert not reason(updating, old_task(state="running"), stuck)
    freed = old_task(since=NOW - UNSCHEDULABLE_SECONDS)
    assert not reason(updating, freed, stuck)
    assert "cannot be placed" in reason(updating, dataclasses.replace(freed, since=NOW - 16), stuck)


def test_the_summary_names_each_service_with_its_newest_task_and_a_running_update() -> None:
    updating = upgraded(update=Update("updating", DEPLOYED + 1))
    summary = judge(look(updating, old_task(), task(state="starting"), service("db")), expected("app", "db")).summary
    assert summary == f"{updating.name} starting (updating), {updating.name[:-3]}db no task"


def test_a_completed_update_is_left_out_of_the_summary() -> None:
    assert judge(look(service(update=COMPLETED), task()), expected()).summary.endswith("_app running")


def test_a_task_that_breaks_after_all_was_settled_is_named_with_its_error() -> None:
    assert broken_since(look(service(), task(), failed(1, since=NOW + 1)), expected(), settled=NOW).startswith(
        "a1b2c3_ci_test_app was settled and then failed: task: non-zero exit (7)"
    )


def test_a_task_that_broke_before_is_no_news() -> None:
    assert broken_since(look(service(), task(), failed(1, since=NOW - 1)), expected(), settled=NOW) == ""


def test_a_task_that_ended_with_0_after_all_was_settled_is_no_better_than_one_that_failed() -> None:
    over = failed(1, state="complete", error="", exit_code=0, since=NOW + 1)
    again = look(service(), over, task(created=NOW + 1, since=NOW + 2), seen=NOW + 10)
    assert judge(again, expected()).settled
    assert broken_since(again, expected(), settled=NOW) == (
        "a1b2c3_ci_test_app was settled and then failed: ended with 0"
    )


def test_a_service_that_is_meant_to_end_may_do_so_after_all_was_settled() -> None:
    over = failed(1, state="complete", error="", exit_code=0, since=NOW + 1)
    assert broken_since(look(service(), over), expected(ending=["app"]), settled=NOW) == ""


def test_a_service_that_is_meant_to_end_may_not_fail_after_all_was_settled() -> None:
    late = look(service(), failed(1, since=NOW + 1))
    assert "non-zero exit (7)" in broken_since(late, expected(ending=["app"]), settled=NOW)


def test_a_task_that_swarm_stopped_after_all_was_settled_has_not_ended_by_itself() -> None:
    assert broken_since(look(service(), old_task(since=NOW + 1), task()), expected(), settled=NOW) == ""
