"""The only place that gives a check its ground: an abra with a folder of its own, a recipe, an app, a swarm to look at.

What a check looks at is Docker and git. abra's words and its exit code are looked at by the few checks that are about
them, so that an abra which differs in one fact differs in one line of the table. For the same reason an app is made
here by writing its `.env`, not by `app new`, and a stack is removed by Docker's API, not by `app undeploy`.
"""

from __future__ import annotations

import contextlib
import re
import shutil
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

from recipeci.contract import repository
from recipeci.contract.recording import ANY_CODE, Call, Recorder
from recipeci.contract.repository import OLD, RECIPE, Checkout
from recipeci.contract.results import NotChecked
from recipeci.errors import CommandFailed, WaitFailed
from recipeci.host.abra import FATA, SERVER, Abra, AbraProgram, environment
from recipeci.host.cell import Cell
from recipeci.host.clock import Clock, until
from recipeci.host.command import Runner
from recipeci.host.docker import STACK_LABEL, Swarm
from recipeci.host.engine import DockerPrograms
from recipeci.host.stackstate import Service, Task

ABRA_SECONDS = 90.0
"""A call that takes longer hangs: it waits for an answer, or for what a check forbade it to wait for."""
SWARM_SECONDS = 90.0
DEPLOY = ("-c", "-D")
READER, HOLDER = "--reader", "--holder"
T = TypeVar("T")


@dataclass(frozen=True)
class Answer:
    """How a call of abra ended, and what it printed."""

    code: int
    out: str
    err: str
    seconds: float

    @property
    def fatal(self) -> str:
        """Its last FATA line, on whichever stream; empty if it gave none."""
        return next(reversed(FATA.findall(self.out) or FATA.findall(self.err)), "")

    @property
    def words(self) -> str:
        """How it ended, in a few words."""
        return f"FATA {self.fatal}" if self.fatal else f"it ended with {self.code} and no FATA"


@dataclass(frozen=True)
class Ground:
    """What all checks share: a cell, an abra, the recipe that is copied for each check."""

    cell: Cell
    programs: DockerPrograms
    abra: AbraProgram
    image: str
    """An image that the cell has, whose program runs on without arguments."""
    runner: Runner
    clock: Clock
    folder: Path
    """A folder that the cell sees too; a folder of each check is made in it."""
    seconds: float = ABRA_SECONDS

    def recipe(self) -> Path:
        """Make the recipe's repository once; return its folder."""
        folder = self.folder / ".recipe"
        if not folder.exists():
            repository.make(folder, image=self.image, runner=self.runner)
        return folder

    @contextlib.contextmanager
    def lab(self, name: str) -> Iterator[Lab]:
        """Give one check its lab; its services are gone from the swarm afterwards, as far as was asked for."""
        folder = self.folder / name
        recipe = folder / "abra" / "recipes" / RECIPE
        shutil.copytree(self.recipe(), recipe)
        recorder = Recorder(self.cell.runner, self.abra.argv)
        with contextlib.closing(Swarm(self.cell.socket)) as swarm:
            lab = Lab(self, name, folder, Checkout(recipe, self.runner), recorder, swarm)
            try:
                yield lab
            finally:
                lab.clear()


