"""run.identity: whether what runs after an upgrade is the commit under test, rule by rule."""

from __future__ import annotations

import dataclasses
from typing import Any

import pytest
from recipeci.host.stackstate import StackState, Update
from recipeci.model import Base, BaseMode, Commit, Identity, Outcome, ServiceIdentity, Target
from recipeci.run.identity import Evidence, checks, first_checks, first_identity, identity, nothing_changed

from unit.builders import (
    COMPLETED,
    DEPLOYED,
    IMAGE,
    OLD_IMAGE,
    OLD_TEMPLATE,
    STACK,
    compose,
    declared,
    failed,
    look,
    old_task,
    service,
    task,
    template,
    upgraded,
)

HEAD = "4f0c1a2b" + "0123456789abcdef" * 2
TARGET = Target(Commit(HEAD))
BASE = Base("1.0.0+1.22.1", Commit("1" * 40), BaseMode.PINNED, "the one before")
CHAOS = f"coop-cloud.{STACK}.chaos-version"
LABELS = {CHAOS: HEAD[:8]}
BEFORE = look(service(template=OLD_TEMPLATE), old_task(state="running", desired="running"), seen=DEPLOYED - 1)
AFTER = look(upgraded(labels=LABELS), old_task(), task())
GOOD = Evidence(stack=STACK, head=HEAD, before=BEFORE, after=AFTER, since=DEPLOYED, compose=compose())


def evidence(**changes: Any) -> Evidence:  # noqa: ANN401 - any field
    return dataclasses.replace(GOOD, **changes)


def found(measured: Evidence, *, target: Target = TARGET, base: Base = BASE) -> dict[str, tuple[Outcome, str]]:
    """Return outcome and message of each check by its short name."""
    tests = checks(target, base, measured)
    assert all(test.name.startswith("harness::") for test in tests)
    assert all((test.outcome is Outcome.PASS) is (test.message == "") for test in tests)
    return {
        test.name.removeprefix("harness::").replace(f"{STACK}_", ""): (test.outcome, test.message) for test in tests
    }


def wrong(measured: Evidence, check: str = "update of app") -> str:
    """Return what one check finds wrong; all others must pass."""
    results = found(measured)
    outcome, message = results.pop(check)
    assert {other for other, _ in results.values()} <= {Outcome.PASS}, results
    assert outcome is (Outcome.FAIL if message else Outcome.PASS)
    return message


def relabelled(**fields: Any) -> Evidence:  # noqa: ANN401
    """Return the evidence of an upgrade that changed labels of `app` only."""
    same = task(id="kept", created=DEPLOYED - 100)
    fields = {"labels": LABELS} | fields
    return evidence(before=look(service(), same), after=look(service(**fields), same))


def test_an_upgrade_to_the_target_passes_each_check() -> None:
    results = found(GOOD)
    assert list(results) == ["upgrade moved", "head", "chaos-version", "update of app"]
    assert {outcome for outcome, _ in results.values()} == {Outcome.PASS}


def test_an_upgrade_from_a_commit_to_itself_is_unverified() -> None:
    same = dataclasses.replace(BASE, commit=TARGET.commit)
    outcome, message = found(GOOD, base=same)["upgrade moved"]
    assert outcome is Outcome.UNVERIFIED
    assert "nothing was upgraded" in message


def test_another_head_fails_though_its_first_digits_are_the_same() -> None:
    other = HEAD[:8] + "f" * 32
    assert wrong(evidence(head=other), "head") == f"checked out is {other}, not {HEAD}"


@pytest.mark.parametrize("label", ["00000000", HEAD[:7], HEAD, "", HEAD[:8] + "+U", HEAD[:8].upper()])
def test_another_chaos_version_fails(label: str) -> None:
    after = look(upgraded(labels={CHAOS: label}), task())
    assert wrong(evidence(after=after), "chaos-version") == f"chaos-version is {label or 'absent'}, not {HEAD[:8]}"


def test_no_chaos_version_fails() -> None:
    assert "absent" in wrong(evidence(after=look(upgraded(), task())), "chaos-version")


