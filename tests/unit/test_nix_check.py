"""tools/nix-check: which Nix checks what, and that what was not checked is neither PASS nor a failure."""

from __future__ import annotations

import json
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest
from recipeci.host.command import BASE_ENV, Completed, LocalRunner

ROOT = Path(__file__).parents[2]
OK = "exit 0"
METADATA = '[ "$*" = "${*#*metadata}" ] || exit 0'
"""A `nix` that gets nixpkgs."""
CHECKS = """[ "$1" = eval ] && { echo '["lint", "host-x", "vm-boot"]'; exit; }"""
"""A `nix` whose flake has these checks."""


@dataclass(frozen=True)
class Machine:
    """A machine with nothing on PATH but what a test puts there, and a nixrig if a test makes one."""

    folder: Path

    def nix_check(self, *options: str) -> Completed:
        """Run tools/nix-check there."""
        env = {**BASE_ENV, "PATH": str(self.folder / "bin"), "HOME": str(self.folder)}
        argv = [sys.executable, str(ROOT / "tools" / "nix-check"), "--rig", str(self.folder / "rig"), *options]
        return LocalRunner().run(argv, env=env, timeout=120, ok=range(256))

    def program(self, name: str, *lines: str) -> None:
        """Write a shell script."""
        file = self.folder / name
        file.parent.mkdir(exist_ok=True)
        file.write_text("\n".join(("#!/bin/sh", *lines, "")))
        file.chmod(0o755)

    def rig(self, *, setup: str = OK, compose: str = OK, static_check: str = OK, eval_: str = "exit 9") -> None:
        """Make a nixrig of these scripts."""
        scripts = {"setup": setup, "compose": compose, "static-check": static_check, "eval": eval_}
        for name, script in scripts.items():
            self.program(f"rig/{name}.sh", script)
        (self.folder / "rig" / "pins.txt").write_text("docker HTTPX<1\nplumbum types_pyyaml\n")
        packages = self.folder / "rig" / "nixpkgs" / "pkgs"
        packages.mkdir(parents=True)
        (packages / "extra-names.json").write_text('[\n "abra"\n]\n')
        (packages / "host.nix").write_text("")
        (packages / "stubs.nix").write_text("")
        self.program("rig/boot.py", OK)
        (self.folder / "rig" / "lib-small").mkdir()
        (self.folder / "rig" / "lib-small" / "modules.nix").write_text("")

    def trees(self) -> None:
        """Put nixpkgs' lib and NixOS where nixrig keeps them."""
        for name in ("lib", "nixos"):
            (self.folder / ".cache" / "nixrig" / "fake-nixpkgs" / name).mkdir(parents=True)

    def tests(self, line: str) -> tuple[str, str]:
        """Write a test, and return the option that names it."""
        file = self.folder / "test_nix.py"
        file.write_text(f"import os\n\ndef test_it():\n    {line}\n")
        return "--tests", str(file)


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    """A machine without Nix."""
    (tmp_path / "bin").mkdir()
    return Machine(tmp_path)


def outcomes(done: Completed) -> dict[str, str]:
    """Return what became of what: outcome by the words before a colon or the seconds."""
    lines = [(line[:13].strip(), line[13:]) for line in done.out.splitlines()[:-1] if not line.startswith(" ")]
    return {words.partition(":")[0].partition(" (")[0]: outcome for outcome, words in lines}


def test_without_nix_one_line_says_that_nothing_was_checked_and_why(machine: Machine) -> None:
    done = machine.nix_check()

    line, summary = done.out.splitlines()
    assert line == f"NOT CHECKED  Nix files: no `nix` on PATH, and there is no nixrig in {machine.folder}/rig"
    assert summary == "nix-check: 0 ok, 0 FAIL, 1 NOT CHECKED"
    assert done.code == 0


def test_what_one_does_not_want_is_said_too(machine: Machine) -> None:
    machine.program("bin/nix", "exit 1")

    done = machine.nix_check("--skip")

    assert done.out.splitlines()[0] == "NOT CHECKED  Nix files: NIX_CHECK=no"
    assert done.code == 0


def test_a_nix_without_nixpkgs_is_none(machine: Machine) -> None:
    pin = json.loads((ROOT / "flake.lock").read_text())["nodes"]["nixpkgs"]["locked"]["rev"]
    machine.program("bin/nix", f'case "$*" in *"flake metadata"*{pin}*) echo "error: no route" >&2; exit 1;; esac', OK)

    done = machine.nix_check()

    assert "`nix` does not get nixpkgs (" in done.out
    assert "error: no route)" in done.out
    assert done.code == 0


@pytest.mark.parametrize(("rest", "code"), [("exit 0", 0), ("exit 1", 1)])
def test_a_nix_with_nixpkgs_does_it_all(machine: Machine, rest: str, code: int) -> None:
    machine.program("bin/nix", METADATA, CHECKS, rest)

    done = machine.nix_check()

    assert done.code == code
    assert set(outcomes(done).values()) <= {"NOT CHECKED", "FAIL" if code else "ok"}
    assert ("vm-boot" in outcomes(done)) is not Path("/dev/kvm").exists()


