"""The only place that holds abra's lint rules R001 to R016, each a pure question to what was read of the recipe."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from miniabra import envfile
from miniabra.compose import MAIN, service_labels
from miniabra.docker import Docker
from miniabra.errors import Fatal
from miniabra.habits import Habits
from miniabra.recipe import Recipe

HEADERS = ("REF", "RULE", "SEVERITY", "SATISFIED", "SKIPPED", "RESOLVE")
COMPOSE_VERSION = "3.8"
SECRET_NAME_LIMIT = 12
UNSTABLE = "latest"
SEMVER_LIKE = re.compile(r"v?\d+(?:\.\d+){0,2}(?:[-+.].*)?\Z")
METADATA = re.compile(r"<!-- metadata -->(.*?)<!-- endmetadata -->", re.DOTALL)
ERRORS_FROM_MEMORY = frozenset({"R008", "R010", "R011", "R012"})
OF_THE_NETWORK = frozenset({"R006", "R013"})
BULLET = re.compile(r"^\s*\*\s+\*\*[^*]+\*\*:[ \t]*(\S*)", re.MULTILINE)


@dataclass(frozen=True)
class Subject:
    """What the rules look at: the merged compose file under the sample's values, the sample, tags, two more files."""

    config: Mapping[str, Any]
    sample: envfile.EnvFile
    tags: Mapping[str, bool]
    readme: str
    has_abra_sh: bool

    @property
    def services(self) -> Mapping[str, Mapping[str, Any]]:
        """The services by name."""
        return self.config.get("services") or {}

    @property
    def image_tags(self) -> Sequence[str]:
        """The tag of each service's image, empty where it has none."""
        names = [
            str(service.get("image", "")).partition("@")[0].rpartition("/")[2] for service in self.services.values()
        ]
        return [name.partition(":")[2] for name in names]


@dataclass(frozen=True)
class Rule:
    """One rule: `holds` is None for one that asks the network or that only the real abra knows."""

    ref: str
    severity: str
    text: str
    resolve: str
    holds: Callable[[Subject], bool] | None
    skip: Callable[[Subject], bool] = lambda _: False

    def row(self, subject: Subject, habits: Habits) -> tuple[str, ...]:
        """Return its row of the table."""
        head = (self.ref, self.text, self.severity_by(habits))
        if not self._is_asked(subject, habits):
            return (*head, "-", "✅", self.resolve)
        holds = self.holds is not None and self.holds(subject)
        return (*head, "✅" if holds else "❌", "-", self.resolve)

    def severity_by(self, habits: Habits) -> str:
        """Return how bad it is to break it, as far as it is known."""
        believed = self.ref in ERRORS_FROM_MEMORY and not habits.lint_errors_as_remembered
        return "warn" if believed else self.severity

    def _is_asked(self, subject: Subject, habits: Habits) -> bool:
        """Tell whether it is checked; one that asks the network does not hold offline if it is asked all the same."""
        if self.ref in OF_THE_NETWORK:
            return not habits.lint_network_rules_are_skipped
        return self.holds is not None and not self.skip(subject)

    def is_broken(self, subject: Subject) -> bool:
        """Tell whether it was checked and does not hold."""
        return self.holds is not None and not self.skip(subject) and not self.holds(subject)


def read(recipe: Recipe, docker: Docker) -> Subject:
    """Read what the rules look at, offline.

    Raises Fatal if the sample or the compose file cannot be read.
    """
    try:
        sample = recipe.sample
    except Fatal as error:
        raise Fatal(f"unable to validate recipe: {error}") from error
    files = recipe.compose_files(sample.values)
    readme = recipe.folder / "README.md"
    return Subject(
        config=docker.config(files, env={**sample.values, **recipe.exports}),
        sample=sample,
        tags=recipe.git.tags(),
        readme=readme.read_text(errors="replace") if readme.is_file() else "",
        has_abra_sh=(recipe.folder / "abra.sh").is_file(),
    )


def require(recipe: Recipe, docker: Docker) -> None:
    """Check the rules of severity error, as every deployment without chaos does.

    Raises Fatal for the first that is broken (facts A-03).
    """
    subject = read(recipe, docker)
    for rule in RULES:
        if rule.severity_by(recipe.environment.habits) == "error" and rule.is_broken(subject):
            raise Fatal(f'lint error in {recipe.name} configs: "{rule.text}" failed lint checks ({rule.ref})')


def _has_metadata(subject: Subject) -> bool:
    block = METADATA.search(subject.readme)
    values = BULLET.findall(block[1]) if block else []
    return bool(values) and all(values)


def _is_routed(subject: Subject) -> bool:
    return any(service_labels(service).get("traefik.enable") == "true" for service in subject.services.values())


def _has_vendored_configs(subject: Subject) -> bool:
    return subject.has_abra_sh or not any(service.get("configs") for service in subject.services.values())


RULES: tuple[Rule, ...] = (
    Rule(
        "R001",
        "warn",
        "compose config has expected version",
        "ensure 'version: \"3.8\"' in compose configs",
        lambda subject: str(subject.config.get("version")) == COMPOSE_VERSION,
    ),
    Rule(
        "R002",
        "warn",
        "healthcheck enabled for all services",
        "wire up healthchecks",
        lambda subject: all("healthcheck" in service for service in subject.services.values()),
    ),
    Rule("R003", "warn", "all images use a tag", "use a tag for all images", lambda subject: all(subject.image_tags)),
    Rule(
        "R004",
        "warn",
        "no unstable tags",
        "tag all images with stable tags",
        lambda subject: UNSTABLE not in subject.image_tags,
    ),
    Rule(
        "R005",
        "warn",
        "tags use semver-like format",
        "use semver-like tags",
        lambda subject: all(SEMVER_LIKE.match(tag) for tag in subject.image_tags),
    ),
    Rule("R006", "warn", "has published catalogue version", "publish a recipe version to the catalogue", None),
    Rule("R007", "warn", "README.md metadata filled in", "fill out all the metadata", _has_metadata),
    Rule(
        "R008",
        "error",
        ".env.sample provided",
        "create an example .env.sample",
        lambda subject: bool(subject.sample.values),
    ),
    Rule("R009", "error", "one service named 'app'", "name a service 'app'", lambda subject: MAIN in subject.services),
    Rule(
        "R010",
        "error",
        "traefik routing enabled",
        'include "traefik.enable=true" deploy label',
        _is_routed,
        skip=lambda subject: "DOMAIN" not in subject.sample.values,
    ),
    Rule(
        "R011",
        "error",
        "all services have images",
        'ensure "image: ..." set on all services',
        lambda subject: all(service.get("image") for service in subject.services.values()),
    ),
    Rule("R012", "error", "config version are vendored", "vendor config versions in an abra.sh", _has_vendored_configs),
    Rule(
        "R013",
        "warn",
        "git.coopcloud.tech repo exists",
        "upload your recipe to git.coopcloud.tech/coop-cloud/...",
        None,
    ),
    Rule(
        "R014",
        "error",
        "only annotated tags used for recipe version",
        "replace lightweight tag with annotated tag",
        lambda subject: all(subject.tags.values()),
    ),
    Rule(
        "R015",
        "warn",
        "long secret names",
        "reduce the length of secret names to 12 characters.",
        lambda subject: all(len(name) <= SECRET_NAME_LIMIT for name in subject.config.get("secrets") or {}),
    ),
    Rule("R016", "warn", "not known to miniabra", "ask the real abra", None),
)
