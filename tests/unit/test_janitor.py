"""run.janitor: what killed runs left, and old runs; what is alive is never touched."""

from __future__ import annotations

import contextlib
import dataclasses
import json
import os
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest
from recipeci.host import closure, temporary
from recipeci.host.clock import SystemClock
from recipeci.host.command import BASE_ENV, Completed, LocalRunner
from recipeci.model import Commit, Outcome, Report, Request, Settings, Target
from recipeci.report import write
from recipeci.run import janitor, locks, workspace

from unit.processes import SECONDS, folder_of, line, started, tell, waits_for
from unit.reports import PASSED

runner = LocalRunner()
clock = SystemClock()
MACHINE = {**BASE_ENV, "PATH": closure.OWN.machine_path}
"""With programs that the harness does not need."""
RUN = """
import logging, sys
from pathlib import Path
from recipeci.host.clock import SystemClock
from recipeci.model import Commit, Request, Settings, Target
from recipeci.report import runlog
from recipeci.run import workspace
cache, out, keep = Path(sys.argv[1]), sys.argv[2], sys.argv[3] == "keep"
request = Request("custom-html", pr=7, out=Path(out) if out else None, keep=keep)
with workspace.opened(request, Settings(cache=cache), source="s", clock=SystemClock()) as run:
    with runlog.logged(run.log):
        logging.getLogger("recipeci").info("deploying")
        run.write_manifest(target=Target(Commit("a" * 40)), creates=["x"])
        (run.swarm / "data").mkdir()
        (run.shared / "abra").mkdir()
        (run.authors / "recipeci").mkdir(parents=True)
        print(run.folder, flush=True)
        sys.stdin.readline()
"""
CLEAN = """
import sys
from pathlib import Path
from recipeci.host import closure, temporary
from recipeci.host.clock import SystemClock
from recipeci.host.command import BASE_ENV, LocalRunner
from recipeci.model import Settings
from recipeci.run import janitor
print("ready", flush=True)
sys.stdin.readline()
for line in janitor.clean(Settings(cache=Path(sys.argv[1])), runner=LocalRunner(), clock=SystemClock()):
    print(line, flush=True)
"""


def settings(short: Path, *, keep_days: int = 30) -> Settings:
    return Settings(cache=short / "cache", keep_days=keep_days)


def clean(short: Path, *, keep_days: int = 30) -> tuple[str, ...]:
    return janitor.clean(settings(short, keep_days=keep_days), runner=runner, clock=clock)


def killed(short: Path, *, out: Path | None = None, keep: bool = False) -> Path:
    """Return the folder of a run that was killed in its middle."""
    with started(RUN, str(short / "cache"), str(out or ""), "keep" if keep else "") as process:
        folder = folder_of(process)
        process.kill()
        process.wait()
    return folder


@contextlib.contextmanager
def alive(short: Path) -> Iterator[Path]:
    """Give the folder of a run that goes on until the end of the block."""
    with started(RUN, str(short / "cache"), "", "") as process:
        yield folder_of(process)


def ended(short: Path, report: Report = PASSED, *, days_ago: float = 0.0, run_id: str | None = None) -> Path:
    """Return the folder of a run that ended so many days ago."""
    run_id = run_id or report.run_id
    folder = short / "cache" / "runs" / run_id
    (folder / "state").mkdir(parents=True)
    path = write.write(dataclasses.replace(report, run_id=run_id), folder)
    then = path.stat().st_mtime - days_ago * janitor.DAY
    os.utime(path, (then, then))
    return folder


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_a_killed_run_gets_its_report_and_loses_its_cell_and_checkout(short: Path) -> None:
    folder = killed(short)
    assert names(folder) == ["authors", "cell", "run.log", "state", "swarm"]
    (said,) = clean(short)
    assert said == f"{folder.name}: killed; its cell and checkout removed, report: {folder}/report.json"
    assert names(folder) == ["junit.xml", "report.json", "run.log", "state"]
    report = json.loads((folder / "report.json").read_text())
    assert (report["verdict"], report["label"], report["exit_code"]) == ("error", "error (killed)", 137)
    assert (report["recipe"], report["pr"], report["target"]["commit"]) == ("custom-html", 7, "a" * 40)
    assert report["errors"][0]["message"].endswith("INFO    recipeci: deploying")
    assert report["leftovers"] is None


@pytest.mark.parametrize("where", [".", "store", "store/work", "store/marks"])
def test_what_a_killed_command_had_for_a_while_is_removed_and_said(short: Path, where: str) -> None:
    place = short / "cache" / where
    place.mkdir(parents=True, exist_ok=True)
    with temporary.folder(place) as living:
        left = place / f"{temporary.PREFIX}left"
        left.mkdir()
        assert clean(short) == (f"{left}: its maker was killed, removed",)
        assert living.is_dir()
    assert names(place) == []