def test_a_nixrig_that_cannot_be_set_up_is_no_fault_of_the_files(machine: Machine) -> None:
    machine.rig(setup="echo 'setup.sh: patchelf: command not found' >&2; exit 127")

    done = machine.nix_check()

    assert outcomes(done) == {"Nix files": "NOT CHECKED"}
    assert "patchelf: command not found" in done.out
    assert done.code == 0


def test_a_nixrig_that_does_not_get_its_packages_is_no_fault_of_the_files(machine: Machine) -> None:
    machine.rig(compose="echo 'ERROR: No matching distribution found' >&2; exit 1")

    done = machine.nix_check()

    assert outcomes(done) == {"Nix files": "NOT CHECKED"}
    assert "No matching distribution found" in done.out
    assert done.code == 0


def test_without_the_trees_of_nixpkgs_only_the_files_are_checked(machine: Machine) -> None:
    machine.rig(static_check="echo 'ok           format (0 s)'; echo 'NOT CHECKED  statix: in no registry'")

    done = machine.nix_check()

    assert outcomes(done) == {
        "format": "ok",
        "statix": "NOT CHECKED",
        "builds, shells and tests/nix": "NOT CHECKED",
    }
    assert done.out.splitlines()[-1] == "nix-check: 1 ok, 0 FAIL, 2 NOT CHECKED"
    assert "PASS" not in done.out
    assert done.code == 0


def test_what_nixrig_finds_wrong_is_red(machine: Machine) -> None:
    machine.rig(static_check="echo 'FAIL         format'; echo '    flake.nix: not formatted'; exit 1")

    done = machine.nix_check()

    assert outcomes(done)["format"] == "FAIL"
    assert "    flake.nix: not formatted" in done.out
    assert "1 FAIL" in done.out
    assert done.code == 1


def test_a_nixrig_that_fails_without_a_word_is_red(machine: Machine) -> None:
    machine.rig(static_check="exit 1")

    done = machine.nix_check()

    assert "1 FAIL" in done.out
    assert done.code == 1


def test_nixrig_learns_the_packages_of_the_project_in_a_copy(machine: Machine) -> None:
    machine.rig(static_check='while read -r line; do echo "$line"; done < "${0%/*}/pins.txt"')
    before = (machine.folder / "rig" / "pins.txt").read_text()

    *known, added = machine.nix_check().out.splitlines()[:3]

    assert known == before.splitlines()
    assert {"cryptography", "types-docker"} <= set(added.split())
    assert not {"docker", "httpx", "plumbum", "types-pyyaml"} & set(added.split())
    assert (machine.folder / "rig" / "pins.txt").read_text() == before


def test_nixrig_learns_the_names_of_programs_that_the_flake_has_and_it_has_not(machine: Machine) -> None:
    names = "${0%/*}/nixpkgs/pkgs/extra-names.json"
    machine.rig(static_check=f'while read -r line; do echo "$line"; done < "{names}"')

    said = machine.nix_check().out

    assert {"abra", "slirp4netns"} <= set(json.loads(said[: said.index("]") + 1]))


def test_checks_that_do_not_evaluate_are_red(machine: Machine) -> None:
    machine.rig(eval_="echo 'error: undefined variable' >&2; exit 1")
    machine.trees()

    done = machine.nix_check(*machine.tests("pass"))

    assert "FAIL         the names of the checks: " in done.out
    assert "undefined variable" in done.out
    assert done.code == 1


def test_with_the_trees_each_check_is_built_and_the_tests_run(machine: Machine) -> None:
    machine.rig(eval_=f"{CHECKS}\n{OK}")
    machine.trees()

    boot = "os.environ['RECIPECI_NIX'].removesuffix('/eval.sh') + '/boot.py'"
    done = machine.nix_check(*machine.tests(f"assert os.access({boot}, os.X_OK)"))

    assert outcomes(done) == {
        "lint": "ok",
        "host-x": "NOT CHECKED",
        "vm-boot": "NOT CHECKED",
        "units": "NOT CHECKED",
        "units under systemd": "NOT CHECKED",
        str(machine.folder / "test_nix.py"): "ok",
    }
    assert done.code == 0


@pytest.mark.parametrize(
    ("build", "test", "code"),
    [
        ("echo 'type error' >&2; exit 1", "pass", 1),
        ("exit 0", "assert False", 1),
        ("echo 'error: unable to download x: Could not resolve host' >&2; exit 1", "pass", 0),
        ("echo 'none of these Debian packages is installed: shellcheck' >&2; exit 1", "pass", 0),
    ],
)
def test_a_check_or_a_test_that_fails_is_red_unless_the_machine_lacks_something(
    machine: Machine, build: str, test: str, code: int
) -> None:
    machine.rig(eval_=f"{CHECKS}\n{build}")
    machine.trees()

    done = machine.nix_check(*machine.tests(test))

    assert done.code == code
    assert outcomes(done)["lint"] == ("ok" if build == OK else "FAIL" if code else "NOT CHECKED")


def test_nothing_is_left(machine: Machine) -> None:
    machine.rig(static_check='echo "${0%/*}" > "$HOME/copy"; exit 1')

    machine.nix_check()

    copy = Path((machine.folder / "copy").read_text().strip())
    assert copy.name == "nixrig"
    assert copy != machine.folder / "rig"
    assert not copy.parent.exists()
