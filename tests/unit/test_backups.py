"""run.backups: a backup is judged by what the repository holds of it."""

from __future__ import annotations

import dataclasses
from typing import Any

import pytest
from recipeci.host.backupbot import Entry, Ran, Snapshot
from recipeci.model import Outcome, TestResult
from recipeci.recipe.compose import Compose, ComposeService, Mount, Resource
from recipeci.recipe.coverage import coverage
from recipeci.run import backups
from recipeci.run.backups import Taken

OLD, NEW = Snapshot("old1" * 16, 100.0, ("s",), ()), Snapshot("new2" * 16, 210.5, ("s",), ())
DATA = "/var/lib/docker/volumes/s_content/_data"
DB = "/var/lib/docker/volumes/s_db-data/_data"
SINCE = 200.7


def compose(**labels: str) -> Compose:
    """Return a stack with two volumes; `labels` are the short keys of backup labels of the service db."""
    own = {f"backupbot.{key.replace('__', '.').replace('_', '-')}": value for key, value in labels.items()}
    services = {
        "app": ComposeService(
            "app", "app:1", labels={"backupbot.backup": "true"}, mounts=(Mount("volume", "content", "/content"),)
        ),
        "db": ComposeService("db", "db:1", labels=own, mounts=(Mount("volume", "db-data", "/db"),)),
    }
    return Compose(services, volumes={"content": Resource("content"), "db-data": Resource("db-data")})


def taken(stack: Compose | None = None, **changes: Any) -> Taken:  # noqa: ANN401 - any field
    """Return a backup that went well."""
    stack = stack or compose()
    good = Taken(
        stack="s",
        compose=stack,
        coverage=coverage(stack),
        since=SINCE,
        before=(OLD,),
        after=(OLD, NEW),
        listing=(Entry(f"{DATA}/a", "file", 3, 150.0), Entry(f"{DB}/backup.sql", "file", 9, 201.0)),
        ran=(),
    )
    return dataclasses.replace(good, **changes)


def wrong(tests: tuple[TestResult, ...]) -> dict[str, str]:
    assert all(bool(test.message) is (test.outcome is Outcome.FAIL) for test in tests)
    return {test.name: test.message for test in tests if test.outcome is not Outcome.PASS}


def test_a_backup_that_holds_what_is_promised_is_good() -> None:
    found = backups.checks(taken())
    assert [test.name for test in found] == [
        "harness::snapshot",
        "harness::backup of app:/content",
        "harness::backup of db:/db",
    ]
    assert wrong(found) == {}
    assert backups.words(taken()) == "snapshot new2new2, 2 of 2 volumes"


@pytest.mark.parametrize("after", [(), (OLD,)])
def test_a_backup_without_a_new_snapshot_is_none(after: tuple[Snapshot, ...]) -> None:
    assert list(wrong(backups.checks(taken(after=after, listing=())))) == ["harness::snapshot"]


def test_a_snapshot_older_than_one_that_was_there_is_not_what_was_made() -> None:
    other = dataclasses.replace(NEW, time=90.0)
    assert backups.made((OLD,), (other, OLD)) is None


def test_a_volume_that_is_not_in_the_snapshot_is_named() -> None:
    one = taken(listing=(Entry(f"{DATA}/a", "file", 3),))
    (said,) = wrong(backups.checks(one)).values()
    assert said == "service db, /db: the snapshot holds nothing of the volume db-data, which the labels promise"
    assert backups.words(one) == "snapshot new2new2, 1 of 2 volumes"


def test_an_empty_file_is_nothing() -> None:
    one = taken(listing=(Entry(f"{DATA}/a", "file", 3), Entry(f"{DB}/x", "file", 0)))
    (said,) = wrong(backups.checks(one)).values()
    assert "only empty entries of the volume db-data" in said


def test_a_volume_without_anything_in_it_is_saved_as_it_is_and_said_so() -> None:
    one = taken(listing=(Entry(f"{DATA}/a", "file", 3), Entry(DB, "dir")))
    (said,) = [test for test in backups.checks(one) if test.outcome is not Outcome.PASS]
    assert (said.name, said.outcome) == ("harness::backup of db:/db", Outcome.SKIP)
    assert said.message == "the volume db-data is empty"
    assert backups.words(one) == "snapshot new2new2, 2 of 2 volumes"


def test_a_promised_folder_without_anything_in_it_is_nothing() -> None:
    stack = compose(backup__volumes__db_data__path="dumps")
    one = taken(stack, listing=(Entry(f"{DATA}/a", "file", 3), Entry(DB, "dir"), Entry(f"{DB}/dumps", "dir")))
    (said,) = wrong(backups.checks(one)).values()
    assert "only empty entries of dumps in the volume db-data" in said


