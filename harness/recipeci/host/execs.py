"""The only place that runs commands in an app's containers, and waits for a container that is being replaced.

A command's outcome is its exit code and what it printed, all of it, or an error that says why neither can be had. It is
started a second time only where Docker says that it was never started: what it did may not be done twice.
"""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from recipeci.errors import HostError, WaitFailed
from recipeci.host.clock import Clock, until
from recipeci.host.docker import Swarm
from recipeci.host.hijack import Cut, Hijacked, Refused
from recipeci.host.stackstate import Task

GONE = frozenset({404, 409})
"""Docker's answers for a container that is not there, or not running."""
ENDED_WITH_CONTAINER = frozenset({137, 126, 127, 128, -1})
"""Exit codes that a command may have because its container was stopped: killed with it, not started, forgotten."""
KILLED = frozenset({137, -1})
DOWN_SECONDS, KILLED_SECONDS = 3.0, 20.0
"""So long it is waited for the container's end: longer for a command that was killed, which few are without it."""
LOOK_SECONDS = 0.25
END_SECONDS = 10.0
"""So soon after the end of its output Docker knows a command's exit code."""


class ExecFailed(Exception):
    """There is no outcome of a command; the sentence says why."""


class _NotStarted(Exception):
    """Docker did not start the command, for the sake of the container."""


@dataclass(frozen=True)
class Executed:
    """A command that has ended: its exit code, and all that it printed."""

    code: int
    out: bytes
    err: bytes


@dataclass(frozen=True)
class Command:
    """What is to be run: `user` is the container's own if empty, `input` what it reads before end of file."""

    argv: tuple[str, ...]
    input: bytes = b""
    user: str = ""


