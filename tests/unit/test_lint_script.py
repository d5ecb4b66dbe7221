"""tools/lint: each linter alone turns it red, what is not there is named, and what is linted is found by itself."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

import pytest
from recipeci.host.command import BASE_ENV, Completed, LocalRunner, program

LINT = Path(__file__).parents[2] / "tools" / "lint"
LINTERS = {
    "ruff format": "ruff",
    "ruff check": "ruff",
    "mypy": "mypy",
    "shellcheck": "shellcheck",
    "nixfmt": "nixfmt",
    "deadnix": "deadnix",
    "statix": "statix",
}
OF_NIX = ("nixfmt", "deadnix", "statix")
USED = ("bash", "dirname", "env", "find", "grep", "head", "sh", "sort")
"""What the script itself runs; other programs of this machine, linters among them, are not on its PATH."""


@dataclass(frozen=True)
class Project:
    """A folder to lint, with linters that only note how they were called."""

    folder: Path

    def linter(self, name: str, *, fails_at: str = "nothing", version: str = "1.2.3") -> None:
        """Put a linter on PATH that is content with all but a call that begins with `fails_at`."""
        file = self.folder / ".venv" / "bin" / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(
            "#!/bin/sh\n"
            f'if [ "$1" = --version ]; then echo "{name} {version}"; exit; fi\n'
            f'echo "{name} $*" >> "{self.folder}/calls"\n'
            f'case "{name} $*" in "{fails_at}"*) exit 1 ;; esac\n'
        )
        file.chmod(0o755)

    def file(self, name: str, text: str = "") -> None:
        """Write a file of the project."""
        (self.folder / name).parent.mkdir(parents=True, exist_ok=True)
        (self.folder / name).write_text(text)

    def lint(self, *options: str, below: str = ".") -> Completed:
        """Run the script there, with no other linters than those put there."""
        env = {**BASE_ENV, "PATH": f"{self.folder}/.venv/bin:{self.folder}/.venv/used"}
        return LocalRunner().run([str(LINT), *options], env=env, cwd=self.folder / below, timeout=60, ok=range(256))

    def call(self, name: str) -> set[str]:
        """Return the words of the one call of a linter whose line begins with `name`."""
        (line,) = [line for line in (self.folder / "calls").read_text().splitlines() if line.startswith(name)]
        return set(line.split())


@pytest.fixture
def project(tmp_path: Path) -> Project:
    """A project with every linter, in which there is nothing wrong."""
    project = Project(tmp_path)
    for linter in set(LINTERS.values()):
        project.linter(linter)
    (tmp_path / ".venv" / "used").mkdir()
    for name in USED:
        (tmp_path / ".venv" / "used" / name).symlink_to(program(name))
    project.file("flake.nix")
    project.file("tools/script", "#!/usr/bin/env bash\n")
    return project


def last_line(done: Completed) -> str:
    """Return the verdict."""
    return done.out.splitlines()[-1]


def test_what_is_content_passes(project: Project) -> None:
    done = project.lint()

    assert last_line(done) == "lint: PASS"
    assert done.code == 0


def test_the_first_line_names_the_linters(project: Project) -> None:
    done = project.lint("--versions")

    names = ", ".join(f"{name} 1.2.3" for name in ("ruff", "mypy", "shellcheck", *OF_NIX))
    assert done.out == f"lint: {names}\n"
    assert project.lint().out.startswith(done.out)


@pytest.mark.parametrize("name", LINTERS)
def test_each_linter_alone_turns_it_red_and_all_others_are_run(project: Project, name: str) -> None:
    project.linter(LINTERS[name], fails_at=name)

    done = project.lint()

    assert last_line(done) == f"lint: FAIL ({name})"
    assert ("lint: nix fmt, or tools/lint --format, formats" in done.out) == (name in ("ruff format", "nixfmt"))
    assert done.code == 1
    assert len((project.folder / "calls").read_text().splitlines()) == len(LINTERS)


def test_linters_of_nix_files_that_are_not_there_are_named(project: Project) -> None:
    for name in OF_NIX:
        (project.folder / ".venv" / "bin" / name).unlink()

    done = project.lint()

    assert last_line(done) == "lint: PASS (not checked: nixfmt, deadnix, statix)"
    assert done.code == 0


def test_a_stub_of_a_linter_is_not_one(project: Project) -> None:
    project.linter("statix", version="")
    project.linter("mypy", fails_at="mypy")

    done = project.lint()

    assert last_line(done) == "lint: FAIL (mypy; not checked: statix)"
    assert done.code == 1


@pytest.mark.parametrize("name", ["ruff", "mypy", "shellcheck"])
def test_without_the_others_there_is_no_verdict_but_fail(project: Project, name: str) -> None:
    (project.folder / ".venv" / "bin" / name).unlink()

    done = project.lint()

    assert last_line(done) == f"lint: FAIL ({name} is not on PATH: make setup, or nix develop .#lint)"
    assert done.code == 1


def test_scripts_are_found_by_what_they_say(project: Project) -> None:
    project.file("one/as-abra", "#!/bin/sh\n")
    project.file("read.sh", "# what\n# it\n# is\n#\n# shellcheck shell=sh\n")
    project.file("notes.md", "text\n\n```\n#!/bin/sh\n```\n")
    project.file("python", "#!/usr/bin/env python3\n")
    project.file("other.sh", "export X=1\n")

    project.lint()

    assert project.call("shellcheck") == {"shellcheck", "./tools/script", "./one/as-abra", "./read.sh"}


def test_nix_files_are_found_wherever_they_are(project: Project) -> None:
    project.file("hosts/deep/one.nix")
    project.file(".venv/of-others.nix")

    project.lint(below="tools")

    assert project.call("nixfmt") == {"nixfmt", "--check", "./flake.nix", "./hosts/deep/one.nix"}
    assert project.call("deadnix") == {"deadnix", "--fail", "./flake.nix", "./hosts/deep/one.nix"}


def test_format_changes_files_and_judges_none(project: Project) -> None:
    done = project.lint("--format")

    assert "PASS" not in done.out
    assert done.code == 0
    calls = (project.folder / "calls").read_text().splitlines()
    assert calls == ["ruff format --quiet .", "nixfmt ./flake.nix"]


@pytest.mark.parametrize("options", [("--x",), ("--format", "--versions"), ("a.py",)])
def test_other_options_are_refused(project: Project, options: tuple[str, ...]) -> None:
    done = project.lint(*options)

    assert re.match(r"lint: .* is unknown: give --format, --versions or nothing\n", done.err)
    assert done.code == 2


def test_outside_a_checkout_it_is_refused(project: Project) -> None:
    (project.folder / "flake.nix").unlink()

    done = project.lint()

    assert done.err == f"lint: {project.folder} is in no checkout of the project: no flake.nix there or above\n"
    assert done.code == 2