def test_a_promised_path_that_is_not_there_is_named() -> None:
    (said,) = wrong(backups.checks(taken(compose(backup__volumes__db_data__path="dump.sql")))).values()
    assert "nothing of dump.sql in the volume db-data" in said


HOOKED = compose(backup__volumes__db_data__path="backup.sql", backup__pre_hook="/dump")
DUMPED = Ran("s_db", "/bin/sh -c /dump", 0)


def test_a_hook_that_ran_well_and_its_new_dump_are_good() -> None:
    assert wrong(backups.checks(taken(HOOKED, ran=(DUMPED,)))) == {}


@pytest.mark.parametrize("ran", [(), (dataclasses.replace(DUMPED, code=1),), (dataclasses.replace(DUMPED, code=None),)])
def test_a_hook_that_did_not_end_well_is_told_though_a_dump_is_there(ran: tuple[Ran, ...]) -> None:
    assert list(wrong(backups.checks(taken(HOOKED, ran=ran)))) == ["harness::hooks"]


def test_a_dump_of_an_earlier_run_is_told_though_the_hook_ended_well() -> None:
    stale = (Entry(f"{DATA}/a", "file", 3), Entry(f"{DB}/backup.sql", "file", 9, SINCE - 1))
    (said,) = wrong(backups.checks(taken(HOOKED, ran=(DUMPED,), listing=stale))).values()
    assert said.startswith("backup.sql in the volume db-data is from before this backup (1970-01-01T00:03:19+00:00)")


def test_a_file_may_be_old_beside_the_hook_of_another_service() -> None:
    stack = compose(backup__volumes__content__path="settings.ini", backup__pre_hook="/dump")
    old = (Entry(f"{DATA}/settings.ini", "file", 3, SINCE - 1), Entry(f"{DB}/backup.sql", "file", 9, SINCE + 1))
    assert wrong(backups.checks(taken(stack, ran=(DUMPED,), listing=old))) == {}


def test_a_file_may_be_old_where_no_hook_writes_it() -> None:
    old = (Entry(f"{DATA}/a", "file", 3), Entry(f"{DB}/backup.sql", "file", 9, SINCE - 1))
    assert wrong(backups.checks(taken(compose(backup__volumes__db_data__path="backup.sql"), listing=old))) == {}


def test_hooks_of_a_restore_are_looked_for_only_where_there_are_some() -> None:
    assert backups.hooks(coverage(HOOKED), backups.RESTORE_HOOKS, stack="s", ran=()) == ()


def test_the_newest_snapshot_must_be_the_measured_one() -> None:
    assert wrong((backups.still_newest(NEW.id, (OLD, NEW)),)) == {}
    assert wrong((backups.still_newest(OLD.id, (OLD, NEW)),)) == {
        "harness::newest snapshot": f"the newest snapshot is {NEW.id}, not {OLD.id}"
    }


FOLDERED = compose(backup__volumes__db_data__path="dumps", backup__pre_hook="/dump")
OWN = Entry(f"{DB}/dumps/.recipeci-canary-x", "file", 80, 250.0)
CONTENT = Entry(f"{DATA}/a", "file", 3)


def test_a_folder_of_dumps_with_nothing_but_our_marker_holds_no_dump() -> None:
    (said,) = wrong(backups.checks(taken(FOLDERED, ran=(DUMPED,), listing=(CONTENT, OWN)))).values()
    assert "nothing of dumps in the volume db-data" in said


def test_a_folder_of_dumps_of_earlier_runs_is_told_whatever_marker_lies_beside_them() -> None:
    old = Entry(f"{DB}/dumps/1.sql", "file", 9, SINCE - 1)
    (said,) = wrong(backups.checks(taken(FOLDERED, ran=(DUMPED,), listing=(CONTENT, OWN, old)))).values()
    assert said.startswith("dumps in the volume db-data is from before this backup")


def test_one_new_dump_beside_old_ones_is_enough() -> None:
    dumps = tuple(Entry(f"{DB}/dumps/{n}.sql", "file", 9, SINCE + n - 1) for n in range(3))
    assert wrong(backups.checks(taken(FOLDERED, ran=(DUMPED,), listing=(CONTENT, OWN, *dumps)))) == {}


def test_a_file_of_settings_that_is_promised_beside_the_dump_may_be_old() -> None:
    both = compose(backup__volumes__db_data__path="backup.sql,config", backup__pre_hook="/dump")
    files = (Entry(f"{DB}/backup.sql", "file", 9, SINCE + 1), Entry(f"{DB}/config", "file", 9, 1.0))
    assert wrong(backups.checks(taken(both, ran=(DUMPED,), listing=(CONTENT, *files)))) == {}


def test_in_a_volume_that_is_promised_whole_our_marker_is_something() -> None:
    marker = Entry(f"{DB}/.recipeci-canary-x", "file", 80, 250.0)
    assert wrong(backups.checks(taken(listing=(CONTENT, marker)))) == {}
