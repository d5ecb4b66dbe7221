# services.recipeci: what turns a NixOS machine into a host on which recipes are tested. Each part is a file with its
# options and what they do; this one has what all parts share.
{ self }:
{
  config,
  lib,
  pkgs,
  ...
}:
let
  cfg = config.services.recipeci;
  ours = self.packages.${pkgs.stdenv.hostPlatform.system};
in
{
  imports = [
    (lib.modules.importApply ./abra.nix { inherit self; })
    ./allowlist.nix
    ./bridge.nix
    ./cells.nix
    ./clean.nix
    (lib.modules.importApply ./settings.nix { inherit self; })
    ./swarm.nix
    ./sweep.nix
    ./worker.nix
  ];

  options.services.recipeci = {
    enable = lib.mkEnableOption "recipeci, which tests Co-op Cloud recipes in throw-away swarms" // {
      example = true;
    };

    package = lib.mkOption {
      type = lib.types.package;
      default = ours.recipeci;
      defaultText = lib.literalExpression "recipeci.packages.\${system}.recipeci";
      example = lib.literalExpression "recipeci.packages.\${system}.recipeci.override { withChromium = true; }";
      description = ''
        The harness, with all programs that it runs. The command `recipeci` of this machine, its units, and the check of
        {option}`services.recipeci.settings` are of this package.
      '';
    };
  };

  config = lib.mkIf cfg.enable {
    environment.systemPackages = [ cfg.package ];
  };
}
