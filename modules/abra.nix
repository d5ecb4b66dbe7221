# The abra that deploys.
{ self }:
{
  config,
  lib,
  pkgs,
  ...
}:
let
  cfg = config.services.recipeci;
  oldest = "0.13";
  program = baseNameOf (lib.getExe cfg.abra.package);
in
{
  options.services.recipeci.abra.package = lib.mkOption {
    type = lib.types.package;
    default = self.packages.${pkgs.stdenv.hostPlatform.system}.abra;
    defaultText = lib.literalExpression "recipeci.packages.\${system}.abra";
    example = lib.literalExpression "pkgs.abra";
    description = ''
      Every run deploys by this abra, ${oldest} or later. What recipeci takes for granted of it is checked by
      {command}`recipeci doctor --abra`.
    '';
  };

  config = lib.mkIf cfg.enable {
    assertions = [
      {
        # Any other program has a version, too.
        assertion = program == "abra";
        message = ''
          services.recipeci.abra.package is ${lib.getName cfg.abra.package}, whose program is ${program}, and recipes are deployed by a program abra.
          Remove the line, so that this flake's own abra is taken, or set a package whose meta.mainProgram is "abra".
        '';
      }
      {
        assertion = lib.versionAtLeast (lib.getVersion cfg.abra.package) oldest;
        message = ''
          services.recipeci.abra.package is ${lib.getName cfg.abra.package} ${lib.getVersion cfg.abra.package}, and recipeci needs abra ${oldest} or later.
          Remove the line, so that this flake's own abra is taken, or set a package that is new enough.
        '';
      }
    ];

    services.recipeci.settings.abra.program = lib.mkDefault (lib.getExe cfg.abra.package);
  };
}
