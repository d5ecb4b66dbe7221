"""The shells of `nix develop`: what is in them, the checkout's harness too; a broken one is a red check."""

from __future__ import annotations

from pathlib import Path

import pytest

from nix.flake import SYSTEM, Flake

SHELLS = ("default", "lint", "test")


def test_the_test_shell_runs_tests_of_the_checkout(nix: Flake) -> None:
    done = nix.develop("test", "pytest", "-q", "-p", "no:cacheprovider", "tests/unit/test_versions.py")

    assert " passed" in done.out


@pytest.mark.parametrize("shell", ["default", "test"])
def test_the_harness_is_the_checkouts_in_children_without_environment_too(copy: Flake, shell: str) -> None:
    copy.append("harness/recipeci/__init__.py", '\nNEW = "just edited"\n')

    said = copy.develop(
        shell, "python", "-c", "import recipeci; print(recipeci.NEW, recipeci.__file__)", cwd=copy.folder / "tests"
    )

    assert said.out.split() == ["just", "edited", str(copy.folder / "harness" / "recipeci" / "__init__.py")]


def test_the_harness_of_the_checkout_takes_the_programs_of_the_package(nix: Flake) -> None:
    path = nix.develop("test", "python", "-c", "from recipeci.host import closure; print(closure.OWN.path)").out.strip()

    assert path == f"{nix.build(f'packages.{SYSTEM}.recipeci.programs')}/bin"


def test_the_default_shell_has_what_the_others_have(nix: Flake) -> None:
    store = nix.build(f"checks.{SYSTEM}.shell-default").parent
    programs = ("lint", "ruff", "mypy", "shellcheck", "nixfmt", "deadnix", "statix", "git", "make")

    found = nix.develop("default", "which", *programs, "pytest").out.split()

    assert [Path(path).name for path in found] == [*programs, "pytest"]
    assert all(Path(path).is_relative_to(store) for path in found[:-1]), found
    assert Path(found[-1]).is_relative_to(nix.folder / ".venv" / "nix")


def test_every_package_and_every_shell_is_a_check(nix: Flake) -> None:
    names = set(nix.eval(f"checks.{SYSTEM}", apply="builtins.attrNames"))
    packages = nix.eval(f"packages.{SYSTEM}", apply="builtins.attrNames")
    shells = nix.eval(f"devShells.{SYSTEM}", apply="builtins.attrNames")

    assert shells == sorted(SHELLS)
    assert names >= {f"shell-{shell}" for shell in shells}
    assert names >= {f"package-{package}" for package in packages if package != "default"}
    assert names >= {f"vm-{file.stem}" for file in (nix.folder / "nix" / "tests").glob("*.nix")}


def test_a_broken_shell_is_a_red_check(copy: Flake) -> None:
    copy.change(
        "nix/shells.nix", old="  testing = [\n", new='  testing = [\n    (pkgs.runCommand "broken" { } "exit 1")\n'
    )

    said = copy.refusal("build", "--no-link", copy.ref(f"checks.{SYSTEM}.shell-test"))

    assert "broken.drv" in said
    copy.build(f"checks.{SYSTEM}.shell-lint")
