"""host.store.own: where Traefik and the backup bot come from when no registry answers, and which way is first."""

from __future__ import annotations

import struct
from collections.abc import Sequence
from pathlib import Path

import pytest
from recipeci.errors import HostError
from recipeci.host.closure import Closure, Image
from recipeci.host.command import Completed, LocalRunner
from recipeci.host.store import bot, proxy
from recipeci.host.store.own import Sources

from unit.test_store_saved import archive

NOWHERE = "/nonexistent"
ABSENT = "no-such-package"


def sources(**given: object) -> Sources:
    return Sources(Closure(**{"path": NOWHERE, "store": Path("/nix/store"), **given}), LocalRunner())  # type: ignore[arg-type]


def elf(file: Path, *, segments: tuple[int, ...], magic: bytes = proxy.LITTLE_64) -> Path:
    """Write the headers of a program with segments of these types."""
    header = proxy.ELF.pack(magic, 64, 56, len(segments))
    file.write_bytes(header.ljust(64, b"\0") + b"".join(struct.pack("<I52x", kind) for kind in segments))
    file.chmod(0o755)
    return file


def says(folder: Path, text: str) -> Path:
    """Make a `traefik` that prints a text; a script, which only a test takes for a program that stands alone."""
    folder.mkdir(exist_ok=True)
    (folder / "traefik").write_text(f"#!/bin/sh\necho '{text}'\n")
    (folder / "traefik").chmod(0o755)
    return folder


class Says:
    """Answers for a program that is all headers."""

    def run(self, argv: Sequence[str], **_: object) -> Completed:
        assert argv[1:] == ["version"]
        return Completed(tuple(argv), 0, "Version:      3.6.1\nCodename: x\n", "", 0.0)


def test_an_archive_of_the_closure_comes_first(tmp_path: Path) -> None:
    archive(tmp_path / "t.tar", images=[["traefik:v3.6.1"]])
    found = sources(proxy=Image("traefik:v3.6.1", tmp_path / "t.tar"))
    assert found.has_proxy
    own = found.proxy()
    assert (str(own.image), own.program.version, own.program.built_in) == ("traefik:v3.6.1", "3.6.1", True)
    assert own.what == "taken from the closure"


def test_a_stub_in_its_place_is_passed_by(tmp_path: Path) -> None:
    """A set of stubs in nixpkgs' place makes a folder of each package; it must not stand in the way of the others."""
    elf(tmp_path / "traefik", segments=(1,))
    found = Sources(Closure(str(tmp_path), proxy=Image("traefik:v9", tmp_path)), Says())
    assert found.has_proxy
    assert found.proxy().program.version != "9"
    assert found.proxy().what.endswith(": the package was built of stubs and has no image")


@pytest.mark.parametrize("content", [b"", b"\x7fELF", None])
def test_a_broken_image_of_the_package_is_never_passed_by(tmp_path: Path, content: bytes | None) -> None:
    """Else nobody would ever see it: a wheel, Debian or a registry would take its place."""
    if content is not None:
        (tmp_path / "x.tar").write_bytes(content)
    broken = Image("x:1", tmp_path / "x.tar")
    found = sources(proxy=broken, bot=broken)
    assert (found.has_proxy, found.has_bot) == (True, True)
    for part in (found.proxy, found.bot):
        with pytest.raises(HostError, match=r"our own package is broken: .*x\.tar is no archive"):
            part()


def test_the_bots_base_is_the_closures_else_debians(tmp_path: Path) -> None:
    archive(tmp_path / "b.tar", images=[["base:1"]])
    there, stub = Image("base:1", tmp_path / "b.tar"), Image("base:1", tmp_path)
    closures, debians = sources(bot=there).bot(), sources(bot=stub, path="/usr/bin").bot()
    assert closures.what == "made on the closure's base"
    assert debians.what == "made from Debian's packages: the package was built of stubs and has no image"
    assert closures.made_from != debians.made_from
    assert closures.image == debians.image


def test_the_bot_is_made_anew_on_another_base(tmp_path: Path) -> None:
    for name in ("a.tar", "b.tar"):
        archive(tmp_path / name, images=[["base:1"]])
    one, two = (sources(bot=Image("base:1", tmp_path / name)).bot() for name in ("a.tar", "b.tar"))
    assert one.made_from != two.made_from


def test_without_any_way_to_a_bot_the_three_ways_are_named() -> None:
    with pytest.raises(HostError, match="no backup bot") as caught:
        bot.package(can_be_made=False)
    assert "three ways" in caught.value.hint


def test_a_program_that_asks_for_an_interpreter_cannot_stand_alone(tmp_path: Path) -> None:
    assert proxy.is_static(elf(tmp_path / "static", segments=(1, 1)))
    assert not proxy.is_static(elf(tmp_path / "dynamic", segments=(1, proxy.INTERPRETER, 1)))


def test_scripts_and_programs_of_other_machines_are_no_static_programs(tmp_path: Path) -> None:
    assert not proxy.is_static(says(tmp_path / "s", "x") / "traefik")
    assert not proxy.is_static(elf(tmp_path / "old", segments=(1,), magic=b"\x7fELF\x01\x01"))
    (tmp_path / "short").write_bytes(proxy.LITTLE_64)
    assert not proxy.is_static(tmp_path / "short")


def test_without_the_wheel_a_static_program_on_the_path_takes_its_place(tmp_path: Path) -> None:
    program = elf(tmp_path / "traefik", segments=(1,))
    assert proxy.is_there(str(tmp_path), package=ABSENT)

    found = proxy.find(str(tmp_path), Says(), package=ABSENT)
    assert (found.program, found.version, found.origin) == (program, "3.6.1", str(program))


def test_without_wheel_and_program_the_three_ways_are_named(tmp_path: Path) -> None:
    says(tmp_path, "Version: 1")
    assert not proxy.is_there(str(tmp_path), package=ABSENT)
    with pytest.raises(HostError, match="no Traefik") as caught:
        proxy.find(str(tmp_path), LocalRunner(), package=ABSENT)
    assert "three ways" in caught.value.hint
