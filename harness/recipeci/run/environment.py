"""The only place that says what an app's `.env` becomes, and what its compose files mean with it.

The same rules make the env that is predicted (to know images and faults before anything runs) and the one that is
deployed, so that both are of one mind.
"""

from __future__ import annotations

import posixpath
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from recipeci.errors import RecipeInvalid
from recipeci.host.clone import Clone
from recipeci.host.docker_cli import DockerCli
from recipeci.model import Commit
from recipeci.recipe import rawcompose
from recipeci.recipe.compose import Compose
from recipeci.recipe.envfile import EnvFile
from recipeci.recipe.exports import exported_names, literal_exports
from recipeci.run.plan import Plan

SAMPLE = ".env.sample"
ABRA_SH = "abra.sh"
RECIPE_KEYS = ("RECIPE", "TYPE")
"""What names the recipe in an env; abra pins the app to a version by it, `TYPE=<recipe>:<version>`."""


@dataclass(frozen=True)
class Environment:
    """What this run sets in the app's env, over what the recipe's sample says."""

    plan: Plan
    domain: str
    stack: str
    clone: Clone
    docker: DockerCli

    def sample(self, commit: Commit) -> EnvFile:
        """Return a commit's `.env.sample`; raises RecipeInvalid if it is missing or cannot be read."""
        return EnvFile.parse(self.clone.read(commit, SAMPLE), where=SAMPLE)

    def remade(self, env: EnvFile) -> EnvFile:
        """Return the env that `app new` would have made at the first commit, from the one that it made at another.

        Of that only the pin is kept: the rest is the other commit's sample. abra puts the domain in by its letters.
        """
        text = self.sample(self.plan.first_commit).text.replace(f"{self.plan.recipe}.example.com", self.domain)
        made = EnvFile.parse(text, where=env.where)
        pin = next((value for key, value in env.values().items() if key in RECIPE_KEYS and ":" in value), "")
        return _with(made, {key: pin for key in RECIPE_KEYS if pin and key in made.keys})

    def first(self, env: EnvFile) -> EnvFile:
        """Return the env of the first deployment, made from the sample's (or from what abra made of it)."""
        meta = self.plan.meta
        own = meta.env_base if self.plan.base else meta.env_head
        return _with(env, {**self._own(), **meta.env, **own})

    def upgraded(self, env: EnvFile) -> tuple[EnvFile, tuple[str, ...]]:
        """Return the env of the target's deployment, and a sentence for each change that an operator is told of (E-08).

        An app keeps what it has, and gets the lines of the target's sample that it lacks. What recipe.yml set for the
        base alone is taken back, or the target would be deployed with the base's repairs (R-05, E-06).
        """
        sample = self.sample(self.plan.target.commit)
        mended, notes = self._without_base_only(env, sample)
        added = sample.missing_from(mended)
        told = (f"new in {SAMPLE} and added to the app's env: {line}" for line in added)
        return _with(mended.append(added), {**self._own(), **self.plan.meta.env_head}), (*notes, *told)

    def fresh(self) -> EnvFile:
        """Return the env that the target would have if it were installed afresh."""
        return _with(
            self.sample(self.plan.target.commit), {**self._own(), **self.plan.meta.env, **self.plan.meta.env_head}
        )

    def resolved(self, env: EnvFile) -> Compose:
        """Return the checked-out compose files as Docker resolves them with an env.

        Raises RecipeInvalid if a file is missing or they are no valid stack.
        """
        files = self._files(env)
        return Compose.parse(self.docker.stack_config(files, env=self._interpolation(env)))

    def unset(self, env: EnvFile) -> tuple[str, ...]:
        """Return a sentence for each checked-out compose file with variables that nothing sets, so that they are empty.

        Docker says nothing of them. Those with a default or an alternative, and those that a comment of the env offers
        to set, are meant to be absent at times.
        """
        known = {*self._interpolation(env), *exported_names(self._script()), *env.offered}
        return tuple(
            f"{name} uses {', '.join(sorted(names))}, which neither {SAMPLE} nor {ABRA_SH} nor this run sets: empty"
            for name in env.compose_files
            if (names := rawcompose.plain_variables(self._raw(name)) - known)
        )

    def _without_base_only(self, env: EnvFile, sample: EnvFile) -> tuple[EnvFile, tuple[str, ...]]:
        """Return an env in which the keys of env_base are as this run, else the target's sample, sets them; and notes.

        One that the authors' install steps have changed since is theirs.
        """
        meta, notes = self.plan.meta, []
        given = {**self._own(), **meta.env}
        for key in (key for key in meta.env_base if key not in meta.env_head):
            instead = sample.of(key)
            undone = env.undone(
                key, meta.env_base[key], instead=instead.set(key, given[key]) if key in given else instead
            )
            if undone is not env and key not in given:
                what = f"what {SAMPLE} says: {instead.text.strip()}" if instead.lines else f"unset, as in {SAMPLE}"
                notes.append(f"{key} of env_base is the base's alone: for the target it is {what}")
            env = undone
        return env, tuple(notes)

    def _own(self) -> dict[str, str]:
        """Return the keys that are the run's own: no certificate resolver, which would ask the network."""
        extra = {key: f"{name}.{self.domain}" for key, name in self.plan.meta.extra_domains.items()}
        return {"DOMAIN": self.domain, "LETS_ENCRYPT_ENV": "", **extra}

    def _interpolation(self, env: EnvFile) -> Mapping[str, str]:
        """Return what compose files see: the env, then abra.sh's exports, and the stack's name."""
        return {**env.values(), **literal_exports(self._script()), "STACK_NAME": self.stack}

    def _script(self) -> str:
        """Return the text of the checked-out abra.sh, or nothing."""
        below, script = self.clone.repository.below, self.clone.folder / ABRA_SH
        there = below.is_file(script, inner_links=True)
        return below.read(script, inner_links=True).decode(errors="replace") if there else ""

    def _raw(self, name: str) -> rawcompose.Json:
        return self._file(name)[1]

    def _files(self, env: EnvFile) -> list[Path]:
        """Return where an env's compose files are; Docker looks for what any of them reads beside the first."""
        found = [self._file(name) for name in env.compose_files]
        files = [path for path, _ in found]
        for name, (_, raw) in zip(env.compose_files, found, strict=True):
            for place, there in rawcompose.env_files(raw):
                if not self._is_inside(files[0].parent / there):
                    msg = f"{name}: {place} is {there!r}, which is no file in the recipe"
                    raise RecipeInvalid(msg)
        return files

    def _file(self, name: str) -> tuple[Path, rawcompose.Json]:
        """Return where a checked-out compose file is, and what is in it."""
        # Docker takes `..` away by its letters to find the folder beside the file: so does this, or a link before it
        # would make two folders of one.
        path = self.clone.folder / posixpath.normpath(name)
        if not self._is_inside(path):
            msg = f"COMPOSE_FILE names {name}, which is not in the recipe"
            raise RecipeInvalid(msg)
        text = self.clone.repository.below.read(path, inner_links=True).decode(errors="replace")
        raw = rawcompose.mapping(text, where=name)
        for place, there in rawcompose.outside(raw):
            msg = f"{name}: {place} is {there!r}, which leaves the recipe"
            raise RecipeInvalid(msg)
        return path, raw

    def _is_inside(self, path: Path) -> bool:
        """Whether a file of the checkout is there, wherever links on its way lead inside it; git's are none."""
        below, folder = self.clone.repository.below, self.clone.folder.resolve()
        try:
            if not (path.is_relative_to(self.clone.folder) and below.is_file(path, inner_links=True)):
                return False
            end = path.resolve()
            return end.is_relative_to(folder) and ".git" not in end.relative_to(folder).parts
        except (OSError, ValueError):
            return False  # no file can have such a name: it is too long, or holds a NUL


def labelled_version(clone: Clone, commit: Commit) -> str:
    """Return the version label of a commit's compose files under its `.env.sample`; empty if there is none.

    Raises RecipeInvalid if a file is missing or cannot be read.
    """
    env = EnvFile.parse(clone.read(commit, SAMPLE), where=SAMPLE)
    raws = [rawcompose.mapping(clone.read(commit, name), where=name) for name in env.compose_files]
    return rawcompose.version_label(raws, env.values())


def _with(env: EnvFile, values: Mapping[str, str]) -> EnvFile:
    for key, value in values.items():
        env = env.set(key, value)
    return env
