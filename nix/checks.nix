# What `nix flake check` builds: lint, every package with its tests, every shell, the example host, and every file of
# nix/tests/ as a test with machines.
{
  self,
  lib,
  pkgs,
}:
let
  inherit (pkgs.stdenv.hostPlatform) system;

  named = kind: lib.mapAttrs' (name: lib.nameValuePair "${kind}-${name}");
  # Another name for a package is no other check.
  packages = removeAttrs self.packages.${system} [ "default" ];
  # A new test is a new file: a function of what this one is given too, to a test of NixOS's framework.
  machines = lib.mapAttrs' (
    file: _:
    lib.nameValuePair (lib.removeSuffix ".nix" file) (
      pkgs.testers.runNixOSTest (import (./tests + "/${file}") { inherit self lib pkgs; })
    )
  ) (lib.optionalAttrs (lib.pathExists ./tests) (builtins.readDir ./tests));
  # As if what is a machine's own had been given; without it no host builds.
  given =
    host:
    host.extendModules {
      modules = lib.optional (host.options ? example) { example.placeholders = lib.mkForce [ ]; };
    };
  hosts = lib.filterAttrs (
    _: host: host.pkgs.stdenv.hostPlatform.system == system
  ) self.nixosConfigurations;
in
{
  lint = (import ./lint.nix { inherit lib pkgs; }).check;
}
// packages.recipeci.tests or { }
// named "package" packages
// named "shell" self.devShells.${system}
// named "host" (lib.mapAttrs (_: host: (given host).config.system.build.toplevel) hosts)
// named "vm" machines
