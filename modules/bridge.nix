# The bridge: `recipeci serve` hears of comments under pull requests and answers them. It knows the forge's token and has
# no Docker.
{ config, lib, ... }:
let
  cfg = config.services.recipeci;
  inherit (cfg) bridge;
  types = import ./lib/types.nix { inherit lib; };
  secret = import ./lib/secret.nix { inherit lib; };
  root = import ./lib/root.nix;
  unit = import ./lib/bridge-unit.nix { inherit config; };

  port = lib.toInt (lib.last (lib.splitString ":" bridge.listen));
  clashes = lib.filter (one: one.port == port) (import ./lib/ports.nix { inherit config lib; });
  # On this machine nobody can listen.
  isSafe =
    address: lib.match "https://.*|http://(localhost|127\\.0\\.0\\.1|\\[::1])([:/].*)?" address != null;
  addresses = {
    forge = {
      example = "https://git.example.org";
      what = "the forge's address";
      open = "everybody on the way could read the forge's token";
    };
    url = {
      example = "https://ci.example.org";
      what = "the bridge's own address, as people and the forge see it";
      open = "everybody on the way could change what the forge and people are told";
    };
  };
  # What is said of one of the two: that it is needed, and what it must not be.
  address =
    name:
    {
      example,
      what,
      open,
    }:
    [
      {
        assertion = bridge.${name} != null;
        message = ''
          services.recipeci.bridge.${name} is not set, and the bridge needs ${what}.
          Set one such as "${example}".
        '';
      }
      {
        assertion = bridge.${name} == null || isSafe bridge.${name};
        message = ''
          services.recipeci.bridge.${name} is ${toString bridge.${name}}: over http:// ${open}.
          Set an https:// address; http:// is for this machine alone, as in "http://127.0.0.1:3000".
        '';
      }
    ];
