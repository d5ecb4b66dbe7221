"""The bridge in a storm: comments lost, doubled, overtaken, a bad forge, both processes killed; and then all is right.

What is counted precisely: a run whose worker was killed is given out once more, so a comment may have two runs that
*began*; of those at most one is believed, and without a kill there is one. The double and its people are in `lab`.
"""

from __future__ import annotations

import logging
import math
import re
import signal
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from pathlib import Path

import pytest
from lab import bridgelab, fakerun
from lab.fakeforge.deliveries import Plan
from lab.fakeforge.faults import Fault
from lab.gitea import LabGitea
from lab.soak import storm
from lab.soak.judge import Row
from lab.soak.people import Wish
from lab.soak.storm import Size, Storm
from mutants import service
from mutants.mutant import Mutant
from recipeci.host.clock import SystemClock, until

log = logging.getLogger(__name__)
SERVE = (("serve",),)
LATE = {Fault.LATE: 0.1}
ANSWERS_LOST = {Fault.ERROR_AFTER: 0.15, Fault.CUT_AFTER: 0.15}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path


def weathered(folder: Path, size: Size, *, seed: int, mutant: Mutant | None = None) -> tuple[Storm, list[str]]:
    """Go through a storm; return it with what is not as it must be."""
    path = () if mutant is None else (mutant.make(folder / "mutant"),)
    with storm.storm(folder, size, seed=seed, python_path=path) as made:
        made.blow()
        return made, made.settle()


