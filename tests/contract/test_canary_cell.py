"""The data canary on a real swarm: what an upgrade and a restore keep and lose, each told by its marker."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import pytest
from lab.canarylab import Json, Stack, cell_with_swarm, service
from recipeci.host.clock import SystemClock, until
from recipeci.model import Canary, Outcome, Tier
from recipeci.recipe.compose import Compose
from recipeci.recipe.coverage import coverage
from recipeci.run.canary import DataCanary
from recipeci.run.markers import PREFIX

pytestmark = pytest.mark.cell
RUN = "20260102-030405-abc123"
CLEANER = "while :; do rm -f /data/.??*; sleep 0.1; done &"
DATABASE = "[ -e /data/PG_VERSION ] || echo 15 > /data/PG_VERSION"


@dataclass(frozen=True)
class Upgraded:
    """A stack that was upgraded once with the canary around it."""

    stack: Stack
    compose: Compose
    canary: DataCanary
    rows: Mapping[tuple[str, str], Canary]

    def row(self, service: str, path: str = "/data") -> Canary:
        return self.rows[service, path]


def backed_up(volume: str, path: str = "") -> Json:
    """Return the labels that promise a volume, or only a path in it."""
    only = {f"backupbot.backup.volumes.{volume}.path": path} if path else {}
    return {"labels": {"backupbot.backup": "true", **only}}


def base(stack: Stack) -> Json:
    """Return the base's services: one for each way in which an upgrade may treat data."""
    scratch = {"image": stack.lab.cell.spec.proxy_image, "read_only": True, "volumes": ["scratch:/data"]}
    return {
        "kept": service(volumes=("kept:/data",)),
        "anonymous": service(volumes=("/data",)),
        "renamed": service(volumes=("old:/data",)),
        "moved": service(volumes=("moved:/data",)),
        "ended": service(volumes=("ended:/data",)),
        "handed": service(volumes=("handed:/data",)),
        "wiped": service(volumes=("wiped:/data",)),
        "in-memory": service(volumes=("memory:/data",)),
        "cleaner": service(CLEANER, volumes=("cleaner:/data",)),
        "reader": service(volumes=("kept:/data:ro",)),
        "tmpfs": service(volumes=({"type": "tmpfs", "target": "/data"},)),
        "host": service(volumes=({"type": "bind", "source": "/tmp", "target": "/data"},)),  # noqa: S108 - the cell's
        "database": service(DATABASE, volumes=("database:/data",)),
        "unnamed-database": service(DATABASE, volumes=("/data",)),
        "renamed-database": service(DATABASE, volumes=("db-old:/data",)),
        "cache": service(volumes=("/var/lib/redis",)),
        "shadowed": service(volumes=("shadowed:/data",)),
        "cached": service(volumes=("cached:/data",)),
        "dumped": service(
            f"{DATABASE}; echo dump > /data/dump.sql", volumes=("dumped:/data",), deploy=backed_up("dumped", "dump.sql")
        ),
        "single": service("echo x > /data/app.db", volumes=("single:/data",), deploy=backed_up("single", "app.db")),
        "linked": service("ln -s /etc /data/out", volumes=("linked:/data",), deploy=backed_up("linked", "out")),
        "idle": service(volumes=("idle:/data",), deploy={"replicas": 0}),
        "scratch": scratch,
    }


def target(before: Json) -> Json:
    """Return the target's services: each is another task, and some treat their data badly."""
    new = {"NEW": "1"}
    after: Json = {name: {**dict(one), "environment": new} for name, one in before.items()}  # type: ignore[call-overload]
    del after["ended"], after["handed"]
    return after | {
        "kept": service(volumes=("kept:/data", "handed:/handed"), environment=new),
        "renamed": service(volumes=("new:/data",), environment=new),
        "moved": service(volumes=("moved:/srv/data",), environment=new),
        "renamed-database": service(DATABASE, volumes=("db-new:/data",), environment=new),
        "shadowed": service(volumes=("shadow:/data", "shadowed:/srv/data"), environment=new),
        "wiped": service("rm -rf /data/.??* /data/*", volumes=("wiped:/data",), environment=new),
        "in-memory": service(volumes=({"type": "tmpfs", "target": "/data"},), environment=new),
    }


