"""The only place that judges a backup by what the repository holds of it. Pure.

That the backup's command ended well proves nothing: a snapshot can lack what was promised (A-18, D-14), hold an empty
dump (D-01), or the dump of an earlier run because the hook that makes it failed.
"""

from __future__ import annotations

import datetime
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath

from recipeci.host.backupbot import Entry, Ran, Snapshot
from recipeci.model import Outcome, TestResult
from recipeci.recipe import covered
from recipeci.recipe.compose import Compose
from recipeci.recipe.coverage import Coverage, Promise
from recipeci.recipe.hookruns import Kind, hook_problems
from recipeci.run.markers import PREFIX

BACKUP_HOOKS: tuple[Kind, ...] = ("pre", "post")
RESTORE_HOOKS: tuple[Kind, ...] = ("restore_pre", "restore_post")


@dataclass(frozen=True)
class Taken:
    """One backup as it was measured.

    `since` is when it was asked for (epoch seconds, by the clock that the files' times are of), `listing` all entries
    of the newest snapshot.
    """

    stack: str
    compose: Compose
    coverage: Coverage
    since: float
    before: Sequence[Snapshot]
    after: Sequence[Snapshot]
    listing: Sequence[Entry]
    ran: Sequence[Ran]
    """What was run in containers meanwhile."""


def newest(snapshots: Sequence[Snapshot]) -> Snapshot | None:
    """Return the snapshot that a restore without a name takes (A-17)."""
    return max(snapshots, key=lambda one: one.time, default=None)


def made(before: Sequence[Snapshot], after: Sequence[Snapshot]) -> Snapshot | None:
    """Return the snapshot that a backup made: the newest one, if it was not there before."""
    last = newest(after)
    return last if last and last.id not in {one.id for one in before} else None


def checks(taken: Taken) -> tuple[TestResult, ...]:
    """Return the measurements of a backup as tests: that there is a new snapshot, and each promise."""
    if made(taken.before, taken.after) is None:
        return (_test("snapshot", wrong="the backup ended well, but the repository has no new snapshot of the app"),)
    return (
        *hooks(taken.coverage, BACKUP_HOOKS, stack=taken.stack, ran=taken.ran),
        _test("snapshot", wrong=""),
        *_promises(taken),
    )


def measurement(promise: Promise, path: str) -> str:
    """Return what the measurement of one promised path is called, without `harness::`; empty is the whole volume."""
    return f"backup of {promise.service}:{promise.mount}" + (f"/{path}" if path else "")


def hooks(promised: Coverage, kinds: Sequence[Kind], *, stack: str, ran: Sequence[Ran]) -> tuple[TestResult, ...]:
    """Say whether the hooks of the labels ran and ended well; nothing where there is none of these kinds.

    A dump of an earlier run looks like one of this run: only the hook's own end tells.
    """
    if not any(getattr(one, kind) for one in promised.hooks for kind in kinds):
        return ()
    return (_test("hooks", wrong="; ".join(hook_problems(promised, kinds, stack=stack, ran=ran))),)


def words(taken: Taken) -> str:
    """Return what a backup came to: `snapshot 5d1fa2b3, 1 of 1 volumes`."""
    snapshot = made(taken.before, taken.after)
    every = {promise.volume for promise in taken.coverage.promises}
    lacking = {one.promise.volume for one in _covered(taken) if not one.found and not _is_empty(one, taken)}
    name = snapshot.id[:8] if snapshot else "none"
    return f"snapshot {name}, {len(every - lacking)} of {len(every)} volumes"


def still_newest(expected: str, snapshots: Sequence[Snapshot]) -> TestResult:
    """Say whether a restore without a name takes the snapshot that was measured (D-16)."""
    last = newest(snapshots)
    wrong = (
        "" if last and last.id == expected else f"the newest snapshot is {last.id if last else 'none'}, not {expected}"
    )
    return _test("newest snapshot", wrong=wrong)


def _promises(taken: Taken) -> Iterator[TestResult]:
    for one in _covered(taken):
        name = measurement(one.promise, one.path)
        if _is_empty(one, taken):
            yield TestResult(f"harness::{name}", Outcome.SKIP, message=f"the volume {one.promise.volume} is empty")
        else:
            yield _test(name, wrong=_lacking(one) or _stale(one, taken))


def _covered(taken: Taken) -> tuple[covered.Covered, ...]:
    """Look each promise up; our own markers are something in a volume, but no dump in a folder of dumps."""
    names, listing = _names(taken), taken.listing
    every = covered.covered(taken.coverage, names=names, listing=listing)
    authentic = covered.covered(taken.coverage, names=names, listing=[e for e in listing if not _is_ours(e)])
    return tuple(own if own.path else one for one, own in zip(every, authentic, strict=True))


def _is_ours(entry: Entry) -> bool:
    return PurePosixPath(entry.path).name.startswith(PREFIX)


def _names(taken: Taken) -> dict[str, str]:
    """Return Docker's name of each volume by its key; one that the compose file does not declare cannot be deployed."""
    return {key: volume.name(taken.stack) for key, volume in taken.compose.volumes.items()}


def _is_empty(one: covered.Covered, taken: Taken) -> bool:
    """Say whether a snapshot has a whole volume and nothing in it: of what could take a marker it has at least that.

    A store of keys that has not saved yet is so (docs/decisions.md). A volume that was left out has no folder either.
    """
    top = str(covered.root(_names(taken)[one.promise.volume]))
    has_folder = any(entry.path == top and entry.kind == "dir" for entry in taken.listing)
    return one.path == covered.WHOLE and one.entries == 1 and has_folder


def _lacking(one: covered.Covered) -> str:
    if one.found:
        return ""
    what = f"{one.path} in the volume {one.promise.volume}" if one.path else f"the volume {one.promise.volume}"
    there = "only empty entries" if one.entries else "nothing"
    where = f"service {one.promise.service}, {one.promise.mount}"
    return f"{where}: the snapshot holds {there} of {what}, which the labels promise"


def _stale(one: covered.Covered, taken: Taken) -> str:
    """Say that all that is promised of a service is of an earlier run, though its hook makes a dump for each backup.

    One new file is enough: settings beside the dump may be old. What another service's hook does says nothing of it.
    """
    has_hook = any(hooks.pre for hooks in taken.coverage.hooks if hooks.service == one.promise.service)
    if not one.path or not has_hook:
        return ""
    newest_of_service = max((e.modified for e in _promised_files(one.promise.service, taken)), default=0.0)
    if newest_of_service >= int(taken.since):  # whole seconds: some file systems keep no more
        return ""
    at = datetime.datetime.fromtimestamp(newest_of_service, datetime.UTC).isoformat(timespec="seconds")
    what = f"{one.path} in the volume {one.promise.volume}"
    return f"{what} is from before this backup ({at}): the pre-hook did not write it"


def _promised_files(service: str, taken: Taken) -> Iterator[Entry]:
    """Give the files at or below the promised paths of a service, without our markers."""
    names = _names(taken)
    tops = [
        covered.root(names[promise.volume]) / path
        for promise in taken.coverage.promises
        for path in promise.paths
        if promise.service == service
    ]
    for entry in taken.listing:
        at = PurePosixPath(entry.path)
        if entry.kind == "file" and not _is_ours(entry) and any(at.is_relative_to(top) for top in tops):
            yield entry


def _test(name: str, *, wrong: str) -> TestResult:
    return TestResult(f"harness::{name}", Outcome.FAIL if wrong else Outcome.PASS, message=wrong)
