"""run.survival: what was read after an op becomes a row, each rule with the smallest change that turns it red."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest
from recipeci.host.archived import File, Kind, NotThere, Other
from recipeci.model import Canary, Outcome, Tier
from recipeci.run import survival, verdict
from recipeci.run.marking import Place
from recipeci.run.survival import Elsewhere, InSnapshot, Mark, Read, Restored, Sight

ANONYMOUS, ANOTHER = "a" * 64, "b" * 64
PLACE = Place("app", "/data", "", "st_data", promised=True)
MARK = Mark(PLACE, ".recipeci-canary-run-0123abcd", b"recipeci run: app:/data\n00ff\n", 33, 44)
DELETES = "if the app deletes files that it does not know, say so in recipe.yml (canary.skip)"
WORKER = Elsewhere("worker", "/w")
OWN = Elsewhere("app", "/srv")


def file(content: bytes = MARK.content, **fields: Any) -> File:  # noqa: ANN401 - any field
    defaults: dict[str, Any] = {"content": content, "uid": 33, "gid": 44, "mode": 0o644, "mtime": 0}
    return File(**(defaults | fields))


GONE = NotThere()
FLIPPED = file(MARK.content[:-2] + b"e\n")


def sight(found: Read, **fields: Any) -> Sight:  # noqa: ANN401 - any field
    """Return what was found where the same volume is mounted in a service that runs."""
    defaults: dict[str, Any] = {"mark": MARK, "volume": "st_data", "running": True, "declared": True}
    return Sight(found=found, **(defaults | fields))


def kept(found: Read, **fields: Any) -> Canary:  # noqa: ANN401 - any field
    return survival.kept(sight(found, **fields), op=Tier.UPGRADE)


def of(volume: str) -> Mark:
    return Mark(Place("app", "/data", "", volume), MARK.name, MARK.content, 33, 44)


def test_a_marker_that_is_as_it_was_passes_without_words() -> None:
    assert kept(file()) == Canary("app", "/data", "st_data", Outcome.PASS)


def test_its_owner_may_be_changed_by_the_new_version() -> None:
    assert kept(file(uid=0, gid=0, mode=0o600)).outcome is Outcome.PASS


def test_data_that_was_carried_over_into_another_volume_passes_and_says_so() -> None:
    row = kept(file(), volume="st_new")
    assert (row.outcome, row.reason) == (
        Outcome.PASS,
        "the volume was st_data, now st_new; the data was carried over",
    )


@pytest.mark.parametrize("found", [FLIPPED, file(b""), file(MARK.content + b"\n"), file(MARK.content[:-1])])
def test_one_other_byte_is_a_failure(found: File) -> None:
    row = kept(found)
    assert row.outcome is Outcome.FAIL
    assert row.reason == "service app, /data: the marker written before the upgrade has other content"


@pytest.mark.parametrize("kind", list(Kind))
def test_what_is_no_small_file_any_more_is_a_failure(kind: Kind) -> None:
    row = kept(Other(kind))
    assert (row.outcome, row.reason.rpartition(": ")[2]) == (
        Outcome.FAIL,
        f"the marker written before the upgrade is {kind} now",
    )


@pytest.mark.parametrize(
    ("before", "now", "words"),
    [
        ("st_data", "st_new", "is gone; volume was st_data, now st_new"),
        ("st_data", ANOTHER, "is gone; volume was st_data, now anonymous bbbbbbbbbbbb"),
        (ANONYMOUS, "st_data", "is gone; volume was anonymous aaaaaaaaaaaa, now st_data"),
        (
            ANONYMOUS,
            ANOTHER,
            "is gone; it is an anonymous volume, which each new task gets anew: the recipe must name it",
        ),
        ("st_data", "a mount of type bind", "is gone; volume was st_data, now a mount of type bind"),
        (
            "st_data",
            "st_data",
            f"is gone; the volume is st_data as before; {DELETES}",
        ),
    ],
)
def test_a_marker_that_is_gone_names_service_path_and_volumes(before: str, now: str, words: str) -> None:
    row = kept(GONE, mark=of(before), volume=now)
    assert row.outcome is Outcome.FAIL
    assert row.reason == f"service app, /data: the marker written before the upgrade {words}"


@pytest.mark.parametrize(("declared", "what"), [(True, "there is no such mount"), (False, "there is no such service")])
def test_what_nobody_mounts_any_more_is_lost(what: str, *, declared: bool) -> None:
    row = kept(GONE, volume=None, running=declared, declared=declared)
    assert row.outcome is Outcome.FAIL
    assert what in row.reason
    assert "nothing else sees the volume st_data" in row.reason


@pytest.mark.parametrize("declared", [True, False])
def test_what_another_service_has_now_is_not_lost(*, declared: bool) -> None:
    row = kept(GONE, volume=None, running=declared, declared=declared, elsewhere=(WORKER,))
    assert (row.outcome, row.reason) == (Outcome.PASS, "its volume st_data is now seen by worker at /w")


def test_a_service_that_has_another_volume_has_lost_its_data_though_another_service_sees_it() -> None:
    assert kept(GONE, volume="st_new", elsewhere=(WORKER,)).outcome is Outcome.FAIL


@pytest.mark.parametrize("elsewhere", [(OWN,), (WORKER, OWN)])
def test_a_service_that_keeps_its_path_must_find_its_data_there_though_it_has_the_volume_elsewhere(
    elsewhere: tuple[Elsewhere, ...],
) -> None:
    row = kept(GONE, volume="st_cache", elsewhere=elsewhere)
    assert row.outcome is Outcome.FAIL
    assert "is gone; volume was st_data, now st_cache" in row.reason


def test_a_service_whose_mount_moved_to_another_path_has_lost_nothing() -> None:
    row = kept(GONE, volume=None, elsewhere=(WORKER, OWN))
    assert (row.outcome, row.reason) == (Outcome.PASS, "its volume st_data is now seen by app at /srv")


def test_a_service_without_a_container_could_not_be_checked() -> None:
    row = kept(GONE, volume=None, running=False)
    assert row.outcome is Outcome.UNVERIFIED
    assert row.reason == "service app, /data: no container runs after the upgrade: nothing to look into"


def restored(first: Read, second: Read, **fields: Any) -> Canary:  # noqa: ANN401 - any field
    return survival.restored(Restored(MARK, first, second, **({"added": False} | fields)))


def test_a_restore_that_undoes_both_changes_passes() -> None:
    assert restored(file(), file()) == Canary("app", "/data", "st_data", Outcome.PASS)


def test_an_added_file_that_stays_is_a_note() -> None:
    row = restored(file(), file(), added=True)
    assert (row.outcome, row.reason) == (Outcome.PASS, "the file that was added after the backup is still there")


@pytest.mark.parametrize(
    ("first", "second", "words"),
    [
        (file(MARK.edited), file(), "what was edited after the backup was not put back"),
        (FLIPPED, file(), "the marker that was edited after the backup has other content"),
        (GONE, file(), "the marker that was edited after the backup is gone"),
        (Other(Kind.LINK), file(), "the marker that was edited after the backup is a symbolic link now"),
        (file(), GONE, "what was deleted after the backup did not come back"),
        (file(), FLIPPED, "the marker that was deleted after the backup has other content"),
        (file(), Other(Kind.FOLDER), "the marker that was deleted after the backup is a folder now"),
        (file(), file(uid=0), "what came back belongs to 0:44 and belonged to 33:44"),
        (file(), file(gid=0), "what came back belongs to 33:0 and belonged to 33:44"),
        (file(), file(mode=0o044), "what came back cannot be read by its owner (mode 44)"),
        (
            file(MARK.edited),
            GONE,
            "what was edited after the backup was not put back; what was deleted after the backup did not come back",
        ),
    ],
)
def test_a_restore_that_does_less_fails_naming_path_and_volume(first: Read, second: Read, words: str) -> None:
    row = restored(first, second)
    assert row.outcome is Outcome.FAIL
    assert row.reason == f"service app, /data (volume st_data): {words}"


def test_what_came_back_may_belong_to_whom_the_directory_belongs_now() -> None:
    assert restored(file(), file(uid=7, gid=8), owner=(7, 8)).outcome is Outcome.PASS
    assert restored(file(), file(uid=7, gid=8), owner=(7, 9)).outcome is Outcome.FAIL


def test_the_edit_is_never_what_a_restore_brings_back() -> None:
    assert MARK.edited != MARK.content
    assert len({MARK.name, MARK.second, MARK.added}) == 3


WANTED = (
    InSnapshot("st_data", ".m", b"one", PLACE),
    InSnapshot("st_data", ".m-second", b"one", PLACE),
    InSnapshot("st_b", "files/.m", b"two", Place("app", "/b", "files", "st_b", promised=True)),
)
HELD: Mapping[tuple[str, str], int | None] = {
    ("st_data", ".m"): 3,
    ("st_data", ".m-second"): 3,
    ("st_b", "files/.m"): 3,
}


def test_a_snapshot_that_holds_all_markers_has_a_row_for_each_place() -> None:
    assert survival.in_snapshot(WANTED, HELD) == (
        Canary("app", "/data", "st_data", Outcome.PASS),
        Canary("app", "/b/files", "st_b", Outcome.PASS),
    )


@pytest.mark.parametrize(
    ("held", "words"),
    [
        (None, "is not in the snapshot"),
        (0, "has 0 bytes in the snapshot, not 3"),
        (4, "has 4 bytes in the snapshot, not 3"),
    ],
)
def test_a_marker_that_the_snapshot_lacks_names_its_volume(held: int | None, words: str) -> None:
    good, bad = survival.in_snapshot(WANTED, {**HELD, ("st_b", "files/.m"): held})
    assert (good.outcome, bad.outcome) == (Outcome.PASS, Outcome.FAIL)
    assert f"service app, /b/files: files/.m of volume st_b {words}" in bad.reason


def test_a_marker_that_was_not_looked_for_is_not_called_missing() -> None:
    with pytest.raises(KeyError):
        survival.in_snapshot(WANTED, {})


SKIPPED = Canary("app", "/x", "", Outcome.SKIP, "not canaried: tmpfs")
PASSED = Canary("app", "/data", "st_data", Outcome.PASS, "a note")
FAILED = Canary("app", "/data", "st_data", Outcome.FAIL, "lost")


def test_rows_are_measurements_and_only_what_is_not_well_has_a_message() -> None:
    tests = survival.tests([SKIPPED, PASSED, FAILED], what="canary")
    assert [(test.name, test.outcome, test.message) for test in tests] == [
        ("harness::canary app:/x", Outcome.SKIP, "not canaried: tmpfs"),
        ("harness::canary app:/data", Outcome.PASS, ""),
        ("harness::canary app:/data", Outcome.FAIL, "lost"),
    ]
    assert verdict.of_tests(tests) is Outcome.FAIL
    assert verdict.of_tests(survival.tests([SKIPPED], what="canary")) is Outcome.UNVERIFIED


def test_the_report_has_one_row_a_place_with_the_worst_of_all_ops() -> None:
    rows = survival.merged(
        [
            (Tier.UPGRADE, [SKIPPED, Canary("app", "/data", "st_data", Outcome.PASS)]),
            (Tier.RESTORE, [SKIPPED, FAILED]),
        ]
    )
    assert rows == (SKIPPED, Canary("app", "/data", "st_data", Outcome.FAIL, "restore: lost"))


@pytest.mark.parametrize(
    ("one", "other", "worst"),
    [
        (Outcome.SKIP, Outcome.PASS, Outcome.PASS),
        (Outcome.PASS, Outcome.UNVERIFIED, Outcome.UNVERIFIED),
        (Outcome.UNVERIFIED, Outcome.FAIL, Outcome.FAIL),
        (Outcome.FAIL, Outcome.SKIP, Outcome.FAIL),
    ],
)
def test_the_worse_outcome_of_two_ops_stands(one: Outcome, other: Outcome, worst: Outcome) -> None:
    rows = [(op, [Canary("app", "/x", "", found)]) for op, found in ((Tier.UPGRADE, one), (Tier.RESTORE, other))]
    assert [row.outcome for row in survival.merged(rows)] == [worst]
