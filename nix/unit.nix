# The unit tests, run on the package as it was built and with its programs alone. Those that need root make cells, which
# no build can; they are `make test`'s, like all the others.
{
  lib,
  callPackage,
  e2fsprogs,
  gnumake,
  python3,
  runCommand,
  util-linux,
  recipeci,
}:
let
  inherit (callPackage ./python.nix { }) developing;
  python = python3.withPackages (ps: developing ps ++ [ (ps.toPythonModule recipeci) ]);
  # What a build lacks: the machine's cgroups, more than one user, a folder that overlays stack on, the checkout's Python.
  without = [
    "test_below.py::test_a_folder_of_a_users_own_goes_with_what_is_in_it"
    "test_cli.py::test_clean_with_nothing_to_do_says_so"
    "test_doctor.py::test_a_cache_folder_that_can_be_used_is_ok"
    "test_janitor.py"
    "test_leftovers.py::test_a_process_that_got_away_from_its_parents_is_found"
    "test_nix_check.py"
  ];
  src = lib.fileset.toSource {
    root = ../.;
    fileset = lib.fileset.unions [
      ../Makefile
      ../README.md
      ../bench
      ../docs
      ../harness
      ../modules/swarm.sh
      ../nix/python.nix # its pins are compared
      ../pyproject.toml
      ../requirements.lock
      ../tests
      ../tools
    ];
  };
in
runCommand "recipeci-unit"
  {
    nativeBuildInputs = [
      e2fsprogs # chattr
      gnumake
      python
      util-linux
    ];
  }
  ''
    cp -r ${src} source
    chmod -R u+w source
    cd source
    patchShebangs modules tools # a build has no /usr/bin/env
    export HOME=$TMPDIR
    python -m pytest tests/unit -q -m "not cell" -p no:cacheprovider -n "''${NIX_BUILD_CORES:-2}" \
      ${lib.concatMapStringsSep " " (test: "--deselect tests/unit/${test}") without}
    touch "$out"
  ''