@dataclass(frozen=True)
class Lab:
    """What one check works with."""

    ground: Ground
    name: str
    folder: Path
    recipe: Checkout
    recorder: Recorder
    swarm: Swarm
    known: dict[str, bytes] = field(default_factory=dict)
    """The values of secrets, by their names in the swarm: the transcript must not hold them."""

    @property
    def domain(self) -> str:
        """The app's domain, which is its name."""
        return f"{self.name}.{self.ground.cell.spec.domain}"

    @property
    def stack(self) -> str:
        """The stack's name, as abra makes it."""
        return self.domain.replace(".", "_")

    @property
    def abra_dir(self) -> Path:
        """ABRA_DIR."""
        return self.folder / "abra"

    @property
    def env_file(self) -> Path:
        """The app's `.env`."""
        return self.abra_dir / "servers" / SERVER / f"{self.domain}.env"

    @property
    def adapter(self) -> Abra:
        """The harness's own way to this abra."""
        folder = self.ground.programs.docker.parent
        return Abra(self.ground.abra, runner=self.recorder, abra_dir=self.abra_dir, docker_folder=folder)

    @property
    def api(self) -> Any:  # noqa: ANN401 - the SDK types half of its methods
        """Docker's API, for what a check makes or removes without abra."""
        return self.swarm.api

    # abra

    def abra(self, *args: str, terminal: bool = False, offline: bool = True) -> Answer:
        """Run a command with the options that the harness gives to every one."""
        return self.raw(*args, *(["-o"] if offline else []), "-n", terminal=terminal)

    def raw(self, *args: str, terminal: bool = False) -> Answer:
        """Run abra with these arguments alone, in the harness's environment."""
        env = environment(self.abra_dir, docker_folder=self.ground.programs.docker.parent)
        (self.abra_dir / "servers" / SERVER).mkdir(parents=True, exist_ok=True)
        argv = [*self.ground.abra.argv, *args]
        done = self.recorder.run(argv, timeout=self.ground.seconds, env=env, ok=ANY_CODE, terminal=terminal)
        return Answer(done.code, done.out, done.err, done.seconds)

    def deploy(self, *args: str) -> Answer:
        """Deploy the app: a version, or `-C`; neither the domain nor convergence is looked at."""
        return self.abra("app", "deploy", self.domain, *args, *DEPLOY)

    def calls(self) -> Sequence[Call]:
        """Return what was asked so far."""
        return self.recorder.calls

    # what a check needs first

    def app(self, *lines: str, pin: str = OLD, domain: str = "") -> None:
        """Make the app by writing its `.env`: pinned, the sample's lines and more of them; `main` is checked out."""
        file = self.env_file.with_name(f"{domain or self.domain}.env")
        file.parent.mkdir(parents=True, exist_ok=True)
        own = [f"TYPE={RECIPE}:{pin}", f"DOMAIN={domain or self.domain}", "LETS_ENCRYPT_ENV="]
        file.write_text("\n".join([*own, *lines, ""]), encoding="utf-8")

    def store(self, name: str, value: bytes) -> None:
        """Store a secret, without abra."""
        self.api.create_secret(name, value)

    def make_volume(self, name: str) -> None:
        """Make a volume of the stack, as swarm does for a task."""
        self.api.create_volume(f"{self.stack}_{name}", labels={STACK_LABEL: self.stack})

    def hold_volume(self, name: str) -> None:
        """Have a container that uses a volume of the stack; that it never runs makes no difference to Docker."""
        mounts = self.api.create_host_config(binds=[f"{self.stack}_{name}:/data"])
        options = {"name": f"{self.name}{HOLDER}", "volumes": ["/data"], "host_config": mounts}
        self.api.create_container(self.ground.image, **options)

    def deployed(self, *args: str) -> Service:
        """Deploy as set-up, by chaos; return the service `app`."""
        answer = self.deploy("-C", *args)
        return self.needed(self.service(), f"the set-up was not deployed: {answer.words}")

    def needed(self, found: T | None, otherwise: str) -> T:
        """Return what was found; raise NotChecked if it is None."""
        if found is None:
            raise NotChecked(otherwise)
        return found

    # what there is

    def env(self) -> str:
        """Return the text of the app's `.env`, empty if there is none."""
        return self.env_file.read_text(encoding="utf-8") if self.env_file.is_file() else ""

    def pin(self) -> str:
        """Return the version that the `.env` names, empty if it names none."""
        found = re.search(rf"^(?:TYPE|RECIPE)={RECIPE}:(\S+)", self.env(), re.MULTILINE)
        return found[1] if found else ""

    def service(self, name: str = "app", *, stack: str = "") -> Service | None:
        """Return a service of the stack."""
        return self.swarm.stack(stack or self.stack).service(f"{stack or self.stack}_{name}")

    def environment(self) -> Mapping[str, str]:
        """Return what the service `app` gets as its environment; empty if it is not deployed."""
        service = self.service()
        pairs = (service.template["ContainerSpec"].get("Env") or []) if service else []
        return dict(pair.split("=", 1) for pair in pairs)

    def step(self) -> str:
        """Return whose commit is deployed: a version, `head`, or nothing."""
        return self.environment().get("STEP", "")

    def label(self, name: str) -> str | None:
        """Return the label `coop-cloud.<stack>.<name>` of the service `app`; raise NotChecked without a service."""
        service = self.needed(self.service(), "nothing was deployed")
        return service.labels.get(f"coop-cloud.{self.stack}.{name}")

    def names(self, kind: str) -> list[str]:
        """Return the names of the check's own services, secrets, volumes or configs."""
        ours = re.compile(rf"{re.escape(self.name)}(?:_|--|\.)")
        return sorted(item.name for item in self.swarm.objects() if item.kind == kind and ours.match(item.name))

    def running(self) -> Task:
        """Wait for a task of the service `app` that runs."""

        def look() -> Task | None:
            return next((task for task in self.swarm.stack(self.stack).tasks if task.state == "running"), None)

        return self.needed(self.until(look, bool, what="a running task"), "no task runs")

    def until(self, look: Callable[[], T], ready: Callable[[T], bool], *, what: str, delay: float = 0.25) -> T:
        """Wait for something that a check needs, looking each `delay` seconds; raise NotChecked if it does not come."""
        clock = self.ground.clock
        try:
            return until(look, ready, what=what, clock=clock, timeout=SWARM_SECONDS, delay=delay, successes=1)
        except WaitFailed as e:
            raise NotChecked(e.message) from e

    def values(self) -> Mapping[str, bytes]:
        """Return the values of the check's secrets by their names in the swarm: read by a task of our own."""
        names = self.names("secret")
        if unread := [name for name in names if name not in self.known]:
            reader = f"{self.name}{READER}{len(self.known)}"
            words = [word for name in unread for word in ("--secret", name)]
            options = ["--quiet", "--detach", "--no-resolve-image", "--name", reader]
            self._docker("service", "create", *options, *words, self.ground.image)
            self.known.update({name: self._read(reader, name) for name in unread})
        return {name: self.known[name] for name in names}

    def remove_stack(self) -> None:
        """Have the stack's services removed, without abra."""
        for service in self.names("service"):
            self.api.remove_service(service)

    def until_gone(self) -> None:
        """Wait until no container of the stack is left."""

        def containers() -> list[str]:
            return self.names("container")

        self.until(containers, lambda left: not left, what="the end of the containers")

    def learned(self) -> Mapping[str, bytes] | None:
        """Return the values of all secrets that abra made or was given, None if one could not be read."""
        try:
            self.values()
        except (NotChecked, CommandFailed):
            return None
        return self.known

    def clear(self) -> None:
        """Leave nothing that uses the machine."""
        self.remove_stack()

    def _read(self, reader: str, secret: str) -> bytes:
        """Return a secret as the reader's task sees it."""

        def container() -> str:
            listed = self._docker("ps", "--quiet", "--filter", f"label=com.docker.swarm.service.name={reader}")
            return listed.strip()

        pid = self._docker("inspect", "--format", "{{.State.Pid}}", self.until(container, bool, what="the reader"))
        file = f"/proc/{pid.strip()}/root/run/secrets/{secret}"
        return self.ground.cell.runner.run(["cat", file], timeout=SWARM_SECONDS).out.encode()

    def _docker(self, *argv: str) -> str:
        docker = str(self.ground.programs.docker)
        return self.ground.cell.runner.run([docker, *argv], timeout=SWARM_SECONDS).out
