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

      # What boots in a container of the machine that tests: its store lies in a home folder, and its Docker is no package.
      guest =
        { pkgs, ... }:
        let
          package = pkgs.runCommand "docker-of-make-setup" { } ''
            mkdir -p $out/bin
            ln -s ${docker}/* $out/bin
          '';
        in
        {
          systemd.services = {
            recipeci-guest = {
              before = [
                "docker.service"
                "recipeci-clean.service"
              ];
              wantedBy = [ "sysinit.target" ];
              unitConfig.DefaultDependencies = false;
              serviceConfig = {
                Type = "oneshot";
                ExecStart = "/bin/chmod 755 /root";
              };
            };
            recipeci-swarm.serviceConfig.ProtectHome = lib.mkForce false;
            docker.path = [ package ];
          };
          # Docker's images cannot lie on the container's root.
          systemd.mounts = [
            {
              what = "tmpfs";
              where = "/var/cache/recipeci/store";
              type = "tmpfs";
              wantedBy = [ "local-fs.target" ];
            }
          ];
          services.recipeci = {
            mode = "host";
            allowlist = [ "custom-html" ];
            settings = {
              docker.prefix = "${package}";
              store.keep_gb = lib.mkForce 0.001;
            };
          };
          virtualisation.docker = {
            inherit package;
            daemon.settings = {
              data-root = "/run/docker-data";
              iptables = false;
            };
          };
          environment.etc = lib.genAttrs' [ "guest.sh" "killed.py" ] (
            name: lib.nameValuePair "recipeci-guest/${name}" { text = lib.readFile (./. + "/${name}"); }
          );
        };
    in
    {
      nixosConfigurations = lib.mapAttrs (_: machine) {
        inherit guest;
        host.services.recipeci.mode = "host";
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
            login.forge = "https://me@git.example.org/recipes";
            range.runs.min_free_gb = -1;
            retention.runs.keep_days = lib.mkForce (-1);
            unknown.imges = "/srv/images";
          }
        // {
          calendar = check "recipeci-clean-calendar" { services.recipeci.clean.calendar = "hurly"; };
          placeholders = check "recipeci-host-placeholders" { };
        };
    };
}
