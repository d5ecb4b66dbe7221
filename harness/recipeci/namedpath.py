"""The only place that makes a path of what somebody wrote as one, and says why it can be none."""

from __future__ import annotations

import contextlib
import os
import stat
from pathlib import Path

from recipeci.errors import UsageError

HINT = "check the path: nothing can be there"
SHOWN = 100
"""Characters of what was written that a sentence repeats."""


def named(said: str, text: str | Path, *, home: bool = False) -> Path:
    """Return the absolute path that a text names; nothing need be there.

    Args:
        said: what the sentence begins with: the option, and `shown` of what was written.
        text: what was written.
        home: whether a `~` at its beginning stands for a home folder.

    Raises UsageError for what can be no path: a NUL in it, a part that is too long, a loop of links, `~` of nobody.
    """
    path = Path(text)
    try:
        path = (path.expanduser() if home else path).absolute()
    except FileNotFoundError as error:
        raise UsageError(f"{said}: the folder that it is relative to is gone", hint="write the whole path") from error
    except (RuntimeError, ValueError) as error:
        raise UsageError(f"{said}: no home folder is known for its ~", hint="write the whole path") from error
    with contextlib.suppress(PermissionError):  # who needs more than its name says so, and perhaps is root by then
        _status(said, path)
    return path


def is_folder(said: str, path: Path) -> bool:
    """Return whether a folder is there.

    Raises UsageError if that cannot be seen, or the path can be none.
    """
    found = _seen(said, path)
    return found is not None and stat.S_ISDIR(found.st_mode)


def is_there(said: str, path: Path) -> bool:
    """Return whether anything is there, be it a link to nothing.

    Raises UsageError if that cannot be seen, or the path can be none.
    """
    return _seen(said, path, links=True) is not None


def shown(text: str | Path) -> str:
    """Return what was written as a sentence repeats it: in one line, and not all of it if it is long."""
    return short(str(text) if str(text).isprintable() else repr(str(text)))


def short(text: str) -> str:
    """Return a text, or only its beginning."""
    return text if len(text) <= SHOWN else f"{text[:SHOWN]}…"


def _seen(said: str, path: Path, *, links: bool = False) -> os.stat_result | None:
    """Return what is there, None if nothing is; not to be allowed to look is an error too."""
    try:
        return _status(said, path, links=links)
    except PermissionError as error:
        raise UsageError(f"{said}: {error.strerror}", hint="sudo, or a path that everybody can read") from error


def _status(said: str, path: Path, *, links: bool = False) -> os.stat_result | None:
    """Return what is there, None if nothing is; a link itself with `links`, else what it leads to."""
    try:
        return path.stat(follow_symlinks=not links)
    except (FileNotFoundError, NotADirectoryError):
        return None
    except PermissionError:
        raise
    except OSError as error:
        raise UsageError(f"{said}: {error.strerror}", hint=HINT) from error
    except ValueError as error:
        raise UsageError(f"{said}: a path has no NUL in it", hint=HINT) from error
