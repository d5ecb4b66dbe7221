"""service_log and service.stopping: what processes say is one line without secrets, and they end when told to."""

from __future__ import annotations

import logging
import os
import signal

import pytest
from recipeci.service import stopping
from recipeci.service_log import logged

SECRET = "a-token-of-16-characters"


def test_no_secret_of_ours_is_logged_at_any_level_by_anybody(capsys: pytest.CaptureFixture[str]) -> None:
    with logged(SECRET):
        ours, other = logging.getLogger("recipeci.service.x"), logging.getLogger("httpx")
        for level in (logging.INFO, logging.WARNING, logging.ERROR):
            ours.log(level, "sent %s", f"Authorization: token {SECRET}")
        other.warning("GET https://me:%s@h/", SECRET)
        ours.error("a bug", exc_info=ValueError(f"bad header {SECRET}"))
    said = capsys.readouterr().err
    assert SECRET not in said
    assert said.count("***") == 5
    assert "ValueError: bad header ***" in said


def test_words_of_others_begin_no_line_of_their_own(capsys: pytest.CaptureFixture[str]) -> None:
    with logged():
        logging.getLogger("recipeci.x").info("%s", "coop/web\nERROR   all is lost\x1b[2J\r\u202e")
    assert capsys.readouterr().err == "INFO    coop/web ERROR all is lost\\x1b[2J\\r\\u202e\n"


def test_before_and_after_nothing_is_changed(capsys: pytest.CaptureFixture[str]) -> None:
    before = logging.getLogger("recipeci").level
    with logged():
        pass
    assert logging.getLogger("recipeci").level == before
    logging.getLogger("recipeci.x").info("nobody hears it")
    assert capsys.readouterr().err == ""


@pytest.mark.parametrize("number", stopping.ASKING)
def test_a_signal_ends_the_waiting_at_once_and_is_remembered(number: signal.Signals) -> None:
    before = signal.getsignal(number)
    with stopping.told() as stop:
        assert not stop.wait(0.01)
        os.kill(os.getpid(), number)
        assert stop.wait(60)  # or this test takes a minute
        assert stop.wait(60)
        assert stop.signal == number
    assert signal.getsignal(number) is before


def test_a_closed_terminal_does_not_end_what_nohup_started() -> None:
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        with stopping.told() as stop:
            os.kill(os.getpid(), signal.SIGHUP)
            assert not stop.wait(0)
    finally:
        signal.signal(signal.SIGHUP, before)


def test_the_first_signal_counts() -> None:
    with stopping.told() as stop:
        os.kill(os.getpid(), signal.SIGTERM)
        for _ in range(10_000):  # more than a pipe holds, were it filled
            stop.say(signal.SIGINT)
        assert stop.wait(0)
        assert stop.signal == signal.SIGTERM
