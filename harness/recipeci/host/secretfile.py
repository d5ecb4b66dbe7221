"""The only place that reads a file which holds a secret: it is one file, the operator's alone, and not empty."""

from __future__ import annotations

import os
import stat
from pathlib import Path

from recipeci.errors import UsageError

SHORTEST = 16
"""Characters: what is shorter can be guessed, and masking it would make every log unreadable."""
LONGEST_FILE = 64 * 1024
OPEN_TO_OTHERS = stat.S_IRWXO | stat.S_IWGRP


def lines(what: str, path: Path) -> tuple[str, ...]:
    """Return the secrets of a file, one a line; empty lines count nothing.

    Args:
        what: the option or the setting that names the file, for the sentence.
        path: the file; a link to it is followed.

    Raises:
        UsageError: it cannot be read, others can read it or a group can write it, or what is in it is no secret. What
            it holds is never repeated.
    """
    found = tuple(line for line in (line.strip() for line in _text(what, path).splitlines()) if line)
    if not found:
        raise UsageError(f"{what}: {path} is empty", hint="write the secret into it, on one line")
    for secret in found:
        if not secret.isprintable() or " " in secret:
            raise UsageError(f"{what}: {path} has a blank or a control character in a secret", hint="one secret a line")
        if len(secret) < SHORTEST:
            msg = f"{what}: {path} holds a secret of less than {SHORTEST} characters"
            raise UsageError(msg, hint="openssl rand -hex 32 makes a good one")
    return found


def line(what: str, path: Path) -> str:
    """Return the one secret of a file; raises UsageError as `lines`, and for a file that has several."""
    found = lines(what, path)
    if len(found) > 1:
        raise UsageError(f"{what}: {path} has {len(found)} lines, and one is needed")
    return found[0]


def _text(what: str, path: Path) -> str:
    """Return what is in the file, which is looked at as it was opened."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
    except OSError as e:
        raise UsageError(f"{what}: {path}: {e.strerror}", hint="give the path of a file that can be read") from e
    try:
        _check(what, path, os.fstat(descriptor))
        data = os.read(descriptor, LONGEST_FILE + 1)
    finally:
        os.close(descriptor)
    if len(data) > LONGEST_FILE:
        raise UsageError(f"{what}: {path} is larger than {LONGEST_FILE // 1024} KiB, which no secret is")
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError as e:
        raise UsageError(f"{what}: {path} is no text in UTF-8") from e


def _check(what: str, path: Path, found: os.stat_result) -> None:
    """Refuse what is no file, and one that others can read or a group can write."""
    if not stat.S_ISREG(found.st_mode):
        raise UsageError(f"{what}: {path} is no file")
    if found.st_mode & OPEN_TO_OTHERS:
        mode = stat.S_IMODE(found.st_mode)
        raise UsageError(f"{what}: {path} is open to others (mode {mode:04o})", hint=f"chmod 600 {path}")
