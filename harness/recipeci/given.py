"""The only place that checks the form of what the caller gives by an option or the environment."""

from __future__ import annotations

import re
from pathlib import Path

from recipeci import namedpath, schemas
from recipeci.errors import UsageError
from recipeci.model import RECIPE_NAME, Tier

NOT_KNOWN = "none"
"""What stands for the address of a repository that is gone."""
REPOSITORY = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._-]*/[A-Za-z0-9._-]+\Z")
NUMBER = re.compile(r"0*(?P<digits>[1-9][0-9]{0,18})\Z")
MOST = 2**63
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
    return namedpath.named(_said(option, value), value)


def folder(option: str, value: str | Path | None) -> Path | None:
    """Return a folder that is there."""
    found = path(option, value)
    if value is not None and found is not None and not namedpath.is_folder(_said(option, value), found):
        raise UsageError(f"{_said(option, value)} is no folder")
    return found


def new_file(option: str, value: str | Path | None) -> Path | None:
    """Return the path of a file that is to be made: it is not there, and its folder is."""
    if value is None or (found := path(option, value)) is None:
        return None
    said = _said(option, value)
    if namedpath.is_there(said, found):
        raise UsageError(f"{said} is there already", hint="give the name of a new file")
    if not namedpath.is_folder(said, found.parent):
        raise UsageError(f"{said}: the folder that it is to be in is not there")
    return found


def number(value: str | None) -> int | None:
    """Return a pull request's number."""
    if value is None:
        return None
    if not (found := _whole(value)):
        raise UsageError(f"--pr {namedpath.short(value)!r} is not the number of a pull request", hint="--pr 7")
    return found


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
    if not (found := _whole(value)):
        msg = f"{namedpath.short(value)!r} is not the number of a run"
        raise UsageError(msg, hint="recipeci queue shows the numbers")
    return found


def stages(value: str | None) -> tuple[Tier, ...]:
    """Return the tiers of a list with commas, in their order, each once; all if there is no list."""
    if value is None:
        return tuple(Tier)
    names = [name.strip() for name in value.split(",")]
    for name in names:
        if name not in set(Tier):
            raise UsageError(f"unknown stage {name!r}{schemas.nearest(name, [tier.value for tier in Tier])}")
    return tuple(tier for tier in Tier if tier in names)


def _said(option: str, value: str | Path) -> str:
    """Return how a sentence about a path begins."""
    return f"{option} {namedpath.shown(value)}"


def _whole(value: str) -> int:
    """Return a number from 1 on, 0 if the value is none: Python itself reads no number of any length."""
    found = NUMBER.match(value)
    counted = int(found["digits"]) if found else 0
    return counted if counted < MOST else 0
