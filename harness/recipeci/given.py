"""The only place that checks the form of what the caller gives by an option or the environment."""

from __future__ import annotations

from pathlib import Path

from recipeci import schemas
from recipeci.errors import UsageError
from recipeci.model import Tier


def word(option: str, value: str | None) -> str | None:
    """Return a value that programs will get as an argument: not empty, no option itself, no white space."""
    if value is None:
        return None
    if not value or value.startswith("-") or any(char.isspace() or not char.isprintable() for char in value):
        raise UsageError(f"{option} {value!r} is empty, begins with a hyphen or has a space in it")
    return value


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


def stages(value: str | None) -> tuple[Tier, ...]:
    """Return the tiers of a list with commas, in their order, each once; all if there is no list."""
    if value is None:
        return tuple(Tier)
    names = [name.strip() for name in value.split(",")]
    for name in names:
        if name not in set(Tier):
            raise UsageError(f"unknown stage {name!r}{schemas.nearest(name, [tier.value for tier in Tier])}")
    return tuple(tier for tier in Tier if tier in names)
