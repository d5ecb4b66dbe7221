"""The only place that runs suites: a file is collected in one child, run in another, and judged by what both say.

Both start at once, since neither needs the other; they are two users, so that what is run cannot touch what collects.
"""

from __future__ import annotations

import threading
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path

from recipeci.author.state import OP_STATE
from recipeci.errors import RecipeInvalid
from recipeci.host.cell import second_of
from recipeci.host.execs import Command, ExecFailed, Executed
from recipeci.model import AuthorFile, Outcome, SuiteResult, Tier
from recipeci.run import agreement
from recipeci.run.children import Children
from recipeci.run.placing import Placed, Placing


@dataclass(frozen=True)
class Suites:
    """The suites of one run, over its one deployment."""

    children: Children
    placing: Placing
    state_file: Path
    """The op state, written before by `opstate.write`; the children read it."""
    seconds: float
    """For one suite."""

    def run(self, tier: Tier, file: AuthorFile) -> SuiteResult:
        """Run one suite and say what it came to.

        Raises:
            HostError: Docker does not answer, or the cell is gone. Nothing that the file does raises.
        """
        try:
            placed = self.placing.placed(file)
        except RecipeInvalid as error:
            return SuiteResult(file.source, str(file.path), Outcome.UNVERIFIED, message=error.message)
        env = {"CCCI_TIER": tier.value, OP_STATE: str(self.state_file), **recipe_env(self.children)}
        collected, ran = self._both(placed, env)
        return _told(agreement.judge(placed.source, placed.name, collected=collected, ran=ran), placed)

    def _both(self, placed: Placed, env: Mapping[str, str]) -> tuple[agreement.Ended, agreement.Ended]:
        """Collect and run a file; what the collection prints is shown last, not in between."""
        lines: list[str] = []
        other = replace(self.children, uid=second_of(self.children.uid), reach=NoApp(), say=lines.append)
        pool = ThreadPoolExecutor(1, thread_name_prefix="collect")
        try:
            collecting = pool.submit(other.python, "collect", placed, env=env, timeout=self.seconds)
            ran = self.children.python("run", placed, env=env, timeout=self.seconds)
            collected = collecting.result()
        finally:
            pool.shutdown(wait=False)  # an interrupted run ends it with its cell
        for line in lines:
            self.children.say(line)
        return collected, ran


class NoApp:
    """What a collection may ask of the app: nothing, since no test runs in it."""

    def run(self, service: str, command: Command, *, timeout: float, stop: threading.Event) -> Executed:  # noqa: ARG002
        """Refuse a command."""
        raise ExecFailed(f"{service} cannot be asked while tests are collected")

    def logs(self, service: str, *, lines: int) -> str:  # noqa: ARG002
        """Refuse logs."""
        raise ExecFailed(f"{service} cannot be asked while tests are collected")


def _told(result: SuiteResult, placed: Placed) -> SuiteResult:
    """Name files in its words as their author does, not as the child found them."""
    tests = tuple(replace(test, message=placed.original(test.message)) for test in result.tests)
    return replace(result, tests=tests, message=placed.original(result.message))


def recipe_env(children: Children) -> dict[str, str]:
    """Return the variables that every author's child has."""
    return {"CCCI_RECIPE": children.facts.recipe, "CCCI_DOMAIN": children.facts.domain}
