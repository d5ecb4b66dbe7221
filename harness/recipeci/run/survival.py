"""The only place that judges whether what the data canary wrote outlived an op. Pure: from what was read to rows.

An upgrade must leave each marker as it was, where the new task of the same service looks for it. A restore must undo
what was done to markers after the backup, in everything that the labels promise; the rest it must not lose.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from recipeci.host.archived import File, NotThere, Other
from recipeci.model import Canary, Outcome, TestResult, Tier
from recipeci.run.marking import Place, is_anonymous, volume_words

OWNER_READS = 0o400
SAY_SO = "say so in recipe.yml (canary.skip)"
ANEW = "it is an anonymous volume, which each new task gets anew: the recipe must name it"
WORST_FIRST = (Outcome.ERROR, Outcome.FAIL, Outcome.UNVERIFIED, Outcome.PASS, Outcome.SKIP)

Read = File | Other | NotThere


@dataclass(frozen=True)
class Mark:
    """What was written at a place: the file's name, its content and its owner."""

    place: Place
    name: str
    content: bytes
    uid: int
    gid: int

    @property
    def second(self) -> str:
        """The name of the second marker, with the same content: what is deleted after the backup."""
        return f"{self.name}-second"

    @property
    def added(self) -> str:
        """The name of the file that is added after the backup."""
        return f"{self.name}-added"

    @property
    def edited(self) -> bytes:
        """What the first marker holds after the backup."""
        return b"edited after the backup\n" + self.content


@dataclass(frozen=True)
class Elsewhere:
    """Another mount at which a marker's volume is seen with the marker intact."""

    service: str
    path: str


@dataclass(frozen=True)
class Sight:
    """What was found of a marker after an op, as the task that runs now sees it.

    `volume` is what is mounted at its place, None if the task has no mount there (or there is no task). `declared` is
    whether the compose file still names the service.
    """

    mark: Mark
    found: Read
    volume: str | None
    running: bool
    declared: bool
    elsewhere: tuple[Elsewhere, ...] = ()


@dataclass(frozen=True)
class Exchanged:
    """A mount that has not its volume any more, or of which nothing runs.

    `place` has the volume that it had, `now` is what is mounted there (None for no mount). `marked` is whether a marker
    was in it, `cache` whether it is a key-value store's, `seen` whether another mount of what runs has its volume.
    """

    place: Place
    now: str | None
    marked: bool = False
    cache: bool = False
    seen: bool = False


@dataclass(frozen=True)
class Restored:
    """What was found after a restore at a promised place: both markers, whether the added file is still there.

    `owner` is the directory's owner and group now.
    """

    mark: Mark
    first: Read
    second: Read
    added: bool
    owner: tuple[int, int] | None = None


@dataclass(frozen=True)
class InSnapshot:
    """One file that a snapshot must hold: of a volume by Docker's name, its path below the volume's root, its bytes."""

    volume: str
    path: str
    content: bytes
    place: Place


def is_intact(mark: Mark, found: Read) -> bool:
    """Say whether what was read is the marker, to the byte."""
    return isinstance(found, File) and found.content == mark.content


def kept(sight: Sight, *, op: Tier) -> Canary:
    """Judge one marker after an op that must not change data."""
    place, volume = sight.mark.place, sight.volume
    if is_intact(sight.mark, sight.found):
        moved = "" if volume == place.volume else f"the volume was {_of(place)}, now {volume_words(volume or '')}"
        return place.row(Outcome.PASS, f"{moved}; the data was carried over" if moved else "")
    if seen := _followed(sight):
        return place.row(Outcome.PASS, f"its volume {_of(place)} is now seen by {seen.service} at {seen.path}")
    if sight.declared and not sight.running:
        return not_running(place, op)
    return place.row(Outcome.FAIL, f"{_where(place)}: {_lost(sight, op)}")


def not_running(place: Place, op: Tier) -> Canary:
    """Return the row of a place of which no container runs after an op."""
    return place.row(Outcome.UNVERIFIED, f"{_where(place)}: no container runs after the {op}: nothing to look into")


def not_read_back(place: Place, op: Tier) -> Canary:
    """Return the row of a marker of which no container runs right before an op."""
    why = f"no container runs before the {op}: the marker could not be read back"
    return place.row(Outcome.UNVERIFIED, f"{_where(place)}: {why}")


def exchanged(change: Exchanged, *, when: str) -> Canary | None:
    """Judge a mount without a readable marker whose volume was exchanged; None if nothing is lost by it.

    What is in an anonymous volume of a key-value store is a cache. What is in another anonymous volume than before is
    lost: each new task gets an empty one. Of a named one, whether the data was carried over cannot be seen.
    """
    place, now = change.place, change.now
    if (change.cache and is_anonymous(place.volume)) or (now is None and change.seen):
        return None
    new = volume_words(now) if now else "no mount"
    what = f"{_where(place)}: {when} the volume was exchanged: it was {_of(place)}, now {new}"
    if now and is_anonymous(now):
        return place.row(Outcome.FAIL, f"{what}; {ANEW}")
    if change.marked:
        return place.row(Outcome.FAIL, what)
    unseen = "" if now else ", and nothing else sees it"
    return place.row(Outcome.UNVERIFIED, f"{what}{unseen}; whether its data was carried over was not seen")


def restored(seen: Restored) -> Canary:
    """Judge one promised place after the restore: the edit is undone, the deleted marker is back and can be used."""
    wrong = [why for why in (_edited(seen), _deleted(seen)) if why]
    note = "the file that was added after the backup is still there" if seen.added else ""
    place = seen.mark.place
    if not wrong:
        return place.row(Outcome.PASS, note)
    return place.row(Outcome.FAIL, f"{_where(place)} (volume {_of(place)}): " + "; ".join(wrong))


