"""The only place that waits for the app to answer: three good answers in a row, or what it answered last."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from recipeci.errors import WaitFailed
from recipeci.host.clock import Clock, until
from recipeci.host.http import Http
from recipeci.model import Outcome, TestResult
from recipeci.recipe.metadata import HttpExpectation
from recipeci.report.console import Console
from recipeci.run import serving

SUCCESSES = 3
"""An app that answers once may be one that is going down."""
STRANGER = "no-router"


@dataclass(frozen=True)
class Asking:
    """How one app is asked: by its domain, through the cell's proxy."""

    domain: str
    http: Http
    clock: Clock
    console: Console
    proxy_ready: Callable[[], None]
    """Waits for the cell's proxy, which comes up while the app is being deployed."""
    mask: Callable[[bytes], bytes]
    """Takes secrets out of what the app answered."""

    def serves(self, expected: HttpExpectation, *, timeout: float) -> TestResult:
        """Ask until the app serves; what it answered last is the reason if it does not within `timeout` seconds."""
        rules = serving.Rules(
            host=f"{expected.host}.{self.domain}" if expected.host else self.domain,
            path=expected.path,
            accept=frozenset(expected.accept),
        )
        with self.console.phase("proxy"):
            self.proxy_ready()
        began = self.clock.monotonic()
        with self.console.phase("http"):
            wrong = self._wrong(rules, timeout=timeout)
        seconds = round(self.clock.monotonic() - began, 3)
        return TestResult("harness::serving", Outcome.FAIL if wrong else Outcome.PASS, seconds, wrong)

    def _wrong(self, rules: serving.Rules, *, timeout: float) -> str:
        """Return what was wrong with the last answer, or nothing."""
        stranger = f"{STRANGER}.{self.domain.partition('.')[2]}"
        last: list[serving.Look] = []

        def look() -> serving.Look:
            last[:] = [serving.look(self.http, rules, stranger=stranger)]
            self.console.seen(serving.describe(last[0]))
            return last[0]

        try:
            until(
                look,
                lambda seen: not serving.wrong(seen, rules),
                what=rules.url,
                clock=self.clock,
                timeout=timeout,
                describe=serving.describe,
                successes=SUCCESSES,
            )
        except WaitFailed as e:
            told = serving.masked(last[0], self.mask)
            return serving.wrong(told, rules) or e.message  # good at last, but not three times in a row
        return ""