def check(storming: AbstractContextManager[Storm]) -> None:
    """Go through a storm after which everything must be right, and which was one."""
    with storming as made:
        size, seed = made.size, made.seed
        made.blow()
        wrong, evidence, told = made.settle(), made.evidence(), made.forge.told()
        assert wrong == [], f"seed {seed}: {len(wrong)} differences\n" + "\n".join(wrong[:40])
        delivered, asked = told["deliveries"], told["asked"]
        assert delivered["all"] >= size.deliveries
        assert abs(delivered["dropped"] / delivered["all"] - 0.3) < 3 / math.sqrt(delivered["all"])
        assert abs(sum(told["faults"].values()) / asked - 0.2) < 2 / math.sqrt(asked)
        assert made.killed == size.kills
        wished = [said for said in made.people.said if said.wish is Wish.RUN]
        assert len(evidence.requests) >= len(wished) > size.deliveries / 50
        log.info("%s; %d questions; %d wishes; %d runs", delivered, asked, len(wished), len(evidence.runs) // 2)


def test_a_storm(folder: Path, seed: int) -> None:
    check(storm.storm(folder, Size(deliveries=1000, kills=3, repositories=8, pulls=10), seed=seed))


def test_a_storm_over_the_real_gitea(gitea: LabGitea, folder: Path, seed: int) -> None:
    kinds = ("moving", "foreign", "closed", "cancelled")
    size = Size(deliveries=300, kills=3, repositories=2, pulls=6, talk=60, special=kinds)
    check(storm.real_storm(gitea, folder, size, seed=seed, timeout=3.0))


@pytest.mark.long
def test_a_long_storm(folder: Path, seed: int) -> None:
    check(storm.storm(folder, Size(deliveries=10_000, kills=20, talk=320, quiet=400), seed=seed))


CALM = Size(deliveries=250, kills=0, repositories=3, pulls=8, talk=5, plan=Plan(), faults={}, quiet=60)
"""Nothing is bad but what a mutant's control needs."""


def late(folder: Path, *, seed: int, mutant: Mutant | None = None) -> tuple[Sequence[Row], list[str]]:
    """Go through a storm of requests that are done when nobody waits for them any more; return its journal too."""
    path = () if mutant is None else (mutant.make(folder / "mutant"),)
    # So many pull requests that it is no chance whether one's comment is made late. A look that fails is in doubt in
    # its turn, and there is another one 20 s later.
    size = Size(**vars(CALM) | {"faults": LATE, "pulls": 30, "quiet": 90 if mutant else 300})
    with storm.storm(folder, size, seed=seed, python_path=path) as made:
        made.blow()
        wrong = made.settle()
        return made.evidence().journal, wrong


def test_what_the_forge_does_when_nobody_waits_for_it_any_more_is_put_right(folder: Path, seed: int) -> None:
    journal, wrong = late(folder, seed=seed)
    assert wrong == [], "\n".join(wrong[:40])
    assert {row["what"] for row in journal if row.get("late")} >= {"status", "comment made"}
    assert [row for row in journal if row["what"] == "comment deleted"]


def test_a_bridge_that_does_not_look_again_is_found(folder: Path, seed: int) -> None:
    _, wrong = late(folder, seed=seed, mutant=service.NOT_LOOKED_AGAIN)
    assert [one for one in wrong if re.search("says pending, and nothing goes on|2 comments of ours", one)], wrong


CONTROLS: dict[str, tuple[Mutant, Size, str]] = {
    "a comment that comes twice": (
        service.NO_UNIQUE_KEY,
        Size(**vars(CALM) | {"plan": Plan(repeated=0.5)}),
        # Two that wait at the same moment are decided by one statement, which finds two rows: nothing follows then.
        r"comment \d+ \(a wish.*\): (\d requests|no request)",
    ),
    "a bridge that is killed between end and outbox": (
        service.OUTBOX_LATER,
        Size(**vars(CALM) | {"kills": 9, "victims": SERVE}),
        r"request \d+ \(\w+\): final statuses \[\], expected \['\w+'\]",
    ),
    "a comment that is not told of the end": (
        service.NO_CARD_AT_THE_END,
        CALM,
        r"pull request \(\d+, \d+\): our comment does not begin with \w+ of run \d+, the newest",
    ),
    "an answer that is lost after a status": (
        service.NOT_BEGUN,
        Size(**vars(CALM) | {"faults": ANSWERS_LOST}),
        r"request \d+ \(\w+\): final statuses \['(\w+)', '\1'\], expected \['\1'\]",
    ),
    "an answer that is lost after a comment": (
        service.COMMENT_NOT_LOOKED_FOR,
        Size(**vars(CALM) | {"faults": ANSWERS_LOST}),
        r"pull request \(\d+, \d+\): 2 comments of ours",
    ),
    "a user who may write no more": (
        service.PERMISSION_CACHED,
        Size(**vars(CALM) | {"turned": 60}),
        r"comment \d+ \(a wish of whoever may no more\): request \d+, and nothing may follow from it",
    ),
    "a signature of other bytes": (
        service.SIGNED_AFTER_PARSING,
        Size(**vars(CALM) | {"plan": Plan(forged=0.5)}),
        r"a signed delivery was refused: 401|a forged delivery was taken: 202",
    ),
}


@pytest.mark.parametrize("control", CONTROLS)
def test_a_mistake_is_found_by(control: str, folder: Path, seed: int) -> None:
    mutant, size, expected = CONTROLS[control]
    _, wrong = weathered(folder, size, seed=seed, mutant=mutant)
    assert [one for one in wrong if re.fullmatch(rf"(?:{expected}).*", one, re.DOTALL)], "\n".join(wrong) or "nothing"


@pytest.fixture
def slept(folder: Path, seed: int) -> Callable[..., list[str]]:
    """A worker that sleeps through its lease in the middle of a run, while another one does that run."""

    def sleeps(mutant: Mutant | None = None) -> list[str]:
        path = () if mutant is None else (mutant.make(folder / "mutant"),)
        size = Size(**vars(CALM) | {"repositories": 1, "quiet": 240})
        held = folder / fakerun.HELD
        held.touch()
        with storm.storm(folder, size, seed=seed, python_path=path, slots=1, lease=15.0) as made:
            made.people.wish()
            _until(lambda: _jobs(made) == {"1.1": "running"})
            _until(lambda: bool(bridgelab.began(made.bridge.config)))
            _until(lambda: _falls_asleep(made))
            held.unlink()
            made.bridge.start("work", name="two")
            _until(lambda: _jobs(made) == {"1.1": "lost", "1.2": "ended"})
            made.bridge.signal("work one", signal.SIGCONT)
            woken = made.bridge.log("work one")
            _until(lambda: "counts for nothing" in woken.read_text() or _jobs(made)["1.1"] != "lost")
            return made.settle()

    return sleeps


def test_a_worker_that_slept_through_its_lease_changes_nothing(slept: Callable[..., list[str]]) -> None:
    assert slept() == []


def test_without_a_fence_two_workers_finish_one_run(slept: Callable[..., list[str]]) -> None:
    assert [one for one in slept(service.NO_FENCE) if one.startswith("request 1: 2 results")]


def _falls_asleep(made: Storm) -> bool:
    """Stop the first worker; False, and it goes on, if it held the database's lock: then all would sleep with it."""
    made.bridge.put_to_sleep("work one")
    if not (asleep := bridgelab.is_free(Path(made.bridge.config.database))):
        made.bridge.signal("work one", signal.SIGCONT)
    return asleep


def _jobs(made: Storm) -> dict[str, str]:
    return {row["key"]: row["state"] for row in storm.rows(made.bridge.config, "SELECT key, state FROM job")}


def _until(true: Callable[[], bool]) -> None:
    until(true, bool, what="the jobs", clock=SystemClock(), timeout=180, delay=0.02, successes=1)
