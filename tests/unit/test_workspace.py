"""run.workspace: folders, names, the lock, the manifest, and what is refused before anything is made."""

from __future__ import annotations

import contextlib
import dataclasses
import json
import signal
from pathlib import Path

import pytest
from recipeci import schemas
from recipeci.errors import HostError, RecipeInvalid, UsageError
from recipeci.host.clock import SystemClock
from recipeci.model import Commit, Request, Settings, Target
from recipeci.run import locks, workspace

from unit.processes import folder_of, line, started, tell, waits_for

clock = SystemClock()
RUN = """
import sys
from pathlib import Path
from recipeci.host.clock import SystemClock
from recipeci.model import Request, Settings
from recipeci.run import workspace
settings, out = Settings(cache=Path(sys.argv[1])), Path(sys.argv[2]) if sys.argv[2:] else None
with workspace.opened(Request("custom-html", out=out), settings, source="s", clock=SystemClock()) as run:
    print(run.folder, flush=True)
    sys.stdin.readline()
"""


def settings(short: Path) -> Settings:
    return Settings(cache=short / "cache", min_free_gb=0.001)


def runs(short: Path) -> list[Path]:
    return [path for path in (short / "cache" / "runs").glob("*") if not path.name.startswith(".")]


def test_a_run_has_its_folders_with_a_state_for_root_alone(short: Path) -> None:
    with workspace.opened(Request("x"), settings(short), source="s", clock=clock) as run:
        assert run.folder == short / "cache" / "runs" / run.run_id
        modes = {path.name: oct(path.stat().st_mode & 0o777) for path in run.folder.iterdir()}
        assert modes == {"cell": "0o755", "swarm": "0o700", "state": "0o700"}
        assert run.checkout == run.folder / "cell/abra/recipes/x"
        assert (short / "cache").stat().st_mode & 0o777 == 0o700


def test_names_come_from_the_id_alone(short: Path) -> None:
    with workspace.opened(Request("x", pr=7), settings(short), source="s", clock=clock) as run:
        assert workspace.RUN_ID.match(run.run_id)
        label = run.run_id[-6:]
        assert (run.domain, run.stack) == (f"{label}.ci.test", f"{label}_ci_test")
        assert label[0].isalpha()


def test_two_runs_never_share_a_name(short: Path) -> None:
    """There are six million: of twenty names two would be the same once in 30 000 times."""
    ids = set()
    for _ in range(3):
        with workspace.opened(Request("x"), settings(short), source="s", clock=clock) as run:
            ids.add(run.domain)
    assert len(ids) == 3


def test_the_manifest_says_what_the_run_is_and_will_create(short: Path) -> None:
    with workspace.opened(Request("x", pr=7), settings(short), source="s", clock=clock) as run:
        first = workspace.read_manifest(run.folder)
        assert first is not None
        assert (first["target"], first["creates"]) == (None, [])
        run.write_manifest(target=Target(Commit("a" * 40)), creates=["cgroup recipeci-x"])
        second = workspace.read_manifest(run.folder)
        assert second == first | {"target": "a" * 40, "creates": ["cgroup recipeci-x"]}
        assert (second["recipe"], second["pr"], second["stack"]) == ("x", 7, run.stack)


@pytest.mark.parametrize("key", ["run_id", "recipe", "target", "creates"])
def test_a_manifest_of_another_form_is_none(short: Path, key: str) -> None:
    with workspace.opened(Request("x"), settings(short), source="s", clock=clock) as run:
        file = workspace.manifest_file(run.folder)
        data = json.loads(file.read_text())
        schemas.check("manifest", data, where="manifest.json")
        file.write_text(json.dumps(data | {key: 1}))
        assert workspace.read_manifest(run.folder) is None
        file.write_text("{")
        assert workspace.read_manifest(run.folder) is None


def test_the_lock_is_held_while_the_run_goes_on(short: Path) -> None:
    with workspace.opened(Request("x"), settings(short), source="s", clock=clock) as run:
        run.report.write_text("{}")
        lock = workspace.lock_file(run.folder)
        with locks.held_if_free(lock) as ours:
            assert not ours
    with locks.held_if_free(lock) as ours:
        assert ours


def test_while_a_janitor_looks_no_run_folder_is_made(short: Path) -> None:
    with contextlib.ExitStack() as janitor:
        lock = locks.file(short / "cache" / "runs" / ".lock")
        janitor.enter_context(locks.held(lock))
        with started(RUN, str(short / "cache")) as process:
            waits_for(lock, process)
            assert runs(short) == []
            janitor.close()
            folder = folder_of(process)
            assert runs(short) == [folder]


def test_a_killed_run_leaves_its_folder_with_a_free_lock_and_a_manifest(short: Path) -> None:
    with started(RUN, str(short / "cache")) as process:
        folder = folder_of(process)
        with locks.held_if_free(workspace.lock_file(folder)) as ours:
            assert not ours
        process.kill()
        assert process.wait() == -signal.SIGKILL
    with locks.held_if_free(workspace.lock_file(folder)) as ours:
        assert ours
    assert workspace.read_manifest(folder) is not None