def volumes_of(services: Json) -> Json:
    """Return the named volumes that services mount."""
    mounts = [mount for one in services.values() for mount in dict(one)["volumes"]]  # type: ignore[call-overload]
    return {str(one).partition(":")[0]: {} for one in mounts if isinstance(one, str) and not one.startswith("/")}


@pytest.fixture(scope="module")
def cell() -> Iterator[Stack]:
    """A cell, as a stack without a name of its own yet."""
    with cell_with_swarm() as (lab, swarm):
        yield Stack(lab, swarm, "")


@pytest.fixture(scope="module")
def upgraded(cell: Stack) -> Upgraded:
    stack = Stack(cell.lab, cell.swarm, "up")
    old = base(stack)
    new = target(old)
    canary = DataCanary(
        archive=stack.archive,
        stack="up",
        run_id=RUN,
        skip={"cached:/data/": "it is made again", "cached:/dta": "a slip"},
        clock=SystemClock(),
    )
    compose = stack.deploy(old, volumes=volumes_of(old))
    canary.plant(compose, coverage(compose))
    until(
        lambda: stack.sh("cleaner", "ls -A /data"),
        lambda seen: not seen,
        what="cleaning",
        clock=SystemClock(),
        timeout=120,
        successes=1,
    )
    canary.before(Tier.UPGRADE, compose, coverage(compose))
    after = stack.deploy(new, volumes=volumes_of(new))
    rows = canary.after(Tier.UPGRADE, after)
    return Upgraded(stack, after, canary, {(row.service, row.path): row for row in rows})


def reasons(rows: Mapping[tuple[str, str], Canary]) -> dict[str, str]:
    """Return why there is no marker, of each mount that has none."""
    return {f"{row.service}:{row.path}": row.reason for row in rows.values() if row.outcome is Outcome.SKIP}


@pytest.mark.parametrize("name", ["kept", "scratch", "single", "linked"])
def test_a_named_volume_outlives_the_upgrade(upgraded: Upgraded, name: str) -> None:
    assert upgraded.row(name) == Canary(name, "/data", f"up_{name}", Outcome.PASS)


def test_data_in_an_anonymous_volume_is_lost_with_service_and_path_named(upgraded: Upgraded) -> None:
    row = upgraded.row("anonymous")
    assert row.outcome is Outcome.FAIL
    assert row.volume.startswith("anonymous ")
    assert row.reason == (
        "service anonymous, /data: the marker written before the upgrade is gone; "
        "it is an anonymous volume, which each new task gets anew: the recipe must name it"
    )


def test_a_renamed_volume_is_found_with_both_names(upgraded: Upgraded) -> None:
    assert upgraded.row("renamed") == Canary(
        "renamed",
        "/data",
        "up_old",
        Outcome.FAIL,
        "service renamed, /data: the marker written before the upgrade is gone; volume was up_old, now up_new",
    )


def test_a_mount_that_moved_within_its_service_has_kept_its_data(upgraded: Upgraded) -> None:
    row = upgraded.row("moved")
    assert (row.outcome, row.reason) == (Outcome.PASS, "its volume up_moved is now seen by moved at /srv/data")


def test_a_service_that_keeps_its_path_must_find_its_data_there(upgraded: Upgraded) -> None:
    row = upgraded.row("shadowed")
    assert (row.outcome, row.reason.partition("; ")[2]) == (Outcome.FAIL, "volume was up_shadowed, now up_shadow")


