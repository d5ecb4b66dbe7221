"""service.worker, the embedded engine and the loop that follows, with real processes: a worker that dies or sleeps.

Its job is attempted once more; what a worker without its fence says and brings counts for nothing.
"""

from __future__ import annotations

import signal
from pathlib import Path

import pytest
from lab import bridgelab
from mutants.mutant import Mutant
from recipeci.service.model import End, JobState
from recipeci.service.store import jobs

from working import lab
from working.lab import Lab, Process, is_gone, soon


def test_a_killed_workers_run_dies_with_it_and_is_attempted_again(bridge: Lab) -> None:
    bridge.hold()
    worker = bridge.start()
    number = bridge.ask(1)
    pid = bridge.running(number)
    worker.kill()
    soon(lambda: is_gone(pid), what="the end of its run")
    bridge.release()
    bridge.start()
    seen = bridge.ended(number)
    assert (seen.end, seen.attempts) == (End.PASS, 2)
    assert bridge.state(number, 1) is JobState.LOST
    assert len(bridge.journal()) == 2


def test_a_request_whose_workers_die_twice_is_an_error_that_says_so(bridge: Lab) -> None:
    bridge.hold()
    number = bridge.ask(1)
    for attempt in (1, 2):
        worker = bridge.start()
        bridge.running(number, attempt)
        worker.kill()
    bridge.start()
    seen = bridge.ended(number)
    assert (seen.end, seen.attempts) == (End.ERROR, 2)
    assert seen.reason == "given up after 2 attempts: its worker was killed"


def test_another_worker_takes_over_once_the_lease_is_over(bridge: Lab) -> None:
    bridge.hold()
    worker = bridge.start("one")
    number = bridge.ask(1)
    bridge.running(number)
    worker.kill()
    bridge.release()
    bridge.start("two")
    bridge.lease_ends(number)
    seen = bridge.ended(number)
    assert (seen.end, seen.attempts) == (End.PASS, 2)


def test_a_worker_that_works_keeps_its_job_for_longer_than_a_lease(bridge: Lab) -> None:
    bridge.hold()
    bridge.start()
    number = bridge.ask(1)
    bridge.running(number)
    for _ in range(3):
        before = beats(bridge)
        bridge.leases.passed += 0.9 * lab.LEASE
        bridge.follow(lambda: beats(bridge), lambda seen, before=before: seen > before, what="another beat")  # type: ignore[misc]
        assert bridge.state(number) is JobState.RUNNING
    bridge.release()
    assert bridge.ended(number).attempts == 1


def beats(bridge: Lab) -> int:
    """Return how often the worker of the first job has said that it lives."""
    with bridge.database.reading() as tx:
        return int(tx.value("SELECT beat FROM job WHERE key = '1.1'"))


def falls_asleep(bridge: Lab, worker: Process) -> bool:
    """Stop a worker; False, and it goes on, if it held the database's lock: then all would sleep with it."""
    worker.signal(signal.SIGSTOP)
    soon(lambda: is_asleep(worker.started.pid), what="the worker's sleep")
    if not (asleep := bridgelab.is_free(bridge.folder / "db")):
        worker.signal(signal.SIGCONT)
    return asleep


def is_asleep(pid: int) -> bool:
    """Whether all of a process stands still: what a thread has begun in the kernel it still does after the signal."""
    threads = Path(f"/proc/{pid}/task").iterdir()
    return {(thread / "stat").read_text().rpartition(")")[2].split()[0] for thread in threads} == {"T"}


def sleeps_through_its_lease(bridge: Lab, *, mutant: Path | None = None) -> tuple[Process, int, int]:
    """Stop a worker in the middle of a run until its job was lost; return it, the request, and the run's process."""
    bridge.hold()
    sleeper = bridge.start("sleeper", mutant=mutant)
    number = bridge.ask(1)
    pid = bridge.running(number)
    soon(lambda: falls_asleep(bridge, sleeper), what="a moment in which it holds no lock")
    bridge.lease_ends(number)
    return sleeper, number, pid


def test_a_worker_that_slept_through_its_lease_ends_its_run_and_brings_nothing(bridge: Lab) -> None:
    sleeper, number, pid = sleeps_through_its_lease(bridge)
    assert not is_gone(pid)
    sleeper.signal(signal.SIGCONT)
    soon(lambda: is_gone(pid), what="the end of the run that is nobody's")
    soon(lambda: "it is no longer ours" in sleeper.log, what="the sleeper's word")
    assert bridge.journal("interrupted")
    assert bridge.state(number, 1) is JobState.LOST
    bridge.release()
    seen = bridge.ended(number)  # the sleeper is awake, and takes the second attempt as anybody may
    assert (seen.end, seen.attempts) == (End.PASS, 2)
    assert "no longer ours" not in bridge.log(number, 1)


