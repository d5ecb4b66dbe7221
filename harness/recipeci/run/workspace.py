"""The only place that makes a run's folder: its id, its names, its lock, and the manifest of what it will create."""

from __future__ import annotations

import contextlib
import dataclasses
import json
import logging
import re
import secrets
import shutil
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

from recipeci import namedpath, schemas
from recipeci.errors import HostError, RecipeCIError, UsageError
from recipeci.host.cell.machine import SYSTEM
from recipeci.host.clock import Clock
from recipeci.model import Request, Settings, Target
from recipeci.report.runlog import RUN_LOG
from recipeci.report.write import JUNIT, REPORT, atomically
from recipeci.run import locks

log = logging.getLogger(__name__)
CELL_DOMAIN = "ci.test"
RUN_ID = re.compile(r"\d{8}-\d{6}-[a-f][0-9a-f]{5}\Z")
"""Time in UTC, and what makes it unique: the first label of the app's domain, so it begins with a letter."""
SOCKET_BYTES = 107
"""The longest path of a unix socket, without its final NUL (sockaddr_un)."""
FORBIDDEN = frozenset(":,\\\"'\n\r\t")
"""Overlay mounts, PATH and Docker's own options take these apart."""
GB = 1_000_000_000
STATE = "state"
"""Of a run's folder: what is for root alone, and the lock. It comes and goes only while `nobody_looks`."""


@dataclass(frozen=True)
class Workspace:
    """One run's id, names and folders; everything that the run writes is below `folder`."""

    run_id: str
    recipe: str
    source: str
    pr: int | None
    started: str
    keep: bool
    """The cell's files stay after the run: the janitor leaves them alone too."""
    folder: Path

    @property
    def domain(self) -> str:
        """The app's domain: from the run's id alone, so that two runs never meet."""
        return f"{self.run_id.rpartition('-')[2]}.{CELL_DOMAIN}"

    @property
    def stack(self) -> str:
        """The stack's name, as abra makes it from the domain."""
        return self.domain.replace(".", "_")

    @property
    def shared(self) -> Path:
        """What the cell sees read-write at the same path."""
        return self.folder / "cell"

    @property
    def abra_dir(self) -> Path:
        """ABRA_DIR."""
        return self.shared / "abra"

    @property
    def checkout(self) -> Path:
        """The recipe's checkout: where abra looks for it."""
        return self.abra_dir / "recipes" / self.recipe

    @property
    def authors(self) -> Path:
        """Copies of the authors' files, which the cell sees read-only at the same path; removed after the run."""
        return self.folder / "authors"

    @property
    def swarm(self) -> Path:
        """The cell's own things: data root, sockets, logs; removed after the run."""
        return self.folder / "swarm"

    @property
    def state(self) -> Path:
        """Manifest and lock: for root alone."""
        return self.folder / STATE

    @property
    def report(self) -> Path:
        """report.json: there when the run has ended."""
        return self.folder / REPORT

    @property
    def junit(self) -> Path:
        """junit.xml."""
        return self.folder / JUNIT

    @property
    def log(self) -> Path:
        """run.log."""
        return self.folder / RUN_LOG

    def write_manifest(self, *, target: Target | None = None, creates: Sequence[str] = ()) -> None:
        """Make durable what the run is and all that it will create; to be called before it creates any of it."""
        data = {key: value for key, value in dataclasses.asdict(self).items() if key != "folder"}
        data |= {"domain": self.domain, "stack": self.stack, "creates": list(creates)}
        data["target"] = target.commit.sha if target else None
        schemas.check("manifest", data, where="manifest.json")
        atomically(manifest_file(self.folder), json.dumps(data, indent=2) + "\n")

    def discard(self, folder: Path) -> None:
        """Remove one of the run's folders.

        Raises:
            UsageError: it is not one of them (a mistake here would be expensive).
        """
        if folder.parent != self.folder:
            msg = f"{folder} is no folder of this run"
            raise UsageError(msg)
        with contextlib.suppress(FileNotFoundError):
            shutil.rmtree(folder)


def manifest_file(folder: Path) -> Path:
    """Return where a run folder's manifest is."""
    return folder / STATE / "manifest.json"


