"""The only place that runs suites: a file is collected in one child, run in another, and judged by what both say."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from recipeci.author.state import OP_STATE
from recipeci.errors import RecipeInvalid
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
    """For one suite, collection and run together."""

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
        collected = self.children.python("collect", placed, env=env, timeout=self.seconds)
        ran = self._run(placed, env, collected) if agreement.is_runnable(collected) else None
        return _told(agreement.judge(placed.source, placed.name, collected=collected, ran=ran), placed)

    def _run(self, placed: Placed, env: Mapping[str, str], collected: agreement.Ended) -> agreement.Ended:
        left = max(1.0, self.seconds - collected.seconds)
        return self.children.python("run", placed, env=env, timeout=left)


def _told(result: SuiteResult, placed: Placed) -> SuiteResult:
    """Name files in its words as their author does, not as the child found them."""
    tests = tuple(replace(test, message=placed.original(test.message)) for test in result.tests)
    return replace(result, tests=tests, message=placed.original(result.message))


def recipe_env(children: Children) -> dict[str, str]:
    """Return the variables that every author's child has."""
    return {"CCCI_RECIPE": children.facts.recipe, "CCCI_DOMAIN": children.facts.domain}
