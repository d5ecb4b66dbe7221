"""The only place that writes one marker's files into a place of the app, and reads them back from there.

What is asked is what runs when it is looked at: in a place that no container shows there is nothing.
"""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from pathlib import PurePosixPath

from recipeci.errors import OpFailed
from recipeci.host.archive import Archive, ReadOnlyError
from recipeci.host.archived import File, Folder, NewFile, NotThere, Other
from recipeci.host.clock import Clock
from recipeci.run import marking
from recipeci.run.marking import Look, Place
from recipeci.run.survival import Elsewhere, Mark, Read, Restored, Sight, is_intact

PREFIX = ".recipeci-canary-"
KEY_DIGITS = 8
LIMIT_BYTES = 4096
"""No marker is larger; of a larger file nothing is read."""


@dataclass(frozen=True)
class Markers:
    """The markers' files of one run.

    Raises ContainerGoneError, from each of its methods, for a container that is replaced meanwhile.
    """

    archive: Archive
    run_id: str
    clock: Clock

    def write(self, place: Place, owner: Folder, look: Look) -> Mark | str:
        """Write both markers of a place, as its directory's owner: an app may want to own all that it finds.

        Returns why there can be none where it refuses them.
        """
        key = hashlib.sha256(f"{place.service}:{place.path}".encode()).hexdigest()[:KEY_DIGITS]
        content = f"recipeci {self.run_id}: {place.service}:{place.path}\n{secrets.token_hex()}\n".encode()
        mark = Mark(place, f"{PREFIX}{self.run_id}-{key}", content, owner.uid, owner.gid)
        try:
            is_there = self._put(mark, look, {mark.name: content, mark.second: content})
        except ReadOnlyError:
            return marking.READ_ONLY
        return (
            mark
            if is_there
            else marking.refusal(
                place, NotThere(), declared=look.compose.services[place.service], coverage=look.coverage
            )
        )

    def change(self, mark: Mark, look: Look) -> None:
        """Edit the first marker, delete the second, add a file: what a restore must undo, and what it need not.

        A directory that is gone needs no change: the restore must bring back all of it.
        """
        place = mark.place
        container = look.running(place.service)
        if container is None or look.volume(place) != place.volume:
            raise OpFailed(f"service {place.service}, {place.path}: its volume is not mounted before the restore")
        if place.folder and isinstance(self.folder(place, look), NotThere):
            return
        if not self._put(mark, look, {mark.name: mark.edited, mark.added: b"added after the backup\n"}):
            raise OpFailed(
                f"service {place.service}, {place.path}: its markers could not be changed before the restore"
            )
        self.archive.remove(container.id, place.path, mark.second)

    def sight(self, mark: Mark, look: Look) -> Sight:
        """Look for a marker where the task that runs now should see it, and if it is not there, wherever else it is."""
        place = mark.place
        found = self.read(place, mark.name, look)
        return Sight(
            mark=mark,
            found=found,
            volume=look.volume(place),
            running=look.running(place.service) is not None,
            declared=place.service in look.compose.services,
            elsewhere=() if is_intact(mark, found) else tuple(self._elsewhere(mark, look)),
        )

    def restored(self, mark: Mark, look: Look) -> Restored:
        """Return what there is of a place's markers after a restore, and the directory's owner if theirs changed."""
        place = mark.place
        first, second, added = (self.read(place, name, look) for name in (mark.name, mark.second, mark.added))
        is_another = isinstance(second, File) and (second.uid, second.gid) != (mark.uid, mark.gid)
        folder = self.folder(place, look) if is_another else NotThere()
        owner = (folder.uid, folder.gid) if isinstance(folder, Folder) else None
        return Restored(mark, first, second, added=added != NotThere(), owner=owner)

    def read(self, place: Place, name: str, look: Look) -> Read:
        """Read a file of ours; where the place is not mounted there is none."""
        container = look.running(place.service)
        if container is None or look.volume(place) is None:
            return NotThere()
        mount = PurePosixPath(place.mount)
        return self.archive.read(container.id, place.path / name, within=mount, limit=LIMIT_BYTES)

    def folder(self, place: Place, look: Look, *, names: Collection[str] = ()) -> Folder | Other | NotThere:
        """Return the directory of a place, with those of the `names` that are in it."""
        container = look.running(place.service)
        if container is None or look.volume(place) is None:
            return NotThere()
        return self.archive.folder(container.id, place.path, within=PurePosixPath(place.mount), names=names)

    def _put(self, mark: Mark, look: Look, files: Mapping[str, bytes]) -> bool:
        """Write files beside each other; say whether there is such a directory."""
        container = look.running(mark.place.service)
        now = int(self.clock.epoch())
        new = [NewFile(name, content, mark.uid, mark.gid, mtime=now) for name, content in files.items()]
        return container is not None and self.archive.put(container.id, mark.place.path, new)

    def _elsewhere(self, mark: Mark, look: Look) -> Iterator[Elsewhere]:
        for place in marking.same_volume(mark.place, look):
            if is_intact(mark, self.read(place, mark.name, look)):
                yield Elsewhere(place.service, str(place.path))
