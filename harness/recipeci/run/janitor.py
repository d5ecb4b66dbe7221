"""The only place that clears up after runs that were killed, and that removes the folders of old ones, and old images.

A run's lock is free as soon as its process is gone, however it went. What is taken under that lock belongs to one
janitor alone, however many there are.
"""

from __future__ import annotations

import contextlib
import datetime
import json
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from recipeci.errors import HostError
from recipeci.host import engine, temporary
from recipeci.host.cell import abandoned, life
from recipeci.host.clock import Clock
from recipeci.host.command import Runner
from recipeci.host.store import Store
from recipeci.host.store.removal import Removed
from recipeci.model import Commit, Outcome, Report, RunError, Settings, Target
from recipeci.report import runlog, write
from recipeci.run import locks, workspace

KILLED = 137
"""What a shell says of a program that SIGKILL ended: 128 + 9."""
DAY = 86_400.0
REMOVE_SECONDS = 300.0


@dataclass(frozen=True)
class Entry:
    """One entry of the folder of runs: a run's folder, or a link to one that `--out` put elsewhere."""

    path: Path

    @property
    def folder(self) -> Path:
        """The run's folder."""
        return self.path.resolve()

    @property
    def has_ended(self) -> bool:
        """Whether its report was written."""
        return (self.folder / write.REPORT).exists()

    def has_remains(self) -> bool:
        """Whether something of its cell is left that nobody asked to keep."""
        manifest = workspace.read_manifest(self.folder) or {}
        return (self.folder / "swarm").exists() and not manifest.get("keep", False)


def clean(settings: Settings, *, runner: Runner, clock: Clock) -> tuple[str, ...]:
    """Clear up after killed runs, and remove the folders of ended ones older than the settings say.

    A killed run gets its report; its cell's files, checkout and cgroup directories are removed, and what any command
    had for a while. Runs that are alive are not touched. Returns a line for each thing done or that could not be.
    """
    cache = workspace.cache_folder(settings, make=False)
    runs = workspace.runs_folder(cache)
    left = tuple(f"{path}: its maker was killed, removed" for path in _temporary(cache))
    if not runs.is_dir():
        return left
    try:
        return (*left, *_each(runs, settings, runner=runner, clock=clock))
    except PermissionError as e:
        raise HostError(f"{e.filename}: {e.strerror}", hint="sudo recipeci clean") from e


def sweep(settings: Settings, *, clock: Clock) -> tuple[str, ...]:
    """Remove the empty cgroup directories of runs that are gone, whatever cache folder they had.

    Runs of this cache folder that are alive are not touched, nor is a directory with a process or a young one (see
    `abandoned`): it may be that of a run with another cache folder. Returns a line for each that was there.
    """
    runs = workspace.runs_folder(workspace.cache_folder(settings, make=False))
    gone = (name for name in abandoned.names(clock=clock) if workspace.RUN_ID.match(name))
    return tuple(_swept(name, clock=clock) for name in gone if not _is_alive(runs / name))


def thin_out(settings: Settings, *, runner: Runner, clock: Clock, say: Callable[[str], None]) -> tuple[str, ...]:
    """Remove images that lost their name, and beyond what the settings allow those used longest ago.

    None that a cell was lent or that a run was just given. `say` is told if another run has the store. Returns a line
    if something was removed, could not be, or is more than allowed because it is in use.
    """
    folder = workspace.cache_folder(settings, make=False) / "store"
    if not settings.store_keep_gb or not folder.is_dir():
        return ()
    try:
        programs = engine.find(settings.docker_prefix, runner=runner, path=settings.search_path)
        store = Store(folder, programs=programs, runner=runner, clock=clock)
        done = store.prune(int(settings.store_keep_gb * workspace.GB), say=say)
    except HostError as e:
        return (f"image store: stays: {e.message}",)
    return tuple(_said(done))


def _temporary(cache: Path) -> tuple[Path, ...]:
    """Remove the temporary folders of what was killed; those in a run's own folder go with that."""
    places = (*temporary.places(cache), *Store.temporary_places(cache / "store"))
    return tuple(path for place in places for path in temporary.clear(place))


def _said(done: Removed) -> Iterator[str]:
    if done.freed or done.images:
        named = [image for image in done.images if ":" in image]
        what = ", ".join([*named, f"{len(done.images) - len(named)} images without a name"])
        yield f"image store: {done.freed / workspace.GB:.1f} GB freed; removed: {what}"
    if done.in_use:
        yield f"image store: lent to a running cell, stays: {', '.join(done.in_use)}"


def _swept(name: str, *, clock: Clock) -> str:
    try:
        abandoned.remove(name, clock=clock)
    except HostError as e:
        return f"{name}: its cgroup directories stay: {e.message}"
    return f"{name}: gone; its empty cgroup directories removed"


def _is_alive(entry: Path) -> bool:
    """Say whether a process holds the lock of this run."""
    lock = workspace.lock_file(entry.resolve())
    if not lock.exists():
        return False
    with workspace.nobody_looks(entry.parent), contextlib.suppress(FileNotFoundError), locks.held_if_free(lock) as free:
        return not free
    return False


def _each(runs: Path, settings: Settings, *, runner: Runner, clock: Clock) -> Iterator[str]:
    """Yield what was done for each entry that is a run's by its name."""
    entries = [Entry(path) for path in sorted(runs.iterdir()) if workspace.RUN_ID.match(path.name)]
    old = _old(entries, days=settings.keep_days, clock=clock)
    for entry in entries:
        if entry in old or not entry.has_ended or entry.has_remains():
            with _taken(entry, runs=runs) as ours:
                if ours:
                    yield from _cleared(entry, runs=runs, runner=runner, clock=clock, too_old=entry in old)


