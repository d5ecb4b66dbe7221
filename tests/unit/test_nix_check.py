"""tools/nix-check: which Nix checks what, and that what was not checked is neither PASS nor a failure."""

from __future__ import annotations

import json
import re
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest
from recipeci.host.command import BASE_ENV, Completed, LocalRunner

ROOT = Path(__file__).parents[2]
OK = "exit 0"
METADATA = """case "$NIX_CONFIG" in *flakes*) ;; *) echo "error: 'flakes' is disabled" >&2; exit 1;; esac
[ "$*" = "${*#*metadata}" ] || exit 0"""
"""A `nix` as it is installed, and which gets nixpkgs."""
CHECKS = """[ "$1" = eval ] && { echo '["lint", "host-x", "vm-boot"]'; exit; }"""
"""A `nix` whose flake has these checks."""
DOWNLOAD = "error: unable to download 'https://forge.test/x'"
"""How a sentence of Nix's begins."""


@dataclass(frozen=True)
class Machine:
    """A machine with nothing on PATH but what a test puts there, and a nixrig if a test makes one."""

    folder: Path

    @property
    def scratch(self) -> Path:
        """Where it makes folders that go with it."""
        return self.folder / "scratch"

    def nix_check(self, *options: str) -> Completed:
        """Run tools/nix-check there."""
        env = {**BASE_ENV, "PATH": str(self.folder / "bin"), "HOME": str(self.folder), "TMPDIR": str(self.scratch)}
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
        self.program("rig/check-units.sh", OK)
        self.program("rig/env.sh", OK)
        (self.folder / "rig" / "lib-small").mkdir()
        (self.folder / "rig" / "lib-small" / "modules.nix").write_text("")

    def trees(self) -> None:
        """Put nixpkgs' lib and NixOS where nixrig keeps them."""
        for name in ("lib", "nixos"):
            (self.folder / ".cache" / "nixrig" / "fake-nixpkgs" / name).mkdir(parents=True)

    def tests(self, line: str, more: str = "") -> tuple[str, str]:
        """Write a test, and return the option that names it."""
        file = self.folder / "test_nix.py"
        file.write_text(f"import os\n\ndef test_it():\n    {line}\n{more}")
        return "--tests", str(file)


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    """A machine without Nix."""
    (tmp_path / "bin").mkdir()
    (tmp_path / "scratch").mkdir()
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

    done = machine.nix_check(*machine.tests("pass"))

    found = outcomes(done)
    assert done.code == code
    assert found.pop(str(machine.folder / "test_nix.py")) == "ok"
    assert set(found.values()) <= {"NOT CHECKED", "FAIL" if code else "ok", "measured"}
    assert ("vm-boot" in found) is not Path("/dev/kvm").exists()


def test_the_tests_of_the_nix_files_are_run_by_a_nix_with_nixpkgs_too(machine: Machine) -> None:
    machine.program("bin/nix", METADATA, CHECKS, OK)

    done = machine.nix_check(*machine.tests("assert os.environ['RECIPECI_NIX'] != 'nix'"))

    assert outcomes(done)[str(machine.folder / "test_nix.py")] == "FAIL"
    assert done.code == 1


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
        "units under systemd, which need a container": "NOT CHECKED",
        str(machine.folder / "test_nix.py"): "ok",
        "`nix run .#recipeci -- --help`": "measured",
        "`nix develop .#lint -c lint`": "measured",
    }
    assert "no debootstrap and no systemd-nspawn on PATH" in done.out
    assert done.code == 0


def test_what_is_not_fast_enough_is_said_and_is_no_failure(machine: Machine) -> None:
    machine.rig(eval_=f"{CHECKS}\n[ $1 = develop ] || exec /bin/sleep 0.6")
    machine.trees()

    done = machine.nix_check(*machine.tests("pass"))

    times = r"([\d.]+) s, [\d.]+ s of them of processors"
    assert re.search(rf"--help`: {times}; limit 0\.5 s: MISSED, load \d+\n", done.out)
    # A machine that is busy may take any time for what takes none.
    quick = re.search(rf"-c lint`: {times}; limit 10 s: (met|MISSED), load \d+\n", done.out)
    assert quick
    assert (quick[2] == "met") is (float(quick[1]) <= 10)
    assert done.code == 0


