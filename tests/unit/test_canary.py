"""run.canary: what is written and read around an op, over volumes that are kept in memory."""

from __future__ import annotations

import dataclasses

import pytest
from recipeci.errors import WaitFailed
from recipeci.host.archived import File
from recipeci.model import Canary, Outcome, Tier
from recipeci.run.markers import PREFIX

from unit.disk import COMPOSE, DATA, NOTHING, WHOLE, Disk, canary, outcomes


def test_a_place_gets_two_markers_of_the_directorys_owner_at_the_time_of_writing(disk: Disk) -> None:
    canary(disk).plant(COMPOSE, NOTHING)
    first, second = (disk.files[DATA / name] for name in disk.ours)
    assert disk.ours[0].startswith(f"{PREFIX}run-1-")
    assert disk.ours[1] == f"{disk.ours[0]}-second"
    assert first == second
    assert (first.uid, first.gid, first.mode, first.mtime) == (33, 44, 0o644, 1_700_000_000)
    assert first.content.startswith(b"recipeci run-1: app:/data\n")


def test_two_runs_write_different_markers_into_the_same_volume(disk: Disk) -> None:
    canary(disk).plant(COMPOSE, NOTHING)
    before = set(disk.files.values())
    canary(disk).plant(COMPOSE, NOTHING)
    assert not before & set(disk.files.values())


def test_a_marker_that_is_there_is_not_written_again(disk: Disk) -> None:
    it = canary(disk)
    it.plant(COMPOSE, NOTHING)
    before = dict(disk.files)
    it.before(Tier.UPGRADE, COMPOSE, NOTHING)
    assert disk.files == before
    assert outcomes(it.after(Tier.UPGRADE, COMPOSE)) == [("/data", Outcome.PASS)]


def test_a_marker_that_the_op_loses_is_a_failure(disk: Disk) -> None:
    it = canary(disk)
    it.before(Tier.UPGRADE, COMPOSE, NOTHING)
    disk.files.clear()
    assert outcomes(it.after(Tier.UPGRADE, COMPOSE)) == [("/data", Outcome.FAIL)]


@pytest.mark.parametrize("is_changed", [False, True])
def test_what_the_app_did_to_a_marker_before_the_op_is_no_loss(disk: Disk, *, is_changed: bool) -> None:
    it = canary(disk)
    it.plant(COMPOSE, NOTHING)
    disk.files = {path: dataclasses.replace(one, content=b"") for path, one in disk.files.items()} if is_changed else {}
    it.before(Tier.UPGRADE, COMPOSE, NOTHING)
    words = "not canaried: the app keeps no foreign files"
    expected = (Canary("app", "/data", "st_data", Outcome.SKIP, words),)
    assert it.after(Tier.UPGRADE, COMPOSE) == expected
    it.before(Tier.BACKUP, COMPOSE, WHOLE)  # nor is it tried again
    assert it.after(Tier.BACKUP, COMPOSE) == expected
    assert it.expected_in_snapshot() == ()


@pytest.mark.parametrize("op", [Tier.UPGRADE, Tier.BACKUP])
def test_a_marker_of_which_no_container_runs_before_the_op_is_never_dropped(disk: Disk, op: Tier) -> None:
    it = canary(disk)
    it.plant(COMPOSE, WHOLE)
    disk.running = False
    it.before(op, COMPOSE, WHOLE)
    assert it.expected_in_snapshot() == ()
    disk.running = True
    words = f"service app, /data: no container runs before the {op}: the marker could not be read back"
    assert Canary("app", "/data", "st_data", Outcome.UNVERIFIED, words) in it.after(op, COMPOSE)
    it.before(Tier.BACKUP, COMPOSE, WHOLE)
    assert it.after(Tier.BACKUP, COMPOSE) == (Canary("app", "/data", "st_data", Outcome.PASS),)


def test_a_container_that_comes_within_the_wait_is_waited_for(disk: Disk) -> None:
    it = canary(disk)
    it.plant(COMPOSE, NOTHING)
    disk.absent = 3
    it.before(Tier.UPGRADE, COMPOSE, NOTHING)
    assert it.after(Tier.UPGRADE, COMPOSE) == (Canary("app", "/data", "st_data", Outcome.PASS),)


def test_a_place_that_refuses_to_be_written_is_listed(disk: Disk) -> None:
    disk.read_only = True
    it = canary(disk)
    it.before(Tier.UPGRADE, COMPOSE, NOTHING)
    assert [row.reason for row in it.after(Tier.UPGRADE, COMPOSE)] == ["not canaried: mounted read-only"]


def test_a_database_gets_nothing(disk: Disk) -> None:
    disk.files[DATA / "PG_VERSION"] = File(b"15", 0, 0, 0o600, 0)
    it = canary(disk)
    it.before(Tier.UPGRADE, COMPOSE, NOTHING)
    assert disk.ours == []
    assert [row.reason for row in it.after(Tier.UPGRADE, COMPOSE)] == ["not canaried: a database directory"]


def test_a_container_that_is_replaced_meanwhile_is_asked_for_anew(disk: Disk) -> None:
    it = canary(disk)
    disk.gone = 1
    it.before(Tier.UPGRADE, COMPOSE, NOTHING)
    disk.gone = 1
    assert outcomes(it.after(Tier.UPGRADE, COMPOSE)) == [("/data", Outcome.PASS)]


def test_containers_that_are_replaced_again_and_again_end_the_wait(disk: Disk) -> None:
    disk.gone = 1000
    with pytest.raises(WaitFailed, match="a container was replaced"):
        canary(disk).before(Tier.UPGRADE, COMPOSE, NOTHING)


def test_an_upgrade_costs_two_looks_and_two_questions_a_marker(disk: Disk) -> None:
    it = canary(disk)
    it.plant(COMPOSE, NOTHING)
    assert disk.asked == ["containers", "folder", "put"]
    disk.asked.clear()
    it.before(Tier.UPGRADE, COMPOSE, NOTHING)
    it.after(Tier.UPGRADE, COMPOSE)
    assert disk.asked == ["containers", "read", "containers", "read"]
