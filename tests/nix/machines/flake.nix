# Variants of the example host for tests/nix/machines.py, which puts the paths of this machine in: the checkout, a folder
# with Docker's programs, and the two folders in which the stand-in for nixpkgs has everything it makes.
{
  inputs = {
    docker = {
      url = "path:DOCKER";
      flake = false;
    };
    nixpkgs.url = "github:NixOS/nixpkgs/nixos-26.05";
    recipeci = {
      url = "CHECKOUT";
      inputs.nixpkgs.follows = "nixpkgs";
    };
  };
  outputs =
    {
      docker,
      nixpkgs,
      recipeci,
      ...
    }:
    let
      inherit (nixpkgs) lib;
      machine = module: recipeci.nixosConfigurations.cc-ci.extendModules { modules = [ module ]; };
      check =
        name: module: lib.findFirst (check: check.name == name) null (machine module).config.system.checks;

      # What boots in a container of the machine that tests: its store lies in a home folder, its programs are Debian's or
      # lie beside the store, and its Docker is no package.
      inGuest =
        { pkgs, ... }:
        let
          package = pkgs.runCommand "docker-of-make-setup" { } ''
            mkdir -p $out/bin
            ln -s ${docker}/* $out/bin
          '';
          programs = [
            "-/bin"
            "/etc/alternatives"
            "/etc/ld.so.cache"
            "-/lib"
            "-/lib64"
            "/usr"
            "BESIDE"
          ];
        in
        {
          systemd.services = {
            recipeci-guest = {
              before = [
                "docker.service"
                "recipeci-bridge.service"
                "recipeci-clean.service"
              ];
              wantedBy = [ "sysinit.target" ];
              unitConfig.DefaultDependencies = false;
              serviceConfig = {
                Type = "oneshot";
                ExecStart = "/bin/sh ${./prepare.sh}";
              };
            };
            docker.path = [ package ];
          }
          //
            lib.mapAttrs
              (_: seen: {
                serviceConfig = {
                  ProtectHome = lib.mkForce false;
                  BindReadOnlyPaths = seen;
                };
              })
              {
                recipeci-bridge = programs;
                recipeci-sweep = programs;
                recipeci-swarm = [ ];
                recipeci-worker = programs;
              };
          services.recipeci.settings.docker.prefix = "${package}";
          virtualisation.docker = {
            inherit package;
            daemon.settings = {
              data-root = "/run/docker-data";
              iptables = false;
            };
          };
          environment.etc =
            lib.genAttrs' [
              "forge.py"
              "guest.sh"
              "killed.py"
            ] (name: lib.nameValuePair "recipeci-guest/${name}" { text = lib.readFile (./. + "/${name}"); })
            // {
              "recipeci-guest/lab".source = pkgs.runCommand "lab" { } "cp -r ${./lab} $out";
            };
        };

      # The double of a forge, there before the bridge asks it; and what its recipe needs to be asked at.
      withForge = {
        environment.etc."recipeci-guest/overlays/ping/recipe.yml".text = "http: {path: /ping}";
        services.recipeci.settings = {
          bridge.poll_seconds = 1;
          images = "/run/forge/images";
          overlays = "/etc/recipeci-guest/overlays";
        };
        systemd.services.recipeci-forge = {
          before = [ "recipeci-bridge.service" ];
          wantedBy = [ "multi-user.target" ];
          serviceConfig = {
            ExecStart = "/bin/sh -c '. /etc/recipeci-guest/guest.sh; forge'";
            ExecStartPost = "/bin/sh -c 'until [ -e /run/forge/known.json ]; do sleep 0.1; done'";
          };
        };
      };

      # Docker's images cannot lie on the container's root.
      inMemory = where: {
        systemd.mounts = [
          {
            inherit where;
            what = "tmpfs";
            type = "tmpfs";
            options = "mode=0700";
            wantedBy = [ "local-fs.target" ];
          }
        ];
      };

      guest = {
        imports = [
          inGuest
          (inMemory "/var/cache/recipeci/store")
        ];
        services.recipeci = {
          mode = "host";
          allowlist = [ "custom-html" ];
          settings.store.keep_gb = lib.mkForce 0.001;
        };
      };

      bridged = {
        services.recipeci = {
          bridge = {
            enable = true;
            forge = "http://127.0.0.1:3000";
            url = "http://127.0.0.1:8022";
            tokenFile = "/var/lib/secrets/token";
            webhookSecretFile = "/var/lib/secrets/webhook-secret";
          };
          sweep.enable = true;
        };
      };
    in
    {
      nixosConfigurations = lib.mapAttrs (_: machine) {
        inherit guest bridged;
        host = {
          imports = [ bridged ];
          services.recipeci.mode = "host";
        };
        bridge = {
          imports = [
            bridged
            inGuest
            withForge
            (inMemory "/var/cache/recipeci")
          ];
          # There is no other.
          services.recipeci.settings.abra = {
            program = "builtin";
            builtin_is_final = true;
          };
        };
        mistaken.systemd = {
          services.recipeci-clean.serviceConfig.NoNewPrivileges = lib.mkForce false;
          timers.recipeci-clean.timerConfig.OnCalender = "daily";
        };
      };

      # Parts of a system that must not be built.
      wrong =
        lib.mapAttrs
          (
            _: settings:
            (machine { services.recipeci = { inherit settings; }; })
            .config.environment.etc."xdg/recipeci/settings.yml".source
          )
          {
            polling = {
              bridge = {
                forge = "https://git.example.org";
                url = "https://ci.example.org";
                token_file = "/t";
                webhook_secret_file = "/w";
                poll_seconds = 0;
              };
            };
            login.forge = "https://me@git.example.org/recipes";
            range.runs.min_free_gb = -1;
            retention.runs.keep_days = lib.mkForce (-1);
            unknown.imges = "/srv/images";
          }
        // {
          calendar = check "recipeci-calendar" { services.recipeci.clean.calendar = "hurly"; };
          sweep = check "recipeci-calendar" {
            imports = [ bridged ];
            services.recipeci = {
              clean.enable = false;
              sweep.calendar = "Sun 25:00";
            };
          };
          placeholders = check "recipeci-host-placeholders" { };
        };
    };
}
