"""The only place that gives images to cells: made, pulled or kept in one folder, and lent layer by layer."""

from __future__ import annotations

import contextlib
import shutil
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from recipeci.errors import HostError
from recipeci.host import closure
from recipeci.host.clock import Clock
from recipeci.host.closure import Closure
from recipeci.host.command import Runner
from recipeci.host.engine import DockerPrograms
from recipeci.host.store import bot, clone, daemon, entries, filesystem, locks, marks, proxy, removal
from recipeci.host.store.build import Builder
from recipeci.host.store.daemon import Docker
from recipeci.host.store.entries import Entries, Entry
from recipeci.host.store.layout import Layout
from recipeci.host.store.made import Made, bases_of
from recipeci.host.store.own import Own, Sources
from recipeci.host.store.pulling import Pull, Pulling
from recipeci.host.store.reference import Reference
from recipeci.host.store.registry import Found, Registries
from recipeci.model import ImageUsed, LayerMount, Program

__all__ = ["Lending", "Store"]

LOCK_SECONDS = 7200
"""For the run before us, which may be building."""
IMAGE_LOCK_SECONDS = 60
RECENT_SECONDS = 3600
Say = Callable[[str], None]


@dataclass(frozen=True)
class Lending:
    """What a cell got: the mounts that its init must make, the images by id, and the descriptors of their locks."""

    mounts: tuple[LayerMount, ...]
    images: tuple[ImageUsed, ...]
    fds: tuple[int, ...]


@dataclass(frozen=True)
class Todo:
    """What must be done before the images are all there: pulled, then made in this order."""

    pulls: tuple[Pull, ...]
    entries: tuple[Entry, ...]


