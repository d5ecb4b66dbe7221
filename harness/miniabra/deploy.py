"""The only place that deploys: what abra checks before it, in abra's order, and what it writes after it."""

from __future__ import annotations

import socket
from dataclasses import dataclass

from miniabra import compose, converge, lint, secrets
from miniabra.app import LOCAL_SERVER, App
from miniabra.docker import Docker
from miniabra.errors import Fatal
from miniabra.say import Lines


@dataclass(frozen=True)
class Flags:
    """The flags of `app deploy`."""

    chaos: bool = False
    force: bool = False
    offline: bool = False
    check_domain: bool = True
    check_convergence: bool = True


def deploy(app: App, docker: Docker, *, version: str | None, flags: Flags, out: Lines) -> None:
    """Deploy a version, or by chaos the tree as it is (a version given as well is then ignored, facts abra §1.3).

    Raises Fatal for whatever abra refuses, and with Docker's words for what Docker refuses.
    """
    wanted = _prepared(app, docker, version=version, flags=flags)
    if docker.services(app.stack) and not (flags.force or flags.chaos):
        raise Fatal(f"{app.domain} is already deployed")
    secrets.require(app, docker)
    if flags.check_domain:
        _check_domain(app)
    config = compose.resolved(app, docker)
    out.info(f"deploying {app.recipe.name} {wanted} as {app.stack}")
    with compose.stamped(app, config, compose.stamp(app, config, version=wanted, chaos=flags.chaos)) as files:
        docker.deploy(app.stack, files, env=app.env)
    _finish(app, docker, config, flags=flags, out=out)
    if not flags.chaos or app.environment.habits.chaos_commit_is_pinned:
        app.write_pin(wanted)


def _prepared(app: App, docker: Docker, *, version: str | None, flags: Flags) -> str:
    """Bring the checkout to what is deployed, and return what that is called."""
    recipe = app.recipe
    if flags.chaos:
        recipe.ensure(None, chaos=True, offline=flags.offline)
        return recipe.chaos_version()
    wanted = version or app.pin or recipe.latest() or recipe.git.small_sha()
    recipe.ensure(wanted, chaos=False, offline=flags.offline)
    lint.require(recipe, docker)
    return wanted


def _check_domain(app: App) -> None:
    """Refuse a domain that does not resolve; apps of the machine's own server are let through."""
    if app.file.parent.name == LOCAL_SERVER and app.environment.habits.local_domains_unchecked:
        return
    try:
        socket.getaddrinfo(app.domain, None)
    except OSError as error:
        raise Fatal(f"unable to resolve ipv4 address for {app.domain}") from error


def _finish(app: App, docker: Docker, config: compose.Config, *, flags: Flags, out: Lines) -> None:
    """Wait for the stack unless told not to; commands of an operator's own are named, not run."""
    timeout = compose.label(config, "timeout", stack=app.stack) or str(converge.DEFAULT_SECONDS)
    if not timeout.isdecimal():
        raise Fatal(f"timeout label: {timeout} is no number of seconds")
    if flags.check_convergence:
        converge.wait_for(app.stack, docker, seconds=int(timeout))
    if app.own.values.get("POST_DEPLOY_CMDS"):
        out.warn("POST_DEPLOY_CMDS are not run by miniabra")
