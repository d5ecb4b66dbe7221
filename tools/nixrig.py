"""The only place that knows nixrig, a stand-in for nixpkgs: what it lacks for this project, and how it is set up."""

from __future__ import annotations

import os
import re
import shutil
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from recipeci.errors import CommandFailed
from recipeci.host.command import LocalRunner

SECONDS = 1200.0
"""From nothing it takes 160 s on an idle machine: two linters are compiled."""
SEVERAL = """\
    iptables = "iptables ip6tables iptables-save ip6tables-save iptables-restore";
    nftables = "nft";
"""
NAMES = "".join(f' "{name}",\n' for name in ("busybox", "dnsmasq", "e2fsprogs", "iptables", "slirp4netns"))
"""Packages that the flake has and nixrig has no stub of; without nixpkgs' trees it has few."""
NOTED = """\
  noted =
    options: definitions:
    if isOption options then
      options
      // {
        highestPrio = lib.foldl' (p: d: lib.min p d.priority) 1500 (concatMap discharge definitions);
      }
    else
      lib.mapAttrs (
        name: option: noted option ((lib.zipAttrs (concatMap push definitions)).${name} or [ ])
      ) options;

  evalModules =
"""
"""In nixpkgs an option knows how strongly it was set; in the small stand-in it does not."""
ENDING = ("setpriv", "--pdeathsig", "KILL", "unshare", "--pid", "--fork", "--kill-child=KILL", "--mount-proc")
"""What a guest is started by, so that it ends with whoever started it, however that ends."""
NEWER = """\
set -euo pipefail
analyze() { # the machine's own is older than the systemd that units are written for
  local guest=${NIXRIG_HOME:-$HOME/.cache/nixrig}/guest
  local libs=$guest/usr/lib/x86_64-linux-gnu
  "$libs/ld-linux-x86-64.so.2" --library-path "$libs:$libs/systemd" "$guest/usr/bin/systemd-analyze" "$@"
}
"""
LACKS = (
    ("nixpkgs/pkgs/extra-names.json", "[\n", f"[\n{NAMES}"),
    ("nixpkgs/pkgs/host.nix", '    iptables = [ "iptables" ];\n', ""),  # Debian has its programs under other names
    ("nixpkgs/pkgs/stubs.nix", "  several = {\n", f"  several = {{\n{SEVERAL}"),
    ("lib-small/modules.nix", "  evalModules =\n", NOTED),
    (
        "lib-small/modules.nix",
        "        inherit lib config options;\n",
        "        inherit lib config;\n        options = noted options (map (m: m.config) loaded);\n",
    ),
    # Whoever runs it beside us must find the settings whole.
    ("env.sh", 'nix.conf" <<CONF\n', 'nix.conf.$$" <<CONF\n'),
    (
        "env.sh",
        "$NIXRIG_HOME/host\nCONF\n",
        '$NIXRIG_HOME/host\nCONF\nmv "$NIX_CONF_DIR/nix.conf.$$" "$NIX_CONF_DIR/nix.conf"\n',
    ),
    # As a oneshot it is part of the boot, whose end it waits for, wherever the boot takes longer than a second.
    # What cells are made with; a guest that was made without it is made anew.
    ("setup.sh", "! -d $NIXRIG_HOME/guest/usr/lib/systemd", "! -x $NIXRIG_HOME/guest/usr/bin/tini"),
    ("setup.sh", "  debootstrap ", '  rm -rf "$NIXRIG_HOME/guest"\n  debootstrap '),
    ("setup.sh", ",procps,git ", ",procps,git,dnsmasq-base,iptables,nftables,restic,slirp4netns,tini "),
    ("check-units.sh", "set -euo pipefail\n", NEWER),
    ("check-units.sh", "$(systemd-analyze verify", "$(analyze verify"),
    ("check-units.sh", "    systemd-analyze security", "    analyze security"),
    # A nspawn that is killed leaves its guest running. Containers in it have keyrings and device lists.
    (
        "boot.py",
        'nspawn = ["systemd-nspawn"',
        f'nspawn = [{", ".join(map(repr, ENDING))}, "systemd-nspawn", "--system-call-filter=@keyring bpf"',
    ),
    ("boot.py", "Type=oneshot\\nExecStart=/bin/sh /conf/checks.sh", "Type=exec\\nExecStart=/bin/sh /conf/checks.sh"),
)
"""What nix/ needs of nixrig and is missing there: file, what is in it, and what takes its place."""


