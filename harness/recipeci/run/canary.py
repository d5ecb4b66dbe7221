"""The only place that says when the data canary's markers are written, changed and read back, and what came of them.

A marker that is gone before an op was removed by the app, which keeps no foreign files; one that is gone after it was
lost by the op. So markers are written as early as the app is up, and read once more right before each op.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import PurePosixPath
from typing import TypeVar

from recipeci.errors import WaitFailed
from recipeci.host.archive import Archive, ContainerGoneError
from recipeci.host.archived import Folder
from recipeci.host.clock import Clock, until
from recipeci.model import Canary, Tier
from recipeci.recipe.compose import Compose
from recipeci.recipe.coverage import Coverage
from recipeci.run import marking, survival
from recipeci.run.markers import Markers
from recipeci.run.marking import Look, Place, Spot
from recipeci.run.survival import Exchanged, InSnapshot, Mark, is_intact

AT_ONCE = 4
"""So many markers are looked at at once; of more than cores there is little gain."""
STEADY_SECONDS = 20.0
"""So long a container may be replaced under our hands, and another one is asked."""

T = TypeVar("T")


class DataCanary:
    """The markers of one run in one stack.

    `notes` are sentences for the report. Not to be used from several threads.
    """

    def __init__(
        self, *, archive: Archive, stack: str, run_id: str, skip: Mapping[str, str] | None = None, clock: Clock
    ) -> None:
        """Take where the app runs; `skip` is `canary.skip` of recipe.yml: reasons by `service:/path`."""
        self._archive = archive
        self._markers = Markers(archive, run_id, clock)
        self._stack = stack
        self._skip = dict(skip or {})
        self._clock = clock
        self._marks: tuple[Mark, ...] = ()
        self._refused: dict[tuple[tuple[str, str, str], str], str] = {}
        self._backed_up: tuple[Mark, ...] = ()
        self._rows: tuple[Canary, ...] = ()
        self._mounts: dict[tuple[str, str], Spot] = {}
        """By service and path each mount that may keep data, with the volume that it had when last looked at."""
        self._told: tuple[Canary, ...] = ()
        """What happened outside of an op: for the rows of the next one."""
        self.notes: tuple[str, ...] = ()

    def plant(self, compose: Compose, coverage: Coverage) -> None:
        """Write a marker wherever one may be and is not yet; call it as soon as the app has settled.

        Raises WaitFailed if the containers are replaced again and again, HostError if Docker cannot be asked.
        """
        self._steady(lambda: self._plant(self._look(compose, coverage)))

    def before(self, op: Tier, compose: Compose, coverage: Coverage) -> None:
        """Read the markers back right before an op, after its hooks, and write those that new places need.

        Before a restore the marker of each place that was promised at the backup is edited, its second one deleted and
        a file added; nothing else is written then. A marker whose volume was exchanged meanwhile, or of which no
        container runs (nor comes up within `STEADY_SECONDS`), has a row of its own after the op. Raises what `plant`
        does, and OpFailed if what a restore must undo cannot be done.
        """
        self._steady(lambda: self._before(op, self._standing(compose, coverage)))

    def after(self, op: Tier, compose: Compose) -> tuple[Canary, ...]:
        """Return what an op did to the markers, and a row for each mount without one; call it once an op.

        A mount without a marker is told by its volume alone. Raises what `plant` does.
        """
        look, rows = self._steady(lambda: self._after(op, self._look(compose, Coverage(enabled=False))))
        self._accept(look)
        told, self._told = self._told, ()
        return rows + told

    def expected_in_snapshot(self) -> tuple[InSnapshot, ...]:
        """Return each file of ours that the newest snapshot must hold; known once `before` a backup was called."""
        return tuple(
            InSnapshot(mark.place.volume, str(PurePosixPath(mark.place.folder, name)), mark.content, mark.place)
            for mark in self._backed_up
            for name in (mark.name, mark.second)
        )

    def _steady(self, action: Callable[[], T]) -> T:
        """Do something with the containers that run, again from the start if one of them is replaced meanwhile."""
        done: list[T] = []

        def attempt() -> bool:
            try:
                done.append(action())
            except ContainerGoneError:
                return False
            return True

        until(
            attempt,
            bool,
            what="markers of the data canary",
            clock=self._clock,
            timeout=STEADY_SECONDS,
            describe=lambda ok: "" if ok else "a container was replaced",
            successes=1,
        )
        return done[-1]

    def _look(self, compose: Compose, coverage: Coverage) -> Look:
        return Look(self._stack, compose, coverage, self._archive.containers(self._stack), self._skip)

    def _standing(self, compose: Compose, coverage: Coverage) -> Look:
        """Look until a container runs of each marker that is still declared, or the wait is over."""

        def missing(look: Look) -> list[str]:
            return sorted({mark.place.service for mark in self._marks if _is_down(mark.place, look)})

        try:
            return until(
                lambda: self._look(compose, coverage),
                lambda look: not missing(look),
                what="containers with markers of the data canary",
                clock=self._clock,
                timeout=STEADY_SECONDS,
                describe=lambda look: ", ".join(missing(look)),
                successes=1,
            )
        except WaitFailed:
            return self._look(compose, coverage)  # each marker of theirs gets its row: `_check`

    def _plant(self, look: Look) -> None:
        """Write what is missing, forget what is no place any more, and keep a row for each mount without a marker."""
        self._meanwhile(look)
        spots = marking.spots(look)
        made = [one for spot in spots.spots for one in self._marked(spot, look)]
        unseen = [mark for mark in self._marks if _is_down(mark.place, look)]
        self._marks = (*(one for one in made if isinstance(one, Mark)), *unseen)
        self._rows = (*spots.rows, *(one for one in made if isinstance(one, Canary)))
        self._mounts |= {_mount(spot.root): spot for spot in spots.spots}
        self.notes = spots.notes

    def _meanwhile(self, look: Look) -> None:
        """Tell of each mount whose volume was exchanged since it was last looked at: no op of ours did that."""
        for spot in self._mounts.values():
            change = self._new_volume(spot, look)
            if change is None or _is_down(spot.root, look):
                continue
            lost = [mark.place for mark in self._marks if _mount(mark.place) == _mount(spot.root)]
            for place in lost or [spot.root]:
                row = survival.exchanged(
                    dataclasses.replace(change, place=place, marked=bool(lost)), when="outside of any op"
                )
                self._told += (row,) if row else ()
            self._marks = tuple(mark for mark in self._marks if mark.place not in lost)
        self._accept(look)

    def _accept(self, look: Look) -> None:
        """Keep what each mount has now, once what it had has been judged."""
        for mount, spot in list(self._mounts.items()):
            if _is_down(spot.root, look):
                continue
            if (volume := look.volume(spot.root)) is None:
                del self._mounts[mount]
            else:
                self._mounts[mount] = dataclasses.replace(spot, root=dataclasses.replace(spot.root, volume=volume))

    def _new_volume(self, spot: Spot, look: Look) -> Exchanged | None:
        """Return what became of a mount's volume; None if it is the same."""
        place, now = spot.root, look.volume(spot.root)
        seen = any(marking.same_volume(place, look))
        cache = marking.is_key_value(place, spot.declared)
        return None if now == place.volume else Exchanged(place, now, cache=cache, seen=seen)

    def _marked(self, spot: Spot, look: Look) -> Iterator[Mark | Canary]:
        """Give the markers of a mount: in the directories that are promised, or else in its root."""
        made = [(place, self._mark(place, spot, look)) for place in spot.folders]
        if not any(isinstance(one, Mark) for _, one in made):
            made.append((spot.root, self._mark(spot.root, spot, look)))
        for place, one in made:
            yield one if isinstance(one, Mark) else place.without_marker(one)

    def _mark(self, place: Place, spot: Spot, look: Look) -> Mark | str:
        """Return the marker of a place, written now if it has none; or why there can be none."""
        if why := self._refused.get((place.key, place.volume)):
            return why
        if old := next((mark for mark in self._marks if _same(mark.place, place)), None):
            return dataclasses.replace(old, place=place)
        seen = self._markers.folder(place, look, names=marking.DATABASE_FILES)
        why = marking.refusal(place, seen, declared=spot.declared, coverage=look.coverage)
        return self._markers.write(place, seen, look) if isinstance(seen, Folder) and not why else why

    def _before(self, op: Tier, look: Look) -> None:
        if op is Tier.RESTORE:
            self._meanwhile(look)
            self._check(op, [mark for mark in self._marks if mark not in self._backed_up], look)
            _together(lambda mark: self._markers.change(mark, look), self._backed_up)
            return
        self._plant(look)
        self._check(op, self._marks, look)
        if op is Tier.BACKUP:
            self._backed_up = tuple(
                mark for mark in self._marks if mark.place.promised and not _is_down(mark.place, look)
            )

    def _check(self, op: Tier, marks: Sequence[Mark], look: Look) -> None:
        """Read markers back; what is not as it was written is the app's doing, since nothing has happened yet."""

        def stayed(mark: Mark) -> bool:
            names = (mark.name, mark.second) if op is Tier.BACKUP and mark.place.promised else (mark.name,)
            return all(is_intact(mark, self._markers.read(mark.place, name, look)) for name in names)

        down = [survival.not_read_back(mark.place, op) for mark in marks if _is_down(mark.place, look)]
        self._told += tuple(row for row in down if row not in self._told)
        there = [mark for mark in marks if not _is_down(mark.place, look)]
        for mark, has_stayed in zip(there, _together(stayed, there), strict=True):
            if not has_stayed:
                self._refused[mark.place.key, mark.place.volume] = marking.FOREIGN
                self._marks = tuple(one for one in self._marks if one != mark)
                self._rows = (*self._rows, mark.place.without_marker(marking.FOREIGN))

    def _after(self, op: Tier, look: Look) -> tuple[Look, tuple[Canary, ...]]:
        changed = self._backed_up if op is Tier.RESTORE else ()
        kept = [mark for mark in self._marks if mark not in changed]
        without = tuple(self._exchanged(op, look))
        better = {(row.service, row.path) for row in (*without, *self._told)}
        return look, (
            *map(survival.restored, _together(lambda mark: self._markers.restored(mark, look), changed)),
            *(survival.kept(sight, op=op) for sight in _together(lambda mark: self._markers.sight(mark, look), kept)),
            *(row for row in self._rows if (row.service, row.path) not in better),
            *without,
        )

    def _exchanged(self, op: Tier, look: Look) -> Iterator[Canary]:
        """Give a row for each mount without a marker that has another volume now: a database's is lost unseen."""
        marked = {_mount(mark.place) for mark in (*self._marks, *self._backed_up)}
        for mount, spot in self._mounts.items():
            change = self._new_volume(spot, look)
            if mount in marked or change is None:
                continue
            row = survival.exchanged(change, when=f"over the {op}")
            if row:
                yield survival.not_running(spot.root, op) if _is_down(spot.root, look) else row


def _together(action: Callable[[Mark], T], marks: Sequence[Mark]) -> tuple[T, ...]:
    """Do something with each marker, some at once: each is a few questions to Docker, one after the other."""
    with ThreadPoolExecutor(AT_ONCE, thread_name_prefix="canary") as pool:
        return tuple(pool.map(action, marks))


def _mount(place: Place) -> tuple[str, str]:
    return place.service, place.mount


def _is_down(place: Place, look: Look) -> bool:
    """Say whether a service is declared and no container of it runs."""
    return place.service in look.compose.services and look.running(place.service) is None


def _same(one: Place, other: Place) -> bool:
    return (one.key, one.volume) == (other.key, other.volume)
