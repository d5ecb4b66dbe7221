# abra 0.13 or later: nixpkgs' own where it is new enough, else the release as its authors built it.
{
  lib,
  stdenvNoCC,
  fetchurl,
  abra,
}:
let
  releases = {
    x86_64-linux = {
      arch = "amd64";
      hash = "sha256-hm1c2oWSnpl4fw84XQq46DdZoFGEOvyvZmnecLmZmok=";
    };
    aarch64-linux = {
      arch = "arm64";
      hash = "sha256-85lx9Q7DpGAAmqqo5jDtSAFieyZXH/uPsGQ5OQwF2os=";
    };
  };
  release = stdenvNoCC.mkDerivation (finalAttrs: {
    pname = "abra";
    version = "0.13.0-beta";
    src =
      let
        inherit (stdenvNoCC.hostPlatform) system;
        made = releases.${system} or (throw "abra: there is no release for ${system}");
      in
      fetchurl {
        url = "https://git.coopcloud.tech/coop-cloud/abra/releases/download/${finalAttrs.version}/abra_${finalAttrs.version}_linux_${made.arch}.tar.gz";
        inherit (made) hash;
      };
    sourceRoot = "."; # the archive has no folder of its own
    dontConfigure = true;
    dontBuild = true; # a static program: there is nothing to patch either
    installPhase = ''
      runHook preInstall
      install -Dm755 abra "$out/bin/abra"
      runHook postInstall
    '';
    meta = {
      description = "Command line of Co-op Cloud";
      homepage = "https://docs.coopcloud.tech/abra/";
      license = lib.licenses.gpl3Plus;
      mainProgram = "abra";
      platforms = lib.attrNames releases;
      sourceProvenance = [ lib.sourceTypes.binaryNativeCode ];
    };
  });
in
if lib.versionAtLeast (abra.version or "0") "0.13" then abra else release
