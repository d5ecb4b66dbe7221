# Whose repositories may bring code that runs. The list is in the store: no run and no pull request can change it.
{
  config,
  lib,
  pkgs,
  ...
}:
let
  cfg = config.services.recipeci;
  types = import ./lib/types.nix { inherit lib; };
in
{
  options.services.recipeci.allowlist = lib.mkOption {
    type = lib.types.listOf types.allowlistLine;
    default = [ ];
    example = [
      "custom-html"
      "gitea https://git.example.org/someone/gitea"
    ];
    description = ''
      Recipes whose own repository may bring tests that run: `RECIPE`, from the forge of
      {option}`services.recipeci.settings`, or `RECIPE SOURCE-URL`, from there alone. Nobody's do where the list is empty.
      It becomes {file}`/etc/recipeci/allowlist`, which only {command}`nixos-rebuild` changes.
    '';
  };

  config = lib.mkIf cfg.enable {
    environment.etc."recipeci/allowlist".source = pkgs.writeText "allowlist" (
      lib.concatLines ([ "# services.recipeci.allowlist; RECIPE [SOURCE-URL]" ] ++ cfg.allowlist)
    );

    services.recipeci.settings.authors.allowlist = lib.mkDefault "/etc/recipeci/allowlist";
  };
}
