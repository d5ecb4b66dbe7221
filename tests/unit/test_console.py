"""report.console: what is shown while a run goes on, and that all of it is in its log."""

from __future__ import annotations

import contextlib
import io
import json
import logging
import re
import threading
from pathlib import Path

import pytest
from recipeci.errors import HostError, Interrupted
from recipeci.model import Phase, Tier
from recipeci.report.console import Console
from recipeci.report.summary import summary

from unit.logs import SECRET, in_log, knowing
from unit.processes import SECONDS
from unit.reports import PASSED


class FakeClock:
    """A clock that a test moves."""

    def __init__(self) -> None:
        self.time = 100.0

    def monotonic(self) -> float:
        return self.time

    def now(self) -> str:
        return "2026-01-02T03:04:05Z"

    def epoch(self) -> float:
        return self.time

    def sleep(self, seconds: float) -> None:
        self.time += seconds


class Watched(io.StringIO):
    """A stream that tells when something that it waits for was written."""

    def __init__(self, awaited: str) -> None:
        super().__init__()
        self._awaited = awaited
        self.came = threading.Event()

    def write(self, words: str) -> int:
        written = super().write(words)
        if self._awaited in self.getvalue():
            self.came.set()
        return written


class Terminal(io.StringIO):
    """A stream that says it is a terminal."""

    def isatty(self) -> bool:
        return True


class Closed(io.StringIO):
    """A stream whose reader went away."""

    def write(self, _words: str) -> int:
        raise BrokenPipeError(32, "Broken pipe")


def fail() -> None:
    raise HostError("gone")


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


def test_a_phase_is_one_line_with_its_time(clock: FakeClock) -> None:
    stream = io.StringIO()
    console = Console(clock=clock, stream=stream)
    clock.sleep(1)
    with console.phase("cell"):
        clock.sleep(1.94)
    assert stream.getvalue() == "cell       1.9 s\n"
    assert console.phases == (Phase("cell", 1.0, 1.94),)


def test_a_phase_that_fails_says_so_and_is_kept(clock: FakeClock) -> None:
    stream = io.StringIO()
    console = Console(clock=clock, stream=stream)
    with pytest.raises(HostError), console.phase("cell"):
        fail()
    assert stream.getvalue() == "cell       failed after 0.0 s\n"
    assert [phase.name for phase in console.phases] == ["cell"]


def stop() -> None:
    raise Interrupted("interrupted by Ctrl-C", code=130)


def test_a_phase_that_is_interrupted_did_not_fail(clock: FakeClock) -> None:
    stream = io.StringIO()
    with pytest.raises(Interrupted), Console(clock=clock, stream=stream).phase("http"):
        stop()
    assert stream.getvalue() == "http       interrupted after 0.0 s\n"


def test_a_phase_that_takes_long_says_what_is_seen(clock: FakeClock) -> None:
    stream = Watched("converge … 0 s, app starting\\x1b[2K\n")
    console = Console(clock=clock, stream=stream, slow_after=0.001)
    with console.phase("converge"):
        console.seen("app starting\x1b[2K")
        assert stream.came.wait(SECONDS)


def test_what_an_earlier_phase_saw_is_not_said_of_the_next(clock: FakeClock) -> None:
    stream = Watched("http … 0 s\n")
    console = Console(clock=clock, stream=stream, slow_after=0.001)
    with console.phase("converge"):
        console.seen("app starting")
    with console.phase("http"):
        assert stream.came.wait(SECONDS)


def test_phases_are_in_the_order_of_their_start(clock: FakeClock) -> None:
    console = Console(clock=clock, stream=io.StringIO())
    with console.phase("outer"):
        clock.sleep(1)
        with console.phase("inner"):
            clock.sleep(1)
    assert console.phases == (Phase("outer", 0.0, 2.0), Phase("inner", 1.0, 1.0))


def test_a_phase_that_takes_long_says_that_it_goes_on(clock: FakeClock) -> None:
    stream = Watched("pull … 0 s\n")
    console = Console(clock=clock, stream=stream, slow_after=0.001)
    with console.phase("pull"):
        assert stream.came.wait(SECONDS)
    assert stream.getvalue().splitlines()[-1] == "pull       0.0 s"


def test_it_says_how_long_by_now_so_that_no_two_lines_are_the_same(clock: FakeClock) -> None:
    stream = Watched("pull … 10 s\n")
    console = Console(clock=clock, stream=stream, slow_after=0.001)
    clock.sleep(1)
    with console.phase("pull"):
        clock.sleep(10)
        assert stream.came.wait(SECONDS)


def test_a_short_phase_does_not(clock: FakeClock) -> None:
    stream = io.StringIO()
    with Console(clock=clock, stream=stream, slow_after=3600).phase("pull"):
        pass
    assert "…" not in stream.getvalue()