def test_the_chaos_version_of_another_stack_or_service_does_not_count() -> None:
    strange = look(upgraded(labels={"coop-cloud.other.chaos-version": HEAD[:8]}), task())
    assert "absent" in wrong(evidence(after=strange), "chaos-version")
    both = compose(app=declared(), db=declared("db"))
    elsewhere = look(upgraded(), task(), upgraded("db", labels=LABELS), task("db"))
    before = look(*BEFORE.services, *BEFORE.tasks, service("db", template=OLD_TEMPLATE))
    assert "absent" in wrong(evidence(before=before, after=elsewhere, compose=both), "chaos-version")


def test_the_mark_of_a_dirty_tree_counts_only_where_the_harness_made_it_dirty() -> None:
    dirty = look(upgraded(labels={CHAOS: HEAD[:8] + "+U"}), task())
    assert not wrong(evidence(after=dirty, made_dirty=True), "chaos-version")
    assert wrong(evidence(after=dirty, made_dirty=False), "chaos-version")
    twice = look(upgraded(labels={CHAOS: HEAD[:8] + "+U+U"}), task())
    assert wrong(evidence(after=twice, made_dirty=True), "chaos-version")


def updated(update: Update, **fields: Any) -> Evidence:  # noqa: ANN401
    return evidence(after=look(upgraded(labels=LABELS, update=update, **fields), task()))


def test_no_update_of_a_changed_service_fails() -> None:
    assert "no update began after the deploy (last: none)" in wrong(updated(Update()))


def test_the_bases_old_completed_update_is_no_proof() -> None:
    assert "no update began after the deploy (last: completed)" in wrong(updated(Update("completed", DEPLOYED - 9)))


def test_an_update_under_way_is_no_proof() -> None:
    message = wrong(updated(Update("updating", DEPLOYED + 1, "update in progress")))
    assert message.endswith("its update is updating: update in progress")


@pytest.mark.parametrize("state", ["paused", "rollback_started", "rollback_paused", "rollback_completed"])
def test_an_undone_update_fails_with_both_images(state: str) -> None:
    message = wrong(updated(Update(state, DEPLOYED + 1)))
    assert f"({state})" in message
    assert IMAGE in message


def test_a_service_that_was_rolled_back_is_not_one_of_which_nothing_changed() -> None:
    back = service(template=OLD_TEMPLATE, labels=LABELS, update=Update("rollback_completed", DEPLOYED + 1))
    kept = old_task(state="running", desired="running")
    message = wrong(evidence(after=look(back, kept, failed(1))))
    assert f"was rolled back by swarm (rollback_completed): new image {IMAGE}, old image {OLD_IMAGE}" in message


def test_tasks_of_another_spec_fail() -> None:
    strange = task(template=OLD_TEMPLATE)
    message = wrong(evidence(after=look(upgraded(labels=LABELS), strange)))
    assert message.endswith("1 of 1 tasks run another spec")


@pytest.mark.parametrize("state", ["starting", "failed", "complete"])
def test_a_task_that_does_not_run_fails(state: str) -> None:
    after = look(upgraded(labels=LABELS), task(state=state))
    assert wrong(evidence(after=after)).endswith("not all of its tasks run")


def test_no_task_fails() -> None:
    assert wrong(evidence(after=look(upgraded(labels=LABELS)))).endswith("not all of its tasks run")


def test_an_old_task_that_still_runs_fails() -> None:
    after = look(upgraded(labels=LABELS), old_task(state="running"), task())
    assert wrong(evidence(after=after)).endswith("not all of its tasks run")


def test_a_changed_port_counts_as_changed() -> None:
    port = {"Mode": "vip", "Ports": [{"PublishedPort": 25}]}
    before = look(service(), task(id="old", created=DEPLOYED - 100))
    stale = evidence(before=before, after=look(service(endpoint=port, labels=LABELS), task()))
    assert "no update began" in wrong(stale)
    done = look(upgraded(endpoint=port, labels=LABELS), task())
    assert not wrong(evidence(before=before, after=done))


