"""The only place that runs Docker's command line: it resolves compose files as the deployment will."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from recipeci.errors import CommandFailed, CommandTimeout, RecipeInvalid
from recipeci.host.command import PATH, Runner

CONFIG_SECONDS = 60.0


class DockerCli:
    """The docker program; 23 or later, for `stack config`."""

    def __init__(self, program: Path, *, runner: Runner) -> None:
        """Take the program's path, and where it runs."""
        self._program = program
        self._runner = runner

    def stack_config(self, files: Sequence[Path], *, env: Mapping[str, str]) -> str:
        """Return the compose files merged and interpolated with exactly this environment, as YAML.

        Nothing is asked of a daemon. Raises RecipeInvalid with Docker's words if the files are not a valid stack.
        """
        options = [option for file in files for option in ("--compose-file", str(file))]
        argv = [str(self._program), "stack", "config", *options]
        own = {"PATH": PATH, "HOME": "/nonexistent", "DOCKER_CONFIG": "/nonexistent"}
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