def test_a_database_in_an_anonymous_volume_is_lost_though_it_takes_no_marker(upgraded: Upgraded) -> None:
    row = upgraded.row("unnamed-database")
    assert row.outcome is Outcome.FAIL
    assert "service unnamed-database, /data: over the upgrade the volume was exchanged: it was anonymous" in row.reason
    assert row.reason.endswith("an anonymous volume, which each new task gets anew: the recipe must name it")


def test_a_database_whose_volume_is_renamed_is_not_known_to_be_kept(upgraded: Upgraded) -> None:
    row = upgraded.row("renamed-database")
    assert (row.outcome, row.reason.partition(": it ")[2]) == (
        Outcome.UNVERIFIED,
        "was up_db-old, now up_db-new; whether its data was carried over was not seen",
    )


def test_a_dropped_service_whose_volume_another_one_has_now_lost_nothing(upgraded: Upgraded) -> None:
    row = upgraded.row("handed")
    assert (row.outcome, row.reason) == (Outcome.PASS, "its volume up_handed is now seen by kept at /handed")


def test_a_dropped_service_whose_volume_nobody_sees_has_lost_it(upgraded: Upgraded) -> None:
    row = upgraded.row("ended")
    assert row.outcome is Outcome.FAIL
    assert "there is no such service, and nothing else sees the volume up_ended" in row.reason


def test_a_volume_that_the_new_version_empties_is_lost_though_it_is_the_same(upgraded: Upgraded) -> None:
    row = upgraded.row("wiped")
    assert row.outcome is Outcome.FAIL
    assert "is gone; the volume is up_wiped as before" in row.reason


def test_a_volume_that_became_memory_is_lost(upgraded: Upgraded) -> None:
    row = upgraded.row("in-memory")
    assert (row.outcome, row.reason.partition("; ")[2]) == (
        Outcome.FAIL,
        "volume was up_memory, now a mount of type tmpfs",
    )


def test_what_takes_no_marker_is_listed_with_the_reason(upgraded: Upgraded) -> None:
    assert reasons(upgraded.rows) == {
        "cleaner:/data": "not canaried: the app keeps no foreign files",
        "reader:/data": "not canaried: mounted read-only",
        "tmpfs:/data": "not canaried: tmpfs",
        "host:/data": "not canaried: a folder of the host",
        "database:/data": "not canaried: a database directory",
        "cache:/var/lib/redis": "not canaried: only a dump is promised",
        "dumped:/data": "not canaried: only a dump is promised",
        "dumped:/data/dump.sql": "not canaried: only a single file is promised",
        "single:/data/app.db": "not canaried: only a single file is promised",
        "linked:/data/out": "not canaried: a symbolic link",
        "cached:/data": "not canaried: it is made again (recipe.yml)",
        "idle:/data": "not canaried: no running container",
    }
    assert upgraded.canary.notes == ("recipe.yml: canary.skip: cached:/dta is no mount of what runs",)


@pytest.mark.parametrize(("name", "folder"), [("database", "/data"), ("dumped", "/data"), ("linked", "/etc")])
def test_nothing_of_ours_is_in_a_database_nor_behind_a_link(upgraded: Upgraded, name: str, folder: str) -> None:
    assert PREFIX not in upgraded.stack.sh(name, f"ls -A {folder}")


def test_a_marker_belongs_to_its_directorys_owner_and_all_can_read_it(cell: Stack) -> None:
    stack = Stack(cell.lab, cell.swarm, "owner")
    compose = stack.deploy({"app": service("chown 33:44 /data", volumes=("data:/data",))}, volumes={"data": {}})
    DataCanary(archive=stack.archive, stack="owner", run_id=RUN, clock=SystemClock()).plant(compose, coverage(compose))
    assert set(stack.sh("app", f"stat -c %u:%g:%a /data/{PREFIX}*").split()) == {"33:44:644"}