def test_what_was_cleaned_once_is_not_cleaned_again(short: Path) -> None:
    folder = killed(short)
    assert len(clean(short)) == 1
    before = (folder / "report.json").read_text()
    assert clean(short) == ()
    assert (folder / "report.json").read_text() == before


def test_a_run_that_is_alive_is_not_touched(short: Path) -> None:
    with alive(short) as folder:
        before = names(folder)
        assert clean(short) == ()
        assert names(folder) == before
    assert len(clean(short)) == 1


def test_two_janitors_at_once_reap_each_run_once(short: Path) -> None:
    folders = [killed(short) for _ in range(5)]
    with started(CLEAN, str(short / "cache")) as one, started(CLEAN, str(short / "cache")) as other:
        for process in (one, other):
            assert line(process) == "ready"
        for process in (one, other):
            tell(process, "go")
        outs = [process.communicate() for process in (one, other)]
    assert [err for _, err in outs] == ["", ""]
    said = sorted(text.partition(":")[0] for out, _ in outs for text in out.splitlines())
    assert said == sorted(folder.name for folder in folders)
    assert all((folder / "report.json").exists() for folder in folders)


def test_a_run_whose_folder_is_being_made_is_not_judged_until_it_is(short: Path) -> None:
    half_made = short / "cache" / "runs" / PASSED.run_id
    with contextlib.ExitStack() as run, started(CLEAN, str(short / "cache")) as process:
        lock = locks.file(short / "cache" / "runs" / ".lock")
        run.enter_context(locks.held(lock))
        half_made.mkdir()
        assert line(process) == "ready"
        tell(process, "go")
        waits_for(lock, process)
        (half_made / "state").mkdir()
        with locks.held(workspace.lock_file(half_made)):
            run.close()
            assert process.communicate() == ("", "")
    assert half_made.exists()


def test_a_killed_run_elsewhere_is_found_by_its_link(short: Path) -> None:
    folder = killed(short, out=short / "out")
    assert folder == short / "out"
    assert len(clean(short)) == 1
    assert names(folder) == ["junit.xml", "report.json", "run.log", "state"]
    assert names(short / "cache" / "runs") == [".lock"]


def test_a_link_to_a_folder_that_is_gone_is_removed(short: Path) -> None:
    link = short / "cache" / "runs" / PASSED.run_id
    link.parent.mkdir(parents=True)
    link.symlink_to(short / "gone")
    assert clean(short) == ()
    assert not link.is_symlink()


def test_what_was_to_be_kept_stays_after_the_report(short: Path) -> None:
    folder = killed(short, keep=True)
    clean(short)
    assert (folder / "report.json").exists()
    (folder / "swarm").mkdir()
    assert clean(short) == ()
    assert (folder / "swarm").exists()


def test_a_run_killed_after_its_report_loses_its_cell_and_keeps_the_report(short: Path) -> None:
    folder = killed(short)
    path = write.write(PASSED, folder)
    before = path.read_text()
    assert len(clean(short)) == 1
    assert path.read_text() == before
    assert not (folder / "swarm").exists()


@pytest.mark.parametrize("parts", [(), ("cell",), ("cell", "swarm", "state"), ("state/.manifest.json.part",)])
def test_a_run_killed_while_its_folder_was_made_leaves_nothing(short: Path, parts: tuple[str, ...]) -> None:
    folder = short / "cache" / "runs" / PASSED.run_id
    folder.mkdir(parents=True)
    for part in parts:
        (folder / part).mkdir(parents=True)
    assert clean(short) == (f"{folder.name}: killed before it began, removed",)
    assert not folder.exists()


def test_what_is_no_run_by_its_name_is_not_touched(short: Path) -> None:
    runs = short / "cache" / "runs"
    (runs / "mine" / "swarm").mkdir(parents=True)
    (runs / "notes.txt").write_text("mine")
    assert clean(short) == ()
    assert (runs / "mine" / "swarm").exists()


def test_a_cache_folder_that_is_not_there_is_not_made(short: Path) -> None:
    assert clean(short) == ()
    assert names(short) == []


def test_old_runs_are_removed_and_younger_ones_stay(short: Path) -> None:
    failed = dataclasses.replace(PASSED, verdict=Outcome.FAIL, label="fail", exit_code=1)
    old = ended(short, failed, days_ago=31, run_id="20260101-000000-a00001")
    young = ended(short, failed, days_ago=29, run_id="20260103-000000-a00002")
    assert clean(short) == (f"{old.name}: old, removed",)
    assert not old.exists()
    assert young.exists()


def test_the_newest_pass_of_a_recipe_is_never_too_old(short: Path) -> None:
    first = ended(short, days_ago=400, run_id="20250101-000000-a00001")
    second = ended(short, days_ago=300, run_id="20250301-000000-a00002")
    other = dataclasses.replace(PASSED, recipe="other")
    third = ended(short, other, days_ago=400, run_id="20250101-000000-a00003")
    assert clean(short) == (f"{first.name}: old, removed",)
    assert second.exists()
    assert third.exists()