@contextlib.contextmanager
def _taken(entry: Entry, *, runs: Path) -> Iterator[bool]:
    """Hold the run's lock until the end of the block, unless its run or another janitor has it."""
    with contextlib.ExitStack() as stack:
        # Under this lock no run is half made: one without a lock file was killed while it was being made.
        with workspace.nobody_looks(runs):
            if not entry.path.exists():  # another janitor was here, or the folder behind a link is gone
                entry.path.unlink(missing_ok=True)
                yield False
                return
            lock = locks.file(workspace.lock_file(entry.folder))
            ours = stack.enter_context(locks.held_if_free(lock))
        yield ours


def _cleared(entry: Entry, *, runs: Path, runner: Runner, clock: Clock, too_old: bool) -> Iterator[str]:
    """Do what one run needs, and say what was done."""
    name = entry.path.name
    try:
        if not entry.has_ended or entry.has_remains():
            yield f"{name}: {_reap(entry, runs=runs, runner=runner, clock=clock)}"
        elif too_old:
            _remove_run(entry.path, runs=runs, runner=runner)
            yield f"{name}: old, removed"
    except HostError as e:
        yield f"{name}: stays: {e.message}"


def _reap(entry: Entry, *, runs: Path, runner: Runner, clock: Clock) -> str:
    """Remove what the killed run left, write its report, and say so; the report is last (see write.write)."""
    folder = entry.folder
    life.reap(name=entry.path.name, folder=folder / "swarm", runner=runner, clock=clock)
    for part in ("cell", "authors"):
        _remove(folder / part, runner)
    manifest = workspace.read_manifest(folder)
    if manifest is None:
        # Killed before it had done anything: nothing in it is worth a report.
        with workspace.nobody_looks(runs):
            _remove(folder / "state", runner)
            _remove_if_empty(folder)
        said = "killed before it began, removed"
    else:
        if not entry.has_ended:
            write.write(killed(manifest, folder=folder), folder)
        said = f"killed; its cell and checkout removed, report: {folder / write.REPORT}"
    if entry.path.is_symlink():
        entry.path.unlink()
    return said


def killed(manifest: dict[str, Any], *, folder: Path) -> Report:
    """Return the report of a run that was killed: what its manifest says, and the end of its log."""
    last = runlog.tail(folder / runlog.RUN_LOG)
    log = f"; the end of its log: {' | '.join(last)}" if last else ""
    error = RunError("killed", f"the run was killed{log}", "run it again")
    return Report(
        run_id=manifest["run_id"],
        recipe=manifest["recipe"],
        started=manifest["started"],
        verdict=Outcome.ERROR,
        label="error (killed)",
        exit_code=KILLED,
        seconds=_seconds(manifest["started"], folder / runlog.RUN_LOG),
        source=manifest["source"],
        pr=manifest["pr"],
        domain=manifest["domain"],
        target=Target(Commit(manifest["target"])) if manifest["target"] else None,
        errors=(error,),
    )


def _seconds(started: str, log: Path) -> float:
    """Return how long the run went on, by the last line of its log."""
    if not log.exists():
        return 0.0
    return round(max(0.0, log.stat().st_mtime - _epoch(started)), 1)


def _old(entries: list[Entry], *, days: int, clock: Clock) -> frozenset[Entry]:
    """Return the ended runs that are older than so many days; never the newest pass of a recipe."""
    if not days:
        return frozenset()
    oldest = _epoch(clock.now()) - days * DAY
    ended = {entry: at for entry in entries if not entry.path.is_symlink() and (at := _ended(entry)) is not None}
    old = {entry for entry, at in ended.items() if at < oldest}
    return frozenset(old - _newest_passes(ended)) if old else frozenset()


def _ended(entry: Entry) -> float | None:
    """Return when a run ended; None if it has not, or is gone by now: other janitors look too."""
    try:
        return (entry.folder / write.REPORT).stat().st_mtime
    except FileNotFoundError:
        return None


def _newest_passes(ended: Iterable[Entry]) -> frozenset[Entry]:
    """Return for each recipe its newest run that passed; ids sort by time."""
    newest: dict[str, Entry] = {}
    for entry in ended:
        recipe, verdict = _told(entry)
        if verdict == Outcome.PASS:
            newest[recipe] = entry
    return frozenset(newest.values())


def _told(entry: Entry) -> tuple[str, str]:
    """Return recipe and verdict of a report; one that cannot be read passed nothing."""
    try:
        data = json.loads((entry.folder / write.REPORT).read_text(encoding="utf-8"))
        return str(data["recipe"]), str(data["verdict"])
    except (OSError, ValueError, KeyError, TypeError):
        return "", ""


def _epoch(iso: str) -> float:
    """Return seconds since 1970 of an ISO 8601 time."""
    return datetime.datetime.fromisoformat(iso).timestamp()


def _remove(path: Path, runner: Runner) -> None:
    """Remove a folder by `rm`: apps may have made a tree that is too deep for Python's."""
    if path.exists():
        runner.run(["rm", "-rf", "--one-file-system", "--", str(path)], timeout=REMOVE_SECONDS)


def _remove_run(folder: Path, *, runs: Path, runner: Runner) -> None:
    """Remove a run's whole folder: its lock last, while no other janitor looks, who would make it anew."""
    for part in folder.iterdir():
        if part.name != workspace.STATE:
            _remove(part, runner)
    with workspace.nobody_looks(runs):
        _remove(folder, runner)


def _remove_if_empty(folder: Path) -> None:
    """Remove a run's folder, unless it holds what is not the run's."""
    for part in (*folder.glob(".*.part"), folder / runlog.RUN_LOG):
        part.unlink(missing_ok=True)
    with contextlib.suppress(OSError):
        folder.rmdir()