FAILING = f"from recipeci.errors import HostError{RUN}    raise HostError('gone')\n"


def test_the_folder_of_a_run_that_failed_goes_while_no_janitor_looks(short: Path) -> None:
    """He would take it for one that was killed before it had a lock, and make that anew."""
    with contextlib.ExitStack() as janitor, started(FAILING, str(short / "cache")) as process:
        folder = folder_of(process)
        lock = locks.file(short / "cache" / "runs" / ".lock")
        janitor.enter_context(locks.held(lock))
        tell(process, "go")
        waits_for(lock, process)
        with locks.held_if_free(workspace.lock_file(folder)) as ours:
            assert not ours
        assert workspace.lock_file(folder).exists()
        janitor.close()
        process.wait()
        assert not folder.exists()


def fail(error: Exception, *, after: Path) -> None:
    """Make a file, then fail."""
    after.write_text("{}")
    raise error


@pytest.mark.parametrize("out", [None, "out", "made/for/it"])
def test_an_error_before_the_report_leaves_no_folder(short: Path, out: str | None) -> None:
    request = Request("x", out=short / out if out else None)
    with (
        pytest.raises(RecipeInvalid),
        workspace.opened(request, settings(short), source="s", clock=clock) as run,
    ):
        fail(RecipeInvalid("no .env.sample"), after=run.shared / "file")
    assert not run.folder.exists()
    assert runs(short) == []


@pytest.mark.parametrize("out", [None, "out"])
def test_an_error_after_the_report_keeps_it(short: Path, out: str | None) -> None:
    request = Request("x", out=short / out if out else None)
    with (
        pytest.raises(HostError),
        workspace.opened(request, settings(short), source="s", clock=clock) as run,
    ):
        fail(HostError("gone"), after=run.report)
    assert run.report.exists()
    assert runs(short) == ([] if out else [run.folder])


@pytest.mark.parametrize("out", [None, "out"])
def test_a_bug_leaves_the_folder_where_the_janitor_looks(short: Path, out: str | None) -> None:
    request = Request("x", out=short / out if out else None)
    with pytest.raises(KeyError), workspace.opened(request, settings(short), source="s", clock=clock) as run:
        raise KeyError
    assert [path.resolve() for path in runs(short)] == [run.folder]


def test_a_run_folder_elsewhere_is_linked_from_the_cache_until_it_has_ended(short: Path) -> None:
    request = Request("x", out=short / "out")
    with workspace.opened(request, settings(short), source="s", clock=clock) as run:
        (link,) = runs(short)
        assert (link.name, link.resolve()) == (run.run_id, short / "out")
        run.report.write_text("{}")
    assert runs(short) == []
    assert run.report.exists()


def refused(request: Request, config: Settings) -> str:
    """Return the sentence with which a run is refused."""
    with (
        pytest.raises(UsageError) as caught,
        workspace.opened(request, config, source="s", clock=clock),
    ):
        pass
    assert caught.value.hint or "no folder" in caught.value.message
    return caught.value.message


def test_an_out_that_is_empty_is_taken(short: Path) -> None:
    (short / "out").mkdir()
    with workspace.opened(Request("x", out=short / "out"), settings(short), source="s", clock=clock) as run:
        assert run.folder == short / "out"


def test_an_out_with_something_in_it_is_refused_and_loses_nothing(short: Path) -> None:
    (short / "out").mkdir()
    (short / "out" / "mine").write_text("mine")
    assert "is not empty" in refused(Request("x", out=short / "out"), settings(short))
    assert (short / "out" / "mine").read_text() == "mine"
    assert sorted(path.name for path in short.iterdir()) == ["out"]


@pytest.mark.parametrize("caches", [("cache", "cache"), ("cache", "other")], ids=["one cache", "two caches"])
def test_of_two_runs_with_one_new_out_the_second_is_refused_and_leaves_no_link(
    short: Path, caches: tuple[str, str]
) -> None:
    folders = [short / name for name in caches]
    with contextlib.ExitStack() as stack:
        held = stack.enter_context(contextlib.ExitStack())
        for lock in {locks.file(workspace.runs_folder(folder) / ".lock") for folder in folders}:
            held.enter_context(locks.held(lock))
        runs = [stack.enter_context(started(RUN, str(folder), str(short / "out"))) for folder in folders]
        for folder, process in zip(folders, runs, strict=True):  # both have seen that there is no such folder
            waits_for(workspace.runs_folder(folder) / ".lock", process)
        held.close()
        said = {line(process): process for process in runs}
        assert said.keys() == {str(short / "out"), ""}
        refused = said[""].communicate()[1].splitlines()[-1]
        assert refused == f"recipeci.errors.UsageError: --out {short / 'out'} is not empty"
        links = [link for folder in set(folders) for link in workspace.runs_folder(folder).glob("2*")]
        assert [link.resolve() for link in links] == [short / "out"]


