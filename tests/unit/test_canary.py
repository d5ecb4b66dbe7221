"""run.canary: what is written and read around each op, over volumes that are kept in memory."""

from __future__ import annotations

import dataclasses
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from pathlib import PurePosixPath

import pytest
from recipeci.errors import OpFailed, WaitFailed
from recipeci.host.archive import Archive, ContainerGoneError, ReadOnlyError
from recipeci.host.archived import Container, File, Folder, Mounted, NewFile, NotThere, Other
from recipeci.model import Canary, Outcome, Tier
from recipeci.recipe.compose import Compose, ComposeService, Resource
from recipeci.recipe.coverage import Coverage, Promise
from recipeci.run import survival
from recipeci.run.canary import PREFIX, DataCanary
from recipeci.run.marking import volume_words

DATA = PurePosixPath("/data")
COMPOSE = Compose({"app": ComposeService("app", "nginx:1.26.3")}, volumes={"data": Resource("data")})
NOTHING = Coverage(enabled=False)
WHOLE = Coverage(enabled=True, promises=(Promise("app", "/data", "data"),))


@dataclass
class FakeClock:
    """A clock that only goes on when somebody sleeps."""

    seconds: float = 1_700_000_000.0

    def monotonic(self) -> float:
        return self.seconds

    def now(self) -> str:
        raise AssertionError

    def epoch(self) -> float:
        return self.seconds

    def sleep(self, seconds: float) -> None:
        self.seconds += seconds


@dataclass
class Disk(Archive):
    """One service `app` with a volume at /data: its files by path, and every question that was asked."""

    volume: str = "st_data"
    files: dict[PurePosixPath, File] = field(default_factory=dict)
    folders: set[PurePosixPath] = field(default_factory=lambda: {DATA})
    running: bool = True
    mounted: bool = True
    more: tuple[Mounted, ...] = ()
    absent: int = 0
    """So many of the next looks find no container that runs."""
    read_only: bool = False
    takes_nothing: bool = False
    """Whether a file that is put meets no directory, though one was seen."""
    gone: int = 0
    """So many of the next questions meet a container that was just removed."""
    asked: list[str] = field(default_factory=list)

    @property
    def ours(self) -> list[str]:
        return sorted(path.name for path in self.files if path.name.startswith(PREFIX))

    def containers(self, stack: str) -> tuple[Container, ...]:
        assert stack == "st"
        self.asked.append("containers")
        mounts = (Mounted("volume", self.volume, "/data", writable=True),) if self.mounted else ()
        is_running = self.running and not self.absent
        self.absent = max(0, self.absent - 1)
        return (Container("c1", "st_app", "1", running=is_running, created=1, mounts=(*mounts, *self.more)),)

    def _asked(self, what: str, at: str) -> None:
        assert at == "c1"
        self.asked.append(what)
        if self.gone:
            self.gone -= 1
            raise ContainerGoneError("container c1 is gone")

    def read(self, at: str, path: PurePosixPath, *, within: PurePosixPath, limit: int) -> File | Other | NotThere:
        self._asked("read", at)
        assert (within, limit) == (DATA, 4096)
        return self.files.get(path, NotThere())

    def folder(
        self, at: str, path: PurePosixPath, *, within: PurePosixPath, names: Collection[str] = ()
    ) -> Folder | Other | NotThere:
        self._asked("folder", at)
        assert within == DATA
        found = frozenset(name for name in names if path / name in self.files)
        return Folder(33, 44, found) if path in self.folders else NotThere()

    def put(self, at: str, folder: PurePosixPath, files: Sequence[NewFile]) -> bool:
        self._asked("put", at)
        if self.read_only:
            raise ReadOnlyError("marked read-only")
        is_there = folder in self.folders and not self.takes_nothing
        for one in files if is_there else ():
            self.files[folder / one.name] = File(one.content, one.uid, one.gid, one.mode, one.mtime)
        return is_there

    def remove(self, at: str, folder: PurePosixPath, name: str) -> None:
        self._asked("remove", at)
        self.files.pop(folder / name, None)


def canary(disk: Disk) -> DataCanary:
    return DataCanary(archive=disk, stack="st", run_id="run-1", clock=FakeClock())


@pytest.fixture
def disk() -> Disk:
    return Disk()


def outcomes(rows: Sequence[Canary]) -> list[tuple[str, Outcome]]:
    return [(row.path, row.outcome) for row in rows]


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


def test_before_a_restore_too_a_marker_that_nobody_shows_is_unverified(disk: Disk) -> None:
    it = canary(disk)
    it.before(Tier.BACKUP, COMPOSE, NOTHING)
    disk.running = False
    it.before(Tier.RESTORE, COMPOSE, NOTHING)
    disk.running = True
    assert Outcome.UNVERIFIED in {row.outcome for row in it.after(Tier.RESTORE, COMPOSE)}


def test_a_container_that_comes_within_the_wait_is_waited_for(disk: Disk) -> None:
    it = canary(disk)
    it.plant(COMPOSE, NOTHING)
    disk.absent = 3
    it.before(Tier.UPGRADE, COMPOSE, NOTHING)
    assert it.after(Tier.UPGRADE, COMPOSE) == (Canary("app", "/data", "st_data", Outcome.PASS),)


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


def test_a_place_that_refuses_to_be_written_is_listed(disk: Disk) -> None:
    disk.read_only = True
    it = canary(disk)
    it.before(Tier.UPGRADE, COMPOSE, NOTHING)
    assert [row.reason for row in it.after(Tier.UPGRADE, COMPOSE)] == ["not canaried: mounted read-only"]


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


def test_a_database_gets_nothing(disk: Disk) -> None:
    disk.files[DATA / "PG_VERSION"] = File(b"15", 0, 0, 0o600, 0)
    it = canary(disk)
    it.before(Tier.UPGRADE, COMPOSE, NOTHING)
    assert disk.ours == []
    assert [row.reason for row in it.after(Tier.UPGRADE, COMPOSE)] == ["not canaried: a database directory"]


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


def test_a_restore_costs_two_looks_two_changes_and_three_questions_a_place(disk: Disk) -> None:
    it = canary(disk)
    it.before(Tier.BACKUP, COMPOSE, WHOLE)
    disk.asked.clear()
    it.before(Tier.RESTORE, COMPOSE, WHOLE)
    it.after(Tier.RESTORE, COMPOSE)
    assert disk.asked == ["containers", "put", "remove", "containers", "read", "read", "read"]