def test_a_container_that_is_not_to_be_made_keeps_nothing_else_from_being_checked(machine: Machine) -> None:
    machine.rig(
        setup='[ "$1" != guest ] || { echo "E: Failed getting release file" >&2; exit 1; }', eval_=f"{CHECKS}\n{OK}"
    )
    machine.trees()
    for name in ("debootstrap", "systemd-nspawn"):
        machine.program(f"bin/{name}", OK)

    done = machine.nix_check(*machine.tests("pass"))

    assert "NOT CHECKED  units under systemd, which need a container: " in done.out
    assert "Failed getting release file" in done.out
    assert outcomes(done)["lint"] == outcomes(done)[str(machine.folder / "test_nix.py")] == "ok"
    assert done.code == 0


def test_tests_that_were_skipped_are_not_checked(machine: Machine) -> None:
    machine.rig(eval_=f"{CHECKS}\n{OK}")
    machine.trees()
    more = "import pytest\n\n@pytest.mark.skip(reason='no container: none')\ndef test_more():\n    pass\n"

    some = machine.nix_check(*machine.tests("pass", more))
    none = machine.nix_check(*machine.tests("__import__('pytest').skip('no Docker')"))

    assert re.search(r"^NOT CHECKED  \S*test_nix\.py, 1 skipped: no container: none$", some.out, re.MULTILINE)
    assert re.search(r"^ok           \S*test_nix\.py: 1 tests \(", some.out, re.MULTILINE)
    assert re.search(r"^NOT CHECKED  \S*test_nix\.py, 1 skipped: no Docker$", none.out, re.MULTILINE)
    assert not re.search(r"^ok .*test_nix", none.out, re.MULTILINE)
    assert (some.code, none.code) == (0, 0)


def test_no_test_at_all_is_red(machine: Machine) -> None:
    machine.rig(eval_=f"{CHECKS}\n{OK}")
    machine.trees()
    (machine.folder / "test_nix.py").write_text("")

    done = machine.nix_check("--tests", str(machine.folder / "test_nix.py"))

    assert outcomes(done)[str(machine.folder / "test_nix.py")] == "FAIL"
    assert done.code == 1


FAILURES = {
    "type error": "FAIL",
    f"{DOWNLOAD}: Could not resolve hostname (6) Could not resolve host: forge.test": "NOT CHECKED",
    f"abra.tar.gz>        {DOWNLOAD}: Couldn't connect to server (7)": "NOT CHECKED",
    f"{DOWNLOAD}: Failure when receiving data (56) CONNECT tunnel failed, response 403": "NOT CHECKED",
    "shellcheck-9999> none of these Debian packages is installed: shellcheck": "NOT CHECKED",
    f"abra.tar.gz>        {DOWNLOAD}: HTTP error 404": "FAIL",
    f"recipeci-unit> {DOWNLOAD}: Could not resolve hostname (6)": "FAIL",
    f"recipeci-unit> E   assert {DOWNLOAD}: Could not resolve hostname (6)": "FAIL",
    "recipeci-lint> none of these Debian packages is installed: shellcheck": "FAIL",
}
"""What a build says that fails, and what that is."""


def test_a_check_that_fails_is_red_unless_the_machine_lacks_something(machine: Machine) -> None:
    names = {f"check{number}": said for number, said in enumerate(FAILURES)}
    cases = (f'*.{name}) echo "{said}" >&2; exit 1;;' for name, said in names.items())
    machine.rig(
        eval_="\n".join(
            [f"[ $1 = eval ] && {{ echo '{json.dumps([*names])}'; exit; }}", 'case "$*" in', *cases, "esac"]
        )
    )
    machine.trees()

    done = machine.nix_check(*machine.tests("pass"))

    assert {said: outcomes(done)[name] for name, said in names.items()} == FAILURES
    assert done.code == 1


@pytest.mark.parametrize("line", ["assert False", f'print("{DOWNLOAD}: Could not resolve hostname"); assert False'])
def test_a_test_that_fails_is_red_whatever_it_prints(machine: Machine, line: str) -> None:
    machine.rig(eval_=f"{CHECKS}\n{OK}")
    machine.trees()

    done = machine.nix_check(*machine.tests(line))

    assert outcomes(done)[str(machine.folder / "test_nix.py")] == "FAIL"
    assert done.code == 1


@pytest.mark.parametrize(("end", "code"), [("exit 1", 1), ("kill -TERM $PPID; exec /bin/sleep 60", 143)])
def test_nothing_is_left_also_when_it_is_ended(machine: Machine, end: str, code: int) -> None:
    machine.rig(static_check=f'echo "${{0%/*}}" > "$HOME/copy"; {end}')

    done = machine.nix_check()

    copy = Path((machine.folder / "copy").read_text().strip())
    assert copy.name == "nixrig"
    assert copy.parent.parent == machine.scratch
    assert list(machine.scratch.iterdir()) == []
    assert done.code == code