def test_a_new_service_needs_tasks_of_its_spec_and_no_update() -> None:
    both = compose(app=declared(), db=declared("db"))
    there = look(*AFTER.services, *AFTER.tasks, service("db"), task("db"))
    assert not wrong(evidence(after=there, compose=both), "update of db")
    empty = look(*AFTER.services, *AFTER.tasks, service("db"))
    assert wrong(evidence(after=empty, compose=both), "update of db").endswith("not all of its tasks run")


def test_a_service_that_the_target_dropped_is_no_concern_once_it_is_gone() -> None:
    before = look(*BEFORE.services, *BEFORE.tasks, service("db"), task("db"))
    assert list(found(evidence(before=before))) == ["upgrade moved", "head", "chaos-version", "update of app"]


def test_a_service_that_the_target_dropped_and_that_runs_on_fails() -> None:
    before = look(*BEFORE.services, *BEFORE.tasks, service("db"), task("db"))
    after = look(*AFTER.services, *AFTER.tasks, service("db"), task("db"))
    assert "the compose file does not name it" in wrong(evidence(before=before, after=after), "update of db")


def test_a_service_of_the_compose_file_that_is_not_there_fails() -> None:
    both = compose(app=declared(), db=declared("db"))
    assert wrong(evidence(compose=both), "update of db").endswith("is in the compose file and not in the swarm")


def test_only_labels_changed_and_the_task_was_kept() -> None:
    assert not wrong(relabelled())


def test_a_label_of_the_compose_file_that_is_missing_or_old_fails() -> None:
    wanted = compose(app=declared(labels={"backupbot.backup": "true"}))
    for labels in ({}, {"backupbot.backup": "false"}):
        measured = dataclasses.replace(relabelled(labels=LABELS | labels), compose=wanted)
        assert "label backupbot.backup is" in wrong(measured)
    measured = dataclasses.replace(relabelled(labels=LABELS | {"backupbot.backup": "true"}), compose=wanted)
    assert not wrong(measured)


def test_labels_that_abra_writes_over_are_no_proof_against_the_target() -> None:
    wanted = compose(app=declared(labels={f"coop-cloud.{STACK}.version": "1.1.0+1.26.3"}))
    assert not wrong(dataclasses.replace(relabelled(), compose=wanted))


def test_a_task_that_was_replaced_though_nothing_changed_fails() -> None:
    before = look(service(), task(id="one", created=DEPLOYED - 100))
    after = look(service(labels=LABELS), failed(1, id="one", created=DEPLOYED - 100), task(id="two"))
    message = wrong(evidence(before=before, after=after))
    assert message.endswith("1 of its tasks were replaced though nothing of it changed (task: non-zero exit (7))")
    quiet = look(service(labels=LABELS), failed(1, id="zero", error="older"), task(id="two"), task("db", error="x"))
    assert wrong(evidence(before=before, after=quiet)).endswith("were replaced though nothing of it changed")


def test_a_replaced_task_of_a_global_service_fails_too() -> None:
    everywhere = service(labels=LABELS, mode="Global", replicas=None)
    one, two = task(id="one"), task(id="two")
    assert not wrong(evidence(before=look(everywhere, one), after=look(everywhere, one)))
    assert "1 of its tasks were replaced" in wrong(evidence(before=look(everywhere, one), after=look(everywhere, two)))


def test_more_or_fewer_replicas_are_no_replaced_tasks() -> None:
    one, two = (task(id=f"t{n}", slot=str(n), created=DEPLOYED - 100 * n) for n in (1, 2))
    single, double = service(labels=LABELS), service(labels=LABELS, replicas=2)
    assert not wrong(evidence(before=look(single, one), after=look(double, one, two)))
    assert not wrong(evidence(before=look(double, one, two), after=look(single, one)))
    replaced = look(double, task(id="new"), task(id="new2", slot="2"))
    assert "1 of its tasks were replaced" in wrong(evidence(before=look(single, one), after=replaced))


