"""service_serving.waiting_is_said: whoever waits for the forge is told so, and whoever does not is not."""

from __future__ import annotations

import pytest
from recipeci.host.clock import SystemClock, until
from recipeci.service_serving import waiting_is_said

from unit.processes import SECONDS

FORGE = "https://git.example.org"


def test_who_waits_for_longer_is_told_for_what_and_it_is_no_answer(capfd: pytest.CaptureFixture[str]) -> None:
    said: list[str] = []

    def read() -> str:
        out, err = capfd.readouterr()
        assert out == ""
        said.append(err)
        return "".join(said)

    with waiting_is_said(FORGE, after=0.0):
        until(read, bool, what="the words", clock=SystemClock(), timeout=SECONDS, delay=0.01, successes=1)
    assert "".join(said) == f"waiting for {FORGE} to answer …\n"


def test_who_does_not_wait_is_told_nothing(capfd: pytest.CaptureFixture[str]) -> None:
    with waiting_is_said(FORGE, after=3600.0):
        pass
    assert capfd.readouterr() == ("", "")
