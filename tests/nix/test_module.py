"""services.recipeci as NixOS evaluates it: what it makes of a machine, and what it refuses."""

from __future__ import annotations

import json
import re
from pathlib import Path

from recipeci.errors import UsageError
from recipeci.recipe import allowlist

from nix.flake import ROOT, Flake
from nix.repl import Answer, ask

HOST = 'mode = "host";'
GIVEN = """
rec {
  host = nixosConfigurations.cc-ci;
  inherit (host.pkgs) lib;
  types = import MODULES/lib/types.nix { inherit lib; };
  drv = machine: machine.config.system.build.toplevel.drvPath;
  machine = module: host.extendModules { modules = [ module ]; };
  system = module: drv (machine module);
  ours = options: system { services.recipeci = options; };
  abra = version: host.pkgs.restic // { inherit version; name = "abra-${version}"; };
  hostMode = machine { services.recipeci.mode = "host"; };
  drvs = { cells = drv host; host = drv hostMode; };
  documented = lib.filter (option: option.visible && !option.internal)
    (lib.optionAttrSetToDocList host.options.services.recipeci);
}
"""
LACKING = """
lib.concatMap (option: map (part: "${option.name}: no ${part}") (
  lib.filter (part: lib.elem (option.${part} or null) [ null "" ]) [ "description" "type" "default" "example" ]
)) documented
"""
TRIED = {
    "services.recipeci.enable": "false",
    "services.recipeci.package": 'host.pkgs.restic // { meta.mainProgram = "restic"; }',
    "services.recipeci.abra.package": "host.pkgs.restic",
    "services.recipeci.settings.cache": '"/srv/recipeci"',
}
"""Values of options whose example is no value, or is what the example host has."""
REFUSED = {
    "wrong type": ('ours { enable = "yes"; }', "services.recipeci.enable is not of type boolean"),
    "unknown option": ("ours { enabel = true; }", "services.recipeci.enabel does not exist.*Did you mean .*enable"),
    "password in the store": (
        'ours { settings.forge = "https://me:secret@git.example.org/x"; }',
        "settings.forge has a login in it, and the settings lie in the Nix store.*Give the address without it",
    ),
    "token in the store": (
        'ours { settings.forge = "https://0123abc@git.example.org/x"; }',
        "settings.forge has a login in it",
    ),
    "user in the store": (
        'ours { settings.forge = "ssh://git@git.example.org/x"; }',
        "settings.forge has a login in it",
    ),
    "live-restore": (
        f"system {{ services.recipeci.{HOST} virtualisation.docker.liveRestore = true; }}",
        "Docker does not start as one with live-restore. Remove virtualisation.docker.liveRestore = true",
    ),
    "live-restore by the daemon's own settings": (
        f"system {{ services.recipeci.{HOST} virtualisation.docker.daemon.settings.live-restore = true; }}",
        "Docker does not start as one with live-restore.*live-restore in virtualisation.docker.daemon.settings",
    ),
    "cells and host mode": (
        'ours { mode = "cells"; swarm.subnet = "10.20.0.0/16"; }',
        "swarm.subnet is for host mode, and .*mode is .cells.*Set .*mode = .host., or remove what is set .*: subnet",
    ),
    "cells and host mode by two modules": (
        'system { imports = [ { services.recipeci.mode = "cells"; } { services.recipeci.mode = "host"; } ]; }',
        "services.recipeci.mode has conflicting definition values.*Use lib.mkForce value",
    ),
    "abra too old": (
        'ours { abra.package = abra "0.12.1"; }',
        "abra.package is .* 0.12.1, and recipeci needs abra 0.13 or later. Remove the line",
    ),
    "allowlist line": (
        'ours { allowlist = [ "custom-html" "Gitea https://git.example.org/x" ]; }',
        "allowlist.*is not of type line RECIPE or RECIPE https://SOURCE",
    ),
    "network too small": (
        f'ours {{ {HOST} swarm.subnet = "10.10.0.0/24"; }}',
        "swarm.subnet is 10.10.0.0/24: .* smaller than /16 .*Set one such as .10.10.0.0/16",
    ),
    "no network's address": (
        f'ours {{ {HOST} swarm.subnet = "10.20.0.1/16"; }}',
        "swarm.subnet is 10.20.0.1/16, an address within the network 10.20.0.0/16, .*Set one such as .10.10.0.0/16",
    ),
    "network of the swarm's own": (
        f'ours {{ {HOST} swarm.subnet = "10.0.0.0/16"; }}',
        "swarm.subnet is 10.0.0.0/16, which has addresses of 10.0.0.0/24, .*Set one without them, such as .10.10",
    ),
    "an address in a network of the swarm's own": (
        f'ours {{ {HOST} swarm.subnet = "10.10.0.0/12"; }}',
        "an address within the network 10.0.0.0/12, .*which has addresses of 10.0.0.0/24",
    ),
    "octal subnet": (
        f'ours {{ {HOST} swarm.subnet = "10.08.0.0/16"; }}',
        "swarm.subnet is not of type IPv4 subnet, such as .10.10.0.0/16",
    ),
    "no time zone": (
        f"system {{ services.recipeci.{HOST} time.timeZone = lib.mkForce null; }}",
        "/etc/timezone and /etc/localtime that recipes mount, and time.timeZone is null. Remove that line",
    ),
    "advertise address": (
        f'ours {{ {HOST} swarm.advertiseAddress = "127.0.0.256"; }}',
        "swarm.advertiseAddress is not of type IPv4 address, such as .192.0.2.7",
    ),
    "cache path": (
        'ours { settings.cache = "var/cache/recipeci"; }',
        "settings.cache is not of type absolute path, in quotes, such as ./srv/recipeci",
    ),
    "swarm without Docker": (
        f"system {{ services.recipeci.{HOST} virtualisation.docker.enable = false; }}",
        "virtualisation.docker.enable is false. Remove that line, or set services.recipeci.mode = .cells",
    ),
}
"""Each with an expression that must fail, and what must be said, as a regular expression."""
ACCEPTED = {
    "the example host": "ours { }",
    "host mode": f"ours {{ {HOST} }}",
    "another subnet": f'ours {{ {HOST} swarm.subnet = "10.20.0.0/14"; swarm.advertiseAddress = "192.0.2.7"; }}',
    "the upper half of the swarm's own": f'ours {{ {HOST} swarm.subnet = "10.128.0.0/9"; }}',
    "no time zone in cells": "system { time.timeZone = lib.mkForce null; }",
    "a forge with an @ in a path": 'ours { settings.forge = "https://git.example.org/@team"; }',
    "abra just new enough": 'ours { abra.package = abra "0.13.0-beta"; }',
    "a sourced allowlist": 'ours { allowlist = [ "gitea https://git.example.org/someone/gitea" ]; }',
}


