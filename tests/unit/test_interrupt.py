"""run.interrupt: a real process gets real signals, and its teardown always ends."""

from __future__ import annotations

import os
import signal
import subprocess
import sys

import pytest
from recipeci.host.command import program

from unit.processes import SECONDS, environment, line, started, tell

PROGRAM = """
import os, select, signal, sys
from recipeci.errors import Interrupted
from recipeci.run.interrupt import Interrupts
interrupts = Interrupts()
def say(words):
    print(words, flush=True)
def wait():
    # Not one long read: a signal that comes just before it would be seen only after it.
    while not select.select([sys.stdin], [], [], 0.02)[0]:
        pass
    while os.read(0, 1) != b"\\n":  # no more than one line: what a buffer holds is not seen by select
        pass
try:
    with interrupts.handled():
        try:
            {body}
        finally:
            {unwinding}
            with interrupts.shielded():
                say("teardown")
                wait()
                say("torn down")
except Interrupted as e:
    say(f"{{e.code}} {{e.message}}")
    sys.exit(e.code)
say("passed")
"""


def work(body: str, *, unwinding: str = "pass") -> str:
    """Return the program with its work, and what it does between the end of that and its teardown."""
    return PROGRAM.format(body=body, unwinding=unwinding)


WORK = work('say("work"); wait()')
DEADLINE = work('say("work"); interrupts.arm(0.01); wait()')
DEADLINE_OVER_IN_TEARDOWN = work('interrupts.arm(3600); say("work")')
FIRST_ATTEMPT = """
            interrupts.arm(3600)
            with interrupts.shielded():
                say(signal.getitimer(signal.ITIMER_REAL)[0])
            say(signal.getitimer(signal.ITIMER_REAL)[0] > 3000)
            interrupts.disarm()
            with interrupts.shielded():
                pass
            say(signal.getitimer(signal.ITIMER_REAL)[0])
"""
AT_THE_LAST_MOMENT = work(
    'say("work")',
    unwinding="""
            real = signal.setitimer
            def struck(*given):  # what the shield calls as it is put up
                signal.setitimer = real
                os.kill(os.getpid(), signal.SIGTERM)
                return real(*given)
            signal.setitimer = struck
""",
)
SLOW_UNWINDING = work('say("work"); wait()', unwinding='say("unwinding"); wait()')


@pytest.mark.parametrize(
    ("number", "code", "reason"),
    [
        (signal.SIGINT, 130, "interrupted by Ctrl-C"),
        (signal.SIGTERM, 143, "terminated by SIGTERM"),
        (signal.SIGHUP, 129, "the terminal was closed"),
        (signal.SIGALRM, 142, "the deadline of the run passed"),
    ],
)
def test_a_signal_ends_the_work_and_not_the_teardown(number: signal.Signals, code: int, reason: str) -> None:
    with started(WORK) as process:
        assert line(process) == "work"
        process.send_signal(number)
        assert line(process) == "teardown"
        tell(process, "go")
        assert [line(process), line(process)] == ["torn down", f"{code} {reason}"]
        assert process.wait() == code


def test_who_says_nohup_closes_the_terminal_and_the_work_goes_on() -> None:
    with started(WORK.replace("interrupts =", "signal.signal(signal.SIGHUP, signal.SIG_IGN); interrupts =")) as process:
        assert line(process) == "work"
        process.send_signal(signal.SIGHUP)
        tell(process, "go")
        assert line(process) == "teardown"
        tell(process, "go")
        assert [line(process), line(process)] == ["torn down", "passed"]


RUN = """
from recipeci.errors import Interrupted
from recipeci.run.interrupt import Interrupts
try:
    with Interrupts().handled():
        print("work", flush=True)
        while True:
            select.select([], [], [], 0.02)
except Interrupted as e:
    code = e.code
"""
SERVICE = """
from recipeci.service import stopping
with stopping.told() as stop:
    print("work", flush=True)
    stop.wait(60)
    code = 128 + stop.signal
"""
LAST_WORDS = """
for stream in (sys.stdout, sys.stderr):
    print("it ends", file=stream, flush=True)
sys.exit(code)
"""


