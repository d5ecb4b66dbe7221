"""hosts/cc-ci.nix: as it is it evaluates and is nobody's; with what a machine's owner gives it is a machine's."""

from __future__ import annotations

from recipeci.model import Settings

from nix.flake import Flake
from nix.repl import Answer, ask

GIVEN = """
rec {
  host = nixosConfigurations.cc-ci;
  inherit (host.pkgs) lib;
  hardware = lib.head (lib.filter (lib.hasSuffix "/hosts/hardware.nix") host.options.example.placeholders.files);
  replaced = {
    disabledModules = [ hardware ];
    fileSystems."/" = { device = "/dev/disk/by-uuid/5b7fd5f6-8a2e-4b34-a2ff-0a43a6a1b1f0"; fsType = "ext4"; };
  };
  with_ = modules: host.extendModules { inherit modules; };
  key.users.users.root.openssh.authorizedKeys.keys = [ "ssh-ed25519 AAAA me" ];
  keyFile.users.users.root.openssh.authorizedKeys.keyFiles = [ hardware ];
  uefi.boot.loader = { systemd-boot.enable = true; efi.canTouchEfiVariables = true; };
  bios.boot.loader.grub.device = "/dev/sda";
  wanting = machine: map (text: lib.head (lib.splitString " has " text)) machine.config.example.placeholders;
  builds = machine: lib.all (check: check.name != "recipeci-host-placeholders") machine.config.system.checks;
  refused = machine: map (one: one.message) (lib.filter (one: !one.assertion) machine.config.assertions);
  evaluates = machine: lib.isString machine.config.system.build.toplevel.drvPath;
}
"""
"""What questions about the host use: what its owner gives, as modules."""
SYSTEM_MB = 2048
"""More than what a machine of the tests writes on its disk, which is not its store."""
HARDWARE, HOST = "hosts/hardware.nix", "hosts/cc-ci.nix"


def asked(flake: Flake, *questions: str) -> list[Answer]:
    return ask(flake, questions, given=GIVEN)


def test_the_example_does_not_build_before_it_is_a_machines(nix: Flake) -> None:
    """What it then says: tests/nix/test_units.py."""
    incomplete = ("host", "with_ [ key ]", "with_ [ replaced uefi ]")
    complete = ("with_ [ replaced uefi key ]", "with_ [ replaced bios key ]", "with_ [ replaced uefi keyFile ]")
    machines = (*incomplete, *complete)
    answers = asked(nix, *(f"let m = {one}; in [ (refused m) (builds m) (wanting m) ]" for one in machines))
    assert [answer.error for answer in answers if answer.error] == []
    assert [answer.value for answer in answers] == [
        [[], False, [HARDWARE, HOST]],
        [[], False, [HARDWARE]],
        [[], False, [HOST]],
        *[[[], True, []]] * len(complete),
    ]


def test_the_example_evaluates_as_it_is_and_not_without_a_boot_loader(nix: Flake) -> None:
    """What nixos-generate-config says of a machine's hardware has none, and NixOS itself refuses that."""
    example, without = asked(nix, "evaluates host", "evaluates (with_ [ replaced key ])")
    assert example == Answer(True, "")  # noqa: FBT003 - a value of Nix's
    assert "You must set the option boot.loader.grub.devices" in without.error


def test_a_machine_of_the_tests_has_the_disk_that_a_run_needs(nix: Flake) -> None:
    """Of its own accord it has 1 GiB."""
    question = """
        map (test: lib.mapAttrsToList (_: node: [
          node.virtualisation.diskSize (node.services.recipeci.settings.runs.min_free_gb or LEAST)
        ]) test.nodes) [ checks.x86_64-linux.vm-boot checks.x86_64-linux.vm-run ]
    """
    (answer,) = asked(nix, question.replace("LEAST", str(Settings().min_free_gb)))
    assert not answer.error
    assert [disk for test in answer.value for disk, free_gb in test if disk < free_gb * 1024 + SYSTEM_MB] == []


def test_the_host_has_what_its_own_update_needs(nix: Flake) -> None:
    features, git = asked(
        nix,
        "host.config.nix.settings.experimental-features",
        "lib.elem host.pkgs.git host.config.environment.systemPackages",
    )
    assert features == Answer(["nix-command", "flakes"], "")
    assert git == Answer(True, "")  # noqa: FBT003 - a value of Nix's
