# The shells of `nix develop`: `lint`, `test`, and `default` with both and everything else to work on the project.
{
  self,
  lib,
  pkgs,
}:
let
  inherit (self.packages.${pkgs.stdenv.hostPlatform.system}) recipeci;
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
  # The harness of the checkout, with the programs and images of the package.
  checkout.shellHook =
    let
      arguments = [
        pkgs.python3.interpreter
        "${python}/${pkgs.python3.sitePackages}"
        recipeci.closure
      ];
      # Another one where any of them differs: a shell that is open may be using the last.
      name = lib.substring 0 12 (builtins.hashString "sha256" (toString arguments));
    in
    "source ${./checkout.sh} ${toString ([ name ] ++ arguments)}";

  linting = linters ++ [
    lint
    pkgs.gnumake
  ];
  testing = [
    python
    recipeci.programs
    pkgs.gnumake
  ];
in
{
  lint = shell linting { };
  test = shell testing checkout;
  default = shell (linting ++ testing) checkout;
}
