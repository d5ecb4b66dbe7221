"""What backup labels promise, what of them does nothing, and whether a snapshot keeps it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import pytest
from recipeci.recipe.compose import Compose, ComposeService, Mount, Resource
from recipeci.recipe.coverage import Coverage, Hooks, Promise, coverage, unsaved
from recipeci.recipe.covered import Covered, covered

IDLE = "does nothing: no service of the stack has backupbot.backup=true"
ON = {"backupbot.backup": "true"}
NAMES = {"content": "s_content", "db-data": "s_db-data"}


@dataclass(frozen=True)
class Entry:
    path: str
    kind: str = "file"
    size: int = 1


def volume(key: str, target: str) -> Mount:
    return Mount("volume", key, target)


def stack(
    app: Mapping[str, str],
    *,
    db: Mapping[str, str] | None = None,
    mounts: tuple[Mount, ...] = (volume("content", "/content"),),
    db_mounts: tuple[Mount, ...] = (volume("db-data", "/var/lib/db"),),
) -> Compose:
    services = {"app": ComposeService("app", "app:1", labels=app, mounts=mounts)}
    if db is not None:
        services["db"] = ComposeService("db", "db:1", labels=db, mounts=db_mounts)
    return Compose(services, volumes={"content": Resource("content"), "far": Resource("far", driver="nfs")})


def test_the_switch_of_one_service_promises_every_named_volume_of_the_stack() -> None:
    seen = coverage(stack(ON, db={}))
    assert seen.enabled
    assert seen.promises == (Promise("app", "/content", "content"), Promise("db", "/var/lib/db", "db-data"))
    assert seen.notes == ("db has the volume db-data and no label backupbot.backup of its own",)


@pytest.mark.parametrize("value", ["true", "True", " TRUE "])
def test_the_switch_is_true_in_any_letters(value: str) -> None:
    assert coverage(stack({"backupbot.backup": value})) == Coverage(
        enabled=True, promises=(Promise("app", "/content", "content"),)
    )


@pytest.mark.parametrize("value", ["false", "", "yes", "1"])
def test_what_is_not_true_promises_nothing(value: str) -> None:
    seen = coverage(stack({"backupbot.backup": value}))
    assert (seen.enabled, seen.promises) == (False, ())


def test_no_labels_promise_nothing_and_are_no_finding() -> None:
    assert coverage(stack({}, db={})) == Coverage(enabled=False)


def test_a_stack_without_volumes_is_enabled_and_promises_nothing() -> None:
    assert coverage(stack(ON, mounts=())) == Coverage(enabled=True)


def test_a_volume_may_be_left_out_or_limited_by_any_services_labels() -> None:
    labels = {"backupbot.backup.volumes.content": "false", "backupbot.backup.volumes.db-data.path": "a.sql, b/c"}
    seen = coverage(stack(ON, db=ON | labels))
    assert seen.promises == (Promise("db", "/var/lib/db", "db-data", ("a.sql", "b/c")),)
    assert (seen.excluded, seen.findings) == (("content",), ())


def test_a_volume_that_two_services_mount_is_promised_to_both() -> None:
    seen = coverage(stack(ON, db=ON, db_mounts=(volume("content", "/else"),)))
    assert seen.promises == (Promise("app", "/content", "content"), Promise("db", "/else", "content"))


def test_hooks_belong_to_the_service_that_has_them_also_without_a_switch_of_its_own() -> None:
    hooks = {
        "backupbot.backup.pre-hook": "dump",
        "backupbot.backup.post-hook": "rm dump",
        "backupbot.restore.pre-hook": "stop",
        "backupbot.restore.post-hook": "load",
    }
    seen = coverage(stack(ON, db=hooks, db_mounts=()))
    assert seen.hooks == (Hooks("db", pre="dump", post="rm dump", restore_pre="stop", restore_post="load"),)


@pytest.mark.parametrize(
    ("labels", "finding"),
    [
        (
            ON | {"backupbot.backup.path": "/content"},
            "app: the backup bot ignores backupbot.backup.path; it reads backupbot.backup.volumes.<volume>.path",
        ),
        (
            ON | {"backupbot.restore": "true"},
            "app: the backup bot ignores backupbot.restore; it reads backupbot.backup.volumes.<volume>.path",
        ),
        (
            ON | {"backupbot.backup.volumes.s_content.path": "x"},
            "app: backupbot.backup.volumes.s_content.path names the volume s_content, which no service mounts",
        ),
        (
            ON | {"backupbot.backup.command": "x"},
            "app: the backup bot does not know the label backupbot.backup.command",
        ),
        ({"backupbot.backup": "yes"}, "app: backupbot.backup is 'yes', neither true nor false"),
        (
            {"backupbot.backup.pre-hook": "x"},
            f"app: backupbot.backup.pre-hook {IDLE}",
        ),
        (
            {"backupbot.backup.volumes.content.path": "x"},
            f"app: backupbot.backup.volumes.content.path {IDLE}",
        ),
        (
            ON | {"backupbot.backup.volumes.content.path": "/content/x"},
            "app: backupbot.backup.volumes.content.path: /content/x is not a path within the volume",
        ),
        (
            ON | {"backupbot.backup.volumes.content.path": " "},
            "app: backupbot.backup.volumes.content.path: names no path, so the whole volume is meant",
        ),
        (
            ON | {"backupbot.backup.volumes.content": "false", "backupbot.backup.volumes.content.path": "x"},
            "the volume content is both left out of the backup and limited to paths; it is left out",
        ),
    ],
)
def test_a_label_that_does_nothing_is_a_finding(labels: Mapping[str, str], finding: str) -> None:
    assert coverage(stack(labels)).findings == (finding,)


@pytest.mark.parametrize(
    ("mount", "finding"),
    [
        (Mount("bind", "/etc/x", "/x"), "app: /x is a folder of the host, which is not in the backup"),
        (volume("", "/x"), "app: /x is an anonymous volume, which is not in the backup"),
        (volume("far", "/x"), "app: /x has the volume driver nfs, whose data the backup bot does not see"),
    ],
)
def test_data_that_no_bot_sees_is_a_finding(mount: Mount, finding: str) -> None:
    assert coverage(stack(ON, mounts=(mount,))).findings == (finding,)
    assert coverage(stack({}, mounts=(mount,))).findings == ()


def seen(*entries: Entry, paths: tuple[str, ...] = ()) -> list[tuple[bool, int, int]]:
    promised = Coverage(enabled=True, promises=(Promise("app", "/content", "content", paths),))
    found = covered(promised, names=NAMES, listing=entries)
    assert all(isinstance(one, Covered) for one in found)
    return [(one.found, one.entries, one.bytes) for one in found]


DATA = "/var/lib/docker/volumes/s_content/_data"


def test_a_whole_volume_is_covered_by_one_file_with_content() -> None:
    assert seen(Entry(DATA, "dir", 0), Entry(f"{DATA}/a", size=3), Entry(f"{DATA}/b/c", size=4)) == [(True, 3, 7)]


@pytest.mark.parametrize(
    "entry",
    [
        Entry(DATA, "dir", 0),
        Entry(f"{DATA}/a", size=0),
        Entry(f"{DATA}/a", "symlink", 5),
        Entry("/var/lib/docker/volumes/s_content2/_data/a"),
        Entry("/var/lib/docker/volumes/s_content/other"),
    ],
)
def test_a_folder_an_empty_file_a_link_and_another_volume_cover_nothing(entry: Entry) -> None:
    assert [found for found, _, _ in seen(entry)] == [False]


def test_each_promised_path_is_looked_up_by_itself() -> None:
    paths = ("dump.sql", "missing", "folder", "../other", "/etc")
    entries = [Entry(f"{DATA}/dump.sql"), Entry(f"{DATA}/folder/x", size=2), Entry(f"{DATA}/dump.sql.old")]
    entries += [Entry("/etc/x"), Entry("/var/lib/docker/volumes/s_content/other/x")]
    assert [found for found, _, _ in seen(*entries, paths=paths)] == [True, False, True, False, False]


def test_a_volume_without_a_name_is_no_missing_promise() -> None:
    promised = Coverage(enabled=True, promises=(Promise("app", "/x", "unknown"),))
    with pytest.raises(KeyError):
        covered(promised, names=NAMES, listing=())


def test_a_volume_of_a_stack_without_labels_is_unsaved() -> None:
    without = stack({})
    (said,) = unsaved(without, coverage(without), undeclared=())
    assert said.startswith("app: /content: the volume content is in no backup")


def test_a_volume_that_needs_no_backup_by_recipe_yml_is_not_unsaved() -> None:
    without = stack({})
    assert unsaved(without, coverage(without), undeclared={"content"}) == ()


def test_a_volume_that_a_label_leaves_out_is_not_unsaved() -> None:
    left_out = stack(ON | {"backupbot.backup.volumes.content": "false"})
    assert unsaved(left_out, coverage(left_out), undeclared=()) == ()


def test_what_only_can_be_read_is_no_data() -> None:
    mounts = (Mount("bind", "/etc/localtime", "/etc/localtime", read_only=True),)
    assert coverage(stack(ON, mounts=mounts)).findings == ()
