"""The only place that deploys: one app for one run, made once, moved to the target once, removed at the end.

Every call of abra that touches the recipe is followed by a question to git: abra moves checkouts (A-01), and what it
says of them is no proof. Whose fault a failure is, is decided here: a command of abra's that fails on the recipe is the
recipe's (`OpFailed`), one that hangs or a daemon that is gone is the host's.
"""

from __future__ import annotations

import contextlib
import logging
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from recipeci.errors import CommandFailed, CommandTimeout, OpFailed, RecipeInvalid, UsageError, WaitFailed
from recipeci.host import temporary
from recipeci.host.abra import Abra
from recipeci.host.below import Below
from recipeci.host.clock import Clock, until
from recipeci.host.clone import Clone
from recipeci.host.docker import Swarm
from recipeci.host.stackstate import StackState
from recipeci.model import BaseMode, Commit
from recipeci.recipe.compose import Compose
from recipeci.recipe.envfile import EnvFile
from recipeci.run import health, infrastructure, settled
from recipeci.run.environment import Environment
from recipeci.run.health import HealthWatch
from recipeci.run.plan import Plan

log = logging.getLogger(__name__)
ABRA_SECONDS = 120.0
"""With `-c` abra returns at once; it may still ask a registry for each image."""
LOG_LINES = 20


@dataclass(frozen=True)
class Deployed:
    """One deploy that has settled: the stack, when abra was called (epoch seconds), and what was expected of it."""

    state: StackState
    since: float
    compose: Compose
    head: Commit
    expected: settled.Expected


