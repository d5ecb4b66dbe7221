"""run.settled and run.identity, held to what a real swarm answered (data/swarm/README.md says what that shows)."""

from __future__ import annotations

import pytest
from recipeci.host.stackstate import Update
from recipeci.model import Base, BaseMode, Commit, Outcome, Target
from recipeci.run import identity
from recipeci.run.settled import broken_since, judge

from unit.recorded import SHA, names, recording

SETTLES = "settles"
RECORDED: dict[str, tuple[str, ...]] = {
    "continue_crash": (SETTLES, "app failed 3 times: task: non-zero exit (7)"),
    "command_missing": ("app failed 3 times: task: non-zero exit (127)",),
    "crash_loop": ("app failed 3 times: task: non-zero exit (7)",),
    "crash_loop_any_0": ("app failed 3 times: ended with 0",),
    "crash_once": (SETTLES,),
    "db_crashes_meanwhile": (SETTLES, "nothing"),
    "endpoint_mode": (SETTLES, SETTLES),
    "global": (SETTLES, SETTLES),
    "global_job": (SETTLES,),
    "global_paused": (SETTLES, "is paused by swarm (paused): new image bb:2, old image bb:1; task: non-zero exit (7)"),
    "image_missing": ("app failed 3 times: No such image: bb:none",),
    "job_fails_restarts": ("job failed 3 times: task: non-zero exit (3)",),
    "job_of_two": (SETTLES, SETTLES),
    "job_unchanged": (SETTLES, SETTLES),
    "label_only": (SETTLES, SETTLES),
    "late_crash_after_update": (SETTLES, "settles too early"),
    "max_attempts": ("app failed 3 times: task: non-zero exit (1)",),
    "max_attempts_1": ("app: task: non-zero exit (1), and is not restarted (condition any)",),
    "on_failure_0": ("app: ended with 0, and is not restarted (condition on-failure)",),
    "on_failure_2_replicas": ("app: ended with 0, and is not restarted (condition on-failure)",),
    "one_shot": (SETTLES, SETTLES),
    "one_shot_fails": ("job: task: non-zero exit (3), and is not restarted (condition none)",),
    "one_shot_fails_on_upgrade": (SETTLES, "job is paused by swarm (paused): new image bb:2, old image bb:1"),
    "one_shot_long": (SETTLES, SETTLES),
    "one_shot_rollback": (SETTLES, "rolled back by swarm (rollback_completed): new image bb:2, old image bb:1"),
    "one_shot_two": (SETTLES, SETTLES),
    "paused_crash": (SETTLES, "is paused by swarm (paused): new image bb:2, old image bb:1; task: non-zero exit (7)"),
    "paused_ends_with_0": (SETTLES, "is paused by swarm (paused): new image bb:2, old image bb:1; ended with 0"),
    "paused_on_failure_ends_with_0": (SETTLES, "(paused): new image bb:2, old image bb:1; ended with 0"),
    "paused_then_good": (SETTLES, "is paused by swarm (paused)", SETTLES),
    "paused_then_label": (SETTLES, "is paused by swarm (paused)", "nothing"),
    "paused_unhealthy": (SETTLES, "old image bb:1; task: non-zero exit (143): dockerexec: unhealthy container"),
    "placement_away": (SETTLES, "cannot be placed: no suitable node (scheduling constraints not satisfied on 1 node)"),
    "placement_only": (SETTLES, SETTLES),
    "port_held_by_other": (
        "nothing",
        "cannot be placed: no suitable node (host-mode port already in use on 1 node)",
    ),
    "port_held_by_slow_stop": ("nothing", SETTLES),
    "ports_only": (SETTLES, SETTLES),
    "renamed": (SETTLES, "service renamed_web runs, but the compose file does not name it"),
    "replicas_0": (SETTLES, SETTLES),
    "replicas_3": (SETTLES, SETTLES),
    "replicas_to_0": (SETTLES, SETTLES),
    "replicated_job": (SETTLES, SETTLES),
    "rollback_image_missing": (SETTLES, "new image bb:none, old image bb:1; No such image: bb:none"),
    "rollback_paused": (SETTLES, "(rollback_started): new image bb:2, old image bb:1; task: non-zero exit (7)"),
    "rolled_back_env": (SETTLES, "(rollback_started): task: non-zero exit (7)"),
    "scale_only": (SETTLES, SETTLES),
    "slow_healthy": (SETTLES,),
    "slow_stop": (SETTLES, SETTLES),
    "slow_stop_start_first": (SETTLES, SETTLES),
    "start_first_ok": (SETTLES, SETTLES),
    "start_first_rollback": (SETTLES, "(rollback_started): new image bb:2, old image bb:1; task: non-zero exit (143)"),
    "stop_first_rollback_crash": (SETTLES, "(rollback_started): new image bb:2, old image bb:1; task: non-zero exit"),
    "traps_term": (SETTLES, SETTLES),
    "two_services_one_paused": (SETTLES, "update of two-services-one-paused_app is paused"),
    "unchanged": (SETTLES, SETTLES),
    "unhealthy_loop": ("app failed 3 times: task: non-zero exit (143): dockerexec: unhealthy container",),
    "unschedulable": ("cannot be placed: no suitable node (scheduling constraints not satisfied on 1 node)",),
    "update_config_only": (SETTLES, SETTLES),
}
"""What each deploy of each recording comes to: it settles, is hopeless, or neither where it was cut."""
DEPLOYS = [(name, number, end) for name, ends in RECORDED.items() for number, end in enumerate(ends)]


