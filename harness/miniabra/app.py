"""The only place that knows an app: a `.env` file named after its domain, pinned to a recipe's version."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from miniabra import envfile
from miniabra.environment import Environment
from miniabra.errors import Fatal
from miniabra.recipe import Recipe

RECIPE_KEYS = ("RECIPE", "TYPE")
STACK_NAME_LIMIT = 45
LOCAL_SERVER = "default"


@dataclass(frozen=True)
class App:
    """One app, as its `.env` file said when it was read."""

    domain: str
    file: Path
    own: envfile.EnvFile
    environment: Environment

    @property
    def key(self) -> str:
        """The key that names the recipe."""
        for key in RECIPE_KEYS:
            if key in self.own.values:
                return key
        raise Fatal(f"{self.domain} is missing the TYPE env var?")

    @property
    def recipe(self) -> Recipe:
        """The recipe that it is made from."""
        return Recipe(self.own.values[self.key].partition(":")[0], self.environment)

    @property
    def pin(self) -> str | None:
        """The version or commit that `TYPE=<recipe>:<version>` names: where every later command moves the checkout."""
        return self.own.values[self.key].partition(":")[2] or None

    @property
    def stack(self) -> str:
        """The stack's name: the domain with underscores, not longer than 45 characters."""
        habits = self.environment.habits
        if habits.env_stack_name_wins and self.own.values.get("STACK_NAME"):
            return self.own.values["STACK_NAME"]
        name = self.domain.replace(".", "_")
        return name[:STACK_NAME_LIMIT] if habits.stack_name_is_trimmed else name

    @property
    def env(self) -> Mapping[str, str]:
        """What its compose files are interpolated with: its `.env`, the exports of abra.sh, the stack's name."""
        own, exports = self.own.values, self.recipe.exports
        merged = {**own, **exports} if self.environment.habits.exports_win else {**exports, **own}
        return {**merged, "STACK_NAME": self.stack}

    def ensure(self, *, chaos: bool, offline: bool) -> None:
        """Bring the recipe's checkout to where this app is pinned, unless chaos."""
        self.recipe.ensure(self.pin, chaos=chaos, offline=offline)

    def write_pin(self, version: str) -> None:
        """Rewrite `TYPE=<recipe>:<version>`; every other line stays as it is."""
        self.file.write_text(
            envfile.with_value(self.file.read_text(), key=self.key, value=f"{self.recipe.name}:{version}")
        )


def find(domain: str, environment: Environment) -> App:
    """Return the app of a domain.

    Raises Fatal if no server has one.
    """
    for server in sorted((environment.abra_dir / "servers").glob("*")):
        file = server / f"{domain}.env"
        if file.is_file():
            return App(domain, file, envfile.read(file), environment)
    raise Fatal(f"cannot find app with name {domain}")


def only_server(environment: Environment) -> str:
    """Return the server of an app for which none is given.

    Raises Fatal unless there is exactly one.
    """
    servers = [folder.name for folder in (environment.abra_dir / "servers").glob("*") if folder.is_dir()]
    if len(servers) != 1 or not environment.habits.new_takes_only_server:
        raise Fatal("no server provided")
    return servers[0]


def made_up_domain(recipe: Recipe, *, server: str) -> str:
    """Return the domain of an app for which none is given.

    Raises Fatal where abra is believed to want one.
    """
    if recipe.environment.habits.new_needs_domain:
        raise Fatal("no domain provided")
    return f"{recipe.name}.{server}"


def create(recipe: Recipe, *, server: str, domain: str) -> App:
    """Copy the recipe's `.env.sample` to `servers/<server>/<domain>.env`, the domain filled in.

    Raises Fatal if the server is unknown, the app is already there, or the sample cannot be read.
    """
    folder = recipe.environment.abra_dir / "servers" / server
    file = folder / f"{domain}.env"
    if not folder.is_dir():
        raise Fatal(f"server {server} not found: {folder} is no folder")
    if file.exists():
        raise Fatal(f"{file} already exists?")
    if not re.fullmatch(r"[A-Za-z0-9.-]+", domain):
        raise Fatal(f"{domain!r} is no domain")
    _ = recipe.sample  # what cannot be parsed must not be copied
    text = (recipe.folder / ".env.sample").read_text().replace(f"{recipe.name}.example.com", domain)
    if recipe.environment.habits.new_fills_domain and "DOMAIN" in recipe.sample.values:
        text = envfile.with_value(text, key="DOMAIN", value=domain)
    file.write_text(text if text.endswith("\n") else text + "\n")
    return find(domain, recipe.environment)
