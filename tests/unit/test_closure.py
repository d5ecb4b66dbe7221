"""host.closure: what our own package brings along, and what is told where it lacks something."""

from __future__ import annotations

import json
from pathlib import Path

from recipeci.host import closure, command
from recipeci.host.closure import Closure, Image

NIX = Closure(path="/nix/store/p/bin", store=Path("/nix/store"))


def test_without_the_file_programs_are_in_the_usual_folders(tmp_path: Path) -> None:
    found = closure.read(tmp_path / "closure.json")
    assert found == Closure()
    assert found.machine_path == found.path == closure.USUAL


def test_the_file_says_where_programs_and_images_are(tmp_path: Path) -> None:
    images = {"bot": {"name": "base:1", "archive": "/nix/store/b"}}
    text = json.dumps({"path": NIX.path, "store": str(NIX.store), "images": images})
    (tmp_path / "closure.json").write_text(text)
    found = closure.read(tmp_path / "not-there.json", tmp_path / "closure.json", tmp_path)
    assert found == Closure(NIX.path, NIX.store, bot=Image("base:1", Path("/nix/store/b")))


def test_commands_are_looked_up_in_the_closure_alone() -> None:
    assert closure.OWN.path == command.PATH == command.BASE_ENV["PATH"]


def test_what_makes_images_finds_the_machines_programs_after_ours() -> None:
    assert NIX.machine_path == f"/nix/store/p/bin:{closure.NIXOS}:{closure.USUAL}"


def test_the_remedy_fits_who_brings_the_programs() -> None:
    assert Closure().remedy({"tini", "iproute2"}) == "apt-get install iproute2 tini"
    assert "apt-get" not in NIX.remedy({"tini"})