def test_a_folder_that_cannot_be_made_leaves_no_link(short: Path) -> None:
    config = dataclasses.replace(settings(short), min_free_gb=0)
    with (
        pytest.raises(HostError, match="cannot be made"),
        workspace.opened(Request("x", out=Path("/proc/none")), config, source="s", clock=clock),
    ):
        pass
    assert runs(short) == []


def test_an_out_that_is_a_file_is_refused(short: Path) -> None:
    (short / "out").write_text("mine")
    assert "is no folder" in refused(Request("x", out=short / "out"), settings(short))
    assert (short / "out").read_text() == "mine"


def test_a_path_too_long_for_a_socket_is_refused_by_how_much(short: Path) -> None:
    room = workspace.SOCKET_BYTES - len(f"{short}//swarm/run/docker.sock")
    for extra in (1, 5):
        request = Request("x", out=short / ("o" * (room + extra)))
        assert f"is {extra} bytes too long" in refused(request, settings(short))
    assert list(short.iterdir()) == []


def test_the_longest_path_that_fits_is_taken(short: Path) -> None:
    room = workspace.SOCKET_BYTES - len(f"{short}//swarm/run/docker.sock")
    request = Request("x", out=short / ("o" * room))
    with workspace.opened(request, settings(short), source="s", clock=clock) as run:
        assert run.folder.exists()


def test_bytes_count_and_not_characters(short: Path) -> None:
    room = workspace.SOCKET_BYTES - len(f"{short}//swarm/run/docker.sock")
    request = Request("x", out=short / ("o" * (room - 1) + "ö"))
    assert "is 1 bytes too long" in refused(request, settings(short))


@pytest.mark.parametrize("char", [":", ",", "\\", '"', "'", "\n"])
def test_a_path_that_mounts_take_apart_is_refused(short: Path, char: str) -> None:
    assert "which mounts cannot take" in refused(Request("x", out=short / f"a{char}b"), settings(short))
    config = dataclasses.replace(settings(short), cache=short / f"a{char}b")
    assert "which mounts cannot take" in refused(Request("x"), config)
    assert list(short.iterdir()) == []


def test_a_path_with_a_space_is_taken(short: Path) -> None:
    with workspace.opened(Request("x", out=short / "a b"), settings(short), source="s", clock=clock) as run:
        assert run.folder.name == "a b"


def test_without_enough_space_nothing_is_begun(short: Path) -> None:
    config = dataclasses.replace(settings(short), min_free_gb=1e9)
    with (
        pytest.raises(HostError, match=r"GB free, and a run needs 1000000000 GB"),
        workspace.opened(Request("x"), config, source="s", clock=clock),
    ):
        pass
    assert list(short.iterdir()) == []


def test_a_cache_folder_that_cannot_be_made_is_the_hosts_fault(short: Path) -> None:
    (short / "cache").write_text("a file")
    with (
        pytest.raises(HostError, match="cannot be made"),
        workspace.opened(Request("x"), settings(short), source="s", clock=clock),
    ):
        pass


@pytest.mark.parametrize(
    ("name", "reason"), [("x" * 300, "File name too long"), ("loop/x", "Too many levels of symbolic links")]
)
def test_a_cache_folder_that_can_be_none_is_the_callers_fault(short: Path, name: str, reason: str) -> None:
    (short / "loop").symlink_to("loop")
    with pytest.raises(UsageError, match=rf"^the cache folder .*: {reason}$"):
        workspace.cache_folder(Settings(cache=short / name))


def test_no_cache_folder_at_all_says_what_to_set() -> None:
    with pytest.raises(UsageError, match="set `cache`"):
        workspace.cache_folder(Settings())


def test_only_a_folder_of_the_run_can_be_discarded(short: Path) -> None:
    (short / "mine").mkdir()
    with workspace.opened(Request("x"), settings(short), source="s", clock=clock) as run:
        run.discard(run.swarm)
        run.discard(run.swarm)
        assert not run.swarm.exists()
        with pytest.raises(UsageError, match="no folder of this run"):
            run.discard(short / "mine")
    assert (short / "mine").exists()


@pytest.mark.parametrize("place", ["/usr/r", "SHOWN/r"])
def test_a_folder_that_every_cell_sees_is_refused_before_it_is_made(short: Path, place: str) -> None:
    shown, link = short / "shown", short / "link"
    shown.mkdir()
    link.symlink_to(shown)
    out = Path(place.replace("SHOWN", str(shown)))
    clock = SystemClock()
    with (
        pytest.raises(UsageError, match="which every cell sees: it would show the files of all runs"),
        workspace.opened(Request("x", out=out), settings(short), source="s", clock=clock, shown=[link]),
    ):
        pass
    assert not out.exists()
    assert sorted(entry.name for entry in short.iterdir()) == ["link", "shown"]
