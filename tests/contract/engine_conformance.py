"""What every engine must keep to: the bridge's promises stand on these, whatever carries a job to its host.

An engine joins by a class of its own in a test file: it takes `Conformance` and gives the fixture `ground`, with real
hosts. A host runs what the ground's orders say, and notes each run that begins, so that it is seen how often that was.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import TypeVar

import pytest
from recipeci.host.clock import SystemClock, until
from recipeci.model import Tier
from recipeci.service.engines import Engine, EngineUnavailable
from recipeci.service.model import Asked, Job, JobState, Sighting

T = TypeVar("T")
SECONDS = 60.0
FINAL = {JobState.ENDED, JobState.WITHDRAWN, JobState.LOST}


class Ground(ABC):
    """An engine with what stands behind it."""

    engine: Engine

    @abstractmethod
    def again(self) -> Engine:
        """Return another object for the same engine, as a bridge that was restarted has it."""

    @abstractmethod
    def host_comes(self) -> None:
        """Have a host with one slot begin to take jobs."""

    @abstractmethod
    def host_dies(self) -> None:
        """Kill the host that came last, with all that runs on it; one that comes after it is as new."""

    @abstractmethod
    def order(self, sha: str, *, code: int) -> None:
        """Have runs of this commit end with a code, and with a report that agrees with it."""

    @abstractmethod
    def hold(self) -> None:
        """Have runs wait before their end."""

    @abstractmethod
    def release(self) -> None:
        """Have them go on."""

    @abstractmethod
    def begun(self, sha: str) -> int:
        """Return how many runs of a commit have begun."""

    @abstractmethod
    def torn_down(self, sha: str) -> int:
        """Return how many runs of a commit were interrupted and have done their teardown."""

    def job(self, number: int, *, attempt: int = 1) -> Job:
        """Return a job of a commit of its own."""
        url = "https://forge.test/coop/web.git"
        asked = Asked("web", f"{number:040x}", tuple(Tier), url, url, pull=number)
        return Job(f"{number}.{attempt}", 7, asked)

    def until(self, job: Job, *states: JobState) -> Sighting:
        """Wait until the engine says one of these states of a job."""
        seen = wait(lambda: self.engine.state(job.key), lambda one: one is not None and one.state in states)
        assert seen is not None
        return seen


def wait(see: Callable[[], T], ready: Callable[[T], bool] = bool) -> T:
    """Look until it is so."""
    return until(see, ready, what="the engine", clock=SystemClock(), timeout=SECONDS, delay=0.02, successes=1)


class Conformance:
    """The tests; each has a ground of its own."""

    def test_a_key_that_was_never_given_is_none(self, ground: Ground) -> None:
        assert ground.engine.state("1.1") is None

    def test_a_job_is_queued_runs_and_ends_with_its_result(self, ground: Ground) -> None:
        job = ground.job(1)
        ground.hold()
        ground.engine.submit(job)
        assert ground.until(job, JobState.QUEUED).result is None
        ground.host_comes()
        assert ground.until(job, JobState.RUNNING).result is None
        ground.release()
        result = ground.until(job, *FINAL).result
        assert result is not None
        assert (result.exit_code, result.cancelled, result.error) == (0, False, "")
        assert result.report is not None
        assert result.report["target"]["commit"] == job.asked.sha

    @pytest.mark.parametrize("code", [0, 1, 3])
    def test_the_code_of_a_run_and_its_report_are_brought(self, ground: Ground, code: int) -> None:
        job = ground.job(1)
        ground.order(job.asked.sha, code=code)
        ground.host_comes()
        ground.engine.submit(job)
        result = ground.until(job, *FINAL).result
        assert result is not None
        assert result.report is not None
        assert (result.exit_code, result.report["exit_code"]) == (code, code)

    def test_a_key_is_run_once_however_often_it_is_submitted(self, ground: Ground) -> None:
        job = ground.job(1)
        ground.host_comes()
        for _ in range(3):
            ground.engine.submit(job)
        ground.until(job, JobState.ENDED)
        ground.again().submit(job)
        other = ground.job(2)
        ground.engine.submit(other)
        ground.until(other, JobState.ENDED)  # whatever was queued before it would have begun
        assert ground.begun(job.asked.sha) == 1
        assert ground.until(job, *FINAL).state is JobState.ENDED

    def test_what_is_known_of_a_key_is_known_after_a_restart_of_the_bridge(self, ground: Ground) -> None:
        job = ground.job(1)
        ground.engine.submit(job)
        ground.engine = ground.again()
        ground.until(job, JobState.QUEUED)
        ground.host_comes()
        ground.until(job, JobState.ENDED)
        seen = ground.again().state(job.key)
        assert seen is not None
        assert seen.result is not None

    def test_a_queued_job_is_withdrawn_for_good(self, ground: Ground) -> None:
        job, other = ground.job(1), ground.job(2)
        ground.engine.submit(job)
        assert ground.engine.withdraw(job.key)
        assert ground.engine.withdraw(job.key)
        assert ground.until(job, *FINAL).state is JobState.WITHDRAWN
        ground.engine.submit(job)
        ground.engine.submit(other)
        ground.host_comes()
        ground.until(other, JobState.ENDED)
        assert ground.begun(job.asked.sha) == 0
        assert ground.until(job, *FINAL).state is JobState.WITHDRAWN

    def test_a_job_that_has_begun_or_ended_is_not_withdrawn(self, ground: Ground) -> None:
        job = ground.job(1)
        ground.hold()
        ground.host_comes()
        ground.engine.submit(job)
        ground.until(job, JobState.RUNNING)
        assert not ground.engine.withdraw(job.key)
        ground.release()
        ground.until(job, JobState.ENDED)
        assert not ground.engine.withdraw(job.key)
        assert ground.until(job, *FINAL).state is JobState.ENDED

    def test_a_key_that_was_never_given_is_neither_withdrawn_nor_cancelled(self, ground: Ground) -> None:
        assert not ground.engine.withdraw("1.1")
        ground.engine.cancel("1.1", why="nobody")
        assert ground.engine.state("1.1") is None

    def test_a_queued_job_that_is_cancelled_never_begins(self, ground: Ground) -> None:
        job, other = ground.job(1), ground.job(2)
        ground.engine.submit(job)
        for _ in range(2):
            ground.engine.cancel(job.key, why="alice")
        ground.engine.submit(other)
        ground.host_comes()
        ground.until(other, JobState.ENDED)
        assert ground.begun(job.asked.sha) == 0
        seen = ground.until(job, *FINAL)
        assert seen.state is JobState.WITHDRAWN or (seen.result is not None and seen.result.cancelled)

    def test_a_running_job_that_is_cancelled_is_torn_down_and_says_so(self, ground: Ground) -> None:
        job = ground.job(1)
        ground.hold()
        ground.host_comes()
        ground.engine.submit(job)
        wait(lambda: ground.begun(job.asked.sha))
        for _ in range(2):
            ground.engine.cancel(job.key, why="alice")
        seen = ground.until(job, *FINAL)
        assert seen.state is JobState.ENDED
        assert seen.result is not None
        assert seen.result.cancelled
        assert ground.torn_down(job.asked.sha) == 1

    def test_an_end_stays_whatever_is_asked_for_later(self, ground: Ground) -> None:
        job = ground.job(1)
        ground.host_comes()
        ground.engine.submit(job)
        before = ground.until(job, JobState.ENDED)
        ground.engine.cancel(job.key, why="too late")
        assert ground.engine.state(job.key) == before

    def test_a_job_whose_host_died_is_lost_and_not_run_again_under_its_key(self, ground: Ground) -> None:
        job = ground.job(1)
        ground.hold()
        ground.host_comes()
        ground.engine.submit(job)
        wait(lambda: ground.begun(job.asked.sha))
        ground.host_dies()
        seen = ground.until(job, *FINAL)
        assert seen.state is JobState.LOST
        assert seen.reason
        ground.release()
        again, other = ground.job(1, attempt=2), ground.job(2)
        for one in (job, again, other):
            ground.engine.submit(one)
        ground.host_comes()
        assert ground.until(again, *FINAL).state is JobState.ENDED
        assert ground.until(other, *FINAL).state is JobState.ENDED
        assert ground.begun(job.asked.sha) == 2
        assert ground.until(job, *FINAL).state is JobState.LOST

    def test_a_host_that_dies_before_it_took_anything_loses_nothing(self, ground: Ground) -> None:
        job = ground.job(1)
        ground.host_comes()
        ground.host_dies()
        ground.engine.submit(job)
        ground.until(job, JobState.QUEUED)
        ground.host_comes()
        assert ground.until(job, *FINAL).state is JobState.ENDED

    def test_jobs_of_one_slot_run_one_after_the_other_and_all_of_them(self, ground: Ground) -> None:
        queued = [ground.job(n) for n in range(1, 6)]
        for job in queued:
            ground.engine.submit(job)
        ground.host_comes()
        assert [ground.until(job, *FINAL).state for job in queued] == [JobState.ENDED] * 5
        assert [ground.begun(job.asked.sha) for job in queued] == [1] * 5

    def test_it_says_why_nothing_begins(self, ground: Ground) -> None:
        ground.engine.submit(ground.job(1))
        assert ground.engine.waiting_for()
        ground.host_comes()
        wait(lambda: not ground.engine.waiting_for())

    def test_it_is_well_once_a_host_can_take_jobs(self, ground: Ground) -> None:
        with pytest.raises(EngineUnavailable):
            ground.engine.check()
        ground.host_comes()
        wait(lambda: not ground.engine.waiting_for())
        ground.engine.check()

    def test_it_has_a_name_and_a_link_or_none(self, ground: Ground) -> None:
        assert ground.engine.name
        link = ground.engine.link("1.1")
        assert link is None or link.startswith("http")
