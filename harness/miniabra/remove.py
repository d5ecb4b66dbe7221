"""The only place that takes an app away: the stack, its volumes, its secrets, its `.env`."""

from __future__ import annotations

from miniabra import command
from miniabra.app import App
from miniabra.docker import Docker
from miniabra.errors import Fatal
from miniabra.say import Lines

RETRY_SECONDS = 5


def undeploy(app: App, docker: Docker, *, offline: bool, out: Lines) -> None:
    """Ask for the stack to be removed and return at once: tasks and networks are still going (facts A-22).

    Raises Fatal if it is not deployed.
    """
    if not app.environment.habits.undeploy_keeps_checkout:
        app.ensure(chaos=False, offline=offline)
    if not docker.services(app.stack):
        raise Fatal(f"{app.domain} is not deployed?")
    docker.remove_stack(app.stack)
    out.info(f"undeployed {app.stack}; volumes and secrets stay")


def remove_volumes(app: App, docker: Docker, *, out: Lines) -> None:
    """Remove the volumes of an app.

    Raises Fatal with Docker's words for one that is in use.
    """
    volumes = docker.volumes(app.stack)
    for volume in volumes:
        _remove_volume(volume, docker, retry=not app.environment.habits.volume_in_use_fails)
        out.info(f"removed volume {volume}")
    if not volumes:
        out.info("no volumes removed")


def remove(app: App, docker: Docker, *, out: Lines) -> None:
    """Remove secrets, volumes and the `.env` of an app.

    Raises Fatal if it is still deployed.
    """
    if docker.services(app.stack) and app.environment.habits.rm_refuses_deployed:
        raise Fatal(f'{app.domain} is still deployed. Run "abra app undeploy {app.domain}"')
    habits = app.environment.habits
    if habits.rm_deletes_secrets:
        _remove_secrets(app, docker, out=out)
    if habits.rm_deletes_volumes:
        remove_volumes(app, docker, out=out)
    if habits.rm_deletes_env:
        app.file.unlink()
        out.info(f"removed {app.file}")


def _remove_secrets(app: App, docker: Docker, *, out: Lines) -> None:
    for secret in sorted(name for name in docker.secrets() if name.startswith(f"{app.stack}_")):
        docker.remove_secret(secret)
        out.info(f"removed secret {secret}")


def _remove_volume(volume: str, docker: Docker, *, retry: bool) -> None:
    """Remove one, trying for a while where the switch says so."""
    if retry and command.wait(lambda: _is_removed(volume, docker), seconds=RETRY_SECONDS):
        return
    docker.remove_volume(volume)


def _is_removed(volume: str, docker: Docker) -> bool:
    try:
        docker.remove_volume(volume)
    except Fatal:
        return False
    return True
