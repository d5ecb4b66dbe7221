"""A folder that cannot hold images is refused by name, before anything is made in it."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
from recipeci.errors import HostError
from recipeci.host import engine
from recipeci.host.clock import SystemClock
from recipeci.host.command import LocalRunner
from recipeci.host.engine import DockerPrograms
from recipeci.host.store import Store

from image_store import tiny
from image_store.conftest import MakeStore

pytestmark = pytest.mark.cell
# A cache folder on an overlay, as the root of a container is; on an overlay of that no whiteout can be made.
ON_OVERLAY = """
set -eu
mkdir "$1/lower" "$1/upper" "$1/work" "$1/cache"
mount -n -t overlay overlay -o "lowerdir=$1/lower,upperdir=$1/upper,workdir=$1/work" "$1/cache"
"$2" -c "$3" "$1/cache/store" "$4"
ls -A "$1/cache"
"""
ON_TMPFS = """
set -eu
mkdir "$1/cache"
mount -n -t tmpfs -o size=1900m tmpfs "$1/cache"
"$2" -c "$3" "$1/cache/store" "$4"
ls -A "$1/cache"
"""
ENSURE = """
import sys
from pathlib import Path
from recipeci.errors import HostError
from recipeci.host import engine
from recipeci.host.clock import SystemClock
from recipeci.host.command import LocalRunner
from recipeci.host.store import Store
try:
    store = Store(Path(sys.argv[1]), programs=engine.find(None), runner=LocalRunner(), clock=SystemClock())
    store.ensure(["tiny:1"], images=Path(sys.argv[2]), say=print)
    print("filled")
except HostError as error:
    print(error.message, "|", error.hint)
"""


def ensured_on(mount: str, tmp_path: Path, images: tiny.Images) -> list[str]:
    """Fill a store on that mount, in a mount namespace of its own; the lines that were said."""
    words = [str(tmp_path), sys.executable, ENSURE, str(images.folder)]
    argv = ["unshare", "--mount", "--propagation", "private", "--", "sh", "-c", mount, "sh", *words]
    return LocalRunner().run(argv, timeout=180).out.splitlines()


def test_a_folder_on_an_overlay_is_refused_with_what_to_set(tmp_path: Path, images: tiny.Images) -> None:
    (sentence,) = ensured_on(ON_OVERLAY, tmp_path, images)  # nothing is left there
    assert sentence.startswith(f"{tmp_path}/cache is on overlayfs, which cannot hold images: ")
    assert sentence.endswith("| set `cache:` in the settings file to a folder on ext4, xfs or btrfs")


def test_without_2_gb_of_room_nothing_is_made(tmp_path: Path, images: tiny.Images) -> None:
    (sentence,) = ensured_on(ON_TMPFS, tmp_path, images)
    assert sentence.startswith(f"1.9 GB are free in {tmp_path}/cache; images and a run need 2 GB | ")


def test_on_a_tmpfs_with_room_the_store_works(tmp_path: Path, images: tiny.Images) -> None:
    """The control of the two above: it is the overlay and the room that were refused."""
    lines = ensured_on(ON_TMPFS.replace("1900m", "2200m"), tmp_path, images)
    assert lines[-2:] == ["filled", "store"]


def test_a_folder_in_run_is_refused(programs: DockerPrograms) -> None:
    with pytest.raises(HostError, match="/run/x is in /run, which cannot hold images"):
        Store(Path("/run/x"), programs=programs, runner=LocalRunner(), clock=SystemClock())


def test_a_very_long_folder_works(make_store: MakeStore, images: tiny.Images) -> None:
    """A socket's path has 107 bytes at most."""
    store = make_store("/".join(["a" * 100] * 3))
    store.ensure(["tiny:1"], images=images.folder, say=print)
    assert len(str(store.folder)) > 300


def test_the_engine_is_the_projects_own() -> None:
    found = engine.find(None)
    assert found.path == str(Path(sys.prefix) / "docker" / "bin")
    assert engine.version(found, LocalRunner()).version == "26.1.5"
