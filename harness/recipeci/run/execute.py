"""The only place that carries out a run from its first step to its report: read `run` and `Run` aloud.

Errors before there is a plan are the caller's or the source's, and leave no folder. From then on every end, also an
interrupted one, is torn down and has a report.
"""

from __future__ import annotations

import contextlib
import dataclasses
import logging
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

import recipeci
from recipeci.errors import HostError, RecipeCIError
from recipeci.host import cell as cells
from recipeci.host import engine, temporary
from recipeci.host.abra import AbraProgram, choose
from recipeci.host.below import Below
from recipeci.host.cell import Cell, CellSpec
from recipeci.host.clock import SystemClock
from recipeci.host.command import LocalRunner
from recipeci.host.docker import Swarm
from recipeci.host.engine import DockerPrograms
from recipeci.host.store import Store, entries
from recipeci.model import Outcome, Report, Request, Settings, Tier, TierResult
from recipeci.redact import Redactor
from recipeci.report import runlog, scan
from recipeci.report.console import Console
from recipeci.run import describing, infrastructure, janitor, preparation, secrets, source, workspace
from recipeci.run import plan as plans
from recipeci.run.context import Context
from recipeci.run.incell import InCell
from recipeci.run.interrupt import Interrupts
from recipeci.run.placing import Placing
from recipeci.run.plan import Fate
from recipeci.run.preparation import Preparation
from recipeci.run.record import Record
from recipeci.run.secrets import StackSecrets

log = logging.getLogger(__name__)
T = TypeVar("T")
ATTEMPTS = 2
"""The host's faults are given a fresh cell once (DESIGN §4); the recipe's are not."""


def show_plan(request: Request, settings: Settings, *, console: Console, redactor: Redactor) -> None:
    """Print what a run would do; writes only a clone that it removes, and asks nothing of Docker."""
    said = source.given(request, settings)
    secrets.of_clone(redactor, said)
    with temporary.near(settings.cache) as scratch, console.phase("checkout"):
        found = source.sourced(request, settings, said, into=scratch / "clone", runner=LocalRunner())
    for line in describing.describe(found.plan):
        console.say(line)


def run(
    request: Request, settings: Settings, *, console: Console, interrupts: Interrupts, redactor: Redactor
) -> Report:
    """Carry out one run and return its report, which is written and printed by then; `redactor` is the console's too.

    Raises UsageError or HostError if there can be no run: wrong options, no source, no room. No folder is left then.
    """
    clock, runner = SystemClock(), LocalRunner()
    # What is given wrong is said first, before there is a folder, and not only when it is needed.
    said = source.given(request, settings)
    secrets.of_clone(redactor, said)
    if request.images is not None:
        entries.read(request.images)
    abra = choose(request.abra, settings.abra, runner=runner, path=settings.search_path, cache=settings.cache)
    programs = engine.find(settings.docker_prefix, path=settings.search_path)
    for line in janitor.clean(settings, runner=runner, clock=clock):
        console.note(line)
    console.say(f"abra: {abra.program.name} {abra.program.version}{' (built in)' if abra.program.built_in else ''}")
    with (
        workspace.opened(
            request,
            settings,
            source=request.source or settings.forge,
            clock=clock,
            shown=_shown(abra, programs),
        ) as place,
        runlog.logged(place.log, redactor=redactor),
        infrastructure.disks_fault(),
    ):
        with console.phase("checkout"):
            found = source.sourced(request, settings, said, into=place.checkout, within=place.shared, runner=runner)
        secrets.begin(redactor, place=place, plan=found.plan)
        place.write_manifest(
            target=found.plan.target, creates=[f"stack {place.stack}", f"cgroup recipeci-{place.run_id}"]
        )
        going = Run(request, settings, place, found, abra, programs, runner, clock, console, interrupts, redactor)
        return going.to_its_end()


@dataclass(frozen=True)
class Stocked:
    """What the store has for this run: the images that the recipe's files name, and the cell's own."""

    ready: Preparation
    proxy: str
    bot: str = ""
    """Empty where nothing is backed up."""

    @property
    def images(self) -> tuple[str, ...]:
        """All of them."""
        return (*self.ready.images, self.proxy, *([self.bot] if self.bot else []))