def in_snapshot(wanted: Iterable[InSnapshot], found: Mapping[tuple[str, str], int | None]) -> tuple[Canary, ...]:
    """Judge what a snapshot holds of our markers: one row a place.

    `found` has by (volume, path) the number of bytes (the restore shows the content), or None for a file that is not in
    the snapshot; it must answer for each. Raises KeyError if it does not: what was not looked for is not missing.
    """
    wrong: dict[Place, list[str]] = {}
    for one in wanted:
        if why := _not_held(one, found[one.volume, one.path]):
            why = f"{one.path} of volume {volume_words(one.volume)} {why}"
        wrong.setdefault(one.place, []).extend([why] if why else [])
    return tuple(
        place.row(Outcome.FAIL, f"{_where(place)}: {'; '.join(why)}") if why else place.row(Outcome.PASS)
        for place, why in wrong.items()
    )


def tests(rows: Iterable[Canary], *, what: str) -> tuple[TestResult, ...]:
    """Return rows as measurements of the harness, named by what was measured; only what is not well has a message."""
    return tuple(
        TestResult(
            f"harness::{what} {row.service}:{row.path}",
            row.outcome,
            message="" if row.outcome is Outcome.PASS else row.reason,
        )
        for row in rows
    )


def merged(ops: Iterable[tuple[Tier, Sequence[Canary]]]) -> tuple[Canary, ...]:
    """Return one row a place for the report: the worst outcome of all ops, each reason with its op, the same ones once.

    What took no marker in one op and passed in another has passed.
    """
    found: dict[tuple[str, str], list[tuple[Tier, Canary]]] = {}
    for op, rows in ops:
        for row in rows:
            found.setdefault((row.service, row.path), []).append((op, row))
    return tuple(_merged(rows) for rows in found.values())


def _merged(rows: Sequence[tuple[Tier, Canary]]) -> Canary:
    last = rows[-1][1]
    worst = next(outcome for outcome in WORST_FIRST if any(row.outcome is outcome for _, row in rows))
    reasons: dict[str, list[str]] = {}
    for op, row in rows:
        if row.reason:
            reasons.setdefault(row.reason, []).append(str(op))
    said = [reason if len(ops) == len(rows) else f"{', '.join(ops)}: {reason}" for reason, ops in reasons.items()]
    return Canary(last.service, last.path, last.volume, worst, "; ".join(said))


def _followed(sight: Sight) -> Elsewhere | None:
    """Return where the data is now seen, if that is as good: the service's own mounts first.

    A service that still has a mount at the same path must find its data there: that it, or another one, sees the old
    volume at another path does not help what looks for it at this one.
    """
    if sight.volume is not None:
        return None
    own = [one for one in sight.elsewhere if one.service == sight.mark.place.service]
    return next(iter((*own, *sight.elsewhere)), None)


def _lost(sight: Sight, op: Tier) -> str:
    """Say what became of a marker that is not as it was."""
    place, volume = sight.mark.place, sight.volume
    if volume is None:
        what = "mount" if sight.declared else "service"
        unseen = f"after the {op} there is no such {what}, and nothing else sees the volume {_of(place)}"
        return f"{unseen}; if that is meant, {SAY_SO}"
    if isinstance(sight.found, File):
        return f"the marker written before the {op} has other content"
    if isinstance(sight.found, Other):
        return f"the marker written before the {op} is {sight.found.kind} now"
    gone = f"the marker written before the {op} is gone; "
    if volume == place.volume:
        return f"{gone}the volume is {_of(place)} as before; if the app deletes files that it does not know, {SAY_SO}"
    if is_anonymous(place.volume) and is_anonymous(volume):
        return f"{gone}{ANEW}"
    return f"{gone}volume was {_of(place)}, now {volume_words(volume)}"


def _not_held(wanted: InSnapshot, held: int | None) -> str:
    if held is None:
        return "is not in the snapshot"
    return f"has {held} bytes in the snapshot, not {len(wanted.content)}" if held != len(wanted.content) else ""


def _edited(seen: Restored) -> str:
    found = seen.first
    if is_intact(seen.mark, found):
        return ""
    if isinstance(found, File) and found.content == seen.mark.edited:
        return "what was edited after the backup was not put back"
    return f"the marker that was edited after the backup {_is_now(found)}"


def _deleted(seen: Restored) -> str:
    """Say what is wrong with the marker that was deleted: not back, or back so that its owner cannot read it."""
    found = seen.second
    if isinstance(found, NotThere):
        return "what was deleted after the backup did not come back"
    if not isinstance(found, File) or not is_intact(seen.mark, found):
        return f"the marker that was deleted after the backup {_is_now(found)}"
    owner, was = (found.uid, found.gid), (seen.mark.uid, seen.mark.gid)
    if owner not in (was, seen.owner):
        return f"what came back belongs to {found.uid}:{found.gid} and belonged to {was[0]}:{was[1]}"
    if not found.mode & OWNER_READS:
        return f"what came back cannot be read by its owner (mode {found.mode:o})"
    return ""


def _is_now(found: Read) -> str:
    if isinstance(found, NotThere):
        return "is gone"
    return "has other content" if isinstance(found, File) else f"is {found.kind} now"


def _where(place: Place) -> str:
    return f"service {place.service}, {place.path}"


def _of(place: Place) -> str:
    return volume_words(place.volume)
