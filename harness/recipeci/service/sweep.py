"""The only place that sweeps: a run of every enrolled repository's newest version, because their images change too.

What was expected is counted before anything runs. A recipe of which nothing could be run is named and counts as
missing: a sweep that ran less than it should is no good news, however green it is (R-33). The forge is shown nothing.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from recipeci.errors import HostError, RecipeCIError
from recipeci.host import git
from recipeci.host.clock import Clock
from recipeci.host.command import Runner
from recipeci.host.credential import Credential
from recipeci.model import Settings, Tier
from recipeci.recipe.versions import Published, published
from recipeci.report.text import one_line
from recipeci.service import alone as lock
from recipeci.service.following import GRACE_SECONDS
from recipeci.service.model import Asked, End, Repository
from recipeci.service.setup import Bridge
from recipeci.service.statuses import page
from recipeci.service.store import Database, repositories, requests, sweeps
from recipeci.service.store.overview import Line

RED = frozenset({End.FAIL, End.UNVERIFIED})
LOOK_SECONDS = 0.2
REASON = 200
"""Characters of a reason that are printed."""
EXIT_WELL, EXIT_RED, EXIT_HOLLOW = 0, 1, 3

Newest = Callable[[Repository], Published | None]
"""Returns a repository's newest published version, None if it has none; raises RecipeCIError if nobody can tell."""


@dataclass(frozen=True)
class Candidate:
    """One enrolled repository: the version that is to run and what is asked for, or why nothing can."""

    repository: Repository
    version: str = ""
    asked: Asked | None = None
    why: str = ""

    def __str__(self) -> str:
        """Return how people know it."""
        return f"{self.repository.full_name} {self.version}".rstrip()


@dataclass(frozen=True)
class Outcome:
    """What became of one repository's newest version."""

    candidate: Candidate
    line: Line | None = None
    """Its request; None: there was none."""
    before: End | None = None
    """The verdict that it had the last time; None: it never had one."""

    @property
    def ran(self) -> bool:
        """Whether there is a verdict of it."""
        return self.line is not None and self.line.end in sweeps.VERDICTS

    @property
    def is_red(self) -> bool:
        """Whether it has a verdict that is not good."""
        return self.line is not None and self.line.end in RED

    @property
    def was_red(self) -> bool:
        """Whether it had one the last time."""
        return self.before in RED

    def described(self, url: str) -> str:
        """Return what became of it, and where to read on."""
        if self.line is None:
            return f"{self.candidate}: {self.candidate.why}"
        end = self.line.end.value if self.line.end else "it has not ended"
        reason = one_line(self.line.reason)[:REASON]
        more = f": {reason}" if reason and self.line.end is not End.PASS else ""
        return f"{self.candidate}: {end}{more} ({page(url, self.line.id)})"


@contextlib.contextmanager
def alone(database: Path) -> Iterator[None]:
    """Be the only sweep of a database until the end of the block.

    Raises:
        HostError: there is another one.
    """
    taken = HostError(f"another recipeci sweep uses {database}", hint="wait for its end")
    with lock.alone(database, "sweep", taken=taken):
        yield