ENDS = compose(app=declared(restart_condition="none"))
ENDED: dict[str, Any] = {"state": "complete", "desired": "shutdown"}


def one_shot(update: Update, **fields: Any) -> Evidence:  # noqa: ANN401
    ended = upgraded(labels=LABELS, update=update, restart_condition="none")
    return evidence(after=look(ended, task(**(ENDED | fields))), compose=ENDS)


@pytest.mark.parametrize("state", ["completed", "paused"])
def test_a_one_shot_that_ended_well_passes_though_swarm_paused_it(state: str) -> None:
    assert not wrong(one_shot(Update(state, DEPLOYED + 1)))


def test_a_one_shot_whose_update_still_goes_on_fails() -> None:
    assert "its update is updating" in wrong(one_shot(Update("updating", DEPLOYED + 1)))
    assert "no update began" in wrong(one_shot(Update()))


def test_a_one_shot_that_failed_or_still_runs_or_ran_under_the_old_spec_fails() -> None:
    assert "not all of its tasks have ended well" in wrong(one_shot(COMPLETED, state="failed"))
    assert "not all of its tasks have ended well" in wrong(one_shot(COMPLETED, state="running"))
    assert "not all of its tasks have ended well" in wrong(one_shot(COMPLETED, template=OLD_TEMPLATE))


def test_a_paused_service_that_is_meant_to_run_fails_though_it_ended_well() -> None:
    paused = dataclasses.replace(one_shot(Update("paused", DEPLOYED + 1)), compose=compose())
    assert "is paused by swarm" in wrong(paused)


def test_what_has_no_replicas_needs_no_update() -> None:
    off = upgraded(labels=LABELS, update=Update(), replicas=0)
    assert not wrong(evidence(after=look(off), compose=compose(app=declared(replicas=0))))


def test_a_job_needs_no_update() -> None:
    job = upgraded(labels=LABELS, update=Update(), mode="ReplicatedJob", restart_condition="none")
    done = compose(app=declared(mode="replicated-job", restart_condition="none"))
    assert not wrong(evidence(after=look(job, task(state="complete", desired="complete")), compose=done))
    assert "not all" in wrong(evidence(after=look(job, task(state="running", desired="complete")), compose=done))


def test_the_identity_names_each_service_with_both_images() -> None:
    before = look(*BEFORE.services, *BEFORE.tasks, service("db"), task("db"))
    after = look(*AFTER.services, *AFTER.tasks, service("db"), task("db"), service("new"), task("new"))
    assert identity(evidence(before=before, after=after)) == Identity(
        head=HEAD,
        chaos_version=HEAD[:8],
        services=(
            ServiceIdentity(f"{STACK}_app", IMAGE, OLD_IMAGE, changed=True, update_state="completed"),
            ServiceIdentity(f"{STACK}_db", IMAGE, IMAGE, changed=False, update_state=""),
            ServiceIdentity(f"{STACK}_new", IMAGE, "", changed=True, update_state=""),
        ),
    )


def stamped(version: str, **fields: Any) -> StackState:  # noqa: ANN401
    """Return a look at `app` with the environment that abra writes, and one key of the compose file's."""
    spec = template(env=["MODE=fast", f"TYPE=custom-html:{version}", "DOMAIN=a1b2c3.ci.test"])
    return look(service(template=spec, **fields))


def same(before: StackState, after: StackState) -> bool:
    environment = {"MODE": "fast"}
    both = compose(app=declared(environment=environment), db=declared("db", environment=environment))
    return nothing_changed(evidence(before=before, after=after, compose=both))


def test_the_version_that_abra_writes_into_the_environment_changes_nothing_of_the_recipes() -> None:
    assert same(stamped("1.0.0+1"), stamped(HEAD[:8]))


def test_an_image_a_key_of_the_compose_file_or_a_port_does() -> None:
    assert not same(stamped("1.0.0+1"), look(service(template=template(OLD_IMAGE, env=["MODE=fast"]))))
    assert not same(stamped("1.0.0+1"), look(service(template=template(env=["MODE=slow"]))))
    assert not same(stamped("1.0.0+1"), stamped("1.0.0+1", endpoint={"Mode": "dnsrr"}))