class Store:
    """The images that cells start from, in one folder; a dockerd runs on it only while something is filled or removed.

    One object serves one run: it remembers which registries were silent and which images the run was given.
    """

    def __init__(
        self,
        folder: Path,
        *,
        programs: DockerPrograms,
        runner: Runner,
        clock: Clock,
        env: Mapping[str, str] | None = None,
        registries: Registries | None = None,
        own: Closure = closure.OWN,
        needed_bytes: int = filesystem.NEEDED_BYTES,
    ) -> None:
        """Name the folder; it is made when something is filled.

        Args:
            folder: the store's.
            programs: Docker's.
            runner: for commands on the host.
            clock: for waiting and for ages.
            env: the machine's proxy and certificate variables, for whatever has its network.
            registries: who is asked for digests.
            own: what our own parts may be made from.
            needed_bytes: with less free space nothing is begun.
        """
        self.folder = folder.absolute()
        if self.folder.is_relative_to("/run"):  # where the store's dockerd has a /run of its own
            raise HostError(f"{self.folder} is in /run, which cannot hold images", hint=filesystem.HINT)
        self._programs, self._runner, self._clock = programs, runner, clock
        self._env, self._needed = dict(env or {}), needed_bytes
        self._own = Sources(own, runner)
        self._layout = Layout(self.folder / "data")
        self._made = Made(self.folder / "made", self._layout)
        self._pulling = Pulling(self._layout, registries or Registries(), clock)
        self._ensured: dict[str, str] = {}  # name → image id: another run may give the name to another image meanwhile

    def ensure(self, refs: Sequence[str], *, images: Path | None, say: Say) -> None:
        """Have all these images in the store.

        Args:
            refs: names as compose files have them.
            images: a folder with an images.yml, whose entries win over registries.
            say: told in one line what takes longer, and which images could not be compared with a registry.

        Raises:
            UsageError: a name or images.yml is wrong.
            HostError: an image is neither made, nor pulled, nor in the store; no room; a file system that cannot do it.
        """
        filesystem.check_room(self.folder, needed=self._needed)
        wanted = tuple(Reference.parse(ref) for ref in refs)
        known = entries.read(images) if images is not None else Entries()
        todo = self._todo(wanted, known, say)
        if todo.pulls or todo.entries:
            with self._alone(say) as lock_fd:
                still = self._still(todo, known, wanted)
                self._fill(still, digests=self._made.digests(known.entries), lock_fd=lock_fd, say=say)
        for ref in wanted:
            self._keep(ref)

    def ensure_proxy(self, ref: str | None, *, images: Path | None, say: Say) -> tuple[str, Program]:
        """Have an image of Traefik: the one given, else Co-op Cloud's where a registry answers, else ours.

        Returns its name and what it is. Raises as `ensure` does; HostError with the three ways if none can be had.
        """
        chosen = Reference.parse(ref or proxy.COOPCLOUD)
        if ref is None and not self._is_published(chosen, ours=self._own.has_proxy):
            return self._have(self._own.proxy(), say)
        self.ensure([str(chosen)], images=images, say=say)
        return str(chosen), Program("Traefik", proxy.version_of(self._layout.config(self._ensured[chosen.key]), chosen))

    def ensure_bot(self, ref: str | None, *, images: Path | None, say: Say) -> tuple[str, Program]:
        """Have an image of a backup bot: the one given, else Co-op Cloud's where a registry answers, else ours.

        Returns and raises as `ensure_proxy` does.
        """
        chosen = Reference.parse(ref or bot.COOPCLOUD)
        if ref is None and not self._is_published(chosen, ours=self._own.has_bot):
            return self._have(self._own.bot(), say)
        self.ensure([str(chosen)], images=images, say=say)
        version = proxy.version_of(self._layout.config(self._ensured[chosen.key]), chosen)
        return str(chosen), Program("backup-bot-two", version)

    @contextlib.contextmanager
    def lend(self, refs: Sequence[str], *, data_root: Path) -> Iterator[Lending]:
        """Give images to a fresh data root while the block runs, and keep them from removal as long.

        Args:
            refs: names that `ensure` was given.
            data_root: a folder without images; small files are written and marked layers copied into it.

        Raises:
            HostError: an image is not (or no longer) in the store.
        """
        wanted = [(ref, self._ensured.get(ref.key) or self._id_of(ref)) for ref in map(Reference.parse, refs)]
        with contextlib.ExitStack() as stack:
            images = dict.fromkeys(image for _, image in wanted)
            fds = [stack.enter_context(self._borrowed(image)) for image in images]
            for _, image in wanted:
                self._note_marks(image)
            new = Layout(data_root.absolute())
            mounts = clone.clone(self._layout, new, images=wanted, marks=self.folder / "marks", runner=self._runner)
            used = [ImageUsed(text, f"sha256:{image}") for text, (_, image) in zip(refs, wanted, strict=True)]
            yield Lending(mounts, tuple(used), tuple(fds))

    def prune(self, keep_bytes: int, *, say: Say) -> removal.Removed:
        """Remove images without a name, then what was used longest ago, until `keep_bytes` are not exceeded.

        Tars of base systems go before images. What was used within RECENT_SECONDS stays: a run may be about to lend it.
        What is lent to a running cell is skipped, and named in the answer.
        """
        rule = removal.Rule(keep_bytes, before=self._clock.epoch() - RECENT_SECONDS)
        shelf = removal.Shelf(self._layout, self.folder / "tars", self._locks)
        if shelf.is_within(rule):
            return removal.Removed()
        with self._alone(say) as lock_fd, self._dockerd(lock_fd) as docker:
            return removal.thin_out(docker, shelf, rule)

    @staticmethod
    def temporary_places(folder: Path) -> tuple[Path, ...]:
        """Return where the store in a folder makes what it has for a while (`temporary.folder`)."""
        return folder, folder / "work", folder / "marks"

    @property
    def _locks(self) -> Path:
        return self.folder / "locks"

    def _todo(self, wanted: Sequence[Reference], known: Entries, say: Say) -> Todo:
        """Compare what is wanted with what is there; asks registries, changes nothing."""
        stale = self._stale(known, wanted)
        named = [ref for ref in wanted if known.get(ref) is None]
        bases = [base for entry in stale for base in bases_of(entry) if known.get(base) is None]
        named += [base for base in bases if self._layout.id_of(base) is None]
        pulls = (self._pulling.decide(ref, say=say) for ref in dict.fromkeys(named))
        return Todo(tuple(pull for pull in pulls if pull is not None), stale)

    def _stale(self, known: Entries, wanted: Sequence[Reference]) -> tuple[Entry, ...]:
        return self._made.stale(known.needed(wanted), wanted={ref.key for ref in wanted})

    def _still(self, todo: Todo, known: Entries, wanted: Sequence[Reference]) -> Todo:
        """Leave out what another run has done while we waited for the lock."""
        pulls = tuple(pull for pull in todo.pulls if not self._pulling.is_done(pull))
        return Todo(pulls, self._stale(known, wanted))

    def _fill(self, todo: Todo, *, digests: Mapping[str, str], lock_fd: int, say: Say) -> None:
        if not (todo.pulls or todo.entries):
            return
        with self._dockerd(lock_fd) as docker:
            for pull in todo.pulls:
                with self._told(pull.image, "pulled", say):
                    self._pulling.carry_out(pull, docker)
            for entry in todo.entries:
                made_from = digests[entry.image.key]
                with self._told(entry.image, "made", say):
                    self._builder(docker).make(entry, digest=made_from)
                self._made.note(entry.image, made_from=made_from)

    def _is_published(self, ref: Reference, *, ours: bool) -> bool:
        """Return True if a registry has it; an earlier run's is better than none where `ours` cannot be made either."""
        kept = self._layout.id_of(ref) is not None and not ours
        return kept or self._pulling.registries.ask(ref).found is Found.YES

    def _have(self, own: Own, say: Say) -> tuple[str, Program]:
        """Have an image of our own; return its name and what it is."""
        filesystem.check_room(self.folder, needed=self._needed)
        if not self._made.is_fresh(own.image, made_from=own.made_from):
            with self._alone(say) as lock_fd, self._told(own.image, own.what, say):
                if not self._made.is_fresh(own.image, made_from=own.made_from):  # another run may have, as we waited
                    with self._dockerd(lock_fd) as docker:
                        own.make(self._builder(docker))
                    self._made.note(own.image, made_from=own.made_from)
        self._keep(own.image)
        return str(own.image), own.program

    def _builder(self, docker: Docker) -> Builder:
        return Builder(docker, self._runner, tars=self.folder / "tars", work=self.folder / "work", env=self._env)

    def _keep(self, ref: Reference) -> None:
        """Remember which image the run was given, and look at its layers now, not when a cell waits for them."""
        self._ensured[ref.key] = self._id_of(ref)
        locks.note_use(self._locks / self._ensured[ref.key])
        self._note_marks(self._ensured[ref.key])

    def _id_of(self, ref: Reference) -> str:
        image = self._layout.id_of(ref)
        if image is None:
            raise HostError(f"image unavailable: the image store does not have {ref}")
        return image

    def _note_marks(self, image: str) -> None:
        layers = self._layout.layers(image)
        diffs = [(layer.cache_id, self._layout.content_folder(layer.cache_id) / "diff") for layer in layers]
        marks.record(self.folder / "marks", diffs=diffs)

    def _borrowed(self, image: str) -> contextlib.AbstractContextManager[int]:
        return locks.shared(self._locks / image, clock=self._clock, timeout=IMAGE_LOCK_SECONDS)

    @contextlib.contextmanager
    def _alone(self, say: Say) -> Iterator[int]:
        """Hold the store's lock (its descriptor is yielded): one run fills it at a time. A killed one's rests go."""
        if not self._layout.images.exists():
            filesystem.check_folder(self.folder, runner=self._runner)
        self.folder.mkdir(parents=True, exist_ok=True, mode=0o700)

        def waiting() -> None:
            say("image store: another run is filling it, waiting")

        lock = self.folder / "lock"
        with locks.exclusive(lock, clock=self._clock, timeout=LOCK_SECONDS, waiting=waiting) as lock_fd:
            work = self.folder / "work"
            shutil.rmtree(work, ignore_errors=True)
            work.mkdir()
            yield lock_fd

    def _dockerd(self, lock_fd: int) -> contextlib.AbstractContextManager[Docker]:
        return daemon.running(
            self.folder,
            programs=self._programs,
            runner=self._runner,
            clock=self._clock,
            lock_fd=lock_fd,
            env=self._env,
        )

    @contextlib.contextmanager
    def _told(self, image: Reference, done: str, say: Say) -> Iterator[None]:
        """Say that something long begins, and when it is done how long it took."""
        began = self._clock.monotonic()
        say(f"image {image}: being {done} …")
        yield
        say(f"image {image}: {done} in {self._clock.monotonic() - began:.0f} s")
