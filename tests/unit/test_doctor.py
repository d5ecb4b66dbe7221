"""run.doctor: the table, and that looking changes nothing."""

from __future__ import annotations

import shutil
import sys
from pathlib import Path

import pytest
from recipeci.errors import HostError
from recipeci.host.closure import Closure, Image
from recipeci.host.command import LocalRunner
from recipeci.model import Settings
from recipeci.run import doctor
from recipeci.run.doctor import Finding, State

from unit.processes import ended, environment

PROGRAM = Path(sys.prefix) / "bin" / "recipeci"
FOUND = (
    Finding("root", State.OK, "yes"),
    Finding("vip", State.NOTE, "no IPVS", "nothing"),
    Finding("disk", State.MISSING, "0.1 GB\x1b[2K free", "free\nsome"),
)


def examined(settings: Settings) -> dict[str, Finding]:
    return {finding.name: finding for finding in doctor.examine(settings, runner=LocalRunner())}


def test_the_table_has_a_line_a_finding_with_what_to_do_and_the_sum() -> None:
    assert list(doctor.table(FOUND)) == [
        "root        ok       yes",
        "vip         note     no IPVS",
        "                     → nothing",
        r"disk        missing  0.1 GB\x1b[2K free",
        "                     → free some",
        "a run cannot work here: disk",
    ]


def test_a_note_keeps_no_run_from_working() -> None:
    assert doctor.missing(FOUND[:2]) == ()
    assert list(doctor.table(FOUND[:2]))[-1] == "a run can work here"


def test_everything_that_is_missing_says_what_to_do(short: Path) -> None:
    settings = Settings(cache=short / "cache", docker_prefix=short / "none", abra="/bin/true", min_free_gb=1e9)
    found = examined(settings)
    missing = {name: finding for name, finding in found.items() if finding.state is State.MISSING}
    assert set(missing) >= {"docker", "abra", "disk"}
    assert all(finding.to_do for name, finding in missing.items())


@pytest.mark.parametrize("final", [False, True])
def test_the_built_in_abra_is_a_note_and_whether_workers_use_it_is_told(short: Path, *, final: bool) -> None:
    settings = Settings(cache=short, abra="builtin", builtin_abra_is_final=final)
    found = examined(settings)["abra"]
    assert found.state is State.NOTE
    assert ("`recipeci work` does not use it" in found.found) is not final


def test_looking_makes_no_folder(short: Path) -> None:
    examined(Settings(cache=short / "a" / "cache"))
    assert list(short.iterdir()) == []


def test_the_cache_is_judged_by_a_trial_where_it_would_be() -> None:
    """The kernel's own file systems hold no images."""
    found = examined(Settings(cache=Path("/sys/kernel/recipeci")))["cache"]
    assert found.state is State.MISSING
    assert found.to_do


def test_a_cache_folder_that_can_be_used_is_ok(short: Path) -> None:
    found = examined(Settings(cache=short / "cache"))["cache"]
    assert (found.state, found.found) == (State.OK, f"{short}/cache (will be made)")


def test_a_cache_that_is_nowhere_is_missing_and_says_what_to_set() -> None:
    assert "set `cache`" in examined(Settings())["cache"].found


def test_a_broken_traefik_of_our_own_package_is_named_and_reported_by_whoever_reads_it(tmp_path: Path) -> None:
    own = Closure(path="/nonexistent", proxy=Image("traefik:v9", tmp_path / "none"))
    found = doctor.traefik(own, LocalRunner())
    assert (found.state, found.to_do) == (State.NOTE, "please report it")
    assert found.found.startswith("our own package is broken: ")


def test_without_root_the_program_says_what_it_cannot_do(short: Path) -> None:
    unshare = shutil.which("unshare")
    assert unshare is not None
    code, out, err = ended(
        [unshare, "--user", "--map-user=1000", "--", str(PROGRAM), "doctor"], env=environment({"HOME": str(short)})
    )
    assert (code, err) == (HostError.exit_code, "")
    lines = out.splitlines()
    assert "root        missing  no" in lines
    assert lines[-1].startswith("a run cannot work here: root, ")
    assert list(short.iterdir()) == []
