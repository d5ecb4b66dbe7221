# The only place that checks when a timer runs: systemd would find out when it loads the timer, too late and silently.
{ lib, pkgs }:
option: calendar:
pkgs.runCommand "recipeci-calendar" { nativeBuildInputs = [ pkgs.systemd ]; } ''
  systemd-analyze calendar ${lib.escapeShellArg calendar} > $out || {
    # What systemd says of it ends in a carriage return, after which Nix shows nothing.
    echo ${lib.escapeShellArg "services.recipeci.${option} is ${calendar}, which is no calendar event"} >&2
    echo "  → correct services.recipeci.${option}: man systemd.time, Calendar Events" >&2
    exit 1
  }
''