def test_on_a_terminal_the_phase_is_shown_live_and_its_line_stays(
    clock: FakeClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TERM", "xterm")  # not that of whoever runs the tests: a dumb one has no live display
    stream = Terminal()
    console = Console(clock=clock, stream=stream)
    with console.phase("cell"):
        with console.phase("images"):
            console.note("[bold]from the recipe[/bold]")
        clock.sleep(3)
    shown = re.sub(r"\x1b\[[0-9;?]*[a-zA-Z]", "", stream.getvalue()).replace("\r", "\n")
    lines = [text.strip() for text in shown.splitlines()]
    assert "note: [bold]from the recipe[/bold]" in lines
    assert "images     0.0 s" in lines
    assert lines[-1] == "cell       3.0 s"
    assert "\x1b" in stream.getvalue()


def test_without_a_terminal_there_is_no_escape(clock: FakeClock) -> None:
    stream = io.StringIO()
    console = Console(clock=clock, stream=stream)
    with console.phase("cell"):
        console.note("\x1b[31mred\x1b[0m\nverdict   : pass")
    assert stream.getvalue().splitlines()[0] == r"note: \x1b[31mred\x1b[0m verdict   : pass"


def test_a_tier_begins_with_its_line(clock: FakeClock) -> None:
    stream = io.StringIO()
    with Console(clock=clock, stream=stream).tier(Tier.UPGRADE, header="===== TIER: upgrade ====="):
        pass
    assert stream.getvalue() == "===== TIER: upgrade =====\n"


def test_what_is_going_on_is_the_innermost_phase_and_its_tier(clock: FakeClock) -> None:
    console, seen = Console(clock=clock, stream=io.StringIO()), []
    with console.phase("images"):
        seen.append(console.going_on)
    with contextlib.suppress(HostError), console.tier(Tier.UPGRADE, header="x"):
        seen.append(console.going_on)
        with console.phase("converge"):
            with console.phase("bot"):
                seen.append(console.going_on)
            seen.append(console.going_on)
            fail()
    assert [*seen, console.going_on] == ["images", "upgrade", "bot of upgrade", "converge of upgrade", ""]


@pytest.mark.parametrize(("verbose", "shown"), [(True, "$ git 'a b'\n"), (False, "")])
def test_commands_are_shown_if_asked(clock: FakeClock, *, verbose: bool, shown: str) -> None:
    stream = io.StringIO()
    console = Console(clock=clock, stream=stream, verbose=verbose)
    log = logging.getLogger("recipeci.host.command")
    with console.commands_shown():
        log.debug("$ git 'a b'")
        log.debug("ended with 0 after 0.01 s")
    log.debug("$ after")
    assert stream.getvalue() == shown


def test_the_summary_is_the_last_thing(clock: FakeClock) -> None:
    stream = io.StringIO()
    path = Path("/out/report.json")
    Console(clock=clock, stream=stream).finish(PASSED, path=path)
    assert stream.getvalue() == summary(PASSED, path=path) + "\n"


def test_with_json_the_report_is_all_of_stdout(clock: FakeClock) -> None:
    err, out = io.StringIO(), io.StringIO()
    console = Console(clock=clock, stream=err, json_to=out)
    console.note("x")
    console.finish(PASSED, path=Path("/out/report.json"))
    assert json.loads(out.getvalue())["verdict"] == "pass"
    assert err.getvalue().startswith("note: x\n===== RUN SUMMARY")


def test_a_reader_that_went_away_does_not_end_the_run(clock: FakeClock) -> None:
    console = Console(clock=clock, stream=Closed(), json_to=Closed())
    with console.phase("cell"):
        console.note("x")
    console.finish(PASSED, path=Path("/out/report.json"))
    assert len(console.phases) == 1


def test_what_is_printed_is_in_the_log_and_more(tmp_path: Path, clock: FakeClock) -> None:
    console = Console(clock=clock, stream=io.StringIO())

    def act() -> None:
        with console.phase("cell"):
            logging.getLogger("recipeci.host.command").debug("$ %s", "true")

    assert in_log(tmp_path / "run.log", act) == [
        "DEBUG   report.console: phase cell begins",
        "DEBUG   host.command: $ true",
        "DEBUG   report.console: phase cell ends",
        "INFO    report.console: cell       0.0 s",
    ]


def test_no_secret_is_printed_whatever_prints(clock: FakeClock) -> None:
    stream, printed = io.StringIO(), io.StringIO()
    console = Console(clock=clock, stream=stream, json_to=printed, verbose=True, redactor=knowing(SECRET))
    console.say(f"said {SECRET}")
    console.note(f"noted {SECRET}")
    console.show(f"$ shown {SECRET}")
    with console.commands_shown():
        logging.getLogger("recipeci.host.command").debug("$ mysql -p%s", SECRET)
    console.finish(PASSED, path=Path(f"/out/{SECRET}/report.json"))
    assert SECRET not in stream.getvalue()
    assert stream.getvalue().splitlines()[:4] == ["said ***", "note: noted ***", "$ shown ***", "$ mysql -p***"]
    assert "report: /out/***/report.json" in stream.getvalue()


def test_what_a_wait_sees_is_printed_without_secrets(clock: FakeClock) -> None:
    stream = Watched(", answers ***")
    console = Console(clock=clock, stream=stream, slow_after=0.001, redactor=knowing("two  words of it"))
    with console.phase("http"):
        console.seen("answers two  words of it")  # one blank between words is shown of it, and would not be known
        assert stream.came.wait(SECONDS)
