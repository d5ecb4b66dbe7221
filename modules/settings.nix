# The settings file of the whole machine: the one schema of docs/settings.md, checked while the system is built.
{ self }:
{
  config,
  lib,
  pkgs,
  ...
}:
let
  cfg = config.services.recipeci;
  types = import ./lib/types.nix { inherit lib; };
  format = pkgs.formats.yaml { };
  written = format.generate "settings.yml" cfg.settings;
  # A wrong setting stops nixos-rebuild here, and no unit later.
  checked = pkgs.runCommand "recipeci-settings.yml" { nativeBuildInputs = [ cfg.package ]; } ''
    cp ${written} settings.yml
    recipeci check-config settings.yml || {
      echo "  → correct services.recipeci.settings: docs/settings.md has every key" >&2
      exit 1
    }
    cp settings.yml $out
  '';
  forge = cfg.settings.forge or "";
in
{
  options.services.recipeci.settings = lib.mkOption {
    type = lib.types.submodule {
      freeformType = format.type;
      options.cache = lib.mkOption {
        type = types.folder;
        default = "/var/cache/recipeci";
        example = "/srv/recipeci";
        description = "The folder of the image store and of the runs. It is made where it is missing, for root alone.";
      };
    };
    default = { };
    example = {
      forge = "https://git.example.org/recipes";
      runs.keep_days = 14;
      store.keep_gb = 100;
    };
    description = ''
      The settings of every run on this machine, as `docs/settings.md` lists them; an unknown key or a wrong value stops
      the build of the system. They become {file}`/etc/xdg/recipeci/settings.yml`, which {command}`recipeci` finds by
      itself. Unless they are set here, `abra.program` and `authors.allowlist` are what other options of this module say,
      `overlays` is this flake's package `recipes`. `bridge` and `work` have what options say, and here what has none, such as
      `bridge.poll_seconds`. Everybody can read the file: nothing secret belongs in it.
    '';
  };

  config = lib.mkIf cfg.enable {
    assertions = [
      {
        # check-config refuses it too, once the file, and what is in it, lies in the store.
        assertion = !(lib.isString forge && lib.match "[^/]*//[^/?#]*@.*" forge != null);
        message = ''
          services.recipeci.settings.forge has a login in it, and the settings lie in the Nix store, which everybody can read.
          Give the address without it; recipes are cloned without a login.
        '';
      }
    ];

    services.recipeci.settings.overlays = lib.mkDefault "${self.packages.${pkgs.stdenv.hostPlatform.system}.recipes
    }";

    environment.etc."xdg/recipeci/settings.yml".source = checked;

    systemd.tmpfiles.rules = [ "d ${cfg.settings.cache} 0700 root root -" ];
  };
}
