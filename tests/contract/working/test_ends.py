"""service.worker with real processes: runs that are cancelled, and a worker that is stopped; each teardown is done."""

from __future__ import annotations

import os
import signal

import pytest
from recipeci.service.model import End, JobState
from recipeci.service.store import jobs, requests

from working.lab import CLOCK, Lab, is_gone, soon


def cancel(bridge: Lab, number: int) -> None:
    with bridge.database.writing() as tx:
        assert requests.cancel(tx, number, why="cancelled by alice")


def test_a_queued_run_that_is_cancelled_never_begins(bridge: Lab) -> None:
    bridge.hold()
    bridge.start()
    bridge.running(bridge.ask(1))
    number = bridge.ask(2)
    bridge.follow(lambda: bridge.state(number), what="the queue")
    cancel(bridge, number)
    seen = bridge.ended(number)
    assert (seen.end, seen.reason) == (End.CANCELLED, "cancelled by alice")
    assert bridge.state(number) is JobState.WITHDRAWN
    assert len(bridge.journal()) == 1


def test_a_run_that_goes_on_is_ended_as_by_ctrl_c_and_its_teardown_is_waited_for(bridge: Lab) -> None:
    bridge.hold()
    bridge.hold("hold-teardown")
    bridge.start()
    number = bridge.ask(1)
    pid = bridge.running(number)
    cancel(bridge, number)
    bridge.follow(lambda: bridge.journal("interrupted"), what="the interrupt")
    assert bridge.state(number) is JobState.RUNNING
    assert not is_gone(pid)
    bridge.release("hold-teardown")
    seen = bridge.ended(number)
    assert (seen.end, seen.reason, seen.attempts) == (End.CANCELLED, "cancelled by alice", 1)
    assert [line["pid"] for line in bridge.journal("ended")] == [pid]


def test_a_run_that_is_cancelled_at_its_first_breath(bridge: Lab) -> None:
    bridge.hold()
    bridge.start()
    number = bridge.ask(1)
    bridge.follow(lambda: bridge.state(number), lambda seen: seen is JobState.RUNNING, what="the run")
    cancel(bridge, number)  # before Python has begun, perhaps: the signal ends it then
    assert bridge.ended(number).end is End.CANCELLED


def test_a_run_that_had_its_verdict_before_it_was_told_to_end_keeps_it(bridge: Lab) -> None:
    bridge.order(deaf=True)
    bridge.hold()
    bridge.start()
    number = bridge.ask(1)
    bridge.running(number)
    cancel(bridge, number)
    bridge.follow(lambda: bridge.journal("heard"), what="the signal")
    bridge.release()
    assert bridge.ended(number).end is End.PASS


def test_a_slot_is_free_again_after_a_cancelled_run(bridge: Lab) -> None:
    bridge.hold()
    bridge.start()
    first, second = bridge.ask(1), bridge.ask(2)
    bridge.running(first)
    cancel(bridge, first)
    bridge.ended(first)
    bridge.running(second)
    bridge.release()
    assert bridge.ended(second).end is End.PASS


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_worker_without_work_ends_at_once(bridge: Lab, number: signal.Signals) -> None:
    worker = bridge.start(slots=2)
    soon(lambda: "slots: 2" in worker.log, what="the worker")
    worker.signal(number)
    assert worker.code() == 0