def test_every_recording_is_judged() -> None:
    assert sorted(RECORDED) == names()
    for name, ends in RECORDED.items():
        assert len(recording(name).deploys) == len(ends), name


@pytest.mark.parametrize(("name", "number"), [(n, i) for n, i, end in DEPLOYS if end == SETTLES])
def test_a_good_deploy_settles_is_never_hopeless_and_stays_settled(name: str, number: int) -> None:
    judged = recording(name).judged(number)
    assert [one.hopeless for one in judged] == [""] * len(judged)
    settled = [one.settled for one in judged]
    assert settled[-1]
    assert settled == sorted(settled)
    looks, expected = recording(name).after(number), recording(name).expected(number)
    since = looks[settled.index(True)].seen
    assert [broken_since(look, expected, settled=since) for look in looks] == [""] * len(looks)


@pytest.mark.parametrize(
    ("name", "number", "reason"),
    [(n, i, end) for n, i, end in DEPLOYS if end not in {SETTLES, "nothing", "settles too early"}],
)
def test_a_bad_deploy_is_hopeless_for_its_reason_and_never_settled(name: str, number: int, reason: str) -> None:
    judged = recording(name).judged(number)
    assert not any(one.settled for one in judged)
    assert reason in next(one.hopeless for one in judged if one.hopeless)
    assert judged[-1].hopeless


@pytest.mark.parametrize(("name", "number"), [(n, i) for n, i, end in DEPLOYS if end == "nothing"])
def test_a_deploy_that_is_not_over_is_neither(name: str, number: int) -> None:
    assert not any(one.settled or one.hopeless for one in recording(name).judged(number))


def test_an_app_that_crashes_after_its_update_is_settled_until_then_and_not_after() -> None:
    settled = [one.settled for one in recording("late_crash_after_update").judged(1)]
    first = settled.index(True)
    assert False in settled[first:]


def test_the_first_looks_after_a_deploy_are_never_settled_where_tasks_are_replaced() -> None:
    """C-01: the old task is 1/1 and UpdateStatus empty, a moment after `docker stack deploy` returned."""
    began = recording("slow_stop").after(1)[0]
    assert began.services[0].update == Update()
    assert [one.state for one in began.tasks] == ["running"]
    assert not recording("slow_stop").judged(1)[0].settled


def test_a_rollback_is_hopeless_from_its_first_look_to_its_last() -> None:
    states = {look.services[0].update.state: judge(look, recording("start_first_rollback").expected(1))
              for look in recording("start_first_rollback").after(1)}  # fmt: skip
    assert set(states) == {"updating", "rollback_started", "rollback_completed"}
    assert states["rollback_completed"].hopeless.startswith("update of start-first-rollback_app was rolled back")
    assert "new image bb:2, old image bb:1" in states["rollback_completed"].hopeless


