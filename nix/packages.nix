# The only list of the packages: `recipeci` is the harness with all that it runs.
{ pkgs, ... }:
let
  abra = pkgs.callPackage ./abra.nix { };
  recipeci = pkgs.callPackage ./package.nix { inherit abra; };
in
{
  inherit abra recipeci;
  default = recipeci;
}
