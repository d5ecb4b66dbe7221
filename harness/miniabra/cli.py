"""The only place that knows abra's command line: which commands and flags there are, and how a command ends."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Sequence
from typing import NoReturn, TypeAlias

from miniabra import __version__, commands, environment, say
from miniabra.commands import Call
from miniabra.docker import Docker
from miniabra.errors import Fatal

Command = Callable[[Call], int]


class Parser(argparse.ArgumentParser):
    """A parser that ends like abra: FATA, exit code 1."""

    def error(self, message: str) -> NoReturn:
        """Raise Fatal."""
        raise Fatal(f"{self.prog}: {message}")


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command; return its exit code, 0 or 1 as abra has no others."""
    out = say.Lines()
    try:
        options = _parser().parse_args(argv)
        given = environment.read()
        machine = bool(getattr(options, "machine", False))
        out = say.Lines(
            to_stderr=machine and given.habits.machine_logs_on_stderr,
            four_letters=given.habits.log_words_have_four_letters,
        )
        command: Command = options.command
        return command(Call(options, given, Docker(given), out))
    except (Fatal, OSError) as error:  # what the machine refuses is one line too
        out.fatal(str(error))
        return 1


def _parser() -> Parser:
    """Build the command line."""
    parser = Parser(prog="abra", description="a small abra (miniabra)", allow_abbrev=False)
    parser.add_argument("-v", "--version", action="version", version=f"abra version {__version__}-miniabra")
    top = parser.add_subparsers(required=True, metavar="COMMAND")
    apps = _group(top, "app")
    _add_app_commands(apps)
    _add_backup_commands(apps)
    _add_secret_commands(_group(apps, "secret"))
    _add(_group(apps, "volume"), "remove", commands.volume_remove, "domain", aliases=["rm"], flags=FORCE)
    _add(_group(top, "recipe"), "lint", commands.recipe_lint, "recipe", flags=CHAOS)
    return parser


Flag = tuple[str, str]
CHAOS: tuple[Flag, ...] = (("-C", "--chaos"),)
FORCE: tuple[Flag, ...] = (("-f", "--force"),)
MACHINE: tuple[Flag, ...] = (("-m", "--machine"),)
ALL: tuple[Flag, ...] = (("-a", "--all"),)
EVERYWHERE: tuple[Flag, ...] = (("-n", "--no-input"), ("-o", "--offline"), ("-d", "--debug"))
Commands: TypeAlias = "argparse._SubParsersAction[Parser]"


def _group(to: Commands, name: str) -> Commands:
    """Add a command that only holds others."""
    parser: Parser = to.add_parser(name, allow_abbrev=False)
    return parser.add_subparsers(required=True, metavar="COMMAND")


def _add_app_commands(apps: Commands) -> None:
    new = _add(apps, "new", commands.app_new, "recipe", "version?", flags=CHAOS)
    new.add_argument("-s", "--server")
    new.add_argument("-D", "--domain", dest="name")
    checks: tuple[Flag, ...] = (("-D", "--no-domain-checks"), ("-c", "--no-converge-checks"))
    _add(apps, "deploy", commands.app_deploy, "domain", "version?", aliases=["d"], flags=(*CHAOS, *FORCE, *checks))
    _add(apps, "undeploy", commands.app_undeploy, "domain", aliases=["un"])
    _add(apps, "remove", commands.app_remove, "domain", aliases=["rm"], flags=FORCE)


def _add_backup_commands(apps: Commands) -> None:
    group = _group(apps, "backup")
    create = _add(group, "create", commands.backup_create, "domain", flags=CHAOS)
    create.add_argument("-r", "--retries")
    _add(group, "snapshots", commands.backup_snapshots, "domain", flags=CHAOS)
    shown: tuple[Flag, ...] = (*ALL, ("-t", "--timestamps"))
    listing = _add(group, "list", commands.backup_list, "domain", aliases=["ls"], flags=(*shown, *CHAOS))
    listing.add_argument("-p", "--path")
    restore = _add(apps, "restore", commands.app_restore, "domain", flags=CHAOS)
    restore.add_argument("--no-commands", action="store_true")
    restore.add_argument("-t", "--target")
    restore.add_argument("-v", "--volumes", action="append", default=[])
    for one in (listing, restore):
        one.add_argument("-s", "--snapshot")


def _add_secret_commands(secret: Commands) -> None:
    values: tuple[Flag, ...] = (("-f", "--file"), ("-t", "--trim"))
    _add(secret, "generate", commands.secret_generate, "domain", "secret?", "version?", flags=(*ALL, *MACHINE, *CHAOS))
    _add(secret, "insert", commands.secret_insert, "domain", "secret", "version", "value?", flags=(*values, *CHAOS))
    _add(secret, "list", commands.secret_list, "domain", aliases=["ls"], flags=(*MACHINE, *CHAOS))
    _add(secret, "remove", commands.secret_remove, "domain", "secret?", aliases=["rm"], flags=(*ALL, *CHAOS))


def _add(
    to: Commands,
    name: str,
    command: Command,
    *arguments: str,
    aliases: Sequence[str] = (),
    flags: Sequence[Flag] = (),
) -> Parser:
    """Add a command: an argument with `?` may be left out; the flags of every command are added to its own."""
    parser: Parser = to.add_parser(name, aliases=list(aliases), allow_abbrev=False, help=command.__doc__)
    parser.set_defaults(command=command)
    for argument in arguments:
        parser.add_argument(argument.removesuffix("?"), nargs="?" if argument.endswith("?") else None)
    for short, long in (*flags, *EVERYWHERE):
        parser.add_argument(short, long, action="store_true")
    return parser
