"""Commands of the documentation: what `nix` and `nixos-rebuild` are given there is an output of the flake."""

from __future__ import annotations

import re
from collections.abc import Mapping

import pytest

from nix.flake import ROOT, SYSTEM, Flake
from nix.repl import ask

PAGES = [ROOT / "README.md", *(ROOT / "docs").glob("*.md")]
COMMAND = re.compile(r"\b(?:nix (run|develop|build)|nixos-rebuild (switch) --flake) \.#([\w.-]+)")
OUTPUTS = f"""{{
  run = lib.attrNames (packages.{SYSTEM} // apps.{SYSTEM});
  develop = lib.attrNames devShells.{SYSTEM};
  build = map (name: "checks.x86_64-linux.${{name}}") (lib.attrNames checks.x86_64-linux);
  switch = lib.attrNames nixosConfigurations;
}}"""
Outputs = Mapping[str, list[str]]


@pytest.fixture(scope="module")
def outputs(nix: Flake) -> Outputs:
    """What each command can be given."""
    (answer,) = ask(nix, [OUTPUTS], given="{ inherit (nixosConfigurations.cc-ci.pkgs) lib; }")
    assert not answer.error
    found: Outputs = answer.value
    return found


def wrong(text: str, outputs: Outputs) -> list[str]:
    """Return what a page gives to a command and is not there."""
    return [name for one, other, name in COMMAND.findall(text) if name not in outputs[one or other]]


def test_every_output_that_the_pages_name_is_there(outputs: Outputs) -> None:
    text = "\n".join(page.read_text() for page in PAGES)
    assert {one or other for one, other, _ in COMMAND.findall(text)} == set(outputs)
    assert wrong(text, outputs) == []


def test_an_output_that_is_not_there_is_found(outputs: Outputs) -> None:
    text = "nix run .#recipecy -- x\nnix develop .#lint -c lint\nnixos-rebuild switch --flake .#ci"
    assert wrong(text, outputs) == ["recipecy", "ci"]
