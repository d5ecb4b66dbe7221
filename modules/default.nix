# services.recipeci: what turns a NixOS machine into a host on which recipes are tested.
{ self }:
{ lib, ... }:
{
  options.services.recipeci.enable = lib.mkEnableOption "recipeci, which tests Co-op Cloud recipes in throw-away swarms";
}
