# The only list of the packages. `recipeci` is the harness with all that it runs; `recipes` is what we know of single
# recipes, apart, so that the one is not built anew because of the other.
{ pkgs, ... }:
let
  abra = pkgs.callPackage ./abra.nix { };
  images = pkgs.callPackage ./images.nix { };
  recipeci = pkgs.callPackage ./package.nix { inherit abra images; };
in
{
  inherit abra recipeci;
  recipes = pkgs.callPackage ./recipes.nix { };
  default = recipeci;
}