def test_a_worker_that_is_stopped_ends_its_runs_in_order_and_they_are_given_out_again(bridge: Lab) -> None:
    bridge.hold()
    bridge.hold("hold-teardown")
    worker = bridge.start(slots=2)
    one, two, three = (bridge.ask(n) for n in (1, 2, 3))
    pids = [bridge.running(number) for number in (one, two)]
    worker.signal(signal.SIGTERM)
    soon(lambda: bridge.journal("interrupted"), lambda seen: len(seen) == 2, what="the interrupts")
    worker.signal(signal.SIGINT)  # once more, and it changes nothing
    assert not [pid for pid in pids if is_gone(pid)]
    assert worker.started.poll() is None
    bridge.release("hold-teardown")
    assert worker.code() == 0
    assert all(map(is_gone, pids))
    assert [bridge.state(number) for number in (one, two, three)] == [JobState.LOST, JobState.LOST, JobState.QUEUED]
    assert len(bridge.journal("ended")) == 2
    bridge.release()
    bridge.start(slots=2)
    ends = [bridge.ended(number) for number in (one, two, three)]
    assert [(seen.end, seen.attempts) for seen in ends] == [(End.PASS, 2), (End.PASS, 2), (End.PASS, 1)]


def test_a_worker_that_is_stopped_brings_what_was_finished(bridge: Lab) -> None:
    bridge.order(deaf=True)
    bridge.hold()
    worker = bridge.start()
    number = bridge.ask(1)
    bridge.running(number)
    worker.signal(signal.SIGTERM)
    soon(lambda: bridge.journal("heard"), what="the signal")
    bridge.release()
    assert worker.code() == 0
    seen = bridge.ended(number)
    assert (seen.end, seen.attempts) == (End.PASS, 1)


def test_a_cancelled_run_whose_worker_is_stopped_is_not_run_again(bridge: Lab) -> None:
    bridge.hold()
    worker = bridge.start()
    number = bridge.ask(1)
    bridge.running(number)
    worker.signal(signal.SIGTERM)
    assert worker.code() == 0
    cancel(bridge, number)
    assert bridge.ended(number).end is End.CANCELLED
    assert len(bridge.journal()) == 1


def test_a_run_that_somebody_ended_by_hand_is_an_error_of_its_own(bridge: Lab) -> None:
    bridge.hold()
    bridge.start()
    number = bridge.ask(1)
    os.kill(bridge.running(number), signal.SIGKILL)
    seen = bridge.ended(number)
    assert (seen.end, seen.reason) == (End.ERROR, "the run ended with 137 and left no report")


def test_a_database_that_cannot_be_written_for_a_while_ends_no_run(bridge: Lab) -> None:
    bridge.hold()
    bridge.start()
    number = bridge.ask(1)
    pid = bridge.running(number)
    with bridge.database.writing():
        began = CLOCK.monotonic()
        soon(lambda: CLOCK.monotonic() - began > 0.5, what="some beats that are missed")
    assert not is_gone(pid)
    bridge.release()
    assert bridge.ended(number).end is End.PASS


def test_what_a_run_has_printed_that_somebody_killed_is_withheld(bridge: Lab) -> None:
    bridge.order(prints=["the password is hunter2"])
    bridge.hold()
    bridge.start()
    number = bridge.ask(1)
    pid = bridge.running(number)
    soon(lambda: "hunter2" in bridge.log(number), what="the log")
    (folder,) = (bridge.folder / "jobs").glob(f"{number}.1-*")
    (folder / "run").mkdir()  # as a run has one that has begun
    os.kill(pid, signal.SIGKILL)
    seen = bridge.ended(number)
    assert "hunter2" not in seen.reason
    assert (seen.end, seen.reason) == (End.ERROR, "the run ended with 137 and left no report")
    assert bridge.log(number) == jobs.WITHHELD


def test_what_a_run_has_printed_that_cannot_be_read_to_its_end_is_withheld(bridge: Lab) -> None:
    bridge.order(prints=["the password is hunter2"])
    bridge.hold()
    bridge.start()
    number = bridge.ask(1)
    bridge.running(number)
    soon(lambda: "hunter2" in bridge.log(number), what="the log")
    (output,) = (bridge.folder / "jobs").glob(f"{number}.1-*/output.log")
    output.unlink()
    seen = bridge.ended(number)
    assert (seen.end, seen.reason) == (End.ERROR, "what the run printed cannot be read: No such file or directory")
    assert bridge.log(number) == jobs.WITHHELD
