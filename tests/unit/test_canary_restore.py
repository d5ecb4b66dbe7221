"""run.canary: what a backup must hold, and what a restore must undo."""

from __future__ import annotations

from pathlib import PurePosixPath

import pytest
from recipeci.errors import OpFailed
from recipeci.host.archived import File
from recipeci.model import Outcome, Tier
from recipeci.recipe.coverage import Coverage, Promise
from recipeci.run import survival
from recipeci.run.canary import DataCanary

from unit.disk import COMPOSE, DATA, NOTHING, WHOLE, Disk, canary, outcomes


def test_before_a_restore_too_a_marker_that_nobody_shows_is_unverified(disk: Disk) -> None:
    it = canary(disk)
    it.before(Tier.BACKUP, COMPOSE, NOTHING)
    disk.running = False
    it.before(Tier.RESTORE, COMPOSE, NOTHING)
    disk.running = True
    assert Outcome.UNVERIFIED in {row.outcome for row in it.after(Tier.RESTORE, COMPOSE)}


def test_a_promised_file_leaves_the_root_to_the_upgrade_and_nothing_to_the_restore(disk: Disk) -> None:
    disk.folders.add(DATA / "files")
    promised = Coverage(enabled=True, promises=(Promise("app", "/data", "data", ("later", "files")),))
    it = canary(disk)
    it.before(Tier.BACKUP, COMPOSE, promised)
    assert {one.path.rpartition("/")[0] for one in it.expected_in_snapshot()} == {"files"}
    assert outcomes(it.after(Tier.BACKUP, COMPOSE)) == [("/data/files", Outcome.PASS), ("/data/later", Outcome.SKIP)]
    disk.folders.remove(DATA / "files")
    other = canary(disk)
    other.before(Tier.BACKUP, COMPOSE, promised)
    assert other.expected_in_snapshot() == ()
    assert outcomes(other.after(Tier.BACKUP, COMPOSE)) == [
        ("/data", Outcome.PASS),
        ("/data/later", Outcome.SKIP),
        ("/data/files", Outcome.SKIP),
    ]


def restoring(disk: Disk) -> tuple[DataCanary, dict[PurePosixPath, File]]:
    """Go as far as the restore; return what the snapshot has."""
    it = canary(disk)
    it.before(Tier.BACKUP, COMPOSE, WHOLE)
    snapshot = dict(disk.files)
    it.before(Tier.RESTORE, COMPOSE, WHOLE)
    return it, snapshot


def test_before_a_restore_one_marker_is_edited_one_deleted_and_a_file_added(disk: Disk) -> None:
    _, snapshot = restoring(disk)
    first, second = sorted(snapshot)
    assert set(disk.files) == {first, first.with_name(f"{first.name}-added")}
    assert disk.files[first].content == b"edited after the backup\n" + snapshot[first].content
    assert second.name.endswith("-second")


def test_a_restore_of_all_passes(disk: Disk) -> None:
    it, snapshot = restoring(disk)
    disk.files.update(snapshot)
    assert outcomes(it.after(Tier.RESTORE, COMPOSE)) == [("/data", Outcome.PASS)]


def test_a_restore_that_does_nothing_fails(disk: Disk) -> None:
    it, _ = restoring(disk)
    assert outcomes(it.after(Tier.RESTORE, COMPOSE)) == [("/data", Outcome.FAIL)]


FILES = Coverage(enabled=True, promises=(Promise("app", "/data", "data", ("files",)),))


def test_a_directory_that_is_gone_before_the_restore_must_come_back(disk: Disk) -> None:
    disk.folders.add(DATA / "files")
    it = canary(disk)
    it.before(Tier.BACKUP, COMPOSE, FILES)
    snapshot = dict(disk.files)
    disk.folders.remove(DATA / "files")
    disk.files.clear()
    it.before(Tier.RESTORE, COMPOSE, FILES)
    assert outcomes(it.after(Tier.RESTORE, COMPOSE)) == [("/data/files", Outcome.FAIL)]
    disk.files.update(snapshot)
    assert outcomes(it.after(Tier.RESTORE, COMPOSE)) == [("/data/files", Outcome.PASS)]


@pytest.mark.parametrize("promised", [WHOLE, FILES])
def test_a_restore_before_which_nothing_could_be_changed_would_show_nothing(disk: Disk, promised: Coverage) -> None:
    disk.folders.add(DATA / "files")
    it = canary(disk)
    it.before(Tier.BACKUP, COMPOSE, promised)
    disk.takes_nothing = True
    with pytest.raises(OpFailed, match="its markers could not be changed before the restore"):
        it.before(Tier.RESTORE, COMPOSE, promised)


@pytest.mark.parametrize(("running", "volume"), [(False, "st_data"), (True, "st_other")])
def test_a_restore_over_data_that_cannot_be_changed_first_would_show_nothing(
    disk: Disk, volume: str, *, running: bool
) -> None:
    it = canary(disk)
    it.before(Tier.BACKUP, COMPOSE, WHOLE)
    disk.running, disk.volume = running, volume
    with pytest.raises(OpFailed, match="service app, /data: its volume is not mounted before the restore"):
        it.before(Tier.RESTORE, COMPOSE, WHOLE)


def test_the_snapshot_must_hold_both_markers_in_their_size(disk: Disk) -> None:
    it = canary(disk)
    it.before(Tier.BACKUP, COMPOSE, WHOLE)
    wanted = it.expected_in_snapshot()
    held = {("st_data", path.name): len(file.content) for path, file in disk.files.items()}
    assert len(held) == 2
    assert [row.outcome for row in survival.in_snapshot(wanted, held)] == [Outcome.PASS]


def test_a_restore_costs_two_looks_two_changes_and_three_questions_a_place(disk: Disk) -> None:
    it = canary(disk)
    it.before(Tier.BACKUP, COMPOSE, WHOLE)
    disk.asked.clear()
    it.before(Tier.RESTORE, COMPOSE, WHOLE)
    it.after(Tier.RESTORE, COMPOSE)
    assert disk.asked == ["containers", "put", "remove", "containers", "read", "read", "read"]
