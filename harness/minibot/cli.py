"""The only place that knows the bot's command line: commands, flags, and the environment variable of each."""

from __future__ import annotations

import argparse
import os
import signal
import sys
from collections.abc import Sequence

from minibot import __version__, commands, restic, say
from minibot.commands import LATEST, Bot
from minibot.docker import Docker
from minibot.errors import Failed
from minibot.labels import VOLUMES

FALSE = {"", "0", "false", "no"}


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command; return its exit code, 0 or 1."""
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM, signal.SIGINT} if _serves(argv) else set())
    given = _parser().parse_args(argv)
    try:
        if given.command == "serve":
            return commands.serve()
        restic.ensure_repository()
        return _run(given, Bot(Docker(), given.service))
    except (Failed, OSError) as error:
        say.error(str(error))
        return 1


def _serves(argv: Sequence[str] | None) -> bool:
    return "serve" in (sys.argv[1:] if argv is None else argv)


def _run(given: argparse.Namespace, bot: Bot) -> int:
    if given.command == "create":
        return bot.create(retries=given.retries, commands=not given.no_commands)
    if given.command == "restore":
        return bot.restore(
            snapshot=given.snapshot, target=given.target, volumes=given.volumes, commands=not given.no_commands
        )
    if given.command == "ls":
        return bot.ls(snapshot=given.snapshot, path=given.path, everything=given.all, timestamps=given.timestamps)
    return bot.snapshots()


def _parser() -> argparse.ArgumentParser:
    """Build the command line; each flag's default is what its environment variable says."""
    parser = argparse.ArgumentParser(prog="backup", description=commands.__doc__, allow_abbrev=False)
    parser.add_argument("--version", action="version", version=f"minibot {__version__}")
    parser.add_argument("--host", "-H", dest="service", default=_text("SERVICE"), help="SERVICE: one app's domain")
    to = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    create = to.add_parser("create", help="make a snapshot")
    create.add_argument("--retries", "-r", type=int, default=int(_text("RETRIES") or 1), help="RETRIES")
    restore = to.add_parser("restore", help="put a snapshot's files back")
    restore.add_argument("--target", "-t", default=_text("TARGET") or "/", help="TARGET")
    restore.add_argument("--volumes", "-v", action="append", default=_words("VOLUMES"), help="VOLUMES: these alone")
    ls = to.add_parser("ls", help="print a snapshot's paths")
    ls.add_argument("--all", "-a", action="store_true", default=_flag("SHOW_ALL"), help="SHOW_ALL")
    ls.add_argument("--timestamps", action="store_true", default=_flag("TIMESTAMPS"), help="TIMESTAMPS")
    ls.add_argument("--path", "-p", default=_text("INCLUDE_PATH") or str(VOLUMES), help="INCLUDE_PATH")
    for one in (create, restore):
        one.add_argument("--no-commands", action="store_true", default=_flag("NO_COMMANDS"), help="NO_COMMANDS")
    for one in (restore, ls):
        one.add_argument("--snapshot", "-s", default=_text("SNAPSHOT") or LATEST, help="SNAPSHOT")
    to.add_parser("snapshots", help="print time and id of each snapshot")
    to.add_parser("serve", help="wait: there is a container to run commands in as long")
    return parser


def _text(name: str) -> str:
    return os.environ.get(name, "").strip()


def _words(name: str) -> list[str]:
    return [word for word in _text(name).split(",") if word]


def _flag(name: str) -> bool:
    return _text(name).lower() not in FALSE
