"""run.canary: volumes that are exchanged, over an op and outside of one, with a marker in them and without."""

from __future__ import annotations

import pytest
from recipeci.host.archived import File, Mounted
from recipeci.model import Canary, Outcome, Tier
from recipeci.recipe.compose import Compose, ComposeService
from recipeci.run import survival
from recipeci.run.canary import DataCanary
from recipeci.run.marking import volume_words

from unit.disk import COMPOSE, DATA, NOTHING, WHOLE, Disk, FakeClock, canary, outcomes

ANONYMOUS, ANOTHER = "a" * 64, "b" * 64
ANEW = "it is an anonymous volume, which each new task gets anew: the recipe must name it"


@pytest.mark.parametrize(
    ("was", "now", "words"),
    [
        ("st_data", "st_other", "it was st_data, now st_other"),
        (ANONYMOUS, ANOTHER, f"it was anonymous aaaaaaaaaaaa, now anonymous bbbbbbbbbbbb; {ANEW}"),
    ],
)
def test_a_volume_that_was_exchanged_outside_of_an_op_is_a_failure_and_never_only_marked_anew(
    disk: Disk, was: str, now: str, words: str
) -> None:
    disk.volume = was
    it = canary(disk)
    it.plant(COMPOSE, NOTHING)
    disk.volume, disk.files = now, {}
    disk.gone = 1  # nor does a second attempt forget it
    it.before(Tier.UPGRADE, COMPOSE, NOTHING)
    lost = Canary(
        "app",
        "/data",
        volume_words(was),
        Outcome.FAIL,
        f"service app, /data: outside of any op the volume was exchanged: {words}",
    )
    rows = it.after(Tier.UPGRADE, COMPOSE)
    assert lost in rows
    assert [row.outcome for row in survival.merged([(Tier.UPGRADE, rows)])] == [Outcome.FAIL]
    it.before(Tier.BACKUP, COMPOSE, WHOLE)
    assert outcomes(it.after(Tier.BACKUP, COMPOSE)) == [("/data", Outcome.PASS)]  # it is told once


def test_a_mount_that_was_lost_outside_of_an_op_is_a_failure(disk: Disk) -> None:
    it = canary(disk)
    it.plant(COMPOSE, NOTHING)
    disk.mounted = False
    it.before(Tier.UPGRADE, COMPOSE, NOTHING)
    (row,) = it.after(Tier.UPGRADE, COMPOSE)
    assert row.outcome is Outcome.FAIL
    assert row.reason.endswith("outside of any op the volume was exchanged: it was st_data, now no mount")


def test_a_volume_that_was_exchanged_before_the_restore_is_a_failure_where_nothing_is_promised(disk: Disk) -> None:
    it = canary(disk)
    it.before(Tier.BACKUP, COMPOSE, NOTHING)
    disk.volume, disk.files = "st_other", {}
    it.before(Tier.RESTORE, COMPOSE, NOTHING)
    assert outcomes(it.after(Tier.RESTORE, COMPOSE)) == [("/data", Outcome.FAIL)]


def test_what_the_upgrade_did_to_a_volume_is_not_told_again_by_the_next_op(disk: Disk) -> None:
    it = canary(disk)
    it.before(Tier.UPGRADE, COMPOSE, NOTHING)
    disk.volume = "st_other"  # with the files in it
    (row,) = it.after(Tier.UPGRADE, COMPOSE)
    assert (row.outcome, row.reason) == (
        Outcome.PASS,
        "the volume was st_data, now st_other; the data was carried over",
    )
    it.before(Tier.BACKUP, COMPOSE, WHOLE)
    assert it.after(Tier.BACKUP, COMPOSE) == (Canary("app", "/data", "st_other", Outcome.PASS),)


@pytest.fixture
def database(disk: Disk) -> Disk:
    """A disk with an engine's files."""
    disk.files[DATA / "PG_VERSION"] = File(b"15", 0, 0, 0o600, 0)
    return disk


KEYDB = Compose({"app": ComposeService("app", "eqalpha/keydb:6")}, volumes=COMPOSE.volumes)
OVER = "service app, /data: over the upgrade the volume was exchanged: it was"
NOT_SEEN = "whether its data was carried over was not seen"
NO_MARKER = "not canaried: a database directory"


def over_the_upgrade(disk: Disk, now: str, compose: Compose = COMPOSE) -> Canary:
    """Upgrade onto another volume; return the one row."""
    it = canary(disk)
    it.plant(compose, NOTHING)
    it.before(Tier.UPGRADE, compose, NOTHING)
    disk.volume = now
    (row,) = it.after(Tier.UPGRADE, compose)
    return row


