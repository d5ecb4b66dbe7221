"""The only place that asks about services.recipeci: with the names that such questions use, in Nix's language."""

from __future__ import annotations

from nix.flake import Flake
from nix.repl import Answer, ask

GIVEN = """
rec {
  host = nixosConfigurations.cc-ci;
  inherit (host.pkgs) lib;
  types = import MODULES/lib/types.nix { inherit lib; };
  drv = machine: machine.config.system.build.toplevel.drvPath;
  machine = module: host.extendModules { modules = [ module ]; };
  system = module: drv (machine module);
  ours = options: system { services.recipeci = options; };
  abra = version: host.pkgs.restic // {
    inherit version; pname = "abra"; name = "abra-${version}"; meta.mainProgram = "abra";
  };
  good = {
    enable = true; forge = "https://forge.test"; url = "https://bridge.test";
    tokenFile = "/run/secrets/token"; webhookSecretFile = "/run/secrets/webhook";
  };
  bridged = more: machine { imports = [ { services.recipeci.bridge = good; } more ]; };
  bridge = options: drv (machine { services.recipeci.bridge = good // options; });
  without = option: drv (machine { services.recipeci.bridge = removeAttrs good [ option ]; });
  beside = more: drv (bridged more);
  stored = "${builtins.storeDir}/0123-secret";
  bridgeMode = bridged { };
  sweepMode = bridged { services.recipeci.sweep.enable = true; };
  hostMode = machine { services.recipeci.mode = "host"; };
  drvs = { cells = drv host; host = drv hostMode; bridge = drv bridgeMode; sweep = drv sweepMode; };
  documented = lib.filter (option: option.visible && !option.internal)
    (lib.optionAttrSetToDocList host.options.services.recipeci);
}
"""


def given(flake: Flake) -> str:
    """Return the names that questions about the module use."""
    return GIVEN.replace("MODULES", f"{flake.folder}/modules")


def asked(flake: Flake, *questions: str) -> list[Answer]:
    return ask(flake, questions, given=given(flake))
