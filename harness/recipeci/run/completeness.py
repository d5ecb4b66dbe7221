"""The only place that says what a tier that passed must show: every measurement and suite that is due. Pure.

What was not measured leaves no trace: without this a check that is forgotten, or a volume of which nobody speaks, would
look like one that is well. So what is due is said here, apart from what makes it.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from pathlib import PurePosixPath

from recipeci.model import OVERLAYS, AuthorFile, Outcome, SuiteResult, TestResult, Tier, TierResult, whose
from recipeci.recipe.compose import Compose
from recipeci.recipe.coverage import Coverage, coverage
from recipeci.recipe.covered import WHOLE
from recipeci.run import backups, verdict
from recipeci.run.plan import GENERIC, Step

ALWAYS = {
    Tier.INSTALL: ("settled", "head", "serving", "stayed settled"),
    Tier.UPGRADE: ("settled", "upgrade moved", "head", "chaos-version", "serving", "stayed settled"),
    Tier.BACKUP: ("snapshot", "serving", "stayed settled"),
    Tier.RESTORE: ("settled", "newest snapshot", "serving", "stayed settled"),
    Tier.CUSTOM: ("stayed settled",),
}
"""What the harness measures of every tier, whatever the recipe is."""
RESTORED = "restored data"
RESTORED_TEST = f"harness::{RESTORED}"
"""That something which was changed after the backup was looked for after the restore."""
MARKER = "marker in the snapshot"
MARKED = (Tier.UPGRADE, Tier.BACKUP, Tier.RESTORE)
"""The ops that must leave data as it was."""


@dataclass(frozen=True)
class Due:
    """What a tier is judged by: its step, and the compose files of what ran before it and of what runs after it."""

    step: Step
    stack: str
    before: Compose
    after: Compose


def complete(result: TierResult, due: Due) -> TierResult:
    """Return a tier's result; one that passed is unverified if anything that is due is not in it."""
    if result.outcome is not Outcome.PASS:
        return result
    missing = (*_unmeasured(result, due), *_not_run(result, due.step))
    if not missing:
        return result
    reason = "; ".join(suite.message for suite in missing)
    return dataclasses.replace(result, outcome=Outcome.UNVERIFIED, reason=reason, suites=(*result.suites, *missing))


def _unmeasured(result: TierResult, due: Due) -> Iterator[SuiteResult]:
    """Return the measurements that nobody made, as one more suite of the harness."""
    found = {t.name: t.outcome for suite in result.suites if suite.source == verdict.HARNESS for t in suite.tests}
    names = [name for name in _measurements(due) if f"harness::{name}" not in found]
    names += [f"canary {where}" for where in _unspoken(due, found)]
    names += [name for name in _markers(due, found) if f"harness::{name}" not in found]
    if RESTORED_TEST not in found and _is_unproven(result, due):
        names.append(f"{RESTORED} (no promised place takes a marker; test_restore.py of an overlay can show it)")
    if names:
        tests = tuple(TestResult(f"harness::{name}", Outcome.UNVERIFIED, message="not measured") for name in names)
        words = f"not measured: {', '.join(names)}"
        yield SuiteResult(verdict.HARNESS, verdict.HARNESS, Outcome.UNVERIFIED, tests, words)


def _measurements(due: Due) -> Iterator[str]:
    """Give the names of what must have been measured once, without `harness::`."""
    tier, promised = due.step.tier, coverage(due.after)
    yield from ALWAYS[tier]
    if tier is Tier.UPGRADE:
        yield from (f"update of {due.stack}_{name}" for name in due.after.services)
    if tier is Tier.BACKUP:
        yield from _promised(promised)
    kinds = {Tier.BACKUP: backups.BACKUP_HOOKS, Tier.RESTORE: backups.RESTORE_HOOKS}.get(tier, ())
    if any(getattr(hooks, kind) for hooks in promised.hooks for kind in kinds):
        yield "hooks"


def _promised(promised: Coverage) -> Iterator[str]:
    for one in promised.promises:
        yield from (backups.measurement(one, path) for path in one.paths or (WHOLE,))


def _markers(due: Due, found: Mapping[str, Outcome]) -> Iterator[str]:
    """Give what a backup must say of our markers in the snapshot: of each volume promised whole that takes one."""
    if due.step.tier is not Tier.BACKUP:
        return
    for one in coverage(due.after).promises:
        where = f"{one.service}:{one.mount}"
        if not one.paths and found.get(f"harness::canary {where}") is Outcome.PASS:
            yield f"{MARKER} {where}"


def _is_unproven(result: TierResult, due: Due) -> bool:
    """Say whether a restore that should bring something back was measured by nobody, neither us nor an author."""
    if due.step.tier is not Tier.RESTORE or not coverage(due.after).promises:
        return False
    return not any(s.outcome is Outcome.PASS for s in result.suites if s.source in OVERLAYS)


def _unspoken(due: Due, found: Collection[str]) -> Iterator[str]:
    """Give each volume of what ran before an op of which no row of the data canary speaks: by its path or one below."""
    if due.step.tier not in MARKED:
        return
    rows = [PurePosixPath(name.removeprefix("harness::canary ")) for name in found]
    for service in due.before.services.values():
        for mount in service.mounts:
            where = PurePosixPath(f"{service.name}:{mount.target}")
            if mount.kind == "volume" and not any(row.is_relative_to(where) for row in rows):
                yield str(where)


def _not_run(result: TierResult, step: Step) -> Iterator[SuiteResult]:
    """Return the suites that were planned and of which there is no result."""
    found = {(suite.source, suite.path) for suite in result.suites}
    for file in step.suites:
        if (file.source, _path(file)) not in found:
            words = f"planned and not run: {whose(file.source)} {_path(file)}"
            yield SuiteResult(file.source, _path(file), Outcome.UNVERIFIED, message=words)


def _path(file: AuthorFile) -> str:
    """Return what a suite is called in results: our own by its name."""
    return file.path.name if file.source == GENERIC else str(file.path)
