"""The only place that asks a backup bot's repository what is in it, and Docker which hooks ran; restic answers.

What a bot or abra says about a backup is no proof of it. Whatever bot runs, its container has restic and a repository.
"""

from __future__ import annotations

import contextlib
import datetime
import json
import shlex
import threading
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from recipeci.errors import CommandFailed, HostError
from recipeci.host.docker import SERVICE_LABEL, Swarm

BOT_LABEL = "coop-cloud.backupbot.enabled=true"
PASSWORD_FILE = "/run/secrets/restic_password"  # noqa: S105 - where it lies
EVENTS = ["exec_create", "exec_die"]
SEEN_SECONDS = 30.0
"""For the last event to come; Docker writes them as they happen."""

Json = Mapping[str, Any]


@dataclass(frozen=True)
class Snapshot:
    """One snapshot: its id, when it was made (epoch seconds), its tags, and the paths that were asked for."""

    id: str
    time: float
    tags: tuple[str, ...]
    paths: tuple[str, ...]


@dataclass(frozen=True)
class Entry:
    """One entry of a snapshot: its absolute path, what restic calls it (`file`, `dir`, `symlink` …), its bytes.

    `modified` is when its content last changed (epoch seconds).
    """

    path: str
    kind: str
    size: int = 0
    modified: float = 0.0


@dataclass(frozen=True)
class Ran:
    """A command that somebody ran in a running container: the service, the command, its code (None: not ended)."""

    service: str
    command: str
    code: int | None


class Watch:
    """What was run in the swarm's containers while it watched, in the order of its beginning."""

    def __init__(self, began: float) -> None:
        """Begin with nothing; what was before `began` (epoch seconds) is not taken in."""
        self._began = began * 1e9
        self._events: list[Json] = []
        self._news = threading.Condition()

    @property
    def ran(self) -> tuple[Ran, ...]:
        """The commands so far; those of health checks too, where Docker does not tell them apart."""
        with self._news:
            return commands(self._events)

    def add(self, event: Json) -> None:
        """Take an event in."""
        with self._news:
            if event["timeNano"] >= self._began:
                self._events.append(event)
                self._news.notify_all()

    def wait_for(self, exec_id: str) -> bool:
        """Wait for an event of one command; False if it does not come in time."""
        with self._news:
            return self._news.wait_for(lambda: any(_exec_id(e) == exec_id for e in self._events), SEEN_SECONDS)


