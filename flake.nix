# Only names what this project gives; what each thing is stands in nix/ and modules/.
{
  description = "CI harness for Co-op Cloud recipes: install, upgrade, backup and restore on a real swarm";

  inputs.nixpkgs.url = "github:NixOS/nixpkgs/nixos-26.05";

  outputs =
    { self, nixpkgs }:
    let
      inherit (nixpkgs) lib;
      eachSystem =
        output:
        lib.genAttrs [ "x86_64-linux" "aarch64-linux" ] (
          system:
          output {
            inherit self lib;
            pkgs = nixpkgs.legacyPackages.${system};
          }
        );
    in
    {
      packages = eachSystem (import ./nix/packages.nix);
      apps = eachSystem (import ./nix/apps.nix);
      devShells = eachSystem (import ./nix/shells.nix);
      checks = eachSystem (import ./nix/checks.nix);
      formatter = eachSystem (args: (import ./nix/lint.nix args).formatter);
      nixosModules.recipeci = lib.modules.importApply ./modules { inherit self; };
      nixosModules.default = self.nixosModules.recipeci;
      nixosConfigurations.cc-ci = lib.nixosSystem {
        system = "x86_64-linux";
        modules = [
          self.nixosModules.recipeci
          ./hosts/cc-ci.nix
        ];
      };
    };
}
