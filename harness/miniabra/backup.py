"""The only place that talks to a backup bot: its program is run in its container, where abra runs it too."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping

from miniabra.app import App
from miniabra.docker import Docker
from miniabra.errors import Fatal

LABEL = "coop-cloud.backupbot.enabled=true"


def run(app: App, docker: Docker, command: str, *, options: Mapping[str, str]) -> None:
    """Run a command of the bot for one app; what it prints is seen as it comes.

    That nothing was saved is no error (facts A-18): only the bot's exit code counts, and the bot may end with 0.

    Args:
        app: whose data it is about.
        docker: the client.
        command: `create`, `restore`, `snapshots` or `ls`.
        options: the environment variables that the bot reads; empty ones are left out.

    Raises:
        Fatal: no bot is deployed, standard output is no terminal (facts A-10), or the bot ended with an error.
    """
    habits = app.environment.habits
    container = _container(docker)
    try:
        os.get_terminal_size(sys.stdout.fileno())
    except OSError as error:
        raise Fatal("inappropriate ioctl for device") from error
    service = app.domain if habits.backup_is_asked_by_domain else app.stack
    given = {key: value for key, value in {"SERVICE": service, **options}.items() if value}
    code = docker.run_in(container, ["backup", command], env=given)
    if code and habits.backup_code_counts:
        raise Fatal(f"backup {command}: exit status {code}")


def _container(docker: Docker) -> str:
    """Return the bot's container."""
    found = [container for service in docker.labelled(LABEL) for container in docker.containers(service)]
    if not found:
        raise Fatal("no backupbot discovered, is it deployed?")
    return found[0]
