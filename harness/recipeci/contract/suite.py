"""The only place that runs the checks: a few at a time, since most of the time is waited for Docker."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from recipeci.contract.checks import CHECKS, Check
from recipeci.contract.facts import Fact
from recipeci.contract.lab import Ground
from recipeci.contract.recording import Call
from recipeci.contract.results import NotChecked, Result, State, judged
from recipeci.errors import CommandTimeout

AT_ONCE = 4


@dataclass(frozen=True)
class Done:
    """A fact with what came of it, what abra was asked for it, and the values of secrets that it may have printed."""

    result: Result
    calls: tuple[Call, ...] = ()
    secrets: Mapping[str, bytes] | None = None
    """None if they could not be learned."""
    folder: str = ""


def run(
    facts: Sequence[Fact], ground: Ground, *, checks: Mapping[str, Check] = CHECKS, see: Callable[[str], None]
) -> tuple[Done, ...]:
    """Check all facts; `see` hears how far it is.

    Raises HostError if the cell is gone.
    """
    ground.recipe()
    with ThreadPoolExecutor(AT_ONCE, thread_name_prefix="contract") as threads:
        try:
            futures = [threads.submit(_checked, fact, ground, checks) for fact in facts]
            done = []
            for number, future in enumerate(futures, start=1):
                done.append(future.result())
                see(f"{number} of {len(facts)} facts")
        except BaseException:
            threads.shutdown(wait=False, cancel_futures=True)
            raise
    return tuple(done)


def _checked(fact: Fact, ground: Ground, checks: Mapping[str, Check]) -> Done:
    """Make one check, if the fact has one."""
    if not fact.test:
        return Done(Result(fact, State.NOT_CHECKED, fact.not_checked, planned=True))
    with ground.lab(fact.id) as lab:
        try:
            result = judged(fact, checks[fact.test](lab))
        except NotChecked as e:
            result = Result(fact, State.NOT_CHECKED, str(e))
        except CommandTimeout as e:
            result = Result(fact, State.DIFFERS, f"it was still running after {e.seconds:.0f} s")
        return Done(result, tuple(lab.calls()), lab.learned(), str(lab.folder))
