# The one list of linters, and the program that runs them: `lint` in the shells, `checks.lint` and `nix fmt` are made here.
{ lib, pkgs, ... }:
let
  inherit (pkgs.callPackage ./python.nix { }) python;

  linters = [
    pkgs.ruff
    python # mypy, beside what it reads: the packages that the harness imports and their type stubs
    pkgs.shellcheck
    pkgs.nixfmt
    pkgs.deadnix
    pkgs.statix
  ];

  program =
    name: option:
    pkgs.writeShellApplication {
      inherit name;
      runtimeInputs = linters ++ [
        pkgs.coreutils
        pkgs.findutils
        pkgs.gnugrep
      ];
      inheritPath = false; # what else a machine has must not change what is said
      text = ''exec ${pkgs.runtimeShell} ${../tools/lint} ${option} "$@"'';
    };
  lint = program "lint" "";

  # All but what no linter reads: a new folder is linted without being named here.
  source = lib.fileset.toSource {
    root = ../.;
    fileset = lib.fileset.difference ../. (
      lib.fileset.unions [
        ../docs
        ../README.md
        ../requirements.lock
      ]
    );
  };
in
{
  inherit linters lint;

  formatter = program "format" "--format";

  # Keeps what lint said, so that it can be compared with what it says elsewhere.
  check =
    pkgs.runCommand "recipeci-lint"
      {
        nativeBuildInputs = [ lint ];
        RUFF_NO_CACHE = "true";
        MYPY_CACHE_DIR = "/dev/null";
      }
      ''
        set -o pipefail
        cd ${source}
        lint 2>&1 | tee $out
      '';
}
