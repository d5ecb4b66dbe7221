# Host mode: this machine's own Docker as a swarm of one node, with what recipes take for granted of a Co-op Cloud server.
{
  config,
  lib,
  options,
  pkgs,
  ...
}:
let
  cfg = config.services.recipeci;
  types = import ./lib/types.nix { inherit lib; };
  docker = config.virtualisation.docker;
  opts = options.services.recipeci.swarm;

  # A default has a priority of its own: what is stronger was set by somebody.
  wasSet = option: option.highestPrio < (lib.mkOptionDefault null).priority;
  setInVain = lib.filter (name: wasSet opts.${name}) (lib.attrNames opts);

  subnet4 = import ./lib/subnet4.nix { inherit lib; };
  subnet = subnet4.read cfg.swarm.subnet;
  smallest = 16;
  # `docker swarm init` gives these addresses to its own network, by which published ports are reached.
  ingress = "10.0.0.0/24";
in
{
  options.services.recipeci = {
    mode = lib.mkOption {
      type = lib.types.enum [
        "cells"
        "host"
      ];
      default = "cells";
      example = "host";
      description = ''
        `cells`: each run makes a swarm of its own, and nothing of this machine's Docker is used; there need be none.

        `host`: this machine's Docker is made a swarm with the network `proxy` too, for what you deploy in it yourself.
        Runs of this version of recipeci are in cells all the same: it cannot yet test in a machine's own swarm.
      '';
    };

    swarm = {
      advertiseAddress = lib.mkOption {
        type = types.address4;
        default = "127.0.0.1";
        example = "192.0.2.7";
        description = ''
          The swarm's manager listens at this address, and names it to other nodes. With the default there can be none. A
          swarm that is there keeps its own.
        '';
      };

      subnet = lib.mkOption {
        type = types.subnet4;
        default = "10.10.0.0/16";
        example = "10.20.0.0/16";
        description = ''
          The network `proxy` gets these addresses. Each service that is reached through the proxy takes some of them, and
          Docker leaks some when stacks are removed side by side: Docker's own 254 are used up within days. So it is /16
          or larger. A network that is there is never changed.
        '';
      };
    };
  };

  config = lib.mkIf cfg.enable (
    lib.mkMerge [
      {
        assertions = [
          {
            assertion = cfg.mode == "host" || setInVain == [ ];
            message = ''
              services.recipeci.swarm.${lib.head (setInVain ++ [ "" ])} is for host mode, and services.recipeci.mode is "cells", where each run makes a swarm of its own.
              Set services.recipeci.mode = "host", or remove what is set of services.recipeci.swarm: ${lib.concatStringsSep ", " setInVain}.
            '';
          }
        ];
      }

      (lib.mkIf (cfg.mode == "host") {
        assertions = [
          {
            assertion = docker.enable;
            message = ''
              services.recipeci.mode = "host" makes a swarm of this machine's Docker, and virtualisation.docker.enable is false.
              Remove that line, or set services.recipeci.mode = "cells", which needs no Docker of the machine's.
            '';
          }
          {
            assertion = !(docker.daemon.settings.live-restore or docker.liveRestore);
            message = ''
              services.recipeci.mode = "host" makes a swarm of this machine's Docker, and Docker does not start as one with live-restore.
              Remove virtualisation.docker.liveRestore = true and any live-restore in virtualisation.docker.daemon.settings.
            '';
          }
          {
            assertion = subnet.prefix >= 8 && subnet.prefix <= smallest;
            message = ''
              services.recipeci.swarm.subnet is ${cfg.swarm.subnet}: the addresses of a network that is smaller than /${toString smallest} are used up while recipes are deployed and removed, and /8 is the largest private one.
              Set one such as "10.10.0.0/16".
            '';
          }
          {
            assertion = subnet.isNetwork;
            message = ''
              services.recipeci.swarm.subnet is ${cfg.swarm.subnet}, an address within the network ${subnet.network}, and Docker takes only a network's own.
              Set one such as "10.10.0.0/16".
            '';
          }
          {
            assertion = !subnet4.overlap subnet (subnet4.read ingress);
            message = ''
              services.recipeci.swarm.subnet is ${cfg.swarm.subnet}, which has addresses of ${ingress}, and those are the network ingress's of every swarm.
              Set one without them, such as "10.10.0.0/16".
            '';
          }
          {
            assertion = config.time.timeZone != null;
            message = ''
              services.recipeci.mode = "host" makes the /etc/timezone and /etc/localtime that recipes mount, and time.timeZone is null.
              Remove that line, so that it is "UTC", or set the zone of this machine.
            '';
          }
        ];
        warnings = [
          ''
            services.recipeci.mode is "host": the swarm of this machine is made, and recipeci still tests every recipe in a cell, because this version of it cannot yet test in a machine's own swarm.
          ''
        ];

        virtualisation.docker = {
          enable = lib.mkDefault true;
          liveRestore = lib.mkDefault false;
        };

        # Recipes mount /etc/timezone and /etc/localtime. NixOS never makes the one, and the other only for a zone that is set.
        time.timeZone = lib.mkDefault "UTC";
        environment.etc.timezone = lib.mkIf (config.time.timeZone != null) {
          text = "${config.time.timeZone}\n";
        };

        systemd.services.recipeci-swarm = {
          description = "Make this machine's Docker a swarm of one node with the network proxy";
          requires = [ "docker.service" ];
          after = [ "docker.service" ];
          wantedBy = [ "multi-user.target" ];
          path = [ docker.package ];
          serviceConfig = import ./lib/hardening.nix // {
            Type = "oneshot";
            RemainAfterExit = true;
            TimeoutStartSec = "5min"; # the boot waits for it, and Docker may hang; swarm.sh waits a minute for it
            ExecStart = "${lib.getExe pkgs.bash} ${./swarm.sh} ${cfg.swarm.advertiseAddress} ${cfg.swarm.subnet}";
            DynamicUser = true;
            # Docker's socket. Whoever may use it can do everything, so that the rest only keeps honest mistakes small.
            SupplementaryGroups = [ "docker" ];
          };
        };
      })
    ]
  );
}
