"""Volumes in memory for the data canary: what is in them, and what was asked of them."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from pathlib import PurePosixPath

from recipeci.host.archive import Archive, ContainerGoneError, ReadOnlyError
from recipeci.host.archived import Container, File, Folder, Mounted, NewFile, NotThere, Other
from recipeci.model import Canary, Outcome
from recipeci.recipe.compose import Compose, ComposeService, Resource
from recipeci.recipe.coverage import Coverage, Promise
from recipeci.run.canary import DataCanary
from recipeci.run.markers import PREFIX

DATA = PurePosixPath("/data")
COMPOSE = Compose({"app": ComposeService("app", "nginx:1.26.3")}, volumes={"data": Resource("data")})
NOTHING = Coverage(enabled=False)
WHOLE = Coverage(enabled=True, promises=(Promise("app", "/data", "data"),))


@dataclass
class FakeClock:
    """A clock that only goes on when somebody sleeps."""

    seconds: float = 1_700_000_000.0

    def monotonic(self) -> float:
        return self.seconds

    def now(self) -> str:
        raise AssertionError

    def epoch(self) -> float:
        return self.seconds

    def sleep(self, seconds: float) -> None:
        self.seconds += seconds


@dataclass
class Disk(Archive):
    """One service `app` with a volume at /data: its files by path, and every question that was asked."""

    volume: str = "st_data"
    files: dict[PurePosixPath, File] = field(default_factory=dict)
    folders: set[PurePosixPath] = field(default_factory=lambda: {DATA})
    running: bool = True
    mounted: bool = True
    more: tuple[Mounted, ...] = ()
    absent: int = 0
    """So many of the next looks find no container that runs."""
    read_only: bool = False
    takes_nothing: bool = False
    """Whether a file that is put meets no directory, though one was seen."""
    gone: int = 0
    """So many of the next questions meet a container that was just removed."""
    asked: list[str] = field(default_factory=list)

    @property
    def ours(self) -> list[str]:
        return sorted(path.name for path in self.files if path.name.startswith(PREFIX))

    def containers(self, stack: str) -> tuple[Container, ...]:
        assert stack == "st"
        self.asked.append("containers")
        mounts = (Mounted("volume", self.volume, "/data", writable=True),) if self.mounted else ()
        is_running = self.running and not self.absent
        self.absent = max(0, self.absent - 1)
        return (Container("c1", "st_app", "1", running=is_running, created=1, mounts=(*mounts, *self.more)),)

    def _asked(self, what: str, at: str) -> None:
        assert at == "c1"
        self.asked.append(what)
        if self.gone:
            self.gone -= 1
            raise ContainerGoneError("container c1 is gone")

    def read(self, at: str, path: PurePosixPath, *, within: PurePosixPath, limit: int) -> File | Other | NotThere:
        self._asked("read", at)
        assert (within, limit) == (DATA, 4096)
        return self.files.get(path, NotThere())

    def folder(
        self, at: str, path: PurePosixPath, *, within: PurePosixPath, names: Collection[str] = ()
    ) -> Folder | Other | NotThere:
        self._asked("folder", at)
        assert within == DATA
        found = frozenset(name for name in names if path / name in self.files)
        return Folder(33, 44, found) if path in self.folders else NotThere()

    def put(self, at: str, folder: PurePosixPath, files: Sequence[NewFile]) -> bool:
        self._asked("put", at)
        if self.read_only:
            raise ReadOnlyError("marked read-only")
        is_there = folder in self.folders and not self.takes_nothing
        for one in files if is_there else ():
            self.files[folder / one.name] = File(one.content, one.uid, one.gid, one.mode, one.mtime)
        return is_there

    def remove(self, at: str, folder: PurePosixPath, name: str) -> None:
        self._asked("remove", at)
        self.files.pop(folder / name, None)


def canary(disk: Disk) -> DataCanary:
    return DataCanary(archive=disk, stack="st", run_id="run-1", clock=FakeClock())


def outcomes(rows: Sequence[Canary]) -> list[tuple[str, Outcome]]:
    return [(row.path, row.outcome) for row in rows]
