# The worker: `recipeci work` carries out what the bridge queued. It is root and makes cells; it has no token of the
# forge's, and of the machine's files only those that a run needs.
{
  config,
  lib,
  pkgs,
  ...
}:
let
  cfg = config.services.recipeci;
  inherit (cfg) settings worker;
  types = import ./lib/types.nix { inherit lib; };
  secret = import ./lib/secret.nix { inherit lib; };
  bridge = import ./lib/bridge-unit.nix { inherit config; };
  hardening = import ./lib/hardening.nix;
  root = import ./lib/root.nix;

  abra = settings.abra or { };
  # What the settings name and the store has not.
  named =
    lib.filter
      (path: lib.isString path && lib.hasPrefix "/" path && !lib.hasPrefix "${builtins.storeDir}/" path)
      [
        (settings.images or null)
        (settings.overlays or null)
        (settings.authors.allowlist or null)
        (settings.docker.prefix or null)
        (abra.program or null)
      ];
  # What no cell has either: harness/recipeci/host/cell/confine.py, with which a test compares it. Any other a recipe may
  # be granted, and a verdict must not depend on who began the run.
  dropped = [
    "CAP_BLOCK_SUSPEND"
    "CAP_DAC_READ_SEARCH"
    "CAP_LINUX_IMMUTABLE"
    "CAP_MAC_ADMIN"
    "CAP_MAC_OVERRIDE"
    "CAP_SYSLOG"
    "CAP_SYS_BOOT"
    "CAP_SYS_MODULE"
    "CAP_SYS_RAWIO"
    "CAP_SYS_TIME"
    "CAP_WAKE_ALARM"
  ];
in
{
  options.services.recipeci.worker = {
    enable = lib.mkOption {
      type = lib.types.bool;
      default = cfg.bridge.enable;
      defaultText = lib.literalExpression "config.services.recipeci.bridge.enable";
      example = false;
      description = ''
        Whether {command}`recipeci work` runs, as root: it carries out what {option}`services.recipeci.bridge` queued on this
        machine. Without one, what is queued waits.
      '';
    };

    slots = lib.mkOption {
      type = lib.types.ints.unsigned;
      default = 1;
      example = 2;
      description = ''
        So many runs at a time, 1 at least. Each is a swarm with an app in it: count on 2 processors and 4 GB for each.
      '';
    };

    cloneCredentialFile = lib.mkOption {
      type = lib.types.nullOr types.secretFile;
      default = null;
      example = "/var/lib/secrets/recipeci-clone";
      description = ''
        A file of this machine with one line `https://USER:TOKEN@HOST`, by which private repositories of that host are
        cloned; a token that can read and nothing else. Without it only what is public is cloned. It is given to the worker
        as a credential, and by it to the clone alone.
      '';
    };
  };

  config = lib.mkIf (cfg.enable && worker.enable) {
    assertions = [
      {
        assertion = cfg.bridge.enable;
        message = ''
          services.recipeci.worker.enable is true, and what it carries out is queued by the bridge, which is not enabled on this machine.
          Set services.recipeci.bridge.enable = true with what it needs, or remove that line.
        '';
      }
      {
        assertion = worker.slots > 0;
        message = ''
          services.recipeci.worker.slots is 0, and nothing that is queued would ever run.
          Set 1 or more, or services.recipeci.worker.enable = false.
        '';
      }
      {
        assertion = abra.program or null != "builtin" || abra.builtin_is_final or false;
        message = ''
          services.recipeci.settings.abra.program is "builtin", and a worker deploys by the built-in abra only where that is allowed: what passes with it may fail with the real one.
          Remove that line, so that services.recipeci.abra.package is taken, or set services.recipeci.settings.abra.builtin_is_final = true.
        '';
      }
      (secret.outside {
        option = "worker.cloneCredentialFile";
        file = worker.cloneCredentialFile;
        what = "the line https://USER:TOKEN@HOST";
      })
    ];

    services.recipeci.settings.work = {
      inherit (worker) slots;
    }
    // lib.optionalAttrs (worker.cloneCredentialFile != null) {
      clone_credential_file = "${bridge.secrets "recipeci-worker"}/clone-credential";
    };

    systemd.services.recipeci-worker = {
      description = "Carry out the test runs that the bridge queued";
      wants = [
        "network-online.target"
        "recipeci-bridge.service" # whose start makes the folder of the database
      ];
      after = [
        "network-online.target"
        "recipeci-bridge.service"
      ];
      wantedBy = [ "multi-user.target" ];
      # The unit sees the file as it was when it was started.
      restartTriggers = [ config.environment.etc."recipeci/allowlist".source ];
      serviceConfig =
        removeAttrs hardening [
          "IPAddressDeny" # recipes and images come from anywhere
          "SystemCallArchitectures" # an image may be of 32 bits
        ]
        // root.serviceConfig
        // {
          Type = "exec";
          # In a process namespace of its own the first process gets the orphans of runs that were killed.
          ExecStart = "${lib.getExe pkgs.tini} -- ${lib.getExe cfg.package} work --config ${bridge.settings}";
          LoadCredential = lib.optional (
            worker.cloneCredentialFile != null
          ) "clone-credential:${worker.cloneCredentialFile}";
          Restart = "on-failure";
          RestartSec = "5s";
          RestartPreventExitStatus = 2; # what it was given is wrong, and will be again
          KillMode = "mixed"; # it ends its runs itself; what is left when it has ended goes with it
          TimeoutStopSec = "10min"; # it gives its runs less

          # What it needs beyond the hardening; docs/nixos.md has the reasons, and tests take them away.
          BindPaths = [
            settings.cache
            bridge.shown
          ];
          BindReadOnlyPaths =
            root.serviceConfig.BindReadOnlyPaths
            ++ [
              # Programs of cells and of recipes' scripts, where they are expected.
              "-/bin"
              "-/usr"
              "-/lib"
              "-/lib64"
            ]
            ++ named;
          CapabilityBoundingSet = "~${toString dropped}";
          Delegate = true;
          DelegateSubgroup = "main"; # cells' cgroups are beside it
          DevicePolicy = "closed";
          DeviceAllow = [
            "/dev/net/tun rwm" # a route out of a cell, where the operator grants one
            "char-* m" # to make a node is not to open it
            "block-* m"
          ];
          LimitCORE = "0:infinity"; # none, unless an app asks for them
          LockPersonality = false;
          MemoryDenyWriteExecute = false;
          NoNewPrivileges = false;
          PrivateDevices = false;
          PrivateNetwork = false;
          PrivatePIDs = true;
          PrivateUsers = false;
          ProcSubset = "all";
          ProtectClock = false;
          ProtectControlGroups = false;
          ProtectHostname = false;
          RestrictAddressFamilies = "~AF_VSOCK";
          RestrictNamespaces = "cgroup ipc mnt net pid uts";
          RestrictSUIDSGID = false;
          SystemCallFilter = "~@module @obsolete @raw-io @reboot @swap";
          TasksMax = "infinity"; # a cell has a limit of its own
          UMask = "0022";
        };
    };
  };
}
