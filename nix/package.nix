# The harness, and programs that run it with everything it needs. Its Python has the libraries and not our own packages:
# so an edit of ours builds this one derivation. A script wrapped by nixpkgs' hook would not do, because the harness
# starts `sys.executable` itself, which has to find the libraries too.
{
  lib,
  callPackage,
  formats,
  python3,
  abra,
  images,
  bash,
  buildEnv,
  cacert,
  chromium,
  coreutils,
  diffutils,
  dnsmasq,
  docker,
  findutils,
  gawk,
  gitMinimal,
  gnugrep,
  gnused,
  gnutar,
  gzip,
  iproute2,
  iptables,
  nftables,
  restic,
  slirp4netns,
  tini,
  traefik,
  util-linux,
  withChromium ? false, # for suites that look at pages
}:
let
  inherit (lib.importTOML ../pyproject.toml) project;
  inherit (callPackage ./python.nix { }) dependencies;
  python = python3.withPackages dependencies;
  # One folder, so that a PATH can be read by people. Where two packages have a program, the first one's is taken.
  programs = buildEnv {
    name = "recipeci-programs";
    pathsToLink = [ "/bin" ];
    ignoreCollisions = true;
    paths = map lib.getBin (needed ++ lib.optional withChromium chromium);
  };
  needed = [
    abra
    docker
    gitMinimal
    restic
    traefik
    # what a cell is made with
    dnsmasq
    iproute2
    iptables
    nftables
    slirp4netns
    tini
    util-linux
    # what install_steps.sh of a recipe may take for granted
    bash
    coreutils
    diffutils
    findutils
    gawk
    gnugrep
    gnused
    gnutar
    gzip
  ];
  # harness/recipeci/host/closure.py reads it
  closure = (formats.json { }).generate "closure.json" {
    path = "${programs}/bin";
    store = builtins.storeDir;
    images = lib.genAttrs [ "proxy" "bot" ] (part: {
      inherit (images.${part}) name;
      archive = "${images.${part}.archive}";
    });
  };

  package = python3.pkgs.buildPythonApplication {
    pname = "recipeci";
    inherit (project) version;
    pyproject = true;
    src = lib.fileset.toSource {
      root = ../.;
      fileset = lib.fileset.unions [
        ../harness
        ../pyproject.toml
      ];
    };
    build-system = [ python3.pkgs.setuptools ];
    dependencies = dependencies python3.pkgs;
    dontWrapPythonPrograms = true;
    postInstall = ''
      site=$out/${python3.sitePackages}
      install -m 444 ${closure} "$site/recipeci/closure.json"
      for name in recipeci miniabra; do
        substitute ${./program.in} "$out/bin/$name" --subst-var-by python ${python} --subst-var-by site "$site" \
          --subst-var-by name "$name" --subst-var-by path ${programs}/bin \
          --subst-var-by certificates ${cacert}/etc/ssl/certs/ca-bundle.crt
      done
    '';
    pythonImportsCheck = [
      "miniabra"
      "minibot"
      "recipeci"
    ];
    passthru = {
      inherit
        closure
        dependencies
        images
        programs
        python
        ;
      tests.unit = callPackage ./unit.nix { recipeci = package; };
    };
    meta = {
      inherit (project) description;
      mainProgram = "recipeci";
      platforms = lib.platforms.linux;
    };
  };
in
package
