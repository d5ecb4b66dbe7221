"""The only place that runs Docker's command line: it resolves compose files as the deployment will."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path

from recipeci.errors import CommandFailed, CommandTimeout, RecipeInvalid
from recipeci.host.command import PATH, Runner

CONFIG_SECONDS = 60.0
READ_ON_THE_WAY = re.compile(
    r"LD_.*|GLIBC_TUNABLES|GCONV_PATH|GETCONF_DIR|HOSTALIASES|LOCALDOMAIN|LOCPATH|MALLOC_TRACE|NIS_PATH|NLSPATH"
    r"|RESOLV_HOST_CONF|RES_OPTIONS|TZDIR|BASH_ENV|BASHOPTS|SHELLOPTS|PS4|PATH|HOME|DOCKER_CLI_.*"
)
"""Variables that a loader, a shell or Docker's client obeys, whoever set them: code would run, as root, outside a cell.

They are those with which glibc loads code or reads files, of the ones that it forgets where a program has more rights
than its caller (sysdeps/generic/unsecvars.h), those of shells, and those of the client that no option replaces.
"""
NOWHERE = ("--host", "unix:///nonexistent", "--config", "/nonexistent")
"""Given as options, so that an app may have variables of these names: the client asks its daemon for the version."""


class DockerCli:
    """The docker program; 23 or later, for `stack config`."""

    def __init__(self, program: Path, *, runner: Runner) -> None:
        """Take the program's path, and where it runs."""
        self._program = program
        self._runner = runner

    def stack_config(self, files: Sequence[Path], *, env: Mapping[str, str]) -> str:
        """Return the compose files merged and interpolated with exactly this environment, as YAML.

        Nothing is asked of a daemon. Raises RecipeInvalid with Docker's words if the files are not a valid stack, and
        before anything runs if the environment would change what runs.
        """
        _refuse(env)
        options = [option for file in files for option in ("--compose-file", str(file))]
        argv = [str(self._program), *NOWHERE, "stack", "config", *options]
        own = {"PATH": PATH, "HOME": "/nonexistent"}
        try:
            done = self._runner.run(argv, timeout=CONFIG_SECONDS, env={**env, **own}, cwd=files[0].parent)
        except CommandTimeout:
            raise
        except CommandFailed as e:
            names = ", ".join(file.name for file in files)
            said = " ".join((e.err or e.out).split())
            msg = f"{names} is no valid stack: {said}"
            raise RecipeInvalid(msg, hint="docker stack config shows the same") from e
        return done.out


def _refuse(env: Mapping[str, str]) -> None:
    """Raise RecipeInvalid if a variable would be obeyed by what resolves or deploys the app."""
    if found := sorted(key for key in env if READ_ON_THE_WAY.fullmatch(key)):
        msg = f"the app's env sets {', '.join(found)}, which the programs that deploy it would obey"
        raise RecipeInvalid(msg, hint="give it to the service that needs it in the compose file, as a plain value")