RESTORES = {
    "good": "cp -a /backup/. /data/",
    "nothing": "true",
    "edits": "for f in /backup/.??*; do case $f in *-second) ;; *) cp -a $f /data/ ;; esac; done",
    "owner": "cp -a /backup/. /data/; chown 999 /data/.??*",
    "mode": "cp -a /backup/. /data/; chmod 000 /data/.??*",
    "folder": "cp -a /backup/. /data/",
    "outside": "true",
    "emptied": "rm -rf /data/.??*",
}
"""What each service's restore does with what was copied at the backup."""


@pytest.fixture(scope="module")
def restored(cell: Stack) -> Upgraded:
    stack = Stack(cell.lab, cell.swarm, "re")
    services: Json = {
        name: service("mkdir -p /data/files", volumes=(f"{name}:/data",), deploy=backed_up(name)) for name in RESTORES
    }
    services["folder"] = service("mkdir /data/files", volumes=("folder:/data",), deploy=backed_up("folder", "files"))
    for name in ("outside", "emptied"):
        only = {"labels": {"backupbot.backup": "true", f"backupbot.backup.volumes.{name}": "false"}}
        services[name] = service(volumes=(f"{name}:/data",), deploy=only)
    compose = stack.deploy(services, volumes=volumes_of(services))
    canary = DataCanary(archive=stack.archive, stack="re", run_id=RUN, clock=SystemClock())
    canary.before(Tier.BACKUP, compose, coverage(compose))
    for name in RESTORES:
        stack.sh(name, "cp -a /data /backup")
    assert {row.outcome for row in canary.after(Tier.BACKUP, compose)} == {Outcome.PASS}
    canary.before(Tier.RESTORE, compose, coverage(compose))
    for name, script in RESTORES.items():
        stack.sh(name, script)
    rows = canary.after(Tier.RESTORE, compose)
    return Upgraded(stack, compose, canary, {(row.service, row.path): row for row in rows})


def test_a_restore_that_puts_all_back_passes_and_the_added_file_is_a_note(restored: Upgraded) -> None:
    note = "the file that was added after the backup is still there"
    assert restored.row("good") == Canary("good", "/data", "re_good", Outcome.PASS, note)
    assert restored.row("folder", "/data/files") == Canary("folder", "/data/files", "re_folder", Outcome.PASS, note)


@pytest.mark.parametrize(
    ("name", "words"),
    [
        (
            "nothing",
            "what was edited after the backup was not put back; what was deleted after the backup did not come",
        ),
        ("edits", "what was deleted after the backup did not come back"),
        ("owner", "what came back belongs to 999:0 and belonged to 0:0"),
        ("mode", "what came back cannot be read by its owner (mode 0)"),
    ],
)
def test_a_restore_that_does_less_fails_with_service_path_and_volume(restored: Upgraded, name: str, words: str) -> None:
    row = restored.row(name)
    assert row.outcome is Outcome.FAIL
    assert row.reason.startswith(f"service {name}, /data (volume re_{name}): {words}")


def test_what_the_labels_do_not_promise_must_only_not_be_lost(restored: Upgraded) -> None:
    assert restored.row("outside") == Canary("outside", "/data", "re_outside", Outcome.PASS)
    lost = restored.row("emptied")
    assert lost.outcome is Outcome.FAIL
    assert "service emptied, /data: the marker written before the restore is gone" in lost.reason


def test_the_snapshot_must_hold_two_files_of_each_promised_place(restored: Upgraded) -> None:
    wanted = {(one.volume, one.path): one.content for one in restored.canary.expected_in_snapshot()}
    assert {volume for volume, _ in wanted} == {f"re_{name}" for name in RESTORES if name not in ("outside", "emptied")}
    assert len(wanted) == 12
    for (volume, path), content in wanted.items():
        assert path.startswith("files/") == (volume == "re_folder")
        assert restored.stack.sh(volume.removeprefix("re_"), f"cat /backup/{path}").encode() == content
