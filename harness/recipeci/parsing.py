"""The only place that reads a command line: what is wrong with it is raised, never printed by the library."""

from __future__ import annotations

import contextlib
import itertools
import sys
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

from plumbum import cli
from plumbum.cli.application import ShowHelp, ShowVersion
from plumbum.cli.switches import SwitchError, UnknownSwitch

import recipeci
from recipeci import schemas
from recipeci.errors import UsageError


class Command(cli.Application):
    """What our commands share: plumbum parses, and what it finds wrong goes through the one door.

    plumbum would print its own errors on stdout with the whole help below, complete words if the environment has a
    shell's variables for that, and take a broken pipe or an EINVAL in the middle of a run for its end; so its `run` is
    not used, and nothing is run inside it: `act` is called when it is done.
    """

    PROGNAME = "recipeci"
    NAME: ClassVar[str] = ""
    """The word by which it is called; empty: none."""
    HELP: ClassVar[str]
    shown: str | None = None
    """The text to print instead of acting: help or version."""

    @cli.switch(["-h", "--help"], overridable=True)
    def help(self) -> None:
        """Print the help."""
        self.shown = self.HELP

    @cli.switch(["--version"], overridable=True)
    def version(self) -> None:
        """Print the version."""
        self.shown = f"recipeci {recipeci.__version__}\n"

    @property
    def own_help(self) -> str:
        """The command line that prints its help."""
        return f"recipeci {self.NAME} --help" if self.NAME else "recipeci --help"

    def main(self, *words: str) -> int:
        """Take no words: everything is an option."""
        if words:
            commands = list(self._subcommands)
            what = f"unknown command {words[0]!r}" if commands else f"unexpected {words[0]!r}"
            raise UsageError(f"{what}{schemas.nearest(words[0], commands)}", hint=self.own_help)
        return 0

    def _parse_args(self, argv: list[str]) -> tuple[Any, list[str]]:
        """Refuse a value for what takes none: plumbum 1 would go on with it as the next word."""
        for word in itertools.takewhile(lambda word: word != "--", argv):
            name, value, _ = word.removeprefix("--").partition("=")
            switch = self._switches_by_name.get(name) if value and word.startswith("--") else None
            if switch is not None and switch.argtype is None:
                raise UsageError(f"--{name} does not take a value", hint=self.own_help)
        parsed: tuple[Any, list[str]] = super()._parse_args(argv)
        return parsed

    def act(self) -> int:
        """Print what is to be shown, or do what the command is for; return the exit code."""
        if self.shown is None:
            return self.do()
        say(self.shown)
        return 0

    def do(self) -> int:
        """Do what the command is for; return the exit code."""
        raise NotImplementedError

    @classmethod
    def read(cls, argv: Sequence[str]) -> Command:
        """Return the command that a command line names, with its options; the first word is the program's name.

        Raises:
            UsageError: an unknown option or command, or a value that is missing.
        """
        command = cls(argv[0])
        try:
            options, words = command._parse_args(list(argv[1:]))
            if command.nested_command is not None:
                return _nested(options, *command.nested_command)
            actions, words = command._validate_args(options, words)
        except ShowHelp:
            command.help()
            return command
        except ShowVersion:
            command.version()
            return command
        except SwitchError as e:
            raise command._usage_error(e) from e
        for act, values in actions:
            act(command, *values)
        command.main(*words)
        return command

    def _usage_error(self, error: SwitchError) -> UsageError:
        """Say in our words what plumbum found wrong."""
        message = " ".join(str(error).split()).replace("Switch ", "").replace("an argument", "a value")
        if isinstance(error, UnknownSwitch):
            option = message.rpartition(" ")[2]
            known = [f"--{name}" for name in self._switches_by_name if len(name) > 1]
            close = schemas.nearest(option, known)
            message = f"unknown option {option}{close if 'did you mean' in close else ''}"
        return UsageError(message, hint=self.own_help)


Command.unbind_switches("--help-all", "--completions")


def _nested(options: Mapping[Any, Any], named: Any, argv: list[str]) -> Command:  # noqa: ANN401 - plumbum's own
    """Return the command behind the first one, which must not have got options of its own."""
    if options:
        given = ", ".join(option.swname for option in options.values())
        raise UsageError(f"{given} stands before the command", hint="give options after the command's name")
    command: Command = named.read(argv)
    return command


def say(words: str) -> None:
    """Print on stdout; whoever reads it may go away."""
    with contextlib.suppress(BrokenPipeError):
        print(words, end="", flush=True)


def say_aside(words: str) -> None:
    """Print on stderr what is no answer, for whoever waits for one."""
    with contextlib.suppress(OSError):
        print(words, end="", file=sys.stderr, flush=True)