def lock_file(folder: Path) -> Path:
    """Return where a run folder's lock is; it is held for as long as the run's process lives."""
    return folder / STATE / "lock"


def read_manifest(folder: Path) -> dict[str, Any] | None:
    """Return a run's manifest (schemas/manifest.json), None if it ended before it wrote one."""
    try:
        data = json.loads(manifest_file(folder).read_text(encoding="utf-8"))
        schemas.check("manifest", data, where=str(manifest_file(folder)))
    except (FileNotFoundError, json.JSONDecodeError, UsageError):
        return None  # killed before its first write, or written by another version: the folder is removed all the same
    return cast("dict[str, Any]", data)


def cache_folder(settings: Settings, *, make: bool = True) -> Path:
    """Return the cache folder, which `settings` always fills in, made if need be.

    Raises:
        UsageError: its path cannot hold a run.
        HostError: it cannot be made.
    """
    if settings.cache is None:
        msg = "no cache folder: set `cache` in the settings, or HOME"
        raise UsageError(msg)
    said = f"the cache folder {namedpath.shown(settings.cache)}"
    there = namedpath.named(said, settings.cache).resolve()
    cache = _checked(there, what="the cache folder", fix="set `cache` in the settings")
    if make:
        _make(cache, mode=0o700)
    return cache


def runs_folder(cache: Path) -> Path:
    """Return where the folders of all runs are."""
    return cache / "runs"


@contextlib.contextmanager
def opened(
    request: Request, settings: Settings, *, source: str, clock: Clock, shown: Sequence[Path] = ()
) -> Iterator[Workspace]:
    """Make the run's folder and hold its lock until the end of the block.

    A block that ends with an error of the caller's or the host's before it wrote a report leaves no folder; one that
    ends with a bug of ours leaves it as evidence, and the janitor writes the report.

    Args:
        request: what was asked for: recipe, `--out`, `--pr`.
        settings: where the cache folder is, how much space must be free.
        source: where the recipe comes from, for the manifest.
        clock: the time.
        shown: what of the host a cell will see besides the machine's programs.

    Raises:
        UsageError: `--out` is there and not empty, a path is too long or has a character that mounts take apart, or
            every cell would see it.
        HostError: too little space, or a folder cannot be made.
    """
    run_id = _new_id(clock)
    cache = cache_folder(settings, make=False)
    folder = _run_folder(request.out, cache=cache, run_id=run_id)
    _refuse_seen([folder, cache], by=[*SYSTEM, *shown])
    check_space([cache, folder], settings)
    cache_folder(settings)
    workspace = Workspace(run_id, request.recipe, source, request.pr, clock.now(), request.keep, folder)
    with contextlib.ExitStack() as stack:
        with nobody_looks(runs_folder(cache)):
            _make_folders(workspace, cache=cache)
            stack.enter_context(locks.held(lock_file(folder)))
        try:
            workspace.write_manifest()
            yield workspace
        except RecipeCIError:
            if not workspace.report.exists():
                _remove(workspace, cache=cache)
            raise
        finally:
            if workspace.report.exists() or not workspace.state.exists():
                _unlink(workspace, cache=cache)


@contextlib.contextmanager
def nobody_looks(runs: Path) -> Iterator[None]:
    """Have janitors wait until the end of the block: they see no run's folder that is half made, or half gone.

    Of one without a lock they take it that its run was killed when it had none yet, and make that lock.
    """
    with locks.held(locks.file(runs / ".lock")):
        yield


def _new_id(clock: Clock) -> str:
    """Return a RUN_ID, which sorts by time."""
    date, _, time = clock.now().removesuffix("Z").partition("T")
    return f"{date.replace('-', '')}-{time.replace(':', '')}-{secrets.choice('abcdef')}{secrets.token_hex(3)[:5]}"


def _run_folder(out: Path | None, *, cache: Path, run_id: str) -> Path:
    """Return the folder of the run: `--out` if it is absent or empty, else one in the cache folder."""
    if out is None:
        folder, fix = runs_folder(cache) / run_id, "set `cache` in the settings to a shorter path, or give --out"
    else:
        folder, fix = out.resolve(), "give another --out"
        _refuse_used(folder)
    _checked(folder, what="the run folder", fix=fix)
    if (length := len(bytes(folder / "swarm/run/docker.sock"))) > SOCKET_BYTES:
        over = length - SOCKET_BYTES
        raise UsageError(f"{folder} is {over} bytes too long for the path of a socket in it", hint=fix)
    return folder