class Execs:
    """Commands in the running containers of one stack; `swarm` is used by nobody else meanwhile."""

    def __init__(self, swarm: Swarm, *, stack: str, clock: Clock, kill: Callable[[int], None]) -> None:
        """Take the stack, and what ends a process with its group by its number in the swarm's node."""
        self._swarm = swarm
        self._stack = stack
        self._clock = clock
        self._kill = kill

    def run(self, service: str, command: Command, *, timeout: float, stop: threading.Event) -> Executed:
        """Run a command in the newest running container of a service, named as in the compose file.

        Args:
            service: `app`.
            command: what to run.
            timeout: seconds for all of it, waiting for a container too; the command is killed then.
            stop: ends it early.

        Raises:
            ExecFailed: no such service, no container in time, not done in time, or its container was stopped meanwhile.
            HostError: Docker does not answer.
        """
        deadline = self._clock.monotonic() + timeout
        cut = Cut(self._clock, deadline=deadline, stop=stop)

        def attempt() -> Executed | str:
            if stop.is_set():
                return ""
            try:
                return self._attempt(self._running(service), command, cut)
            except _NotStarted as why:
                return str(why)

        def stopped(_: Executed | str) -> str | None:
            return "the suite has ended" if stop.is_set() else None

        try:
            seen = until(
                attempt,
                _has_ended,
                what=f"a container of {service} to run {command.argv[0]} in",
                clock=self._clock,
                timeout=timeout,
                failed=stopped,
                describe=_words,
                delay=LOOK_SECONDS,
                successes=1,
            )
        except WaitFailed as error:
            raise ExecFailed(error.message) from error
        assert isinstance(seen, Executed)  # noqa: S101 - what `until` has waited for
        return seen

    def logs(self, service: str, *, lines: int) -> str:
        """Return the last lines that the tasks of a service wrote which are meant to run now.

        Raises:
            ExecFailed: no such service.
            HostError: Docker does not answer.
        """
        state = self._swarm.stack(self._stack)
        found = state.service(f"{self._stack}_{service}")
        if found is None:
            raise self._unknown(service)
        tasks = {task.id for task in state.tasks_of(found) if task.desired == "running"}
        return self._swarm.logs(found.id, tasks=tasks, lines=lines) if tasks else ""

    def _running(self, service: str) -> Task:
        """Return the newest running task that is meant to run: one that is being replaced no longer is."""
        state = self._swarm.stack(self._stack)
        found = state.service(f"{self._stack}_{service}")
        if found is None:
            raise self._unknown(service)
        tasks = state.tasks_of(found)
        good = [task for task in tasks if task.desired == task.state == "running" and task.container]
        if not good:
            seen = ", ".join(f"{task.state} (should be {task.desired})" for task in tasks[-3:]) or "none"
            raise _NotStarted(f"no running task; the newest: {seen}")
        return good[-1]

    def _attempt(self, task: Task, command: Command, cut: Cut) -> Executed:
        """Run it once in the container of a task."""
        created = self._create(task.container, command)
        try:
            with Hijacked(self._swarm.socket, version=self._swarm.api.api_version, exec_id=created) as stream:
                out, err = stream.talk(command.input, cut=cut)
        except Refused as refused:
            if refused.status in GONE or not self._is_up(task.container):
                raise _NotStarted(refused.words) from refused
            raise ExecFailed(f"{command.argv[0]} cannot be run: {refused.words}") from refused
        except OSError as error:
            raise HostError(f"Docker broke a connection: {error}") from error
        if stream.cut_short:
            self._end(created)
            raise ExecFailed(f"{command.argv[0]} was killed: {stream.cut_short}")
        return self._judged(task, command, Executed(self._code(created, task), out, err))

    def _judged(self, task: Task, command: Command, done: Executed) -> Executed:
        """Return what a command came to, unless its container was stopped under it."""
        patience = KILLED_SECONDS if done.code in KILLED else DOWN_SECONDS
        if done.code in ENDED_WITH_CONTAINER and self._goes_down(task.container, seconds=patience):
            if b"OCI runtime exec failed" in done.out:
                raise _NotStarted("its container was stopped before")
            raise _killed(command)
        return done

    def _create(self, container: str, command: Command) -> str:
        import docker.errors  # noqa: PLC0415 - 0.2 s that --help need not pay

        try:
            with self._answered():
                made = self._swarm.api.exec_create(
                    container, list(command.argv), stdin=bool(command.input), user=command.user
                )
        except docker.errors.APIError as error:
            if error.status_code in GONE:
                raise _NotStarted(str(error.explanation)) from error
            raise ExecFailed(f"{command.argv[0]} cannot be run: {error.explanation}") from error
        return str(made["Id"])

    def _code(self, exec_id: str, task: Task) -> int:
        """Return the exit code; -1 where Docker forgot the command with its container."""
        import docker.errors  # noqa: PLC0415

        def look() -> tuple[bool, int | None]:
            try:
                with self._answered():
                    seen = self._swarm.api.exec_inspect(exec_id)
            except docker.errors.NotFound:
                return True, -1
            return not seen["Running"], seen["ExitCode"]

        try:
            _, code = until(
                look,
                lambda seen: seen[0] and seen[1] is not None,
                what="the exit code of a command",
                clock=self._clock,
                timeout=END_SECONDS,
                delay=0.02,
                successes=1,
            )
        except WaitFailed as error:
            if not self._is_up(task.container):
                return -1
            raise ExecFailed(error.message) from error
        return int(code or 0)

    def _goes_down(self, container: str, *, seconds: float) -> bool:
        """Say whether a container has ended: Docker hears of the commands in it a moment before."""
        try:
            until(
                lambda: self._is_up(container),
                lambda is_up: not is_up,
                what="the end of a container",
                clock=self._clock,
                timeout=seconds,
                delay=0.05,
                successes=1,
            )
        except WaitFailed:
            return False
        return True

    def _is_up(self, container: str) -> bool:
        import docker.errors  # noqa: PLC0415

        try:
            with self._answered():
                return bool(self._swarm.api.inspect_container(container)["State"]["Running"])
        except docker.errors.NotFound:
            return False

    def _end(self, exec_id: str) -> None:
        """Kill a command that takes too long: it would go on beside what is tested next."""
        import docker.errors  # noqa: PLC0415

        with contextlib.suppress(docker.errors.APIError), self._answered():
            seen = self._swarm.api.exec_inspect(exec_id)
            if seen["Running"] and seen["Pid"]:
                self._kill(int(seen["Pid"]))

    def _unknown(self, service: str) -> ExecFailed:
        names = sorted(s.name.removeprefix(f"{self._stack}_") for s in self._swarm.stack(self._stack).services)
        return ExecFailed(f"the app has no service {service!r}; it has: {', '.join(names) or 'none'}")

    @contextlib.contextmanager
    def _answered(self) -> Iterator[None]:
        """Make a daemon that cannot be reached the host's fault; its own answers stay what they are."""
        import docker.errors  # noqa: PLC0415
        import requests  # noqa: PLC0415

        try:
            yield
        except docker.errors.APIError:
            raise
        except (requests.RequestException, docker.errors.DockerException) as error:
            msg = f"Docker at {self._swarm.socket} does not answer: {error}"
            raise HostError(msg, hint="run.log has the end of the cell's log") from error


def _has_ended(seen: Executed | str) -> bool:
    return isinstance(seen, Executed)


def _words(seen: Executed | str) -> str:
    return seen if isinstance(seen, str) else "run"


def _killed(command: Command) -> ExecFailed:
    return ExecFailed(
        f"{command.argv[0]} was killed with its container, which was stopped meanwhile: whether it had done its work "
        "nobody knows, so it is not run again"
    )
