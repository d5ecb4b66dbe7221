"""host.store.entries and made: what an images.yml says, and when an image must be made anew."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml
from recipeci.errors import UsageError
from recipeci.host.store import entries
from recipeci.host.store.entries import Build, Debian, Entries
from recipeci.host.store.layout import Layout
from recipeci.host.store.made import Made
from recipeci.host.store.reference import Reference

from unit.test_store_saved import archive

LAB = Path(__file__).parents[1] / "lab" / "images"


def write(folder: Path, *images: dict[str, Any]) -> Path:
    """Write an images.yml; each `build` gets a folder with a Dockerfile."""
    folder.mkdir(exist_ok=True)
    for image in images:
        if "build" in image and not (folder / image["build"]).exists():
            (folder / image["build"]).mkdir()
            (folder / image["build"] / "Dockerfile").write_text("FROM scratch\n")
    (folder / "images.yml").write_text(yaml.safe_dump({"images": list(images)}))
    return folder


def refs(*names: str) -> list[Reference]:
    return [Reference.parse(name) for name in names]


def test_the_lab_says_what_it_is_made_from() -> None:
    found = entries.read(LAB)
    assert [str(entry.image) for entry in found.entries[:2]] == ["lab/debian:bookworm", "lab/debian:trixie"]
    assert found.entries[0].made_from == Debian("bookworm")
    nginx = found.get(Reference.parse("docker.io/library/nginx:1.26.3"))
    assert nginx is not None
    assert isinstance(nginx.made_from, Build)
    assert [str(base) for base in nginx.made_from.bases] == ["lab/debian:trixie"]


@pytest.mark.parametrize(
    ("image", "sentence"),
    [
        ({"image": "a:1"}, "one of `mmdebstrap`, `build` and `archive` is needed"),
        (
            {"image": "a:1", "build": "a", "mmdebstrap": {"suite": "sid"}},
            "one of `mmdebstrap`, `build` and `archive` is needed",
        ),
        ({"image": "a:1", "buidl": "a"}, "unknown key 'buidl'; did you mean 'build'?"),
        ({"image": "A:1", "build": "a"}, "'A:1' is not an image name"),
        ({"image": "a@sha256:" + "0" * 64, "build": "a"}, "is named by a digest"),
        ({"image": "a:1", "mmdebstrap": {}}, "the key 'suite' is missing"),
        (
            {"image": "a:1", "mmdebstrap": {"suite": "sid", "include": ["--evil"]}},
            "'--evil' does not fit: the name of a Debian package",
        ),
        ({"image": "a:1", "mmdebstrap": {"suite": "sid"}, "args": {}}, "'build' is a dependency of 'args'"),
        ({"image": "a:1", "build": "a", "args": {"V": 1.2}}, "needs text, not a number"),
        ({"image": "a:1", "build": "a", "args": {"A=B": "x"}}, "unknown key 'A=B'"),
        ({"image": "a:1", "build": "a", "prepare": "nothing"}, "nothing is not there"),
        ({"image": "a:1", "build": "a", "prepare": "a/Dockerfile"}, "Dockerfile cannot be executed"),
        ({"image": "a:1", "build": "a", "prepare": "/bin/sh"}, "/bin/sh lies outside"),
        ({"image": "a:1", "build": "a", "archive": "a.tar"}, "one of `mmdebstrap`, `build` and `archive` is needed"),
        ({"image": "a:1", "archive": "a.tar"}, "a.tar is not there"),
        ({"image": "a:1", "archive": "images.yml"}, "images.yml is no archive of an image"),
        ({"image": "a:1", "archive": "a.tar", "args": {}}, "'build' is a dependency of 'args'"),
    ],
)
def test_what_is_wrong_is_named(tmp_path: Path, image: dict[str, Any], sentence: str) -> None:
    with pytest.raises(UsageError) as caught:
        entries.read(write(tmp_path / "images", image))
    assert sentence in caught.value.message
    assert str(caught.value.message).startswith(str(tmp_path / "images" / "images.yml")) or "image name" in sentence


def test_a_folder_outside_or_without_a_dockerfile_is_refused(tmp_path: Path) -> None:
    folder = write(tmp_path / "images")
    (folder / "images.yml").write_text("images: [{image: 'a:1', build: '../outside'}]")
    (tmp_path / "outside").mkdir()
    with pytest.raises(UsageError, match="outside lies outside"):
        entries.read(folder)
    (folder / "images.yml").write_text("images: [{image: 'a:1', build: inside}]")
    (folder / "inside").mkdir()
    with pytest.raises(UsageError, match="Dockerfile is not there"):
        entries.read(folder)


def test_a_folder_without_images_yml_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"images\.yml"):
        entries.read(tmp_path)


def test_a_name_that_is_there_twice_is_refused_however_it_is_written(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"images\[1\]: a:1 is there twice"):
        entries.read(write(tmp_path, {"image": "a:1", "build": "a"}, {"image": "docker.io/a:1", "build": "a"}))


@pytest.mark.parametrize("base", ["b:1", "a:1"])
def test_a_base_must_be_above(tmp_path: Path, base: str) -> None:
    folder = write(tmp_path, {"image": "a:1", "build": "a"}, {"image": "b:1", "build": "b"})
    (folder / "a" / "Dockerfile").write_text(f"FROM {base}\n")
    with pytest.raises(UsageError, match=f"a:1 is FROM {base}, which is not above it"):
        entries.read(folder)


@pytest.mark.parametrize(
    ("dockerfile", "found"),
    [
        ("FROM scratch\nCOPY x /x\n", []),
        ("from a:1\n", ["a:1"]),
        ("# FROM z\n\nFROM --platform=linux/amd64 a:1 AS one\nFROM one\nCOPY --from=one /x /x\n", ["a:1"]),
        ("FROM a:1\nFROM b:1\nCOPY --from=0 /x /x\nCOPY --chown=1 --from=c:1 /x /x\n", ["a:1", "b:1", "c:1"]),
        ("ARG V=1\nARG W\nFROM a:$V\nFROM b:${W}\n", ["a:1", "b:given"]),
        ('ARG W="2"\nFROM a:${W}', ["a:given"]),
        ("FROM \\\n  a:1 \\\n  as x\nFROM X\n", ["a:1"]),
        ("FROM a:1\nRUN echo \\\n  FROM nowhere\n", ["a:1"]),
        ("FROM a:1\nFROM a:1\n", ["a:1"]),
    ],
)
def test_the_bases_of_a_dockerfile(dockerfile: str, found: list[str]) -> None:
    assert [str(base) for base in entries.bases(dockerfile, {"W": "given"})] == found


def test_needed_are_the_bases_of_bases_in_the_order_of_the_file(tmp_path: Path) -> None:
    names = ["base", "other", "middle", "top"]
    folder = write(tmp_path, *({"image": f"{name}:1", "build": name} for name in names))
    (folder / "middle" / "Dockerfile").write_text("FROM base:1\n")
    (folder / "top" / "Dockerfile").write_text("FROM scratch\nCOPY --from=middle:1 /x /x\n")
    known = entries.read(folder)
    assert [entry.image.family for entry in known.needed(refs("top:1"))] == ["base", "middle", "top"]
    assert known.needed(refs("unknown:1")) == ()


@pytest.fixture
def made(tmp_path: Path) -> Path:
    """An images folder with one entry that has all there is."""
    folder = tmp_path / "images"
    folder.mkdir()
    (folder / "prepare").write_text("#!/bin/sh\n")
    (folder / "prepare").chmod(0o755)
    write(folder, {"image": "a:1", "build": "a", "args": {"V": "1"}, "prepare": "prepare"})
    (folder / "a" / "file").write_text("one")
    return folder


def digest(folder: Path, *, bases: dict[str, str] | None = None, machine: str = "x86_64") -> str:
    (entry,) = entries.read(folder).entries
    return entries.digest(entry, bases=bases or {}, machine=machine)


def make_link(folder: Path) -> None:
    (folder / "a" / "file").unlink()
    (folder / "a" / "file").symlink_to("one")


def edit_args(folder: Path) -> None:
    text = (folder / "images.yml").read_text()
    (folder / "images.yml").write_text(text.replace("V: '1'", "V: '2'"))


@pytest.mark.parametrize(
    "change",
    [
        pytest.param(lambda folder: (folder / "a" / "file").write_text("two"), id="content"),
        pytest.param(lambda folder: (folder / "a" / "file").chmod(0o755), id="mode"),
        pytest.param(lambda folder: (folder / "a" / "file").rename(folder / "a" / "name"), id="name"),
        pytest.param(lambda folder: (folder / "a" / "empty").mkdir(), id="empty folder"),
        pytest.param(make_link, id="link instead of a file"),
        pytest.param(lambda folder: (folder / "prepare").write_text("#!/bin/sh -e\n"), id="script"),
        pytest.param(edit_args, id="argument"),
    ],
)
def test_the_digest_changes_with_what_the_image_is_made_from(made: Path, change: Callable[[Path], object]) -> None:
    before = digest(made)
    change(made)
    assert digest(made) != before


def test_the_digest_changes_with_a_base_and_the_kind_of_machine(made: Path) -> None:
    assert len({digest(made), digest(made, bases={"b:1": "x"}), digest(made, machine="aarch64")}) == 3


def test_the_digest_is_the_same_elsewhere_and_later(made: Path, tmp_path: Path) -> None:
    copy = tmp_path / "copy"
    shutil.copytree(made, copy, copy_function=shutil.copy)  # with new times
    assert digest(copy) == digest(made)


def test_the_digest_changes_with_an_archives_content(tmp_path: Path) -> None:
    file = archive(tmp_path / "a.tar", images=[["a:1"]]).file
    before = digest(write(tmp_path, {"image": "a:1", "archive": "a.tar"}))
    archive(file, images=[None])
    assert digest(tmp_path) != before


def test_packages_of_a_base_system_count_and_their_order_does_not(tmp_path: Path) -> None:
    def base(*include: str) -> str:
        return digest(write(tmp_path, {"image": "a:1", "mmdebstrap": {"suite": "sid", "include": list(include)}}))

    assert base("curl", "git") == base("git", "curl")
    assert base("curl") != base("git")


class Names(Layout):
    """A store of which only the names matter."""

    def __init__(self, ids: dict[str, str]) -> None:
        super().__init__(Path("/nowhere"))
        self.ids = ids

    def id_of(self, ref: Reference) -> str | None:
        return self.ids.get(ref.key)


@pytest.fixture
def chain(tmp_path: Path) -> Entries:
    folder = write(tmp_path / "images", {"image": "base:1", "build": "base"}, {"image": "top:1", "build": "top"})
    (folder / "top" / "Dockerfile").write_text("FROM base:1\n")
    return entries.read(folder)


def stale(made: Made, chain: Entries) -> list[str]:
    return [entry.image.family for entry in made.stale(chain.entries, wanted={"top:1"})]


def test_what_was_made_from_the_same_and_is_still_there_is_not_made_again(tmp_path: Path, chain: Entries) -> None:
    made = Made(tmp_path / "made", Names({"base:1": "1", "top:1": "2"}))
    assert stale(made, chain) == ["base", "top"]
    for entry in chain.entries:
        made.note(entry.image, made_from=made.digests(chain.entries)[entry.image.key])
    assert stale(made, chain) == []


def test_an_image_whose_name_went_to_another_is_made_again(tmp_path: Path, chain: Entries) -> None:
    names = Names({"base:1": "1", "top:1": "2"})
    made = Made(tmp_path / "made", names)
    for entry in chain.entries:
        made.note(entry.image, made_from=made.digests(chain.entries)[entry.image.key])
    names.ids["top:1"] = "3"
    assert stale(made, chain) == ["top"]
    names.ids = {"top:1": "2"}
    assert stale(made, chain) == []  # its base is needed only to make it


def test_a_note_that_was_half_written_counts_for_nothing(tmp_path: Path, chain: Entries) -> None:
    made = Made(tmp_path / "made", Names({"base:1": "1", "top:1": "2"}))
    for entry in chain.entries:
        made.note(entry.image, made_from=made.digests(chain.entries)[entry.image.key])
    (tmp_path / "made" / "top:1.json").write_text('{"image": "to')
    assert stale(made, chain) == ["top"]


def test_the_documented_example_is_one(tmp_path: Path) -> None:
    text = (Path(__file__).parents[2] / "docs" / "images.md").read_text()
    write(tmp_path, {"image": "x:1", "build": "nginx"})
    (tmp_path / "images.yml").write_text(text.partition("```yaml\n")[2].partition("```")[0])
    (tmp_path / "bring-files").touch(mode=0o755)
    archive(tmp_path / "shop.tar", images=[["shop:2.0"]])
    names = [str(entry.image) for entry in entries.read(tmp_path).entries]
    assert names == ["lab/debian:bookworm", "nginx:1.22.1", "shop:2.0"]