@pytest.mark.parametrize("body", [RUN, SERVICE])
def test_a_terminal_that_is_gone_is_no_error_of_what_is_said_afterwards(body: str) -> None:
    ours, theirs = os.openpty()
    code = f"import select, sys{body}{LAST_WORDS}"
    argv = [program("setsid"), "--ctty", "--", sys.executable, "-c", code]
    with subprocess.Popen(argv, stdin=theirs, stdout=theirs, stderr=theirs, env=environment()) as process:
        try:
            os.close(theirs)
            said = b""
            while not said.endswith(b"\n"):  # or it may still be writing when the terminal goes
                said += os.read(ours, 100)
            assert said == b"work\r\n"
            os.close(ours)
            assert process.wait(SECONDS) == 129
        finally:
            process.kill()


def test_it_says_during_what_it_came() -> None:
    with started(WORK.replace("Interrupts()", 'Interrupts(lambda: "http of upgrade")')) as process:
        assert line(process) == "work"
        process.send_signal(signal.SIGINT)
        assert line(process) == "teardown"
        tell(process, "go")
        assert [line(process), line(process)] == ["torn down", "130 interrupted by Ctrl-C during http of upgrade"]


def test_without_a_signal_nothing_is_raised() -> None:
    with started(WORK) as process:
        assert line(process) == "work"
        tell(process, "go")
        assert line(process) == "teardown"
        tell(process, "go")
        assert [line(process), line(process)] == ["torn down", "passed"]
        assert process.wait() == 0


