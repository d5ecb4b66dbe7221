# A recipe to a verdict on the example host, by the built-in abra and by the machine's own; a broken one; a killed run.
# Nothing is left of any. The machine has no network: the recipe is made here, its images by dockerTools.
{
  self,
  lib,
  pkgs,
}:
let
  versions = [
    "1.0.0"
    "1.1.0"
  ];

  image =
    version:
    pkgs.dockerTools.buildLayeredImage {
      name = "hello";
      tag = version;
      contents = [ pkgs.busybox ];
      extraCommands = ''
        mkdir -p srv
        echo "hello ${version}" > srv/index.html
      '';
      config.Cmd = [
        "httpd"
        "-f"
        "-p"
        "80"
        "-h"
        "/srv"
      ];
    };

  # No links: the harness takes no archive that lies elsewhere.
  images = pkgs.runCommand "hello-images" { } ''
    mkdir $out
    ${lib.concatMapStrings (version: ''
      cp -r ${image version} $out/hello-${version}.tar.gz
    '') versions}
    cp ${
      pkgs.writeText "images.yml" (
        lib.generators.toJSON { } {
          images = map (version: {
            image = "hello:${version}";
            archive = "hello-${version}.tar.gz";
          }) versions;
        }
      )
    } $out/images.yml
  '';

  compose =
    { version, probe }:
    pkgs.writeText "compose.yml" ''
      version: "3.8"
      services:
        app:
          image: hello:${version}
          networks: [proxy]
          volumes: ["content:/srv"]
          healthcheck:
            test: ["CMD", ${lib.concatMapStringsSep ", " (word: ''"${word}"'') probe}]
            interval: 1s
            timeout: 5s
            retries: 5
          deploy:
            update_config: {failure_action: rollback, order: start-first}
            labels:
              - "traefik.enable=true"
              - "traefik.http.services.''${STACK_NAME}.loadbalancer.server.port=80"
              - "traefik.http.routers.''${STACK_NAME}.rule=Host(`''${DOMAIN}`)"
              - "traefik.http.routers.''${STACK_NAME}.entrypoints=web-secure"
              - "traefik.http.routers.''${STACK_NAME}.tls.certresolver=''${LETS_ENCRYPT_ENV}"
              - "backupbot.backup=true"
              - "coop-cloud.''${STACK_NAME}.version=${version}+${version}"
      networks: {proxy: {external: true}}
      volumes: {content: {}}
    '';

  # Its published versions, and a commit beyond them that answers for itself or does not.
  recipe =
    { broken }:
    let
      probe = [
        "wget"
        "-q"
        "-O"
        "/dev/null"
        "http://127.0.0.1/"
      ];
    in
    pkgs.runCommand "hello-recipe" { nativeBuildInputs = [ pkgs.gitMinimal ]; } ''
      export HOME=$PWD GIT_AUTHOR_DATE=2026-01-01T12:00:00Z GIT_COMMITTER_DATE=2026-01-01T12:00:00Z
      git config --global user.name Lab
      git config --global user.email lab@example.org
      git init --quiet --initial-branch=main $out
      cd $out
      printf '# hello\n' > README.md
      printf 'TYPE=hello\nDOMAIN=hello.example.com\nLETS_ENCRYPT_ENV=production\n' > .env.sample
      touch abra.sh
      ${lib.concatMapStrings (version: ''
        install -m 644 ${compose { inherit version probe; }} compose.yml
        mkdir -p release
        echo "hello ${version}" > release/${version}+${version}
        git add --all
        git commit --quiet --message "feat: hello ${version}"
        git tag --annotate --message "hello ${version}" ${version}+${version}
      '') versions}
      ${lib.optionalString broken ''
        install -m 644 ${
          compose {
            version = lib.last versions;
            probe = [ "false" ];
          }
        } compose.yml
        git commit --quiet --all --message "feat: the app never gets healthy"
      ''}
    '';
in
{
  name = "recipeci-run";

  nodes.machine = {
    imports = [
      self.nixosModules.recipeci
      ../../hosts/cc-ci.nix
    ];
    disabledModules = [ ../../hosts/hardware.nix ];
    boot.loader.systemd-boot.enable = true;
    example.placeholders = lib.mkForce [ ];
    services.recipeci.settings.runs.min_free_gb = 0;
    virtualisation = {
      cores = 2;
      diskSize = 8192;
      memorySize = 4096;
    };
  };

  testScript = ''
    HELLO = "recipeci --recipe hello --images ${images} --source"


    def remains() -> str:
        cells = machine.succeed("find /var/cache/recipeci/runs -mindepth 2 -maxdepth 2 -name swarm")
        return cells + machine.succeed("find /sys/fs/cgroup -maxdepth 1 -name 'recipeci-*'")


    def nothing_is_left() -> None:
        machine.fail("pgrep -x dockerd")
        assert remains() == ""
        machine.fail("grep -F /var/cache/recipeci/runs /proc/mounts")


    machine.wait_for_unit("multi-user.target")

    for abra in ("--abra builtin", ""):
        with subtest(f"a recipe gets its verdict, nothing is left: {abra or 'the abra of the machine'}"):
            said = machine.succeed(f"{HELLO} ${recipe { broken = false; }} {abra}")
            for line in ("install   : pass", "upgrade   : pass", "backup    : pass", "restore   : pass", "leftovers = 0"):
                assert line in said, said
            nothing_is_left()

    with subtest("a broken recipe is red, nothing is left"):
        status, said = machine.execute(f"{HELLO} ${recipe { broken = true; }} --abra builtin")
        assert status == 1, said
        nothing_is_left()

    with subtest("what a killed run leaves, the unit removes"):
        machine.execute(f"{HELLO} ${recipe { broken = false; }} --abra builtin --keep > /dev/null 2>&1 &")
        # The image store has a dockerd too, and a run that is killed in it has made nothing yet.
        machine.wait_until_succeeds("test -S /var/cache/recipeci/runs/*/swarm/run/docker.sock")
        machine.succeed("pkill -KILL -f 'recipeci --recipe [h]ello'")
        machine.wait_until_fails("pgrep -x dockerd")
        assert remains() != ""
        machine.succeed("systemctl start recipeci-clean.service")
        nothing_is_left()
  '';
}