in
{
  options.services.recipeci.bridge = {
    enable = lib.mkOption {
      type = lib.types.bool;
      default = false;
      example = true;
      description = ''
        Whether {command}`recipeci serve` runs: it starts a run where a maintainer comments `!testme` under a pull request,
        and answers there. It queues runs; {option}`services.recipeci.worker` carries them out.
        A repository takes part once {command}`recipeci enroll OWNER/REPO` was called for it.
      '';
    };

    forge = lib.mkOption {
      type = lib.types.nullOr types.web;
      default = null;
      example = "https://git.example.org";
      description = ''
        The forge whose pull requests are tested, Gitea or Forgejo. It must be set, and be `https://` unless it is on this
        machine.
      '';
    };

    url = lib.mkOption {
      type = lib.types.nullOr types.web;
      default = null;
      example = "https://ci.example.org";
      description = ''
        The bridge's own address, as people and the forge see it: links in comments and commit statuses lead there, and
        webhooks are told it. It must be set, and be `https://` unless it is on this machine. What answers there, usually a
        reverse proxy, passes it on to {option}`services.recipeci.bridge.listen`.
      '';
    };

    listen = lib.mkOption {
      type = types.listen;
      default = "127.0.0.1:8022";
      example = "[::1]:8023";
      description = ''
        Where the bridge's web server listens. It speaks plain HTTP: what is not this machine is to reach it through a
        reverse proxy. The firewall is not changed.
      '';
    };

    tokenFile = lib.mkOption {
      type = lib.types.nullOr types.secretFile;
      default = null;
      example = "/var/lib/secrets/recipeci-token";
      description = ''
        A file of this machine with the forge's token, one line. It must be set. systemd gives it to the bridge as a
        credential, so that root alone need read it; {command}`recipeci enroll` says what the token must be able to do.
      '';
    };

    webhookSecretFile = lib.mkOption {
      type = lib.types.nullOr types.secretFile;
      default = null;
      example = "/var/lib/secrets/recipeci-webhook";
      description = ''
        A file of this machine with the secrets by which the forge signs what it tells the bridge, one a line: new webhooks
        get the first, and each is accepted, so that one can be changed. It must be set, and is given as the token is.
      '';
    };
  };

  config = lib.mkIf (cfg.enable && bridge.enable) {
    assertions = lib.concatLists (lib.mapAttrsToList address addresses) ++ [
      (secret.needed {
        option = "bridge.tokenFile";
        file = bridge.tokenFile;
        why = "without a token the bridge can ask the forge nothing";
        what = "the forge's token";
        make = "recipeci enroll says what it must be able to do";
      })
      (secret.needed {
        option = "bridge.webhookSecretFile";
        file = bridge.webhookSecretFile;
        why = "without a secret anybody could tell the bridge of comments that nobody made";
        what = "a secret";
        make = "tr -dc 0-9a-f < /dev/urandom | head -c 64 makes one";
      })
      (secret.outside {
        option = "bridge.tokenFile";
        file = bridge.tokenFile;
        what = "the forge's token";
      })
      (secret.outside {
        option = "bridge.webhookSecretFile";
        file = bridge.webhookSecretFile;
        what = "the webhooks' secret";
      })
      {
        assertion = bridge.tokenFile == null || bridge.tokenFile != bridge.webhookSecretFile;
        message = ''
          services.recipeci.bridge.tokenFile and webhookSecretFile are the same file, and the forge is told the webhooks' secret.
          Write a secret of its own into another file: tr -dc 0-9a-f < /dev/urandom | head -c 64 makes one.
        '';
      }
      {
        assertion = port >= 1024;
        message = ''
          services.recipeci.bridge.listen is ${bridge.listen}, and the bridge is not root, who alone may listen below port 1024.
          Set a port such as 8022, and let a reverse proxy pass services.recipeci.bridge.url on to it.
        '';
      }
      {
        assertion = clashes == [ ];
        message = ''
          services.recipeci.bridge.listen is ${bridge.listen}, and port ${toString port} is taken by ${
            (lib.head (clashes ++ [ { by = ""; } ])).by
          }.
          Give services.recipeci.bridge.listen another port.
        '';
      }
      {
        assertion = dirOf cfg.settings.database == unit.folder;
        message = ''
          services.recipeci.settings.database is ${cfg.settings.database}, and the bridge's unit writes in ${unit.folder} alone.
          Remove that line, or give a file in that folder.
        '';
      }
    ];

    services.recipeci.settings = {
      database = lib.mkDefault "${unit.folder}/recipeci.db";
      bridge = {
        inherit (bridge) forge url listen;
        token_file = "${unit.secrets "recipeci-bridge"}/token";
        webhook_secret_file = "${unit.secrets "recipeci-bridge"}/webhook-secret";
      };
    };

    systemd.tmpfiles.rules = [ root.tmpfiles ];

    systemd.mounts = [
      {
        description = "Where root's commands find the bridge's database";
        what = unit.kept;
        where = unit.folder;
        type = "none";
        options = "bind";
        wants = [ "recipeci-bridge.service" ]; # whose start makes the folder
        after = [ "recipeci-bridge.service" ];
        before = [ "umount.target" ];
        conflicts = [ "umount.target" ];
        wantedBy = [ "multi-user.target" ];
        unitConfig.DefaultDependencies = false; # it is no file system that the boot waits for
      }
    ];

    systemd.services.recipeci-bridge = {
      description = "Answer comments under pull requests with test runs";
      wants = [ "network-online.target" ];
      after = [ "network-online.target" ];
      wantedBy = [ "multi-user.target" ];
      serviceConfig = unit.serviceConfig // {
        Type = "exec";
        ExecStart = "${lib.getExe cfg.package} serve --config ${unit.settings}";
        LoadCredential = [
          "token:${toString bridge.tokenFile}"
          "webhook-secret:${toString bridge.webhookSecretFile}"
        ];
        MemoryMax = "512M"; # it uses 70; what strangers send at most is in it too
        Restart = "on-failure"; # also if it is ended for its memory
        RestartSec = "5s";
        RestartPreventExitStatus = 2; # what it was given is wrong, and will be again
      };
    };
  };
}
