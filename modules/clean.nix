# The timer that removes what killed runs left, old runs, and images that nobody used for long.
{
  config,
  lib,
  pkgs,
  ...
}:
let
  cfg = config.services.recipeci;
  hardening = import ./lib/hardening.nix;
  calendar = import ./lib/calendar.nix { inherit lib pkgs; };
in
{
  options.services.recipeci.clean = {
    enable = lib.mkOption {
      type = lib.types.bool;
      default = true;
      example = false;
      description = ''
        Whether {command}`recipeci clean` runs by a timer. Without it the next run clears up after killed ones, and
        nothing keeps the image store within `store.keep_gb` of {option}`services.recipeci.settings`.
      '';
    };

    calendar = lib.mkOption {
      type = lib.types.nonEmptyStr;
      default = "hourly";
      example = "*-*-* 04:00:00";
      description = ''
        When it runs, as {manpage}`systemd.time(7)` writes it; what was missed while the machine was off is made up for.
        It may run while recipes are tested: what is in use stays.
      '';
    };
  };

  config = lib.mkIf (cfg.enable && cfg.clean.enable) {
    system.checks = [ (calendar "clean.calendar" cfg.clean.calendar) ];

    systemd.services.recipeci-clean = {
      description = "Remove what killed recipe tests left, old ones, and images that nobody used for long";
      restartIfChanged = false; # a switch in the middle of it does not end it
      serviceConfig = hardening // {
        Type = "oneshot";
        TimeoutStartSec = "1h"; # while one hangs, the timer starts no other
        ExecStart = "${lib.getExe cfg.package} clean --config /etc/xdg/recipeci/settings.yml";

        # What it needs beyond that; docs/nixos.md has the reasons, and a test takes each away.
        ProtectSystem = "full";
        ProtectHome = false;
        PrivateTmp = false;
        PrivateUsers = false;
        ProtectControlGroups = false;
        RestrictNamespaces = "ipc mnt pid uts";
        CapabilityBoundingSet = [
          "CAP_CHOWN"
          "CAP_DAC_OVERRIDE"
          "CAP_FOWNER"
          "CAP_SYS_ADMIN"
        ];
        SystemCallFilter = hardening.SystemCallFilter ++ [
          "@chown"
          "@mount"
          "capset"
        ];
      };
    };

    systemd.timers.recipeci-clean = {
      description = "When recipeci clears up";
      wantedBy = [ "timers.target" ];
      timerConfig = {
        OnCalendar = cfg.clean.calendar;
        Persistent = true;
      };
    };
  };
}
