# The only place that keeps an example host from being built before what is a machine's own has been given: a system with
# the disks of another machine boots into emergency mode, and one without a key lets nobody in. An assertion would not do,
# because the flake's own checks evaluate the example as it is.
{
  config,
  lib,
  pkgs,
  ...
}:
let
  inherit (config.example) placeholders;
  none = pkgs.runCommand "recipeci-host-placeholders" { said = lib.concatLines placeholders; } ''
    printf '%s' "$said" >&2
    exit 1
  '';
in
{
  options.example.placeholders = lib.mkOption {
    type = lib.types.listOf lib.types.str;
    default = [ ];
    example = [ "hosts/hardware.nix: the disks of no machine; make it by nixos-generate-config" ];
    description = ''
      What stands here for a machine's own, each with what to do. While there is one the system evaluates and does not
      build, so that no machine is switched to it.
    '';
  };

  config.system.checks = lib.optional (placeholders != [ ]) none;
}
