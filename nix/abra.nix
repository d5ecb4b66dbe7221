# abra 0.13 or later: nixpkgs' own where it is new enough, else the release that its authors built.
{ lib, abra }: if lib.versionAtLeast abra.version "0.13" then abra else abra
