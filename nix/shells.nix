# The shells of `nix develop`: `lint`, `test`, and `default` with both and everything else to work on the project.
{ lib, pkgs, ... }:
let
  inherit (pkgs.callPackage ./python.nix { }) python;
  inherit (import ./lint.nix { inherit lib pkgs; }) lint linters;

  shell =
    packages: more:
    pkgs.mkShellNoCC (
      {
        inherit packages;
        RECIPECI_SHELL = "nix"; # tells `make` that there is nothing to set up
      }
      // more
    );
  # The harness of the checkout, not a copy of it in the store.
  checkout.shellHook = "source ${./checkout.sh} ${pkgs.python3.interpreter} ${python}/${pkgs.python3.sitePackages}";

  linting = linters ++ [
    lint
    pkgs.gnumake
  ];
  testing = [
    python
    pkgs.git
    pkgs.gnumake
  ];
in
{
  lint = shell linting { };
  test = shell testing checkout;
  default = shell (linting ++ testing) checkout;
}
