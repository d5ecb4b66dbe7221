"""The linters as the flake gives them: the same program in the shell, in the check and by make; faults turn it red.

That each linter alone turns it red, and what it says of one that is not there, `tests/unit/test_lint_script.py` shows.
"""

from __future__ import annotations

import re
import resource

import pytest
from recipeci.host.command import Completed

from nix.flake import SYSTEM, Flake

CHECK = f"checks.{SYSTEM}.lint"
SECONDS = 10.0
PASS = re.compile(r"lint: PASS( \(not checked: statix\))?")
"""nixrig has no statix; all else it has."""
FAULTS = {
    "ruff format": ("harness/recipeci/host/clock.py", "\nfaulty  =  1\n"),
    "ruff check": ("harness/recipeci/host/http.py", "\nimport os\n"),
    "mypy": ("harness/recipeci/model/asked.py", '\nfaulty: int = "1"\n'),
    "shellcheck": ("tools/setup-python", "\ncd $faulty\n"),
    "nixfmt": ("hosts/cc-ci.nix", "\n\n\n"),
    "deadnix": ("nix/lint.nix", None),
}
"""Of each linter a file, and what is wrong when it stands at its end."""


def last_line(text: str) -> str:
    """Return the verdict."""
    return text.strip().splitlines()[-1]


@pytest.fixture(scope="session")
def in_shell(nix: Flake) -> Completed:
    """What lint says of the checkout in its shell, once the cache of mypy is warm."""
    nix.develop("lint", "lint", check=False)
    return nix.develop("lint", "lint", check=False)


@pytest.fixture
def broken(copy: Flake) -> Flake:
    """A copy with one fault for each linter."""
    for file, end in FAULTS.values():
        if end is None:
            copy.change(file, old="{ lib, pkgs, ... }:\nlet\n", new="{ lib, pkgs, ... }:\nlet\n  faulty = 1;\n")
        else:
            copy.append(file, end)
    return copy


def test_the_shell_has_a_lint_that_passes(in_shell: Completed) -> None:
    assert PASS.fullmatch(last_line(in_shell.out)), in_shell.out + in_shell.err
    assert in_shell.code == 0


def test_with_a_warm_cache_it_takes_few_seconds(nix: Flake, in_shell: Completed) -> None:
    before = resource.getrusage(resource.RUSAGE_CHILDREN)

    nix.develop("lint", "lint", check=in_shell.code == 0)

    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    # Of processors: other tests may have them too.
    assert (after.ru_utime + after.ru_stime) - (before.ru_utime + before.ru_stime) <= SECONDS


def test_the_check_says_the_same(nix: Flake, in_shell: Completed) -> None:
    said = nix.build(CHECK).read_text()

    assert said.splitlines()[0] == in_shell.out.splitlines()[0]
    assert last_line(said) == last_line(in_shell.out)


def test_make_has_the_versions_of_the_shells_and_of_the_check(nix: Flake, in_shell: Completed) -> None:
    versions = in_shell.out.splitlines()[0]

    for shell in ("lint", "default"):
        assert nix.develop(shell, "make", "lint", "OPTIONS=--versions").out.splitlines() == [versions]
    for named in versions.removeprefix("lint: ").split(", "):
        program, version = named.split()
        assert version in nix.develop("default", program, "--version").out


def test_each_fault_turns_the_shells_lint_red(broken: Flake) -> None:
    done = broken.develop("lint", "lint", check=False)

    assert named(last_line(done.out)) == set(FAULTS)
    assert done.code == 1


def test_each_fault_turns_the_check_red(broken: Flake) -> None:
    said = broken.refusal("build", "--no-link", "--print-build-logs", broken.ref(CHECK))

    (verdict,) = re.findall(r"lint: FAIL .*", said)
    assert named(verdict) == set(FAULTS)


def named(verdict: str) -> set[str]:
    """Return the linters that found something."""
    found = re.fullmatch(r"lint: FAIL \(([^;)]*)(; not checked: statix)?\)", verdict)
    assert found, verdict
    return set(found[1].split(", "))


def test_nix_fmt_formats_python_and_nix(copy: Flake) -> None:
    files = {name: copy.folder / name for name in ("nix/lint.nix", "tools/nix-check", "harness/recipeci/errors.py")}
    right = {name: file.read_text() for name, file in files.items()}
    copy.change("nix/lint.nix", old="  inherit linters lint;", new="      inherit linters   lint ;")
    copy.change("tools/nix-check", old="import argparse\n", new="import argparse ;\n")
    copy.append("harness/recipeci/errors.py", "\n\n\n\n")

    copy.nix("fmt")

    assert {name: file.read_text() for name, file in files.items()} == right