@pytest.mark.parametrize(
    ("was", "now", "outcome", "reason"),
    [
        ("st_data", "st_data", Outcome.SKIP, NO_MARKER),
        (ANONYMOUS, ANONYMOUS, Outcome.SKIP, NO_MARKER),
        (ANONYMOUS, ANOTHER, Outcome.FAIL, f"{OVER} anonymous aaaaaaaaaaaa, now anonymous bbbbbbbbbbbb; {ANEW}"),
        ("st_data", ANOTHER, Outcome.FAIL, f"{OVER} st_data, now anonymous bbbbbbbbbbbb; {ANEW}"),
        ("st_data", "st_new", Outcome.UNVERIFIED, f"{OVER} st_data, now st_new; {NOT_SEEN}"),
        (ANONYMOUS, "st_new", Outcome.UNVERIFIED, f"{OVER} anonymous aaaaaaaaaaaa, now st_new; {NOT_SEEN}"),
    ],
)
def test_a_database_whose_volume_the_upgrade_exchanges_is_never_only_a_skip(
    database: Disk, was: str, now: str, outcome: Outcome, reason: str
) -> None:
    database.volume = was
    assert over_the_upgrade(database, now) == Canary("app", "/data", volume_words(was), outcome, reason)


@pytest.mark.parametrize(
    ("was", "now", "outcome"),
    [
        (ANONYMOUS, ANOTHER, Outcome.SKIP),
        ("st_data", ANOTHER, Outcome.FAIL),
        ("st_data", "st_new", Outcome.UNVERIFIED),
    ],
)
def test_a_key_value_store_in_an_anonymous_volume_is_a_cache(disk: Disk, was: str, now: str, outcome: Outcome) -> None:
    disk.volume = was
    assert over_the_upgrade(disk, now, KEYDB).outcome is outcome


def test_what_the_app_removes_before_the_upgrade_does_not_hide_that_its_volume_is_exchanged(disk: Disk) -> None:
    disk.volume = ANONYMOUS
    it = canary(disk)
    it.plant(COMPOSE, NOTHING)
    disk.files.clear()
    it.before(Tier.UPGRADE, COMPOSE, NOTHING)
    disk.volume = ANOTHER
    assert outcomes(it.after(Tier.UPGRADE, COMPOSE)) == [("/data", Outcome.FAIL)]


def test_a_database_whose_mount_is_gone_is_unverified_if_nothing_else_sees_its_volume(database: Disk) -> None:
    it = canary(database)
    it.before(Tier.UPGRADE, COMPOSE, NOTHING)
    database.mounted = False
    (row,) = it.after(Tier.UPGRADE, COMPOSE)
    assert row.outcome is Outcome.UNVERIFIED
    assert row.reason == f"{OVER} st_data, now no mount, and nothing else sees it; {NOT_SEEN}"


def test_a_database_whose_volume_another_mount_has_now_is_a_skip(database: Disk) -> None:
    it = canary(database)
    it.before(Tier.UPGRADE, COMPOSE, NOTHING)
    database.mounted, database.more = False, (Mounted("volume", "st_data", "/srv", writable=True),)
    assert [row.outcome for row in it.after(Tier.UPGRADE, COMPOSE)] == [Outcome.SKIP]


def test_a_database_of_which_nothing_runs_after_the_upgrade_is_unverified(database: Disk) -> None:
    it = canary(database)
    it.before(Tier.UPGRADE, COMPOSE, NOTHING)
    database.running = False
    (row,) = it.after(Tier.UPGRADE, COMPOSE)
    assert row.outcome is Outcome.UNVERIFIED
    assert row.reason == "service app, /data: no container runs after the upgrade: nothing to look into"


def test_a_database_that_gets_another_volume_outside_of_an_op_has_lost_it(database: Disk) -> None:
    database.volume = ANONYMOUS
    it = canary(database)
    it.plant(COMPOSE, NOTHING)
    database.volume = ANOTHER
    it.before(Tier.UPGRADE, COMPOSE, NOTHING)
    assert Outcome.FAIL in {row.outcome for row in it.after(Tier.UPGRADE, COMPOSE)}


def test_a_declared_skip_stays_one_whatever_volume_is_there(database: Disk) -> None:
    database.volume = ANONYMOUS
    it = DataCanary(archive=database, stack="st", run_id="run-1", skip={"app:/data": "why"}, clock=FakeClock())
    it.before(Tier.UPGRADE, COMPOSE, NOTHING)
    database.volume = ANOTHER
    assert [row.reason for row in it.after(Tier.UPGRADE, COMPOSE)] == ["not canaried: why (recipe.yml)"]