@dataclass(frozen=True)
class Run(Context):
    """One run from its plan to its report."""

    def to_its_end(self) -> Report:
        """Carry the plan out, and report whatever ended it."""
        record = Record(self.place, self.found.plan)
        record.programs["abra"] = self.abra.program
        for note in self.found.plan.notes:
            record.note(note)
        self.interrupts.arm(self.found.plan.meta.timeouts.deadline)
        try:
            with infrastructure.disks_fault():
                self._carry_out(record)
            self.interrupts.check()
        except RecipeCIError as e:
            log.info("%s: %s", e.kind, e.message)
            record.failed(e)
        except Exception as e:
            log.exception("a bug of recipeci")
            record.failed(e)
        with self.interrupts.final():
            return self._reported(record)

    def _reported(self, record: Record) -> Report:
        """Scan and write what stays, remove what nobody needs any more, print the summary.

        Raises HostError after that if the report could not be written: what was not scanned must not stay either.
        """
        self.place.discard(self.place.swarm)
        self.place.discard(self.place.shared)
        self.place.discard(self.place.authors)
        try:
            report = scan.finished(self._draft(record), folder=self.place.folder, redactor=self.redactor)
        except OSError as e:
            words = f"the report cannot be written to {self.place.folder}: {e.strerror}"
            unwritten = HostError(words, hint="free some space, or give an --out where it can be written")
            record.failed(unwritten)
            report = scan.scanned(self._draft(record), folder=self.place.folder, redactor=self.redactor)
            self._summed_up(report, path=None)
            raise unwritten from e
        self._summed_up(report, path=self.place.report)
        return report

    def _draft(self, record: Record) -> scan.Draft:
        """Return what makes the report, of the time until now."""
        phases, seconds = self.console.phases, self.console.seconds
        return lambda found: record.report(phases=phases, seconds=seconds, secrets=found)

    def _summed_up(self, report: Report, *, path: Path | None) -> None:
        for note in report.notes:
            self.console.note(note)
        self.console.finish(report, path=path)

    def _carry_out(self, record: Record) -> None:
        ready = self._prepared(record)
        if ready.coverage is not None and not ready.coverage.enabled:
            plan = record.plan = plans.without_backup(self.found.plan)
            return dataclasses.replace(self, found=dataclasses.replace(self.found, plan=plan))._cared_for(record, ready)
        return self._cared_for(record, ready)

    def _cared_for(self, record: Record, ready: Preparation) -> None:
        if record.lint.blocking or ready.base_fault or not self._has_work():
            record.expected_deploys = 0
            return
        store = Store(
            self.cache / "store",
            programs=self.programs,
            runner=self.runner,
            clock=self.clock,
            env=dict(self.settings.network_env),
            needed_bytes=int(self.settings.min_free_gb * workspace.GB),
        )
        self._attempted(record, store, self._stocked(record, store, ready))

    def _stocked(self, record: Record, store: Store, ready: Preparation) -> Stocked:
        """Have all images of the run in the store, so that nothing is fetched while the app is watched."""
        images, say = self.request.images, self.console.say
        with self.console.phase("images"):
            store.ensure(ready.images, images=images, say=say)
            proxy, record.programs["proxy"] = store.ensure_proxy(self.request.proxy_image, images=images, say=say)
            if not self._backs_up():
                return Stocked(ready, proxy)
            bot, record.programs["backup_bot"] = store.ensure_bot(self.request.bot_image, images=images, say=say)
        return Stocked(ready, proxy, bot)

    def _prepared(self, record: Record) -> Preparation:
        """Lint the recipe's own files; what is wrong with them, or with the base's, ends the run before it began."""
        began = self.clock.monotonic()
        with self.console.phase("lint"):
            ready = preparation.prepared(self.environment())
        for note in ready.notes:
            record.note(note)
        if ready.findings:
            record.lint = preparation.own_lint(ready.findings, seconds=round(self.clock.monotonic() - began, 3))
        if ready.base_fault and (base := self.found.plan.base):
            reason = f"the base {base.version} cannot be deployed: {ready.base_fault}"
            record.tiers.append(TierResult(Tier.INSTALL, Outcome.FAIL, reason, op="deploy"))
        return ready

    def _attempted(self, record: Record, store: Store, stocked: Stocked) -> None:
        """Carry out the tiers in a cell; a fault of the host's gets one more, fresh cell.

        Not if the run was interrupted, and see `_can_repeat`.
        """
        with infrastructure.disks_fault():
            placing = self._placed()
        for attempt in range(1, ATTEMPTS + 1):
            try:
                with infrastructure.disks_fault():
                    self._in_a_cell(record, store, stocked, placing)
            except HostError as e:
                if stop := self.interrupts.first:
                    record.note(f"after that: {e.message}")
                    raise stop from e
                if attempt == ATTEMPTS or not self._can_repeat(record):
                    raise
                record.fresh_attempt(e)
                Below(self.place.shared).remove_tree(self.place.abra_dir / "servers")  # the app of the first attempt
                self.console.note(f"the host's fault, repeated in a fresh cell: {e.message}")
            else:
                return

    def _can_repeat(self, record: Record) -> bool:
        """Say whether there may be a fresh cell.

        Not if the run was kept and told to end, the recipe has failed before, the first cell is still there, or the
        disk has no room for another one.
        """
        if self.interrupts.told or record.has_failed or self.place.swarm.exists():
            return False
        try:
            workspace.check_space([self.cache, self.place.folder], self.settings)
        except HostError as e:
            record.note(f"not repeated in a fresh cell: {e.message}")
            return False
        return True

    def _in_a_cell(self, record: Record, store: Store, stocked: Stocked, placing: Placing) -> None:
        with contextlib.ExitStack() as stack:
            with self.console.phase("cell"):
                lending = stack.enter_context(store.lend(stocked.images, data_root=self.place.swarm / "data"))
                spec = CellSpec(
                    name=self.place.run_id,
                    folder=self.place.swarm,
                    shared=self.place.shared,
                    read_only=self._read_only(),
                    domain=workspace.CELL_DOMAIN,
                    hosts=self._hosts(),
                    proxy_image=stocked.proxy,
                    bot_image=stocked.bot,
                    layers=lending.mounts,
                )
                making = cells.running(
                    spec, programs=self.programs, runner=self.runner, clock=self.clock, lock_fds=lending.fds
                )
                cell = stack.enter_context(_ended_in_peace(making, self.interrupts))
            swarm = Swarm(cell.socket)
            stack.callback(swarm.close)
            record.images = tuple(image for image in lending.images if image.ref in stocked.ready.images)
            record.programs |= {"docker": swarm.program(), "vip": cell.vip}
            for note in cell.notes:
                record.note(note)
            known = frozenset(self.found.plan.meta.secrets)
            learning = StackSecrets(self.place.stack, swarm, cell.init, self.redactor, known)
            InCell(self._seen_by(cell), record, stocked.ready, placing, cell, swarm, learning).carry_out()

    def _seen_by(self, cell: Cell) -> Context:
        """Return this run with git and Docker's CLI in the cell, where no link that an app plants leads to the host."""
        found = dataclasses.replace(self.found, clone=self.found.clone.seen_by(cell.runner))
        return dataclasses.replace(self, found=found, runner=cell.runner)

    def _placed(self) -> Placing:
        """Lay the authors' files down before there is any cell: what runs in one can read them, and change none.

        Afterwards the checkout may not be asked from outside: a cell can have written anything there.
        """
        plan = self.found.plan
        placing = Placing(
            self.place.authors,
            overlay=self.request.overlays / plan.recipe if self.request.overlays else None,
            secrets=tuple(plan.meta.secrets.values()),
            clone=self.found.clone,
            target=plan.target.commit,
        )
        placing.lay_down(file for step in plan.steps for file in (*step.hooks, *step.suites))
        placing.lay_down(plan.install_steps)
        return placing

    def _has_work(self) -> bool:
        return any(step.fate is Fate.RUN for step in self.found.plan.steps)

    def _hosts(self) -> tuple[str, ...]:
        """Return the names of the app below its domain, for the proxy's certificate."""
        meta, domain = self.found.plan.meta, self.place.domain
        own = [*meta.extra_domains.values(), *([meta.http.host] if meta.http.host else [])]
        return (f"*.{domain}", *(f"{name}.{domain}" for name in own))

    def _backs_up(self) -> bool:
        return any(step.tier is Tier.BACKUP and step.fate is Fate.RUN for step in self.found.plan.steps)

    def _read_only(self) -> tuple[Path, ...]:
        """Return what of the host this run's cell shows."""
        authors = [self.place.authors] if self.place.authors.exists() else []
        return (*_shown(self.abra, self.programs), *authors)


def _shown(abra: AbraProgram, programs: DockerPrograms) -> tuple[Path, ...]:
    """Return what of the host every run's cell shows: our Python, its packages, abra, Docker."""
    package = Path(recipeci.__file__).resolve().parents[1]
    folders = [Path(sys.prefix), Path(sys.base_prefix), package, *abra.read_only, *programs.folders]
    return tuple(dict.fromkeys(folders))


@contextlib.contextmanager
def _ended_in_peace(manager: contextlib.AbstractContextManager[T], interrupts: Interrupts) -> Iterator[T]:
    """Enter a context whose end no signal cuts short."""
    stack = contextlib.ExitStack()
    value = stack.enter_context(manager)
    try:
        yield value
    finally:
        with interrupts.shielded():
            stack.__exit__(*sys.exc_info())
