"""The only place that checks the form of what the caller gives by an option or the environment."""

from __future__ import annotations

import re
from pathlib import Path

from recipeci import schemas
from recipeci.errors import UsageError
from recipeci.model import RECIPE_NAME, Tier

NOT_KNOWN = "none"
"""What stands for the address of a repository that is gone."""
REPOSITORY = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._-]*/[A-Za-z0-9._-]+\Z")
MOST_RUNS = 2**63
"""The database's numbers end here."""


def word(option: str, value: str | None) -> str | None:
    """Return a value that programs will get as an argument: not empty, no option itself, no white space."""
    if value is None:
        return None
    if not value or value.startswith("-") or any(char.isspace() or not char.isprintable() for char in value):
        raise UsageError(f"{option} {value!r} is empty, begins with a hyphen or has a space in it")
    return value


def code_source(option: str, value: str | None) -> str | None:
    """Return the address of a repository, empty for the word that says that it is not known."""
    if (given := word(option, value)) is None:
        return None
    if given == NOT_KNOWN:
        return ""
    if not given.startswith(("https://", "http://")) or "@" in given:
        msg = f"{option} takes the https:// address of a repository, without a user or a password, or `{NOT_KNOWN}`"
        raise UsageError(msg)
    return given


def image(option: str, value: str | None) -> str | None:
    """Return an image's name as Docker reads it."""
    if (given := word(option, value)) is None:
        return None
    from recipeci.host.store.reference import Reference  # noqa: PLC0415 - `--help` does without

    try:
        Reference.parse(given)
    except UsageError as e:
        raise UsageError(f"{option}: {e.message}", hint=e.hint) from e
    return given


def path(option: str, value: str | Path | None) -> Path | None:
    """Return a path, which must not be empty (that would be this folder)."""
    if value is None:
        return None
    if not value or "\0" in str(value):
        raise UsageError(f"{option} needs a path")
    return Path(value).absolute()


def folder(option: str, value: str | Path | None) -> Path | None:
    """Return a folder that is there."""
    found = path(option, value)
    if found is not None and not found.is_dir():
        raise UsageError(f"{option} {value} is no folder")
    return found


def new_file(option: str, value: str | Path | None) -> Path | None:
    """Return the path of a file that is to be made: it is not there, and its folder is."""
    found = path(option, value)
    if found is not None and (found.exists() or found.is_symlink()):
        raise UsageError(f"{option} {value} is there already", hint="give the name of a new file")
    if found is not None and not found.parent.is_dir():
        raise UsageError(f"{option} {value}: the folder that it is to be in is not there")
    return found


def number(value: str | None) -> int | None:
    """Return a pull request's number."""
    if value is None:
        return None
    if not (value.isascii() and value.isdigit() and int(value) > 0):
        raise UsageError(f"--pr {value!r} is not the number of a pull request", hint="--pr 7")
    return int(value)


def repository(value: str) -> tuple[str, str]:
    """Return `OWNER/REPO[=RECIPE]` as the repository's name and the recipe that it holds: as its name, if not said."""
    name, equals, said = value.partition("=")
    if not REPOSITORY.match(name):
        msg = f"{name!r} is not the name of a repository on the forge"
        raise UsageError(msg, hint="write OWNER/REPO, or OWNER/REPO=RECIPE")
    recipe = said if equals else name.partition("/")[2]
    if not RECIPE_NAME.match(recipe):
        msg = f"{recipe!r} is not a recipe name: lower-case letters, digits and hyphens"
        raise UsageError(msg, hint=f"write which recipe it holds: {name}=RECIPE")
    return name, recipe


def run_number(value: str) -> int:
    """Return a run's number, as `recipeci queue` shows it."""
    if not (value.isascii() and value.isdigit() and 0 < int(value) < MOST_RUNS):
        raise UsageError(f"{value!r} is not the number of a run", hint="recipeci queue shows the numbers")
    return int(value)


def stages(value: str | None) -> tuple[Tier, ...]:
    """Return the tiers of a list with commas, in their order, each once; all if there is no list."""
    if value is None:
        return tuple(Tier)
    names = [name.strip() for name in value.split(",")]
    for name in names:
        if name not in set(Tier):
            raise UsageError(f"unknown stage {name!r}{schemas.nearest(name, [tier.value for tier in Tier])}")
    return tuple(tier for tier in Tier if tier in names)
