"""run.marking: which mounts take a marker, in which directory, and why the others take none."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import pytest
from recipeci.host.archived import Container, Folder, Kind, Mounted, NotThere, Other
from recipeci.model import Canary, Outcome
from recipeci.recipe.compose import Compose, ComposeService, Mount, Resource
from recipeci.recipe.coverage import Coverage, Promise
from recipeci.run import marking
from recipeci.run.marking import Look, Place, Spot

STACK = "st"
ANONYMOUS = "c106106d4b57e024fdbcb02ee5b578438ab307f4697877ffa258638400c55ece"
DATA = Mounted("volume", "st_data", "/data", writable=True)
NOTHING = Coverage(enabled=False)
Find = Folder | Other | NotThere


def container(*mounts: Mounted, **fields: Any) -> Container:  # noqa: ANN401 - any field
    """Return a container of `app` that runs."""
    defaults: dict[str, Any] = {"id": "c1", "service": "st_app", "slot": "1", "running": True, "created": 1}
    return Container(**(defaults | fields), mounts=mounts or (DATA,))


def declared(**fields: Any) -> ComposeService:  # noqa: ANN401 - any field
    return ComposeService(**({"name": "app", "image": "nginx:1.26.3"} | fields))


def look(
    *containers: Container,
    promises: Iterable[Promise] = (),
    skip: Mapping[str, str] | None = None,
    volumes: Mapping[str, Resource] | None = None,
    **services: ComposeService,
) -> Look:
    compose = Compose(services or {"app": declared()}, volumes=volumes or {"data": Resource("data")})
    given = tuple(promises)
    return Look(STACK, compose, Coverage(enabled=bool(given), promises=given), containers, skip or {})


def promise(*paths: str, mount: str = "/data") -> Promise:
    return Promise("app", mount, "data", paths)


def only(seen: Look) -> Spot:
    (spot,) = marking.spots(seen).spots
    return spot


def why(seen: Look) -> str:
    """Return the one reason why nothing can be marked."""
    found = marking.spots(seen)
    assert found.spots == ()
    (row,) = found.rows
    assert row.outcome is Outcome.SKIP
    return row.reason


def test_a_named_volume_takes_its_marker_in_its_root() -> None:
    assert only(look(container())) == Spot(Place("app", "/data", "", "st_data"), (), declared())


def test_an_anonymous_volume_counts_and_is_called_so() -> None:
    spot = only(look(container(Mounted("volume", ANONYMOUS, "/data", writable=True))))
    assert spot.root.row(Outcome.PASS) == Canary("app", "/data", "anonymous c106106d4b57", Outcome.PASS)


@pytest.mark.parametrize(
    "name", [ANONYMOUS[:63], ANONYMOUS + "0", ANONYMOUS[:63] + "g", "st_data", "", ANONYMOUS.upper()]
)
def test_any_other_name_is_a_named_volumes(name: str) -> None:
    assert not marking.is_anonymous(name)
    assert marking.volume_words(name) == name


def test_a_volume_that_is_promised_whole_is_promised_in_its_root() -> None:
    assert only(look(container(), promises=[promise()])).root == Place("app", "/data", "", "st_data", promised=True)


@pytest.mark.parametrize("path", [".", "./"])
def test_a_promised_path_that_is_the_root_is_the_whole_volume(path: str) -> None:
    spot = only(look(container(), promises=[promise(path, "files")]))
    assert (spot.root.promised, spot.folders) == (True, ())


def test_promised_directories_are_places_of_their_own_each_once() -> None:
    spot = only(look(container(), promises=[promise("files/", "a/b", "files")]))
    assert [(one.folder, str(one.path), one.promised) for one in spot.folders] == [
        ("files", "/data/files", True),
        ("a/b", "/data/a/b", True),
    ]
    assert not spot.root.promised


@pytest.mark.parametrize("path", ["/etc", "../other", "a/../../b"])
def test_a_path_that_leads_out_of_the_volume_is_no_place(path: str) -> None:
    spot = only(look(container(), promises=[promise(path)]))
    assert (spot.folders, spot.root.promised) == ((), False)


@pytest.mark.parametrize(
    "other",
    [Promise("app", "/srv", "data"), Promise("worker", "/data", "data")],
)
def test_another_mounts_promise_is_not_this_ones(other: Promise) -> None:
    assert not only(look(container(), promises=[other])).root.promised


def test_a_slash_at_the_end_of_a_mount_makes_no_difference() -> None:
    seen = look(
        container(Mounted("volume", "st_data", "/data/", writable=True)),
        promises=[promise(mount="/data/")],
    )
    assert only(seen).root == Place("app", "/data", "", "st_data", promised=True)


@pytest.mark.parametrize("over", ["/data/files", "/data/files/"])
def test_a_promised_directory_below_another_mount_is_hidden(over: str) -> None:
    upper = Mounted("tmpfs", "", over, writable=True)
    found = marking.spots(look(container(DATA, upper), promises=[promise("files/deep", "other")]))
    (spot,) = found.spots
    assert [one.folder for one in spot.folders] == ["other"]
    assert Canary("app", "/data/files/deep", "st_data", Outcome.SKIP, "not canaried: another mount lies over it") in (
        found.rows
    )


def test_a_mount_above_or_beside_hides_nothing() -> None:
    above, beside = (Mounted("tmpfs", "", path, writable=True) for path in ("/", "/data/file"))
    found = marking.spots(look(container(DATA, above, beside), promises=[promise("files")]))
    assert [one.folder for one in found.spots[0].folders] == ["files"]


@pytest.mark.parametrize(
    ("mount", "reason"),
    [
        (Mounted("tmpfs", "", "/data", writable=True), "tmpfs"),
        (Mounted("bind", "", "/data", writable=True), "a folder of the host"),
        (Mounted("volume", "st_data", "/data", writable=False), "mounted read-only"),
        (Mounted("cluster", "x", "/data", writable=True), "a mount of type cluster"),
    ],
)
def test_a_mount_that_keeps_nothing_of_ours_is_listed(mount: Mounted, reason: str) -> None:
    assert why(look(container(mount))) == f"not canaried: {reason}"


def test_a_volume_that_is_declared_to_be_in_memory_is_tmpfs() -> None:
    memory = Resource("data", driver_opts={"type": "tmpfs", "device": "tmpfs"})
    assert why(look(container(), volumes={"data": memory})) == "not canaried: tmpfs"


@pytest.mark.parametrize("key", ["app:/data", "app:/data/"])
def test_a_declared_skip_is_listed_with_its_reason(key: str) -> None:
    assert why(look(container(), skip={key: "made again"})) == "not canaried: made again (recipe.yml)"


@pytest.mark.parametrize("key", ["worker:/data", "app:/dat", "/data"])
def test_a_declared_skip_of_something_else_skips_nothing_and_is_told(key: str) -> None:
    found = marking.spots(look(container(), skip={key: "made again"}))
    assert len(found.spots) == 1
    assert found.notes == (f"recipe.yml: canary.skip: {key} is no mount of what runs",)


def test_a_skip_that_is_used_is_no_note() -> None:
    assert marking.spots(look(container(), skip={"app:/data": "why"})).notes == ()


@pytest.mark.parametrize("gone", [[], [container(running=False)], [container(service="st_app2")]])
def test_a_service_without_a_running_container_is_listed_with_its_declared_volumes(gone: list[Container]) -> None:
    mounts = (Mount("volume", "data", "/data"), Mount("tmpfs", "", "/run"), Mount("bind", "/x", "/y"))
    found = marking.spots(look(*gone, app=declared(mounts=mounts)))
    assert found.spots == ()
    assert found.rows == (Canary("app", "/data", "st_data", Outcome.SKIP, "not canaried: no running container"),)


def test_of_several_containers_the_newest_of_the_lowest_slot_is_asked() -> None:
    seen = look(
        container(id="ten", slot="10", created=9),
        container(id="two-old", slot="2", created=3),
        container(id="two-new", slot="2", created=5),
        container(id="one-stopped", slot="1", running=False),
    )
    running = seen.running("app")
    assert running is not None
    assert running.id == "two-new"


def test_what_is_mounted_at_a_place_is_the_volume_or_the_kind_or_nothing() -> None:
    seen = look(container(DATA, Mounted("tmpfs", "", "/run/", writable=True)))
    places = [
        Place(name, path, "", "") for name, path in (("app", "/data"), ("app", "/run"), ("app", "/x"), ("b", "/data"))
    ]
    assert [seen.volume(place) for place in places] == ["st_data", "a mount of type tmpfs", None, None]


def test_the_same_volume_is_followed_to_every_other_mount_of_what_runs() -> None:
    worker = container(
        Mounted("volume", "st_data", "/w", writable=False),
        Mounted("volume", "st_x", "/x", writable=True),
        service="st_worker",
    )
    seen = look(container(), worker, app=declared(), worker=declared(name="worker"))
    found = list(marking.same_volume(Place("app", "/data", "files", "st_data"), seen))
    assert found == [Place("worker", "/w", "files", "st_data")]


ROOT = Place("app", "/data", "", "st_data")
PROMISED = Place("app", "/data", "", "st_data", promised=True)
FILES = Place("app", "/data", "files", "st_data", promised=True)
PLAIN, WITH_PG = Folder(0, 0), Folder(0, 0, frozenset({"PG_VERSION"}))


def refused(place: Place, seen: Find, *, enabled: bool = True, **fields: Any) -> str:  # noqa: ANN401 - any field
    return marking.refusal(place, seen, declared=declared(**fields), coverage=Coverage(enabled=enabled))


@pytest.mark.parametrize("place", [ROOT, PROMISED, FILES])
def test_an_ordinary_directory_takes_a_marker(place: Place) -> None:
    assert refused(place, PLAIN) == ""
    assert refused(place, Folder(33, 33, frozenset({"index.html"}))) == ""


@pytest.mark.parametrize(
    ("seen", "reason"),
    [
        (Other(Kind.FILE), "only a single file is promised"),
        (Other(Kind.LINK), "a symbolic link"),
        (Other(Kind.SPECIAL), "neither a file nor a folder"),
        (NotThere(), "files is promised and not there yet"),
    ],
)
def test_what_is_no_directory_takes_none(seen: Find, reason: str) -> None:
    assert refused(FILES, seen) == reason


@pytest.mark.parametrize("name", sorted(marking.DATABASE_FILES))
def test_a_directory_with_an_engines_files_is_a_database(name: str) -> None:
    assert refused(PROMISED, Folder(0, 0, frozenset({name}))) == "a database directory"


@pytest.mark.parametrize("path", sorted(marking.DATABASE_PATHS))
def test_a_directory_where_images_keep_a_database_is_one_though_it_is_empty(path: str) -> None:
    assert refused(Place("app", path, "", "v"), PLAIN, enabled=False) == "a database directory"


@pytest.mark.parametrize(
    ("place", "enabled", "reason"),
    [
        (ROOT, True, "only a dump is promised"),
        (ROOT, False, "a database directory"),
        (PROMISED, True, "a database directory"),
        (FILES, True, "a database directory"),
    ],
)
def test_a_database_of_which_the_labels_promise_something_else_has_a_dump(
    place: Place, *, enabled: bool, reason: str
) -> None:
    assert refused(place, WITH_PG, enabled=enabled) == reason


@pytest.mark.parametrize("image", ["redis:7.2-alpine", "r.example/valkey/valkey:8@sha256:00", "eqalpha/keydb:x"])
def test_a_key_value_stores_data_is_known_by_its_image(image: str) -> None:
    assert marking.is_database(ROOT, declared(image=image))
    assert not marking.is_database(Place("app", "/other", "", "v"), declared(image=image))
    assert not marking.is_database(FILES, declared(image=image))


@pytest.mark.parametrize(
    ("path", "image", "is_one"),
    [
        ("/any", "redis:7", True),
        ("/any", "memcached:1.6", True),
        ("/var/lib/valkey", "app:1", True),
        ("/data", "postgres:16", False),
        ("/data", "example/not-redis:7", False),
    ],
)
def test_a_key_value_store_is_told_from_a_database(path: str, image: str, *, is_one: bool) -> None:
    assert marking.is_key_value(Place("app", path, "", "v"), declared(image=image)) is is_one


def test_another_image_at_the_same_path_is_no_database() -> None:
    assert not marking.is_database(ROOT, declared(image="example/not-redis:7"))


@pytest.mark.parametrize(("pgdata", "is_one"), [("/data/", True), ("/data/pg", False), ("/dat", False), ("", False)])
def test_pgdata_names_a_database_directory(pgdata: str, *, is_one: bool) -> None:
    assert marking.is_database(ROOT, declared(environment={"PGDATA": pgdata})) is is_one


def test_a_directory_within_pgdata_is_the_databases_too() -> None:
    assert marking.is_database(FILES, declared(environment={"PGDATA": "/data"}))
