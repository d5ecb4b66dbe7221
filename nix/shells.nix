# The shells of `nix develop`: `lint`, `test`, and `default` with both and everything else to work on the project.
{ lib, pkgs, ... }:
let
  inherit (pkgs.callPackage ./python.nix { }) python;
  inherit (import ./lint.nix { inherit lib pkgs; }) lint linters;

  shell =
    packages:
    pkgs.mkShellNoCC {
      inherit packages;
      RECIPECI_SHELL = "nix"; # tells `make` that there is nothing to set up
      # The harness of the checkout, not a copy of it in the store: what runs is what was edited.
      shellHook = ''
        PYTHONPATH=$(git rev-parse --show-toplevel 2> /dev/null || pwd)/harness
        export PYTHONPATH
      '';
    };
  linting = linters ++ [
    lint
    pkgs.git
    pkgs.gnumake
  ];
  testing = [
    python
    pkgs.git
    pkgs.gnumake
  ];
in
{
  lint = shell linting;
  test = shell testing;
  default = shell (linting ++ testing);
}