@dataclass
class Deployment:
    """The run's one app; `notes` are what an operator must do too."""

    domain: str
    stack: str
    plan: Plan
    clone: Clone
    abra: Abra
    swarm: Swarm
    environment: Environment
    clock: Clock
    note: Callable[[str], None]
    scratch: Path
    """A folder that the cell sees too."""
    images: frozenset[str]
    """What the cell was lent: nothing else can be deployed."""
    looked: Callable[[StackState], None]
    """Hears each look at the stack: what runs only briefly is seen then or never."""
    mask: Callable[[str], str]
    """Takes out the secrets that are known since the look was heard of."""
    install_steps: Callable[[EnvFile], EnvFile] = lambda env: env
    """Runs the authors' install steps after `app new`; returns the app's env as they leave it."""
    upgrading: bool = False
    last_env: str = ""
    """As it was read last."""

    @property
    def env_file(self) -> Path:
        """The app's `.env`, where abra keeps it."""
        return self.abra.env_file(self.domain)

    def create(self) -> None:
        """Make the app at the plan's first commit: `app new`, checkout moved back, env, secrets."""
        self._write_env(self.environment.first(self._new_env()))
        self._secrets()
        self._write_env(self.install_steps(self.env()))
        self._only_lent_images()
        self._secrets()  # steps may have chosen another compose file

    def deploy_first(self) -> None:
        """Deploy the base by its version (or checked out, by chaos), or the target where there is no base."""
        base = self.plan.base
        if base and base.mode is BaseMode.PINNED:
            self._deploy(version=base.version, chaos=False)
        else:
            self._deploy(version=None, chaos=True)

    def upgrade(self) -> None:
        """Move the checkout, the env and the secrets to the target, and deploy it by chaos."""
        self.upgrading = True
        self.clone.checkout(self.plan.target.commit)
        with self._kept_envs_fault():
            upgraded, notes = self.environment.upgraded(self.env())
            self._write_env(upgraded)
            for note in notes:
                self.note(note)
            self._secrets()
        self._deploy(version=None, chaos=True)

    def backup(self, *, timeout: float) -> None:
        """Have the app backed up; a hook of the recipe's that hangs is the recipe's fault."""
        with self._recipes_fault(printed=LOG_LINES), self._in_time(), self._put_back():
            self.abra.app_backup_create(self.domain, timeout=timeout)

    def restore(self, *, timeout: float) -> None:
        """Have the app's newest snapshot restored (A-17)."""
        with self._recipes_fault(printed=LOG_LINES), self._in_time(), self._put_back():
            self.abra.app_restore(self.domain, timeout=timeout)

    def settle(self, *, since: float, timeout: float, see: Callable[[str], None]) -> Deployed:
        """Wait until what was deployed at `since` is settled; `see` hears in a few words what each look shows.

        Raises WaitFailed with the reason and the guilty service's last log lines, HostError if the disk is full.
        """
        compose = self.environment.resolved(self.env())
        expected = settled.Expected(
            services=frozenset(f"{self.stack}_{name}" for name in compose.services),
            ending=frozenset(f"{self.stack}_{name}" for name, service in compose.services.items() if service.ends),
            since=since,
        )
        state = self._until_settled(expected, timeout=timeout, see=see)
        return Deployed(state=state, since=since, compose=compose, head=self.clone.head(), expected=expected)

    def settle_again(self, deployed: Deployed, *, timeout: float, see: Callable[[str], None]) -> Deployed:
        """Wait until a deployment is settled once more after hooks or a restore, which may restart what runs (R-25).

        Raises WaitFailed as `settle` does.
        """
        return replace(deployed, state=self._until_settled(deployed.expected, timeout=timeout, see=see))

    def unsettled_since(self, deployed: Deployed) -> str:
        """Look once more: return what has happened to a deployment since it was settled, or nothing."""
        state = self._look(HealthWatch(self.swarm), since=deployed.since)
        judgement = settled.judge(state, deployed.expected)
        broken = settled.broken_since(state, deployed.expected, settled=deployed.state.seen)
        if broken or not judgement.settled:
            words = broken or judgement.hopeless or f"no longer settled: {judgement.summary}"
            logs = self._logs(judgement.guilty, since=deployed.since)
            return words + (f"\n{logs}" if logs else "")
        return ""

    def _new_env(self) -> EnvFile:
        """Have abra make the app, and return its env as of the plan's first commit, which is checked out then.

        abra may have gone to another commit (A-01), and the sample that it copied is that one's.
        """
        base, first = self.plan.base, self.plan.first_commit
        pinned = base is not None and base.mode is BaseMode.PINNED
        version = base.version if base and pinned else None
        self.clone.checkout(first)
        with self._recipes_fault():
            self.abra.app_new(self.plan.recipe, domain=self.domain, version=version, chaos=not pinned)
        if self.clone.head() == first:
            return self.env()
        self.clone.checkout(first)
        return self.environment.remade(self.env())

    def _until_settled(self, expected: settled.Expected, *, timeout: float, see: Callable[[str], None]) -> StackState:
        last: list[tuple[StackState, settled.Judgement]] = []
        watch = HealthWatch(self.swarm)

        def look() -> tuple[StackState, settled.Judgement]:
            infrastructure.blame_disk(self.scratch)
            state = self._look(watch, since=expected.since)
            judgement = settled.judge(state, expected)
            last[:] = [(state, judgement)]
            see(judgement.summary.replace(f"{self.stack}_", ""))
            return last[0]

        try:
            state, _ = until(
                look,
                lambda seen: seen[1].settled,
                what="deployment",
                clock=self.clock,
                timeout=timeout,
                failed=lambda seen: seen[1].hopeless or None,
                describe=lambda seen: seen[1].summary,
            )
        except WaitFailed as e:
            state, judgement = last[0]
            free = infrastructure.free_bytes(self.scratch)
            infrastructure.blame_tasks(state, judgement.guilty, since=expected.since, free=free)
            logs = self._logs(judgement.guilty, since=expected.since)
            raise WaitFailed(e.what, reason=e.reason, last=e.last, logs=logs) from e
        return state

    def _look(self, watch: HealthWatch, *, since: float) -> StackState:
        """Look at the stack once, learn its secrets, and mask them."""
        state = watch.looked(self.swarm.stack(self.stack), since=since)
        self.looked(state)
        return health.masked(state, self.mask)

    def _logs(self, guilty: str, *, since: float) -> str:
        """Return the last log lines of the service that is to blame, of its tasks since the deploy alone."""
        state = self.swarm.stack(self.stack)
        service = state.service(guilty)
        tasks = {task.id for task in state.tasks_of(service) if task.created >= since} if service else set()
        lines = self.swarm.logs(service.id, tasks=tasks, lines=LOG_LINES) if service and tasks else ""
        return f"last log lines of {guilty}:\n{lines}" if lines else ""

    def _deploy(self, *, version: str | None, chaos: bool) -> None:
        with self._still_there("abra app deploy"), self._recipes_fault():
            self.abra.app_deploy(self.domain, version=version, chaos=chaos, timeout=ABRA_SECONDS)

    def _secrets(self) -> None:
        """Insert what recipe.yml gives, and let abra generate the rest; those that are there stay as they are."""
        env = self.env()
        wanted = {s.key: s.name(self.stack) for s in self.environment.resolved(env).secrets.values() if s.external}
        versions = {secret.name: secret.version for secret in env.secrets}
        for key in self._absent(wanted) & self.plan.meta.secrets.keys():
            self._insert(key, version=versions.get(key, "v1"))
        if missing := self._absent(wanted):
            with self._still_there("abra app secret generate"), self._recipes_fault():
                self._generate(missing, wanted)
            self._new_secrets(missing)

    def _only_lent_images(self) -> None:
        """Refuse images that only the install steps bring in: the cell was made before, and has no registry."""
        if wanting := sorted({*self.environment.resolved(self.env()).images} - self.images):
            raise UsageError(
                f"image unavailable: {wanting[0]} is named only since install_steps.sh changed the app's env",
                hint="set COMPOSE_FILE, or what else brings it in, by `env` in recipe.yml: that is read before",
            )

    def _generate(self, missing: frozenset[str], wanted: Mapping[str, str]) -> None:
        """Have the missing ones made: all at once, or by name where others are there already."""
        if missing == wanted.keys():
            self.abra.app_secret_generate(self.domain)
            return
        for key in sorted(missing):
            self.abra.app_secret_generate(self.domain, name=key, version=wanted[key].rpartition("_")[2])

    def _absent(self, wanted: Mapping[str, str]) -> frozenset[str]:
        """Return the keys of the secrets that the swarm does not have."""
        there = {item.name for item in self.swarm.objects() if item.kind == "secret"}
        return frozenset(key for key, name in wanted.items() if name not in there)

    def _insert(self, key: str, *, version: str) -> None:
        """Store a secret's value from recipe.yml; the file is gone when abra has read it."""
        with temporary.file(self.scratch) as file, self._still_there("abra app secret insert"):
            file.write(self.plan.meta.secrets[key])
            file.flush()
            with self._recipes_fault():
                self.abra.app_secret_insert(self.domain, name=key, version=version, file=Path(file.name))

    def _new_secrets(self, missing: frozenset[str]) -> None:
        """Note the secrets that the upgrade brought: an operator must generate them too (E-08)."""
        if self.upgrading:
            for key in sorted(missing):
                self.note(f"new secret, generated before the upgrade: {key}")

    @property
    def below(self) -> Below:
        """How the files that the cell sees too are read and written."""
        return Below(self.scratch)

    def env(self) -> EnvFile:
        """Return the app's env as it is now."""
        text = self.below.read(self.env_file).decode()
        self.last_env = text
        return EnvFile.parse(text, where=self.env_file.name)

    def mend_env(self) -> None:
        """Put the app's env back if something in the cell took it away: abra cannot remove the app without it."""
        if self.last_env and not self.below.is_file(self.env_file):
            with contextlib.suppress(OpFailed, OSError):  # then abra finds no app, and what is left is reported
                self.below.write(self.env_file, self.last_env.encode())

    @contextlib.contextmanager
    def _still_there(self, what: str) -> Iterator[None]:
        """Assert that a call of abra left the checkout where it was."""
        before = self.clone.head()
        yield
        if (after := self.clone.head()) != before:
            msg = f"{what} moved the recipe's checkout from {before} to {after}"
            raise OpFailed(msg)

    @contextlib.contextmanager
    def _recipes_fault(self, *, printed: int = 0) -> Iterator[None]:
        """Turn abra's refusal into the recipe's failure; `printed` is how many lines of the output are told with it.

        A call that hung stays the host's, and so do a full disk and a swarm that is gone, whatever abra said of it.
        """
        try:
            yield
        except CommandTimeout:
            raise
        except CommandFailed as e:
            infrastructure.blame(e.message, free=infrastructure.free_bytes(self.scratch))
            self.swarm.program()  # raises HostError if nobody answers
            last = e.out.strip().splitlines()[-printed:] if printed else []
            raise OpFailed("\n".join([e.message, *last])) from e

    @contextlib.contextmanager
    def _kept_envs_fault(self) -> Iterator[None]:
        """Turn compose files that are no stack into the upgrade's failure: with its own sample the target's are one."""
        try:
            yield
        except RecipeInvalid as e:
            kept = f"the env that the app has from {self.plan.base.version}" if self.plan.base else "the app's env"
            msg = f"the target {self.plan.target.commit} cannot be deployed with {kept}: {e.message}"
            raise OpFailed(msg) from e

    @contextlib.contextmanager
    def _put_back(self) -> Iterator[None]:
        """Move the checkout back to where it was: a call without `-C` may bring it to the app's pinned version."""
        before = self.clone.head()
        try:
            yield
        finally:
            self.clone.checkout(before)

    @contextlib.contextmanager
    def _in_time(self) -> Iterator[None]:
        """Turn a call that hung into the recipe's failure, where it is the recipe's own hooks that take the time."""
        try:
            yield
        except CommandTimeout as e:
            raise OpFailed(e.message) from e

    def _write_env(self, env: EnvFile) -> None:
        self.below.write(self.env_file, env.text.encode())