def test_the_environment_of_other_services_is_the_recipes_alone() -> None:
    assert same(
        look(service("db", template=template(env=["A=1"]))), look(service("db", template=template(env=["A=1"])))
    )
    assert not same(look(service("db", template=template(env=["A=1"]))), look(service("db")))


def test_a_service_more_or_less_does() -> None:
    assert not same(look(service()), look(service(), service("db")))
    assert not same(look(service(), service("db")), look(service()))


def test_judging_changes_no_evidence() -> None:
    before, after = stamped("1.0.0+1"), stamped(HEAD[:8])
    same(before, after)
    assert before == stamped("1.0.0+1")
    assert after == stamped(HEAD[:8])


VERSION = f"coop-cloud.{STACK}.version"
BY_CHAOS = dataclasses.replace(BASE, mode=BaseMode.CHAOS)


def wrong_first(base: Base | None, *, head: str, labels: dict[str, str]) -> list[str]:
    """Return what is wrong with a first deployment, whose app has some labels."""
    state = look(service(labels=labels), task(), seen=DEPLOYED)
    tests = first_checks(base, TARGET, stack=STACK, head=head, state=state)
    return [test.message for test in tests if test.outcome is not Outcome.PASS]


@pytest.mark.parametrize(
    ("base", "head", "labels"),
    [
        pytest.param(BASE, "1" * 40, {VERSION: "1.0.0+1.22.1"}, id="a pinned base has the label of its version"),
        pytest.param(BY_CHAOS, "1" * 40, {CHAOS: "1" * 8}, id="a base by chaos has the label of its commit"),
        pytest.param(None, HEAD, LABELS, id="without a base it is the target"),
    ],
)
def test_the_first_deployment_is_the_base_or_else_the_target(
    base: Base | None, head: str, labels: dict[str, str]
) -> None:
    assert wrong_first(base, head=head, labels=labels) == []


@pytest.mark.parametrize(
    ("base", "labels", "message"),
    [
        pytest.param(BASE, {VERSION: "0.9.0+1.22.1"}, "version is 0.9.0+1.22.1, not 1.0.0+1.22.1", id="other version"),
        pytest.param(BASE, LABELS, "version is absent, not 1.0.0+1.22.1", id="deployed by chaos"),
        pytest.param(BY_CHAOS, LABELS, f"chaos-version is {HEAD[:8]}, not 11111111", id="the target"),
        pytest.param(None, {CHAOS: "22222222"}, f"chaos-version is 22222222, not {HEAD[:8]}", id="another commit"),
    ],
)
def test_a_first_deployment_of_something_else_is_wrong(base: Base | None, labels: dict[str, str], message: str) -> None:
    commit = base.commit if base else TARGET.commit
    assert wrong_first(base, head=str(commit), labels=labels) == [message]
    elsewhere = f"checked out is {'3' * 40}, not {commit}"
    assert wrong_first(base, head="3" * 40, labels=labels) == [elsewhere, message]


@pytest.mark.parametrize(
    ("labels", "said"),
    [
        pytest.param({VERSION: "1.0.0+1.22.1"}, "1.0.0+1.22.1", id="deployed by its version"),
        pytest.param({VERSION: "1.0.0+1.22.1", CHAOS: HEAD[:8]}, HEAD[:8], id="deployed by chaos"),
        pytest.param({}, "", id="without abra's labels"),
    ],
)
def test_the_identity_of_a_first_deployment_names_what_is_deployed(labels: dict[str, str], said: str) -> None:
    state = look(service(labels=labels), service("db"), task(), seen=DEPLOYED)
    assert first_identity(stack=STACK, head=HEAD, state=state) == Identity(
        head=HEAD,
        chaos_version=said,
        services=tuple(
            ServiceIdentity(f"{STACK}_{name}", IMAGE, image_before="", changed=True, update_state="")
            for name in ("app", "db")
        ),
    )