def test_what_a_run_brings_whose_worker_slept_counts_for_nothing(bridge: Lab) -> None:
    bridge.order(code=1)
    sleeper, number, pid = sleeps_through_its_lease(bridge)
    bridge.release()  # its run comes to its own end, and fails
    soon(lambda: is_gone(pid), what="the end of its run")
    bridge.order(code=0)
    bridge.start("other")
    seen = bridge.ended(number)
    assert (seen.end, seen.attempts) == (End.PASS, 2)
    sleeper.signal(signal.SIGCONT)
    soon(lambda: "counts for nothing" in sleeper.log, what="the sleeper's word")
    assert (bridge.state(number, 1), bridge.state(number, 2)) == (JobState.LOST, JobState.ENDED)
    assert bridge.request(number) == seen


NO_FENCE = Mutant(
    "no fence",
    "a worker's result counts whoever the job belongs to by now: two workers finish one request",
    file="service/store/jobs.py",
    old="""ended = ? WHERE key = ? AND fence = ? AND state = 'running'",
        json.dumps(dataclasses.asdict(result)),
        now,
        key,
        fence,
""",
    new="""ended = ? WHERE key = ?",
        json.dumps(dataclasses.asdict(result)),
        now,
        key,
""",
)
DEAF = Mutant(
    "no beat is answered",
    "a worker is not told that its job is no longer its own: its run goes on beside the second attempt",
    file="service/store/jobs.py",
    old="beat = beat + 1 WHERE key = ? AND fence = ? AND state = 'running'",
    new="beat = beat + 1 WHERE key = ? AND fence = ?",
)


def test_without_the_fence_two_workers_finish_one_request(bridge: Lab, tmp_path: Path) -> None:
    """Negative control of the test above."""
    mutant = NO_FENCE.make(tmp_path / "mutant")
    bridge.order(code=1)
    sleeper, number, pid = sleeps_through_its_lease(bridge, mutant=mutant)
    bridge.release()
    soon(lambda: is_gone(pid), what="the end of its run")
    bridge.order(code=0)
    bridge.start("other")
    bridge.ended(number)
    sleeper.signal(signal.SIGCONT)
    soon(lambda: bridge.state(number, 1), lambda seen: seen is JobState.ENDED, what="the second result")
    assert bridge.state(number, 2) is JobState.ENDED


def test_a_worker_that_is_not_told_of_its_loss_lets_the_run_go_on(bridge: Lab, tmp_path: Path) -> None:
    """Negative control: the lost run is ended because the beat says no."""
    sleeper, _, pid = sleeps_through_its_lease(bridge, mutant=DEAF.make(tmp_path / "mutant"))
    before = beats(bridge)
    sleeper.signal(signal.SIGCONT)
    soon(lambda: beats(bridge) > before + 5, what="beats that nobody wants")
    assert not is_gone(pid)
    assert not bridge.journal("interrupted")


@pytest.mark.parametrize("attempt", range(3))
def test_a_worker_that_is_killed_at_any_moment_loses_no_request(bridge: Lab, attempt: int, seed: int) -> None:
    """Runs that take no time, and a worker that dies in the middle of their beginnings and ends."""
    numbers = [bridge.ask(n) for n in range(1, 13)]
    kills = 2 + (seed + attempt) % 3
    for kill in range(1, kills + 1):
        worker = bridge.start(slots=2)
        wanted = kill * 12 // (kills + 2)
        bridge.follow(lambda: len(bridge.journal()), lambda n, w=wanted: n >= w, what="some runs")  # type: ignore[misc]
        worker.kill()
    bridge.start(slots=2)
    for number in numbers:
        seen = bridge.ended(number)
        assert seen.end is End.PASS or "given up after 2 attempts" in seen.reason
        assert seen.attempts <= 2
    assert len(bridge.journal("ended")) >= sum(bridge.request(number).end is End.PASS for number in numbers)


def test_what_a_killed_workers_run_has_printed_is_withheld(bridge: Lab) -> None:
    """Nobody has looked for secrets in it, and nobody will."""
    bridge.order(prints=["the password is hunter2"])
    bridge.hold()
    worker = bridge.start()
    number = bridge.ask(1)
    bridge.running(number)
    soon(lambda: "hunter2" in bridge.log(number), what="the log")
    worker.kill()
    bridge.release()
    bridge.start()
    bridge.ended(number)
    assert bridge.log(number, 1) == jobs.WITHHELD
    assert "hunter2" in bridge.log(number, 2)
