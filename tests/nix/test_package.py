"""The package: what it runs and with which programs, what an edit builds anew, and a run by it from end to end."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from e2e.program import Recipeci, for_recipe
from lab import folders, prepare, repository
from recipeci.run.doctor import NEEDED

from nix.flake import SYSTEM, Flake, environment

RECIPECI = f"packages.{SYSTEM}.recipeci"
ROOT = Path(__file__).parents[2]
TIERS = "install,upgrade,backup,restore,custom"
EXPECTED = {"install": "pass", "upgrade": "pass", "backup": "pass", "restore": "pass", "custom": "skip"}


def to_build(flake: Flake, output: str) -> list[str]:
    """Return the names of the derivations that would be built for an output, without hash and `.drv`."""
    said = flake.nix("build", "--no-link", "--dry-run", flake.ref(output)).err
    lines = [line.strip() for line in said.splitlines()]
    return [Path(line).stem.partition("-")[2] for line in lines if line.startswith("/") and line.endswith(".drv")]


def doctor(flake: Flake, *, path: str = "") -> dict[str, str]:
    """Return what the built program says of each thing that a run needs, whatever the caller's PATH is."""
    built = flake.build(RECIPECI) / "bin" / "recipeci"
    done = subprocess.run(
        [built, "doctor"], env={**environment(), "PATH": path}, capture_output=True, text=True, check=False
    )
    return {line.split()[0]: line for line in done.stdout.splitlines() if line[:1].strip() and len(line.split()) > 1}


def test_the_package_and_the_small_abra_are_started_by_their_names(nix: Flake) -> None:
    assert nix.run("recipeci", "--version").out.startswith("recipeci ")
    assert nix.run("miniabra", "--version").out.startswith("abra version ")


def test_every_program_that_a_run_needs_is_the_closures_whatever_the_caller_has(nix: Flake, tmp_path: Path) -> None:
    """The caller's git would be found first by whoever asks the environment."""
    for name in NEEDED:
        (tmp_path / name).symlink_to("/bin/false")
    programs = nix.build(f"{RECIPECI}.programs")
    said = doctor(nix, path=str(tmp_path))
    assert {name: f"{programs}/bin/{name}" in said[name] for name in NEEDED} == dict.fromkeys(NEEDED, True)


def test_a_program_that_the_package_lacks_is_said_to_be_its_fault(copy: Flake) -> None:
    copy.change("nix/package.nix", old="    nftables\n", new="")
    assert doctor(copy, path="/usr/sbin:/usr/bin")["nft"].split()[1] == "missing"


@pytest.mark.parametrize(
    "file", ["recipeci/usage.py", "miniabra/say.py", "minibot/say.py", "recipeci/schemas/report.json"]
)
def test_an_edit_of_the_harness_builds_one_derivation(nix: Flake, copy: Flake, file: str) -> None:
    built = nix.build(RECIPECI)
    text = (copy.folder / "harness" / file).read_text()
    copy.change(f"harness/{file}", old=text, new=f"{text}\n")
    assert to_build(copy, RECIPECI) == [built.name.partition("-")[2]]


def test_an_edit_of_an_overlay_builds_none_of_the_harness(nix: Flake, copy: Flake) -> None:
    for output in (RECIPECI, f"packages.{SYSTEM}.recipes"):
        nix.build(output)
    copy.change("tests/recipes/new", old="", new="x")
    assert to_build(copy, RECIPECI) == []
    assert to_build(copy, f"packages.{SYSTEM}.recipes") == ["recipeci-recipes"]


def test_an_edit_of_a_page_builds_none_of_the_harness(nix: Flake, copy: Flake) -> None:
    nix.build(RECIPECI)
    copy.append("README.md", "\nx\n")
    assert to_build(copy, RECIPECI) == []


def test_a_chromium_is_among_the_programs_where_one_is_wanted(nix: Flake) -> None:
    """As the module's option `package` has it in its example. It is not built: nothing else is as large."""
    wanted = "(p.override { withChromium = true; })"
    question = f"p: map (p: p.programs.drvPath) [ p {wanted} ] ++ [ {wanted}.drvPath p.drvPath ]"
    plain, with_chromium, program, plain_program = nix.eval(RECIPECI, apply=question)
    assert (with_chromium != plain, program != plain_program) == (True, True)
    assert ["-chromium" in Path(drv).read_text() for drv in (plain, with_chromium)] == [False, True]


def test_the_overlays_are_all_there(nix: Flake) -> None:
    built = nix.build(f"packages.{SYSTEM}.recipes")
    assert (built / "custom-html" / "test_install.py").is_file()


@pytest.fixture
def program(nix: Flake) -> Iterator[Recipeci]:
    """The packaged program with run folders of its own and the images of all tests, on a file system that holds cells.

    Skipped where the Docker that Nix gives does not run.
    """
    if doctor(nix)["docker"].split()[1] != "ok":
        pytest.skip("the Docker that Nix gives here does not run: no run was made by the package")
    cache = prepare.cache_folder()
    prepare.prepare(cache, say=print)
    with folders.beside_the_store() as made:
        own = made / "c" / "recipeci"
        own.mkdir(parents=True)
        (own / "store").symlink_to(cache / "store")
        (own / "settings.yml").write_text(f"cache: {own}\n")
        program = Recipeci(made, own, env=environment())
        yield program
        program.kill_all()


@pytest.mark.cell
def test_a_run_that_nix_starts_makes_a_cell_and_a_verdict(nix: Flake, program: Recipeci) -> None:
    """All tiers, with our overlays as a package has them."""
    overlays = nix.build(f"packages.{SYSTEM}.recipes")
    source = program.folder / "custom-html"
    repository.build(ROOT / "tests" / "lab" / "recipes" / "custom-html", source)
    options = [*for_recipe("custom-html", source=source, stages=TIERS), "--config", str(program.cache / "settings.yml")]
    out = program.folder / "r"
    started = [nix.program, "run", nix.ref("recipeci"), "--", *options, "--overlays", str(overlays), "--out", str(out)]
    ended = program.start_command(*started, folder=out).end()
    assert ended.code == 0, ended.out + ended.err
    assert {tier["name"]: tier["outcome"] for tier in ended.report["tiers"]} == EXPECTED
    assert ended.report["leftovers"] == []
