"""The only place that says what a recipe's own files have wrong, so that nothing of it is deployed. Pure.

A finding is one sentence with the file in it. It makes the run fail at lint: what abra or Docker would refuse later
and less clearly, or could never work. Matters of style are abra's own lint's.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from recipeci.errors import RecipeInvalid
from recipeci.recipe import rawcompose
from recipeci.recipe.compose import Compose
from recipeci.recipe.envfile import EnvFile, SecretVersion

SAMPLE = ".env.sample"
APP = "app"
NAME_LIMIT = 64
"""Docker's for secrets and configs (facts abra §3.1)."""
SERVICE_LIMIT = 63
"""Docker's for services: their name is a DNS label."""
SECRET_BYTES = 500 * 1024
"""Docker's for one secret."""
RULES = 15
"""How many rules there are here, for the summary."""


@dataclass(frozen=True)
class RecipeTree:
    """A recipe's files at one commit.

    `paths` are all of them, `leaving` the links that leave the tree with what they name, `submodules` the paths of
    those, `texts` the content of those that are judged (`wanted` says which).
    """

    paths: frozenset[str]
    texts: Mapping[str, str]
    leaving: Mapping[str, str] = field(default_factory=dict)
    submodules: tuple[str, ...] = ()


def wanted(sample: str) -> tuple[str, ...]:
    """Return the compose files that a `.env.sample`'s text names, in order; none if it cannot be read."""
    try:
        return EnvFile.parse(sample, where=SAMPLE).compose_files
    except RecipeInvalid:
        return ()


def of_files(tree: RecipeTree) -> tuple[str, ...]:
    """Return what the files have wrong as they are written."""
    return (*_links(tree), *_sample(tree))


def of_name(tree: RecipeTree, *, recipe: str) -> tuple[str, ...]:
    """Return that `.env.sample` is another recipe's: abra would look for that one when it deploys the app."""
    try:
        env = EnvFile.parse(tree.texts.get(SAMPLE, ""), where=SAMPLE).values()
    except RecipeInvalid:
        return ()  # of_files says so
    key = "RECIPE" if "RECIPE" in env else "TYPE"  # abra's order
    said = env.get(key, recipe).partition(":")[0]
    return () if said == recipe else (f"{SAMPLE}: {key} is {said!r}, and the recipe is called {recipe!r}",)


def of_stack(compose: Compose, *, stack: str) -> tuple[str, ...]:
    """Return what the compose files have wrong once Docker has resolved them, for a stack of this name."""
    return (*_services(compose, stack), *_names(compose, stack), *_undeclared(compose))


def _links(tree: RecipeTree) -> Iterator[str]:
    """Find what would read files that are not the recipe's."""
    for path, there in sorted(tree.leaving.items()):
        yield f"{path} is a link that leaves the recipe: {there}"
    for path in sorted(tree.submodules):
        yield f"{path} is a submodule: abra does not bring what is in it"


def _sample(tree: RecipeTree) -> Iterator[str]:
    """Judge `.env.sample`, and the compose files that it names."""
    if SAMPLE not in tree.texts:
        yield f"{SAMPLE} is missing: abra makes an app's env from it"
        return
    try:
        sample = EnvFile.parse(tree.texts[SAMPLE], where=SAMPLE)
        files, secrets, env = sample.compose_files, sample.secrets, sample.values()
    except RecipeInvalid as error:
        yield error.message
        return
    yield from (finding for secret in secrets if (finding := _secret(secret)))
    for name in files:
        yield from _compose_file(name, tree)
    yield from _version(tree, files, env)


def _secret(secret: SecretVersion) -> str:
    """Judge the length that abra would make one secret of; an empty text if it is possible."""
    line = f"{SAMPLE}: secret {secret.name}"
    if not secret.length:
        return ""
    if not secret.length.isascii() or not secret.length.isdigit():
        return f"{line} has the length {secret.length!r}, which is no number"
    digits = secret.length.lstrip("0")
    if not digits or len(digits) > len(str(SECRET_BYTES)) or int(digits) > SECRET_BYTES:
        return f"{line} has the length {secret.length[:30]}: from 1 to {SECRET_BYTES} is possible"
    return ""


def _compose_file(name: str, tree: RecipeTree) -> Iterator[str]:
    """Judge one compose file as it is written."""
    if name not in tree.texts:
        yield f"{SAMPLE}: COMPOSE_FILE names {name}, which is not in the recipe"
        return
    try:
        raw = rawcompose.mapping(tree.texts[name], where=name)
    except RecipeInvalid as error:
        yield error.message
        return
    for place, value in rawcompose.odd_durations(raw):
        yield f"{name}: {place} is {value!r}: abra takes only a duration that is written out, as 1m30s"


def _version(tree: RecipeTree, files: tuple[str, ...], env: Mapping[str, str]) -> Iterator[str]:
    """Judge that the version label can be worked out at all."""
    try:
        raws = [rawcompose.mapping(tree.texts[name], where=name) for name in files if name in tree.texts]
    except RecipeInvalid:
        return  # said already
    try:
        rawcompose.version_label(raws, env)
    except RecipeInvalid as error:
        yield f"the version label: {error.message}"


def _services(compose: Compose, stack: str) -> Iterator[str]:
    """Judge the services."""
    if APP not in compose.services:
        there = ", ".join(compose.services) or "none"
        yield f"no service is called {APP!r}, which abra needs: there is {there}"
    for service in compose.services.values():
        if not service.image:
            yield f"service {service.name} has no image"
        full = f"{stack}_{service.name}"
        if len(full) > SERVICE_LIMIT:
            yield f"service {full} has a name of {len(full)} characters: Docker takes {SERVICE_LIMIT}"


def _names(compose: Compose, stack: str) -> Iterator[str]:
    """Judge the names of secrets and configs."""
    for kind, found in (("secret", compose.secrets), ("config", compose.configs)):
        for resource in found.values():
            full = resource.name(stack)
            if full.endswith("_"):
                yield f"{kind} {resource.key} has no version: its name would be {full}"
            if len(full) > NAME_LIMIT:
                yield f"{kind} {full} has a name of {len(full)} characters: Docker takes {NAME_LIMIT}"


def _undeclared(compose: Compose) -> Iterator[str]:
    """Judge that what services use is declared: Docker says so only when it deploys."""
    for service in compose.services.values():
        uses = (
            ("secret", {one.source for one in service.secrets}, compose.secrets),
            ("config", {one.source for one in service.configs}, compose.configs),
            ("network", set(service.networks) - {"default"}, compose.networks),
            ("volume", {one.source for one in service.mounts if one.kind == "volume"} - {""}, compose.volumes),
        )
        for kind, used, declared in uses:
            for name in sorted(used - declared.keys()):
                yield f"service {service.name} uses the {kind} {name}, which the compose file does not declare"
