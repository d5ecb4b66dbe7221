"""The only place that judges whether a folder can hold the image store: room, and a file system that overlays."""

from __future__ import annotations

import os
from pathlib import Path

from recipeci.errors import CommandFailed, HostError
from recipeci.host import temporary
from recipeci.host.command import Runner

NEEDED_BYTES = 2 * 1024**3
HINT = "set `cache:` in the settings file to a folder on ext4, xfs or btrfs"
# Mounted in a mount namespace of its own: nothing is left of it. The second line makes a whiteout, which some file
# systems refuse although they mount; the third reads what the overlay shows.
TRIAL = """
set -eu
mount -n -t overlay overlay -o "lowerdir=$1/lower,upperdir=$1/upper,workdir=$1/work" "$1/merged"
rm "$1/merged/file"
test ! -e "$1/merged/file"
test -c "$1/upper/file"
"""


def nearest(folder: Path) -> Path:
    """Return the folder, or the nearest one above it that exists."""
    return next(parent for parent in (folder, *folder.parents) if parent.exists())


def check_folder(folder: Path, *, runner: Runner) -> None:
    """Try whether a folder that may not be there yet can hold images; nothing is left of the trial.

    Raises HostError, naming what is wrong and the setting.
    """
    there = nearest(folder)
    try:
        with temporary.folder(there) as trial:
            check_overlays(trial, runner=runner)
    except OSError as error:
        raise HostError(f"{there} cannot hold images: {error.strerror}", hint=HINT) from error


def check_room(folder: Path, *, needed: int = NEEDED_BYTES) -> None:
    """Raise HostError if less than `needed` bytes are free where `folder` is or would be made."""
    there = nearest(folder)
    found = os.statvfs(there)
    free = found.f_bavail * found.f_frsize
    if free < needed:
        raise HostError(
            f"{free / 1024**3:.1f} GB are free in {there}; images and a run need {needed / 1024**3:.0f} GB",
            hint="free some (`recipeci clean`), or set `cache:` in the settings file to a folder with more room",
        )


def check_overlays(trial: Path, *, runner: Runner) -> None:
    """Try an overlay mount on the file system of `trial`, an empty folder that the caller removes.

    Raises HostError, naming the file system and the setting, if it cannot be had.
    """
    for name in ("lower", "upper", "work", "merged"):
        (trial / name).mkdir()
    (trial / "lower" / "file").touch()
    argv = ["unshare", "--mount", "--propagation", "private", "--", "sh", "-c", TRIAL, "sh", str(trial)]
    try:
        runner.run(argv, timeout=30)
    except CommandFailed as error:
        kind = runner.run(["stat", "--file-system", "--format", "%T", str(trial)], timeout=10).out.strip()
        last = error.err.strip().splitlines()[-1:] or ["no words"]
        raise HostError(f"{trial.parent} is on {kind}, which cannot hold images: {last[0]}", hint=HINT) from error
