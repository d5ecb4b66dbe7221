# The timer that has the newest version of every enrolled recipe tested: images break what is published, too.
{
  config,
  lib,
  pkgs,
  ...
}:
let
  cfg = config.services.recipeci;
  unit = import ./lib/bridge-unit.nix { inherit config; };
  calendar = import ./lib/calendar.nix { inherit lib pkgs; };
  # The same settings, with the token where this unit has it.
  settings = pkgs.runCommand "recipeci-sweep-settings.yml" { } ''
    sed 's#${unit.secrets "recipeci-bridge"}/#${unit.secrets "recipeci-sweep"}/#' ${unit.settings} > $out
  '';
in
{
  options.services.recipeci.sweep = {
    enable = lib.mkOption {
      type = lib.types.bool;
      default = false;
      example = true;
      description = ''
        Whether {command}`recipeci sweep` runs by a timer: it queues a run of the newest version of every enrolled recipe,
        and says which turned red since the last time. {option}`services.recipeci.bridge` must run too.
      '';
    };

    calendar = lib.mkOption {
      type = lib.types.nonEmptyStr;
      default = "weekly";
      example = "Sat *-*-* 02:00:00";
      description = ''
        When it runs, as {manpage}`systemd.time(7)` writes it; what was missed while the machine was off is made up for.
      '';
    };
  };

  config = lib.mkIf (cfg.enable && cfg.sweep.enable) {
    assertions = [
      {
        assertion = cfg.bridge.enable;
        message = ''
          services.recipeci.sweep.enable is true, and what it queues is kept and followed by the bridge, which is not enabled.
          Set services.recipeci.bridge.enable = true with what it needs, or remove that line.
        '';
      }
    ];

    system.checks = [ (calendar "sweep.calendar" cfg.sweep.calendar) ];

    systemd.services.recipeci-sweep = {
      description = "Queue a test of the newest version of every enrolled recipe";
      wants = [ "network-online.target" ];
      after = [
        "network-online.target"
        "recipeci-bridge.service"
      ];
      restartIfChanged = false; # a switch in the middle of it does not end it
      serviceConfig = unit.serviceConfig // {
        Type = "oneshot";
        TimeoutStartSec = "3d"; # it waits for all its runs; while one hangs, the timer starts no other
        ExecStart = "${lib.getExe cfg.package} sweep --config ${settings}";
        LoadCredential = [ "token:${toString cfg.bridge.tokenFile}" ];
        # Every program, of which it starts one, is started by setpriv.
        SystemCallFilter = unit.serviceConfig.SystemCallFilter ++ [ "capset" ];
      };
    };

    systemd.timers.recipeci-sweep = {
      description = "When every enrolled recipe is tested";
      wantedBy = [ "timers.target" ];
      timerConfig = {
        OnCalendar = cfg.sweep.calendar;
        Persistent = true;
      };
    };
  };
}