def _refuse_used(folder: Path) -> None:
    """Refuse a folder with something in it: a run neither mixes with nor removes what it did not make."""
    try:
        used = any(folder.iterdir())
    except FileNotFoundError:
        used = False
    except NotADirectoryError as e:
        raise UsageError(f"--out {folder} is no folder") from e
    except OSError as e:
        raise UsageError(f"--out {folder}: {e.strerror}") from e
    if used:
        raise UsageError(f"--out {folder} is not empty", hint="give a folder that is empty or not there yet")


def _refuse_seen(folders: Sequence[Path], *, by: Sequence[Path]) -> None:
    """Refuse a folder in one that every cell sees: it would show the files of all runs."""
    for folder in folders:
        for seen in by:
            if folder.is_relative_to(seen) or folder.is_relative_to(seen.resolve()):
                msg = f"{folder} lies in {seen}, which every cell sees: it would show the files of all runs"
                raise UsageError(msg, hint="give an --out, or set a `cache` in the settings, outside of it")


def _checked(path: Path, *, what: str, fix: str) -> Path:
    """Refuse a path with a character that mount options or search paths take apart."""
    if bad := sorted(FORBIDDEN & set(str(path))):
        raise UsageError(f"{what} {str(path)!r} has {bad[0]!r} in its path, which mounts cannot take", hint=fix)
    return path


def check_space(folders: Sequence[Path], settings: Settings) -> None:
    """Refuse to begin where the disk is nearly full: what fails in the middle looks like the recipe's fault.

    Raises HostError.
    """
    for folder in folders:
        there = next(parent for parent in (folder, *folder.parents) if parent.is_dir())
        free = shutil.disk_usage(there).free / GB
        if free < settings.min_free_gb:
            msg = f"{there} has {free:.1f} GB free, and a run needs {settings.min_free_gb:.10g} GB"
            raise HostError(msg, hint="free some space, or set `cache` (or runs.min_free_gb) in the settings")


def _make_folders(workspace: Workspace, *, cache: Path) -> None:
    """Make the run's folder and those in it; one elsewhere is linked from the cache, where the janitor looks."""
    link = runs_folder(cache) / workspace.run_id
    if workspace.folder != link:
        _refuse_used(workspace.folder)  # again: a run that began meanwhile may have taken it
        link.symlink_to(workspace.folder)
    try:
        _make(workspace.folder, mode=0o755)
        workspace.shared.mkdir(mode=0o755)
    except (HostError, FileExistsError):
        _unlink(workspace, cache=cache)  # it leads to what is not this run's
        _refuse_used(workspace.folder)  # by a run with another cache folder, and so with another lock
        raise
    for folder in (workspace.swarm, workspace.state):
        folder.mkdir(mode=0o700)


def _unlink(workspace: Workspace, *, cache: Path) -> None:
    """Remove the link to a run folder elsewhere: the run has ended, and the folder is the caller's."""
    link = runs_folder(cache) / workspace.run_id
    if link.is_symlink():
        link.unlink()


def remove(workspace: Workspace, *, cache: Path) -> None:
    """Remove all that a run made, its lock last."""
    for large in (workspace.shared, workspace.swarm, workspace.authors):
        workspace.discard(large)
    with nobody_looks(runs_folder(cache)):
        shutil.rmtree(workspace.folder)


def _remove(workspace: Workspace, *, cache: Path) -> None:
    """Remove what the run made, without hiding the error that ended it."""
    try:
        remove(workspace, cache=cache)
    except OSError as e:
        log.warning("%s stays: %s", workspace.folder, e.strerror)


def _make(folder: Path, *, mode: int) -> None:
    """Make a folder and its parents."""
    try:
        folder.mkdir(parents=True, exist_ok=True, mode=mode)
    except OSError as e:
        raise HostError(f"{folder} cannot be made: {e.strerror}", hint="set `cache` in the settings") from e