class BackupBot:
    """The swarm's backup bot. Each method raises HostError, with words, if there is none or it does not answer."""

    def __init__(self, swarm: Swarm) -> None:
        """Take the swarm; the bot is looked up each time, since it may be replaced."""
        self._swarm = swarm

    def snapshots(self, stack: str) -> tuple[Snapshot, ...]:
        """Return the snapshots of a stack, the oldest first.

        They carry its name as a tag, with a version behind a colon or without.
        """
        answer = self._restic("snapshots", "--json") or b"[]"
        found = [_snapshot(one) for listed in _json(answer) for one in listed or ()]
        mine = [one for one in found if any(tag.partition(":")[0] == stack for tag in one.tags)]
        return tuple(sorted(mine, key=lambda one: one.time))

    def listing(self, snapshot_id: str) -> tuple[Entry, ...]:
        """Return all that a snapshot holds."""
        lines = _json(self._restic("ls", "--json", snapshot_id))
        nodes = [line for line in lines if line.get("struct_type") == "node"]
        return tuple(map(_entry, nodes))

    @contextlib.contextmanager
    def watching(self) -> Iterator[Watch]:
        """See which commands are run in containers while the block runs: a bot's hooks, whatever the bot says of them.

        When the block ends, all that had ended by then is in the watch; also when a command failed in it.
        """
        began = datetime.datetime.now(datetime.UTC)
        watch = Watch(began.timestamp())
        with self._words("watching Docker's events"):
            stream = self._swarm.api.events(since=began, filters={"type": "container", "event": EVENTS}, decode=True)
        thread = threading.Thread(target=_follow, args=(stream, watch), name="backupbot-watch", daemon=True)
        thread.start()
        try:
            yield watch
            self._catch_up(watch)
        except CommandFailed:
            with contextlib.suppress(HostError):  # the failure is what is told
                self._catch_up(watch)
            raise
        finally:
            stream.close()
            thread.join(SEEN_SECONDS)

    def _catch_up(self, watch: Watch) -> None:
        """Make an event and wait for it: those before it have come then, since they come in their order."""
        with self._words("watching Docker's events"):
            made = self._swarm.api.exec_create(self._container(), ["true"])["Id"]
        if not watch.wait_for(made):
            raise HostError(f"Docker's events did not come within {SEEN_SECONDS:g} s: which hooks ran is not known")

    def _restic(self, *args: str) -> bytes:
        """Run restic in the bot's container; return what it printed."""
        api, argv = self._swarm.api, ["restic", "--no-cache", "--no-lock", *args]
        with self._words(shlex.join(argv)):
            container = self._container()
            made = api.exec_create(container, argv, environment=self._environment(container))["Id"]
            out, err = api.exec_start(made, demux=True)
            code = api.exec_inspect(made)["ExitCode"]
        if code:
            said = " | ".join((err or out or b"").decode(errors="replace").strip().splitlines()[-3:])
            raise HostError(f"the backup bot's repository does not answer: restic {args[0]} ended with {code}: {said}")
        return out or b""

    def _environment(self, container: str) -> dict[str, str]:
        """Return what restic needs and the container's own environment does not say."""
        env = self._swarm.api.inspect_container(container)["Config"]["Env"] or ()
        known = any(one.startswith("RESTIC_PASSWORD") for one in env)
        return {} if known else {"RESTIC_PASSWORD_FILE": PASSWORD_FILE}

    def _container(self) -> str:
        """Return the bot's running container."""
        api: Any = self._swarm.api
        for service in api.services(filters={"label": BOT_LABEL}):
            label = f"{SERVICE_LABEL}={service['Spec']['Name']}"
            for container in api.containers(filters={"label": label, "status": "running"}):
                return str(container["Id"])
        raise HostError(f"no backup bot is running: there is no container of a service with the label {BOT_LABEL}")

    @contextlib.contextmanager
    def _words(self, what: str) -> Iterator[None]:
        """Say in words what could not be done."""
        import docker.errors  # noqa: PLC0415 - 0.2 s that --help need not pay
        import requests  # noqa: PLC0415

        try:
            yield
        except (requests.RequestException, docker.errors.DockerException) as error:
            raise HostError(f"the backup bot does not answer: {what}: {error}") from error


def commands(events: Sequence[Json]) -> tuple[Ran, ...]:
    """Return the commands that Docker's events tell of; pure. Only newer ones say which is a health check's."""
    codes = {_exec_id(e): int(e["Actor"]["Attributes"]["exitCode"]) for e in events if e["Action"] == "exec_die"}
    found = []
    for event in events:
        action, _, command = event["Action"].partition(": ")
        attributes = event["Actor"]["Attributes"]
        if action == "exec_create" and attributes.get("execType") != "healthcheck":
            found.append(Ran(attributes.get(SERVICE_LABEL, ""), command, codes.get(_exec_id(event))))
    return tuple(found)


def _follow(stream: Iterator[Json], watch: Watch) -> None:
    """Read events until the stream is closed."""
    with contextlib.suppress(Exception):  # however it breaks off: `Watch.wait_for` says what did not come
        for event in stream:
            watch.add(event)


def _json(answer: bytes) -> tuple[Any, ...]:
    """Return the values of an answer, one a line."""
    try:
        return tuple(map(json.loads, answer.splitlines()))
    except ValueError as error:
        raise HostError(f"the backup bot's repository does not answer in JSON: {answer[:80]!r}") from error


def _exec_id(event: Json) -> str:
    return str(event["Actor"]["Attributes"].get("execID", ""))


def _entry(raw: Json) -> Entry:
    return Entry(raw["path"], raw["type"], int(raw.get("size", 0)), _epoch(raw["mtime"]))


def _epoch(text: str) -> float:
    return datetime.datetime.fromisoformat(text).timestamp()


def _snapshot(raw: Json) -> Snapshot:
    time = _epoch(raw["time"])
    return Snapshot(raw["id"], time, tuple(raw.get("tags") or ()), tuple(raw.get("paths") or ()))
