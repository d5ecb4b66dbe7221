# A recipe for tests with machines, which have no network: its versions, and a commit beyond them; its images by
# dockerTools.
{ lib, pkgs }:
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
in
{
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
}