@dataclass(frozen=True)
class Sweep:
    """One sweep.

    Attributes:
        bridge: what the operator set up.
        database: where requests are.
        clock: the time.
        newest: finds the version that is to run.
        say: prints a line.
        silence: seconds in which nothing in the whole queue moves, after which the sweep gives up; None: as long as a
            run may take.
    """

    bridge: Bridge
    database: Database
    clock: Clock
    newest: Newest
    say: Callable[[str], None]
    silence: float | None = None

    def candidates(self) -> tuple[Candidate, ...]:
        """Look up the newest version of every enrolled repository; nothing is stored yet."""
        with self.database.reading() as tx:
            enrolled = repositories.enrolled(tx)
        return tuple(self._candidate(repository) for repository in enrolled)

    def run(self, candidates: Sequence[Candidate], stop: Callable[[float], bool]) -> int | None:
        """Have all of them run, and tell what came of it.

        Args:
            candidates: all of which a run is expected.
            stop: waits so many seconds at most, and says whether the sweep is to end.

        Returns:
            0 if all ran and nothing turned red, 1 if something did, 3 if not all ran; None if it was stopped: then what
            has not ended is cancelled.
        """
        number, of_request = self._begin(candidates)
        lines = self._wait(number, of_request, stop)
        if lines is None:
            return None
        with self.database.reading() as tx:
            before = sweeps.verdicts_before(tx, number)
        by_repository = {of_request[line.id].repository.id: line for line in lines}
        return self._told(
            [Outcome(one, by_repository.get(one.repository.id), before.get(one.repository.id)) for one in candidates]
        )

    def _candidate(self, repository: Repository) -> Candidate:
        """Look up one, and say what was found."""
        try:
            found = self.newest(repository)
            asked = _asked(repository, found) if found else None
        except RecipeCIError as e:
            one = Candidate(repository, why=one_line(e.message)[:REASON])
        else:
            text = found.version.text if found else ""
            one = Candidate(repository, text, asked, why="" if found else "it has no published version")
        self.say(f"{one}: {one.why}" if one.why else f"{one}")
        return one

    def _begin(self, candidates: Sequence[Candidate]) -> tuple[int, Mapping[int, Candidate]]:
        """Ask for all runs at once; return the sweep's number, and of each request whose it is."""
        now = self.clock.epoch()
        of_request: dict[int, Candidate] = {}
        with self.database.writing() as tx:
            number = sweeps.open_one(tx, expected=len(candidates), now=now)
            by = f"sweep {number}"
            for one in candidates:
                if one.asked is not None:
                    home = one.repository.id
                    request = requests.open_one(tx, one.asked, repository=home, sweep=number, asked_by=by, now=now)
                    of_request[request] = one
        self.say(f"sweep {number}: {len(candidates)} expected, {len(of_request)} queued")
        return number, of_request

    def _wait(
        self, number: int, of_request: Mapping[int, Candidate], stop: Callable[[float], bool]
    ) -> tuple[Line, ...] | None:
        """Return the requests once all have their end; None if the sweep is to end before."""
        told: set[int] = set()
        waiting, moved, since = "", (0.0, 0.0), self.clock.monotonic()
        while True:
            with self.database.reading() as tx:
                lines, move = sweeps.lines(tx, number), sweeps.last_move(tx)
            self._tell(lines, of_request, told)
            still_open = [line for line in lines if line.end is None]
            if not still_open:
                return lines
            if (now := _waiting(still_open)) != waiting:
                self.say(waiting := now)
            if move != moved:
                moved, since = move, self.clock.monotonic()
            if self.clock.monotonic() - since > self._patience:
                self.say(f"nothing has begun or ended for {self._patience:.0f} s: the sweep gives up")
                self._cancel(still_open, why="the sweep gave up")
                return lines
            if stop(LOOK_SECONDS):
                self._cancel(still_open, why="the sweep was stopped")
                return None

    @property
    def _patience(self) -> float:
        return self.bridge.deadline_seconds + GRACE_SECONDS if self.silence is None else self.silence

    def _tell(self, lines: Sequence[Line], of_request: Mapping[int, Candidate], told: set[int]) -> None:
        """Tell of each request that has its end by now, once."""
        for line in lines:
            if line.end is not None and line.id not in told:
                told.add(line.id)
                self.say(f"[{len(told)}/{len(lines)}] {Outcome(of_request[line.id], line).described(self.bridge.url)}")

    def _cancel(self, lines: Sequence[Line], *, why: str) -> None:
        """Have nothing run any more for a sweep of which nobody reads the end."""
        with self.database.writing() as tx:
            for line in lines:
                requests.cancel(tx, line.id, why=why)

    def _told(self, outcomes: Sequence[Outcome]) -> int:
        """Print what came of it; return the exit code."""
        turned = [one for one in outcomes if one.is_red and not one.was_red]
        hollow = [one for one in outcomes if not one.ran]
        groups = {
            "turned red": turned,
            "still red": [one for one in outcomes if one.is_red and one.was_red],
            "green again": [one for one in outcomes if one.ran and one.was_red and not one.is_red],
            "not run": hollow,
        }
        self.say(f"{len(outcomes)} expected, {len(outcomes) - len(hollow)} ran")
        for words, found in groups.items():
            for one in found:
                self.say(f"{words}: {one.described(self.bridge.url)}")
        if not outcomes:
            self.say("no repository is enrolled: recipeci enroll OWNER/REPO")
        if hollow or not outcomes:
            return EXIT_HOLLOW
        return EXIT_RED if turned else EXIT_WELL


def newest_of(repository: Repository, *, runner: Runner, settings: Settings, bridge: Bridge) -> Published | None:
    """Return a repository's newest published version by asking its forge for the tags; None if it has none.

    The forge itself is shown the bridge's token if it wants a password: a private repository is swept too.

    Raises:
        UsageError: there is no such repository.
        HostError: it cannot be reached.
    """
    source = git.source_of(repository.clone_url, recipe=repository.recipe, forge=bridge.forge)
    tags = git.remote_tags(
        runner,
        source,
        path=settings.search_path,
        network=dict(settings.network_env),
        credential=Credential.of(bridge.forge, user="recipeci", token=bridge.token),
    )
    return next(reversed(published(tags)), None)


def _asked(repository: Repository, version: Published) -> Asked:
    """Return what is asked for: the version's commit. Its code is the repository's own, which the allowlist knows."""
    return Asked(
        recipe=repository.recipe,
        sha=version.commit.sha,
        stages=tuple(Tier),
        clone_url=repository.clone_url,
        head_url=repository.clone_url,
    )


def _waiting(lines: Sequence[Line]) -> str:
    """Say how far the rest has come, and why it does not go on."""
    running = sum(line.is_running for line in lines)
    why = sorted({line.waiting for line in lines if line.waiting})
    return f"{running} running, {len(lines) - running} queued" + (f" ({'; '.join(why)})" if why else "")
