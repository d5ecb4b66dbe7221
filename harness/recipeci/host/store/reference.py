"""The only place that reads image names: what Docker calls them, and which registry they belong to."""

from __future__ import annotations

import re
from dataclasses import dataclass

from recipeci.errors import UsageError

DEFAULT_REGISTRY = "docker.io"
PART = r"[a-z0-9]+(?:(?:\.|__?|-+)[a-z0-9]+)*"
REPOSITORY = re.compile(rf"{PART}(?:/{PART})*\Z")
LABEL = r"[A-Za-z0-9](?:[A-Za-z0-9-]*[A-Za-z0-9])?"
REGISTRY = re.compile(rf"{LABEL}(?:\.{LABEL})*(?::[0-9]{{1,5}})?\Z")
TAG = re.compile(r"\w[\w.-]{0,127}\Z", re.ASCII)
DIGEST = re.compile(r"sha256:[0-9a-f]{64}\Z")


@dataclass(frozen=True)
class Reference:
    """An image's name in full: `nginx:1.26.3` is docker.io, library/nginx, 1.26.3. A digest wins over the tag."""

    registry: str
    repository: str
    tag: str
    digest: str = ""

    @classmethod
    def parse(cls, text: str) -> Reference:
        """Read a name as Docker does; raises UsageError for what is none."""
        name, at, digest = text.partition("@")
        head, slash, last = name.rpartition("/")
        last, colon, tag = last.partition(":")
        registry, repository = _split(head + slash + last)
        matches = [REGISTRY.match(registry), REPOSITORY.match(repository), not colon or TAG.match(tag)]
        if not all(matches) or (at and not DIGEST.match(digest)):
            raise UsageError(f"{text!r} is not an image name", hint="such as nginx:1.26.3 or registry.example/a/b:1")
        return cls(registry, repository, tag or ("" if digest else "latest"), digest)

    @property
    def family(self) -> str:
        """The name without tag, as repositories.json has it: without `docker.io/` and `library/`."""
        if self.registry != DEFAULT_REGISTRY:
            return f"{self.registry}/{self.repository}"
        return self.repository.removeprefix("library/")

    @property
    def key(self) -> str:
        """The whole name as repositories.json has it, by digest if there is one."""
        return f"{self.family}@{self.digest}" if self.digest else f"{self.family}:{self.tag}"

    def __str__(self) -> str:
        """Return the name as people write it."""
        return self.key


def _split(name: str) -> tuple[str, str]:
    """Split a name without tag into registry and repository: a registry has a dot, a port, or is localhost."""
    first, slash, rest = name.partition("/")
    if not slash or not ("." in first or ":" in first or first == "localhost"):
        first, rest = DEFAULT_REGISTRY, name
    if first in (DEFAULT_REGISTRY, f"index.{DEFAULT_REGISTRY}"):
        return DEFAULT_REGISTRY, rest if "/" in rest else f"library/{rest}"
    return first, rest