@dataclass(frozen=True)
class Rig:
    """A nixrig with what it needs around it.

    Attributes:
        folder: its scripts.
        state: where it keeps Nix, the linters and its store.
        trees: where somebody may have put nixpkgs' lib and NixOS's modules.
        composed: where the stand-in is put together, if they are there.
    """

    folder: Path
    state: Path
    trees: Path
    composed: Path

    @property
    def is_whole(self) -> bool:
        """Tell whether the trees are there."""
        return (self.trees / "lib").is_dir() and (self.trees / "nixos").is_dir()

    def environment(self, env: Mapping[str, str]) -> dict[str, str]:
        """Return the environment of its scripts, made from the caller's."""
        left_out = ("FAKE_NIXPKGS", "NIX_CONFIG", "PYTHONPATH")
        kept = {name: value for name, value in env.items() if name not in left_out}
        whole = {"FAKE_NIXPKGS": str(self.composed)} if self.is_whole else {}
        return {**kept, "NIXRIG_HOME": str(self.state), **whole}

    def set_up(self, env: Mapping[str, str], *, root: Path) -> None:
        """Set it up for this checkout; raises CommandFailed where the machine lacks what that needs."""
        self._run("setup.sh", "linters", env=env)
        lend(self.state / "host" / "bin", root=root)
        trees = [str(self.trees / "lib"), str(self.trees / "nixos")] if self.is_whole else ["small"]
        self._run("compose.sh", *trees, env=env)

    def make_guest(self, env: Mapping[str, str]) -> str:
        """Make the container in which units boot; return why this machine cannot, or nothing: all else needs none."""
        lacking = [name for name in ("debootstrap", "systemd-nspawn") if not shutil.which(name)]
        if lacking:
            return f"no {' and no '.join(lacking)} on PATH (Debian: debootstrap, systemd-container)"
        try:
            self._run("setup.sh", "guest", env=env)
        except CommandFailed as e:
            return e.message.splitlines()[-1].strip()
        return ""

    def _run(self, script: str, *words: str, env: Mapping[str, str]) -> None:
        """Run one of its scripts."""
        LocalRunner().run([str(self.folder / script), *words], env=self.environment(env), timeout=SECONDS)


def found(rig: Path, *, root: Path, folder: Path, env: Mapping[str, str]) -> Rig:
    """Return a copy, made in a folder, of the nixrig that is there, with the state that it shares with others."""
    state = Path(env.get("NIXRIG_HOME") or Path.home() / ".cache" / "nixrig")
    trees = Path(env.get("FAKE_NIXPKGS") or state / "fake-nixpkgs")
    return Rig(copied(rig, folder / "nixrig", root=root), state, trees, folder / "nixpkgs")


def copied(rig: Path, copy: Path, *, root: Path) -> Path:
    """Copy nixrig, and add what it lacks: names of programs, and Python packages that pyproject.toml has."""
    shutil.copytree(rig, copy, copy_function=shutil.copy)
    pins = (copy / "pins.txt").read_text()
    project = tomllib.loads((root / "pyproject.toml").read_text())["project"]
    wanted = {package(line) for line in [*project["dependencies"], *project["optional-dependencies"]["dev"]]}
    lacking = " ".join(sorted(wanted - {package(word) for word in pins.split()}))
    for name, old, new in (*LACKS, ("pins.txt", pins, f"{pins}{lacking}\n")):
        file = copy / name
        text, mode = file.read_text().replace(old, new, 1), file.stat().st_mode
        file.unlink()  # it may not be writable, as the one that it was copied from
        file.write_text(text)
        file.chmod(mode)
    return copy


def package(requirement: str) -> str:
    """Return the name of the package that a requirement is about, as indexes spell it."""
    return re.sub(r"[-_.]+", "-", re.split(r"[^\w.-]", requirement, maxsplit=1)[0]).lower()


def lend(programs: Path, *, root: Path) -> None:
    """Put Docker and Traefik of `make setup` where nixrig takes programs from: then the package can really run."""
    programs.mkdir(parents=True, exist_ok=True)
    for program in [*(root / ".venv" / "docker" / "bin").glob("*"), root / ".venv" / "bin" / "traefik"]:
        there = programs / program.name
        if not program.is_file() or there.exists():
            continue
        try:
            os.link(program, there)
        except OSError:  # another file system
            shutil.copy(program, there)