def given(flake: Flake) -> str:
    """Return the names that questions about the module use."""
    return GIVEN.replace("MODULES", f"{flake.folder}/modules")


def asked(flake: Flake, *questions: str) -> list[Answer]:
    return ask(flake, questions, given=given(flake))


def lacking(flake: Flake) -> list[str]:
    """Return what is missing in the documentation of the module's options."""
    (answer,) = asked(flake, LACKING)
    assert not answer.error
    assert isinstance(answer.value, list)
    return answer.value


def unread(flake: Flake, *, below: str = "services.recipeci.") -> list[str]:
    """Return the options with which the machine is the same whatever they say."""
    (found,) = asked(flake, "map (option: option.name) documented")
    names = [name for name in found.value if name.startswith(below)]
    answers = asked(flake, *(_changes(name) for name in names))
    assert [answer.error for answer in answers if answer.error] == []
    return [name for name, answer in zip(names, answers, strict=True) if not answer.value]


def _changes(name: str) -> str:
    """Ask whether another value of an option makes another machine."""
    path = " ".join(f'"{part}"' for part in name.split("."))
    value = TRIED.get(name, f"(lib.attrByPath [ {path} ] null host.options).example")
    other = f"{{ modules = [ (lib.setAttrByPath [ {path} ] (lib.mkForce ({value}))) ]; }}"
    base, drv = ("hostMode", "drvs.host") if ".swarm." in name else ("host", "drvs.cells")
    return f"drv ({base}.extendModules {other}) != {drv}"


def test_every_option_says_what_it_does_with_type_default_and_example(nix: Flake) -> None:
    assert lacking(nix) == []


def test_the_page_lists_every_option_with_its_default(nix: Flake) -> None:
    question = "map (option: [ (lib.removePrefix ''services.recipeci.'' option.name) option.default.text ]) documented"
    (found,) = asked(nix, question)
    page = (ROOT / "docs" / "nixos.md").read_text()
    listed = dict(re.findall(r"^\| `([\w.]+)` \| (.+?) \|", page.partition("## What the units may")[0], re.MULTILINE))
    assert sorted(listed) == sorted(name for name, _ in found.value)
    plain = {name: text.strip('"') for name, text in found.value if not name.endswith("package")}
    assert {name: text.strip("`") for name, text in listed.items() if name in plain} == plain


