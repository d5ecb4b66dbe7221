# What `nix run .#NAME` starts beside the packages' own main programs.
{
  lib,
  self,
  pkgs,
  ...
}:
let
  inherit (self.packages.${pkgs.stdenv.hostPlatform.system}) recipeci;
in
{
  miniabra = {
    type = "app";
    program = lib.getExe' recipeci "miniabra";
    meta.description = "A small abra, with the commands that recipeci uses";
  };
}
