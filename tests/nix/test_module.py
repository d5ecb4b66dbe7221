"""services.recipeci as NixOS evaluates it: what it makes of a machine, and what it refuses."""

from __future__ import annotations

import json
import re
from pathlib import Path

from recipeci import schemas, service_settings
from recipeci.errors import UsageError
from recipeci.host.cell.confine import DROPPED_CAPABILITIES
from recipeci.recipe import allowlist

from nix import mistakes, service_mistakes
from nix.flake import ROOT, Flake
from nix.modules import asked
from nix.repl import Answer

REFUSED = mistakes.REFUSED | service_mistakes.REFUSED
ACCEPTED = mistakes.ACCEPTED | service_mistakes.ACCEPTED
LACKING = """
lib.concatMap (option: map (part: "${option.name}: no ${part}") (
  lib.filter (part: lib.elem (option.${part} or null) [ null "" ]) [ "description" "type" "default" "example" ]
)) documented
"""
TRIED = {
    "services.recipeci.enable": "false",
    "services.recipeci.package": 'host.pkgs.restic // { meta.mainProgram = "restic"; }',
    "services.recipeci.abra.package": 'abra "0.14.0"',
    "services.recipeci.bridge.enable": "false",
    "services.recipeci.sweep.enable": "false",
    "services.recipeci.settings.cache": '"/srv/recipeci"',
}
"""Values of options whose example is no value, or is what the example host has."""
BASES = {
    "swarm": ("hostMode", "drvs.host"),
    "bridge": ("bridgeMode", "drvs.bridge"),
    "worker": ("bridgeMode", "drvs.bridge"),
    "sweep": ("sweepMode", "drvs.sweep"),
}
"""The machine that has a part, where it is not the example host."""


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
    part = name.removeprefix("services.recipeci.").partition(".")[0]
    base, drv = BASES.get(part, ("host", "drvs.cells"))
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
          (lib.filterAttrs (name: unit: lib.hasPrefix "recipeci" name && unit.serviceConfig.Type == "oneshot")
            (hostMode.config.systemd.services // sweepMode.config.systemd.services))
    """
    (answer,) = asked(nix, question)
    assert answer == Answer({"recipeci-clean": "1h", "recipeci-swarm": "5min", "recipeci-sweep": "3d"}, "")


def test_no_unit_leaves_its_memory_on_disk_and_the_bridges_has_a_bound(nix: Flake) -> None:
    """In a core dump of the bridge is the forge's token; what a cell's app asks for, the worker's unit lets it do."""
    question = """
        lib.mapAttrs (_: unit: lib.mapAttrs (_: toString) (lib.filterAttrs
          (name: _: name == "LimitCORE" || name == "MemoryMax") unit.serviceConfig))
          (lib.filterAttrs (name: _: lib.hasPrefix "recipeci" name)
            (hostMode.config.systemd.services // sweepMode.config.systemd.services))
    """
    (answer,) = asked(nix, question)
    assert answer.error == ""
    assert answer.value == {
        "recipeci-bridge": {"LimitCORE": "0", "MemoryMax": "512M"},
        "recipeci-clean": {"LimitCORE": "0"},
        "recipeci-swarm": {"LimitCORE": "0"},
        "recipeci-sweep": {"LimitCORE": "0"},
        "recipeci-worker": {"LimitCORE": "0:infinity"},
    }


def test_the_worker_lacks_what_every_cell_lacks_and_nothing_else(nix: Flake) -> None:
    """Else a recipe that was granted something would have one verdict by hand and another by a comment."""
    (answer,) = asked(nix, "bridgeMode.config.systemd.services.recipeci-worker.serviceConfig.CapabilityBoundingSet")
    assert sorted(answer.value.removeprefix("~").split()) == sorted(f"CAP_{c.upper()}" for c in DROPPED_CAPABILITIES)


def test_the_settings_say_what_the_options_say_and_name_the_secrets_where_their_units_find_them(nix: Flake) -> None:
    settings, units = asked(
        nix,
        "{ inherit (bridgeMode.config.services.recipeci.settings) database bridge work; }",
        """lib.mapAttrs (_: unit: unit.serviceConfig.LoadCredential)
             (lib.getAttrs [ "recipeci-bridge" "recipeci-sweep" "recipeci-worker" ] (bridged {
               services.recipeci = { sweep.enable = true; worker.cloneCredentialFile = "/run/secrets/clone"; };
             }).config.systemd.services)""",
    )
    credentials = "/run/credentials/recipeci-bridge.service"
    assert settings.value == {
        "database": "/run/recipeci/recipeci.db",
        "bridge": {
            "forge": "https://forge.test",
            "url": "https://bridge.test",
            "listen": service_settings.LISTEN,
            "token_file": f"{credentials}/token",
            "webhook_secret_file": f"{credentials}/webhook-secret",
        },
        "work": {"slots": 1},
    }
    token = "token:/run/secrets/token"
    assert units.value == {
        "recipeci-bridge": [token, "webhook-secret:/run/secrets/webhook"],
        "recipeci-sweep": [token],
        "recipeci-worker": ["clone-credential:/run/secrets/clone"],
    }


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


LISTENED = {
    "listen": {
        "127.0.0.1:8022": True,
        "[::1]:8022": True,
        "ci.example.org:65535": True,
        "127.0.0.1": False,
        ":8022": False,
        "127.0.0.1:0": False,
        "127.0.0.1:65536": False,
        "::1:8022": False,
    },
    "web": {
        "https://git.example.org": True,
        "http://[::1]:3000/a/b/": True,
        "https://git.example.org:8443/forge": True,
        "https://me@git.example.org": False,
        "https://git.example.org/?a": False,
        "ssh://git.example.org": False,
        "git.example.org": False,
    },
}
"""Of each type texts, and whether they are taken; what is taken the schema must take too."""


def test_an_address_is_what_the_schema_takes(nix: Flake) -> None:
    names = [(kind, text) for kind, texts in LISTENED.items() for text in texts]
    (answer,) = asked(nix, f"[ {' '.join(f'(types.{kind}.check {json.dumps(text)})' for kind, text in names)} ]")
    assert answer == Answer([LISTENED[kind][text] for kind, text in names], "")
    patterns = {kind: schemas.load("settings")["$defs"][kind]["pattern"] for kind in LISTENED}
    assert [text for kind, text in names if LISTENED[kind][text] and not re.search(patterns[kind], text)] == []


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