def test_every_option_changes_the_machine(nix: Flake) -> None:
    assert unread(nix) == []


def test_an_option_that_nothing_reads_or_documents_is_found(copy: Flake) -> None:
    """The control of the two above."""
    idle = 'idle = lib.mkOption { type = lib.types.str; default = "a"; example = "b"; };'
    copy.change("modules/clean.nix", old="    enable = lib.mkOption", new=f"    {idle}\n    enable = lib.mkOption")
    assert lacking(copy) == ["services.recipeci.clean.idle: no description"]
    assert unread(copy, below="services.recipeci.clean.") == ["services.recipeci.clean.idle"]


def test_mistakes_are_refused_and_what_is_no_mistake_is_not(nix: Flake) -> None:
    answers = asked(nix, *(question for question, _ in REFUSED.values()), *ACCEPTED.values())
    refused = dict(zip(REFUSED, answers, strict=False))
    accepted = dict(zip(ACCEPTED, answers[len(REFUSED) :], strict=True))
    assert {name: answer.error for name, answer in accepted.items() if answer.error} == {}
    said = {name: answer.error or "nothing" for name, answer in refused.items()}
    assert {name: text for name, text in said.items() if not re.search(REFUSED[name][1], text)} == {}


def test_no_unit_that_hangs_holds_the_boot_or_its_timer_for_ever(nix: Flake) -> None:
    """Where nothing is said, a oneshot has no bound."""
    question = """
        lib.mapAttrs (_: unit: unit.serviceConfig.TimeoutStartSec or "none")
          (lib.filterAttrs (name: _: lib.hasPrefix "recipeci" name) hostMode.config.systemd.services)
    """
    (answer,) = asked(nix, question)
    assert answer == Answer({"recipeci-clean": "1h", "recipeci-swarm": "5min"}, "")


def test_the_page_lists_every_mistake_that_is_refused() -> None:
    page = (ROOT / "docs" / "nixos.md").read_text()
    (listed,) = re.findall(r"^Refused while the system is evaluated: (.*?)\.$", page, re.MULTILINE | re.DOTALL)
    assert sorted(" ".join(listed.split()).split("; ")) == sorted(REFUSED)


GOOD_LINES = (
    "custom-html",
    "gitea https://git.example.org/a/gitea",
    "x1 http://localhost:3000/a/b.git",
    "a  https://h/a/",
)
BAD_LINES = (
    *("", "A", "-a", "a b", "# a", "a ", "a https://h/a b", "a ssh://h/a", "a https://h", "a https://u:p@h/a"),
    *("a https://h/a?b", "a https://h/a#b", "a" * 64, "a\nb", "a https://h/ä"),
)


def test_a_line_of_the_allowlist_is_what_the_harness_reads(nix: Flake, tmp_path: Path) -> None:
    lines = (*GOOD_LINES, *BAD_LINES)
    words = " ".join(json.dumps(line, ensure_ascii=False) for line in lines)
    (answer,) = asked(nix, f"map types.allowlistLine.check [ {words} ]")
    assert answer == Answer([True] * len(GOOD_LINES) + [False] * len(BAD_LINES), "")
    assert [line for line in GOOD_LINES if not _harness_reads(line, tmp_path / "list")] == []


def _harness_reads(line: str, file: Path) -> bool:
    """Say whether the harness takes a line for one entry."""
    file.write_text(f"{line}\n")
    try:
        return len(allowlist.read(file, forge="https://forge.test", local_code=False).entries) == 1
    except UsageError:
        return False


def test_what_the_options_say_is_in_the_settings(nix: Flake) -> None:
    settings, default = asked(
        nix,
        '(machine { services.recipeci.settings.overlays = "/srv/overlays"; }).config.services.recipeci.settings',
        "host.config.services.recipeci.settings.overlays == toString packages.x86_64-linux.recipes",
    )
    assert settings.value["authors"] == {"allowlist": "/etc/recipeci/allowlist"}
    assert settings.value["abra"]["program"].endswith("/bin/abra")
    assert (settings.value["cache"], settings.value["overlays"]) == ("/var/cache/recipeci", "/srv/overlays")
    assert default == Answer(True, "")  # noqa: FBT003 - a value of Nix's