def test_an_old_run_whose_report_cannot_be_read_is_removed_too(short: Path) -> None:
    folder = ended(short, days_ago=31)
    report = folder / "report.json"
    then = report.stat().st_mtime
    report.write_text("{")
    os.utime(report, (then, then))
    assert clean(short) == (f"{folder.name}: old, removed",)


class Removing(LocalRunner):
    """Notes of each thing that is removed whether another janitor could look meanwhile."""

    def __init__(self, runs: Path) -> None:
        self.lock = runs / ".lock"
        self.seen: list[tuple[str, bool]] = []

    def run(self, argv: Sequence[str], **options: Any) -> Completed:  # noqa: ANN401 - the runner's
        if argv[0] == "rm":
            with locks.held_if_free(self.lock) as free:
                self.seen.append((Path(argv[-1]).name, free))
        return super().run(argv, **options)


def test_the_lock_of_an_old_run_goes_while_no_other_janitor_looks(short: Path) -> None:
    """He would take it for one that was killed before it had a lock, make that anew, and say so."""
    folder = ended(short, dataclasses.replace(PASSED, verdict=Outcome.FAIL), days_ago=31)
    removing = Removing(folder.parent)
    assert janitor.clean(settings(short), runner=removing, clock=clock) == (f"{folder.name}: old, removed",)
    *parts, last = removing.seen
    assert sorted(parts) == [("junit.xml", True), ("report.json", True)]
    assert last == (folder.name, False)


def test_the_folder_of_one_killed_before_it_began_goes_while_no_other_janitor_looks(short: Path) -> None:
    folder = short / "cache" / "runs" / PASSED.run_id
    (folder / "state").mkdir(parents=True)
    removing = Removing(folder.parent)
    assert len(janitor.clean(settings(short), runner=removing, clock=clock)) == 1
    assert removing.seen == [("state", False)]


def test_zero_days_keep_all(short: Path) -> None:
    ended(short, dataclasses.replace(PASSED, verdict=Outcome.FAIL), days_ago=4000)
    assert clean(short, keep_days=0) == ()


def test_an_old_run_that_somebody_holds_stays(short: Path) -> None:
    folder = ended(short, dataclasses.replace(PASSED, verdict=Outcome.FAIL), days_ago=31)
    with locks.held(locks.file(workspace.lock_file(folder))):
        assert clean(short) == ()
    assert len(clean(short)) == 1


def test_a_folder_that_cannot_be_removed_is_said_and_the_others_are_cleared(short: Path) -> None:
    folders = sorted([killed(short), killed(short)])
    stuck = folders[0]
    runner.run(["chattr", "+i", str(stuck / "swarm" / "data")], timeout=SECONDS, env=MACHINE)
    try:
        first, second = clean(short)
        assert first.startswith(f"{stuck.name}: stays: ")
        assert "killed; its cell and checkout removed" in second
        assert not (stuck / "report.json").exists()
    finally:
        runner.run(["chattr", "-i", str(stuck / "swarm" / "data")], timeout=SECONDS, env=MACHINE)
    assert len(clean(short)) == 1
    assert (stuck / "report.json").exists()


def test_the_report_of_a_killed_run_fits_the_schema_without_a_target(short: Path) -> None:
    with workspace.opened(Request("x"), settings(short), source="s", clock=clock) as run:
        manifest = workspace.read_manifest(run.folder)
        assert manifest is not None
        data = write.as_data(janitor.killed(manifest, folder=run.folder))
        assert (data["target"], data["seconds"]) == (None, 0)
        run.write_manifest(target=Target(Commit("b" * 40)))
        run.report.write_text("{}")


def test_a_cache_of_somebody_else_says_what_to_do(short: Path) -> None:
    runs = short / "cache" / "runs"
    runs.mkdir(parents=True)
    code = """
import os, sys
from pathlib import Path
from recipeci.errors import HostError
from recipeci.host import closure, temporary
from recipeci.host.clock import SystemClock
from recipeci.host.command import BASE_ENV, LocalRunner
from recipeci.model import Settings
from recipeci.run import janitor
os.setgroups([]); os.setgid(65534); os.setuid(65534)
try:
    janitor.clean(Settings(cache=Path(sys.argv[1])), runner=LocalRunner(), clock=SystemClock())
except HostError as e:
    print(e.message, "|", e.hint)
"""
    (runs / PASSED.run_id).mkdir()
    short.chmod(0o755)
    runs.chmod(0o755)
    with started(code, str(short / "cache")) as process:
        assert line(process) == f"{runs}/.lock: Permission denied | sudo recipeci clean"
