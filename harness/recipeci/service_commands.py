"""The only place that says what can be given to the service's commands, each checked for its form."""

from __future__ import annotations

import json
from typing import Any, ClassVar

from plumbum import cli

from recipeci import given, parsing, service_settings, settings, usage
from recipeci.errors import UsageError
from recipeci.parsing import Command
from recipeci.service_settings import Said


class ServiceCommand(Command):
    """What the service's commands share: one settings file."""

    config = cli.SwitchAttr("--config", str)

    def said(self) -> Said:
        """Return what the settings file says."""
        return service_settings.said(self.config, settings.environment(), command=self.NAME)


class WithWord(ServiceCommand):
    """A command on one thing, which is its only word."""

    WHAT: ClassVar[str]
    EXAMPLE: ClassVar[str]
    word: str = ""

    def main(self, *words: str) -> int:
        """Take one word."""
        if self.shown is None and not words:
            raise UsageError(f"{self.NAME} needs {self.WHAT}", hint=f"recipeci {self.NAME} {self.EXAMPLE}")
        self.word = words[0] if words else ""
        return super().main(*words[1:])


class OnRun(WithWord):
    """A command on one run of the queue."""

    WHAT = "the number of a run"
    EXAMPLE = "12"

    @property
    def number(self) -> int:
        """The run's number."""
        return given.run_number(self.word)


class Serve(ServiceCommand):
    """The bridge: webhook, pages, and what is said on the forge."""

    HELP = usage.SERVE
    NAME = "serve"

    def do(self) -> int:
        """Serve until it is told to end."""
        bridge = service_settings.bridge(self.said(), command=self.NAME)
        from recipeci import service_serving  # noqa: PLC0415 - `--help` does without

        return service_serving.serve(bridge)


class Work(ServiceCommand):
    """A worker: takes queued runs."""

    HELP = usage.WORK
    NAME = "work"

    def do(self) -> int:
        """Work until it is told to end."""
        said = self.said()
        work = service_settings.work(said)
        from recipeci import service_working  # noqa: PLC0415 - as above

        return service_working.work(work, said.general)


class Enroll(WithWord):
    """Has a repository's pull requests tested."""

    HELP = usage.ENROLL
    NAME = "enroll"
    WHAT = "a repository"
    EXAMPLE = "coop-cloud/custom-html"
    no_webhook = cli.Flag("--no-webhook")
    remove = cli.Flag("--remove")
    only_list = cli.Flag("--list")

    def main(self, *words: str) -> int:
        """Take one word, or none with `--list`."""
        chosen = [self.no_webhook, self.remove, self.only_list]
        if chosen.count(True) > 1:
            raise UsageError("--no-webhook, --remove and --list are different things: give one of them")
        return ServiceCommand.main(self, *words) if self.only_list else super().main(*words)

    def do(self) -> int:
        """Enrol it, or remove it, and say so; or list them all."""
        if self.only_list:
            return self._list()
        name, recipe = given.repository(self.word)
        said = self.said()
        bridge = service_settings.bridge(said, command=self.NAME)
        if self.remove:
            service_settings.existing(said)
        from recipeci import service_serving  # noqa: PLC0415 - as above

        if self.remove:
            service_serving.remove(name, bridge)
        else:
            service_serving.enroll(name, recipe, bridge, with_webhook=not self.no_webhook)
        return 0

    def _list(self) -> int:
        database = service_settings.existing(self.said())
        from recipeci import service_asking  # noqa: PLC0415 - as above

        for line in service_asking.enrolled(database):
            parsing.say(f"{line}\n")
        return 0


class Queue(ServiceCommand):
    """What is queued and what runs."""

    HELP = usage.QUEUE
    NAME = "queue"
    json = cli.Flag("--json")

    def do(self) -> int:
        """Print it."""
        database = service_settings.existing(self.said())
        from recipeci import service_asking  # noqa: PLC0415 - as above

        queue = service_asking.queue(database)
        if self.json:
            parsing.say(json.dumps(queue.as_data(), indent=2) + "\n")
            return 0
        for line in queue.lines():
            parsing.say(f"{line}\n")
        return 0


class Cancel(OnRun):
    """Ends a run."""

    HELP = usage.CANCEL
    NAME = "cancel"

    def do(self) -> int:
        """Have it ended, and say what will come of that."""
        number, database = self.number, service_settings.existing(self.said())
        from recipeci import service_asking  # noqa: PLC0415 - as above

        parsing.say(f"{service_asking.cancel(database, number)}\n")
        return 0


class Rerun(OnRun):
    """Has a run made once more."""

    HELP = usage.RERUN
    NAME = "rerun"

    def do(self) -> int:
        """Queue it, and say under which number."""
        number, said = self.number, self.said()
        url = service_settings.url(said, command=self.NAME)
        database = service_settings.existing(said)
        from recipeci import service_asking  # noqa: PLC0415 - as above

        new = service_asking.rerun(database, number, url=url)
        parsing.say(f"run {new} is queued: the commit of run {number} once more\n")
        return 0


class Sweep(ServiceCommand):
    """Has the newest version of every enrolled recipe tested."""

    HELP = usage.SWEEP
    NAME = "sweep"

    def do(self) -> int:
        """Sweep; return 0, 1 if something turned red, 3 if not all ran."""
        said = self.said()
        bridge = service_settings.bridge(said, command=self.NAME, with_webhooks=False)
        service_settings.existing(said)
        from recipeci import service_working  # noqa: PLC0415 - as above

        return service_working.sweep(bridge, said.general)


COMMANDS: tuple[Any, ...] = (Serve, Work, Enroll, Queue, Cancel, Rerun, Sweep)
for _command in COMMANDS:
    _command.unbind_switches("-v")