TARGET = Target(Commit(SHA))
BASE = Base("1.0.0+1", Commit("0123456789" * 4), BaseMode.PINNED, "the one before")
UPGRADES = {
    "endpoint_mode": {"app": ""},
    "global": {"app": ""},
    "job_of_two": {"app": "", "job": ""},
    "job_unchanged": {"app": "", "job": ""},
    "label_only": {"app": "", "db": ""},
    "one_shot": {"app": "", "job": ""},
    "one_shot_long": {"app": "", "job": ""},
    "one_shot_two": {"app": "", "job": ""},
    "placement_only": {"app": ""},
    "port_held_by_slow_stop": {"app": ""},
    "ports_only": {"app": ""},
    "replicas_0": {"app": "", "off": ""},
    "replicas_3": {"app": ""},
    "replicas_to_0": {"app": "", "off": ""},
    "replicated_job": {"app": "", "job": ""},
    "scale_only": {"app": ""},
    "slow_stop": {"app": ""},
    "slow_stop_start_first": {"app": ""},
    "start_first_ok": {"app": ""},
    "traps_term": {"app": ""},
    "unchanged": {"app": ""},
    "update_config_only": {"app": ""},
    "continue_crash": {"app": "not all of its tasks run"},
    "db_crashes_meanwhile": {
        "app": "",
        "db": "1 of its tasks were replaced though nothing of it changed (task: non-zero",
    },
    "global_paused": {"app": "is paused by swarm (paused): new image bb:2, old image bb:1"},
    "one_shot_fails_on_upgrade": {"app": "", "job": "is paused by swarm (paused): new image bb:2, old image bb:1"},
    "one_shot_rollback": {"app": "", "job": "was rolled back by swarm (rollback_completed)"},
    "paused_crash": {"app": "is paused by swarm (paused)"},
    "paused_ends_with_0": {"app": "is paused by swarm (paused)"},
    "placement_away": {"app": "1 of its tasks were replaced though nothing of it changed"},
    "port_held_by_other": {"app": "its update is updating", "other": ""},
    "renamed": {"app": "", "web": "runs, but the compose file does not name it"},
    "rollback_image_missing": {"app": "(rollback_completed): new image bb:none, old image bb:1"},
    "rollback_paused": {"app": "(rollback_paused): new image bb:2, old image bb:1"},
    "rolled_back_env": {"app": "(rollback_completed): task: non-zero exit (7)"},
    "start_first_rollback": {"app": "(rollback_completed): new image bb:2, old image bb:1"},
    "stop_first_rollback_crash": {"app": "(rollback_completed): new image bb:2, old image bb:1"},
    "two_services_one_paused": {"app": "is paused by swarm (paused): new image bb:2, old image bb:1", "db": ""},
}
"""What the last look at an upgrade proves of each service: nothing wrong, or what."""
SAME = {
    "label_only": False,
    "one_shot": False,
    "ports_only": False,
    "slow_stop": False,
    "placement_only": True,
    "scale_only": True,
    "unchanged": True,
    "update_config_only": True,
}


@pytest.mark.parametrize("name", UPGRADES)
def test_each_service_of_an_upgrade_is_proven_or_not(name: str) -> None:
    seen = recording(name)
    found = {
        test.name.removeprefix(f"harness::update of {seen.stack}_"): (test.outcome, test.message)
        for test in identity.checks(TARGET, BASE, seen.upgrade())
        if test.name.startswith("harness::update of ")
    }
    for service, wrong in UPGRADES[name].items():
        outcome, message = found.pop(service)
        assert outcome is (Outcome.FAIL if wrong else Outcome.PASS), message
        assert wrong in message
    assert not found


@pytest.mark.parametrize(
    "name", ["endpoint_mode", "global", "label_only", "one_shot", "ports_only", "replicas_3", "slow_stop", "traps_term"]
)
def test_an_upgrade_that_has_only_begun_is_not_proven(name: str) -> None:
    checks = identity.checks(TARGET, BASE, recording(name).upgrade(look=0))
    begun = [test for test in checks if test.name.endswith("_app")]
    assert [test.outcome for test in begun] == [Outcome.FAIL]


@pytest.mark.parametrize("name", SAME)
def test_what_runs_changed_or_not(name: str) -> None:
    assert identity.nothing_changed(recording(name).upgrade()) is SAME[name]