@pytest.mark.parametrize("second", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_second_signal_only_says_that_we_are_cleaning_up(second: signal.Signals) -> None:
    with started(WORK) as process:
        assert line(process) == "work"
        process.send_signal(signal.SIGINT)
        assert line(process) == "teardown"
        process.send_signal(second)
        assert process.stderr is not None
        assert process.stderr.readline().startswith("cleaning up, please wait")
        tell(process, "go")
        assert [line(process), line(process)] == ["torn down", "130 interrupted by Ctrl-C"]


def test_a_second_signal_on_the_way_to_the_teardown_does_not_keep_it_from_beginning() -> None:
    with started(SLOW_UNWINDING) as process:
        assert line(process) == "work"
        process.send_signal(signal.SIGINT)
        assert line(process) == "unwinding"
        process.send_signal(signal.SIGTERM)
        assert process.stderr is not None
        assert process.stderr.readline().startswith("cleaning up, please wait")
        for _ in range(2):
            tell(process, "go")
        assert [line(process), line(process), line(process)] == ["teardown", "torn down", "130 interrupted by Ctrl-C"]


def test_a_first_signal_in_the_teardown_is_held_back_until_it_is_done() -> None:
    with started(WORK) as process:
        assert line(process) == "work"
        tell(process, "go")
        assert line(process) == "teardown"
        process.send_signal(signal.SIGTERM)
        assert process.stderr is not None
        assert process.stderr.readline().startswith("cleaning up, please wait")
        tell(process, "go")
        assert [line(process), line(process)] == ["torn down", "143 terminated by SIGTERM"]


def test_a_first_signal_just_as_the_teardown_begins_is_held_back_too() -> None:
    with started(AT_THE_LAST_MOMENT) as process:
        assert [line(process), line(process)] == ["work", "teardown"]
        tell(process, "go")
        assert [line(process), line(process)] == ["torn down", "143 terminated by SIGTERM"]


def test_the_deadline_ends_the_work() -> None:
    with started(DEADLINE) as process:
        assert line(process) == "work"
        assert line(process) == "teardown"
        tell(process, "go")
        assert [line(process), line(process)] == ["torn down", "142 the deadline of the run passed"]


def test_the_deadline_does_not_count_in_the_teardown() -> None:
    code = DEADLINE_OVER_IN_TEARDOWN.replace(
        'say("torn down")', 'import signal; say(f"left {signal.getitimer(signal.ITIMER_REAL)[0]}")'
    )
    with started(code) as process:
        assert [line(process), line(process)] == ["work", "teardown"]
        tell(process, "go")
        assert [line(process), line(process)] == ["left 0.0", "passed"]


def test_the_handlers_of_before_are_back_at_the_end() -> None:
    code = """
import signal
from recipeci.run.interrupt import REASONS, Interrupts
before = [signal.getsignal(number) for number in REASONS]
with Interrupts().handled():
    during = [signal.getsignal(number) for number in REASONS]
after = [signal.getsignal(number) for number in REASONS]
print(before == after, any(one == other for one, other in zip(before, during)))
"""
    with started(code) as process:
        assert line(process) == "True False"


FINAL = """
import os, signal, sys
from recipeci.run.interrupt import Interrupts
interrupts = Interrupts()
with interrupts.handled():
    with interrupts.final():
        os.kill(os.getpid(), signal.SIGTERM)
        print("reported", flush=True)
    os.kill(os.getpid(), signal.SIGINT)
    print("ended", flush=True)
"""


def test_what_comes_when_the_report_is_being_written_came_too_late() -> None:
    with started(FINAL) as process:
        assert [line(process), line(process)] == ["reported", "ended"]
        assert process.wait() == 0


def test_before_that_it_does_not() -> None:
    with started(FINAL.replace("interrupts.final()", "interrupts.shielded()")) as process:
        assert line(process) == "reported"
        assert process.wait() == 1


def test_the_deadline_stands_still_in_a_teardown_and_goes_on_for_a_second_attempt() -> None:
    with started(work(FIRST_ATTEMPT)) as process:
        assert [line(process) for _ in range(4)] == ["0.0", "True", "0.0", "teardown"]
        tell(process, "go")
        assert [line(process) for _ in range(2)] == ["torn down", "passed"]


SWALLOWED = work(
    """
            try:
                say("work"); wait()
            except Exception:
                pass  # as the logging module does with whatever is raised while it writes
            say("goes on")
            interrupts.check()
"""
)


def test_a_signal_that_somebody_swallowed_is_raised_at_the_next_step() -> None:
    with started(SWALLOWED) as process:
        assert line(process) == "work"
        process.send_signal(signal.SIGINT)
        assert line(process) == "goes on"
        assert line(process) == "teardown"
        tell(process, "go")
        assert [line(process), line(process)] == ["torn down", "130 interrupted by Ctrl-C"]
        assert process.wait() == 130


def test_without_a_signal_a_check_does_nothing() -> None:
    with started(work("interrupts.check()")) as process:
        assert line(process) == "teardown"
        tell(process, "go")
        assert [line(process), line(process)] == ["torn down", "passed"]


KEPT = work(
    """
            interrupts.arm(3600)
            interrupts.keep()
            say("kept")
            while not interrupts.told:
                select.select([], [], [], 0.02)
                interrupts.check()
            say(signal.getitimer(signal.ITIMER_REAL)[0])
            interrupts.check()
"""
)


@pytest.mark.parametrize("second", [None, signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_the_ctrl_c_that_ends_what_is_kept_is_no_interruption_nor_is_what_comes_after_it(
    second: signal.Signals | None,
) -> None:
    with started(KEPT) as process:
        assert line(process) == "kept"
        process.send_signal(signal.SIGINT)
        assert [line(process), line(process)] == ["0.0", "teardown"]  # nor is there a deadline any more
        if second:
            process.send_signal(second)
            assert process.stderr is not None
            assert process.stderr.readline().startswith("cleaning up, please wait")
        tell(process, "go")
        assert [line(process), line(process)] == ["torn down", "passed"]
        assert process.wait() == 0


def test_another_signal_than_ctrl_c_interrupts_what_is_kept() -> None:
    with started(KEPT) as process:
        assert line(process) == "kept"
        process.send_signal(signal.SIGTERM)
        assert line(process) == "teardown"
        tell(process, "go")
        assert [line(process), line(process)] == ["torn down", "143 terminated by SIGTERM"]
