"""host.command against real programs."""

from __future__ import annotations

from pathlib import Path

import pytest
from recipeci.errors import CommandFailed, CommandTimeout
from recipeci.host import command
from recipeci.host.clock import SystemClock, until
from recipeci.host.command import KEPT_BYTES, LINE_BYTES, LocalRunner

from unit.processes import SECONDS

runner = LocalRunner()


def test_output_and_code_of_a_program() -> None:
    done = runner.run(["sh", "-c", "echo out; echo err >&2; exit 3"], timeout=SECONDS, ok=(3,))
    assert (done.code, done.out, done.err) == (3, "out\n", "err\n")


def test_an_unaccepted_code_raises_with_the_evidence() -> None:
    with pytest.raises(CommandFailed, match="ended with 3: why") as caught:
        runner.run(["sh", "-c", "echo out; echo why >&2; exit 3"], timeout=SECONDS)
    assert (caught.value.code, caught.value.out, caught.value.err) == (3, "out\n", "why\n")


def test_a_program_that_is_not_there_is_code_127() -> None:
    with pytest.raises(CommandFailed, match="program not found") as caught:
        runner.run(["no-such-program"], timeout=SECONDS)
    assert caught.value.code == 127


def test_the_environment_is_made_from_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SECRET_OF_THE_CALLER", "x")
    done = runner.run(["env"], timeout=SECONDS, env={"PATH": "/usr/bin:/bin", "ONLY": "this"})
    assert sorted(line.partition("=")[0] for line in done.out.split()) == ["ONLY", "PATH"]


def test_a_grandchild_that_holds_the_pipe_delays_nothing_and_is_ended() -> None:
    done = runner.run(["sh", "-c", "sleep 600 & echo $!"], timeout=SECONDS)
    # It was killed, but nobody waited for it to be gone: on a loaded machine that takes a moment.
    look = f"test ! -d /proc/{done.out.strip()} || grep 'State:.Z' /proc/{done.out.strip()}/status"
    until(
        lambda: runner.run(["sh", "-c", look], timeout=SECONDS, ok=(0, 1, 2)).code,
        lambda code: code == 0,
        what="the end of the grandchild",
        clock=SystemClock(),
        timeout=SECONDS,
    )


def ended_by_the_deadline(printed: Path, *, seconds: float) -> str:
    """Run what prints, makes a file and does not end; return what was kept of it."""
    with pytest.raises(CommandTimeout) as caught:
        runner.run(["sh", "-c", f"echo before; : > {printed}; sleep {2 * SECONDS}"], timeout=seconds)
    return caught.value.out


def test_a_deadline_kills_and_keeps_what_was_printed(tmp_path: Path) -> None:
    printed = tmp_path / "printed"
    # A busy machine may not even have begun it by then; what had printed is kept.
    kept = (ended_by_the_deadline(printed, seconds=seconds) for seconds in (0.3, 3, 30, SECONDS))
    assert next(out for out in kept if printed.exists()) == "before\n"


def test_a_terminal_is_one_of_50_by_250_and_escapes_are_stripped() -> None:
    done = runner.run(
        ["sh", "-c", r"stty size; test -t 1; printf '\033[1mbold\033[0m\r\n'"], timeout=SECONDS, terminal=True
    )
    assert done.out == "50 250\nbold\n"


def test_without_a_terminal_there_is_none() -> None:
    assert runner.run(["test", "-t", "1"], timeout=SECONDS, ok=(0, 1)).code == 1


def test_input_larger_than_a_pipe_reaches_the_program() -> None:
    assert runner.run(["wc", "-c"], timeout=SECONDS, stdin=b"x" * 300_000).out.strip() == "300000"


def test_a_long_output_keeps_its_head_and_its_tail() -> None:
    done = runner.run(["sh", "-c", "echo first; yes | head -c 3000000; echo last"], timeout=SECONDS)
    assert done.out.startswith("first\n")
    assert done.out.endswith("last\n")
    assert "bytes left out" in done.out
    assert len(done.out) < 2 * KEPT_BYTES + 100


def test_a_line_without_an_end_is_shown_in_pieces() -> None:
    seen: list[str] = []
    done = runner.run(["sh", "-c", "head -c 1000000 /dev/zero | tr '\\0' x"], timeout=SECONDS, on_line=seen.append)
    assert done.out == "x" * 1_000_000
    assert "".join(seen) == done.out
    assert max(map(len, seen)) <= LINE_BYTES + 65536


def test_lines_are_shown_as_they_come_also_the_unfinished_last_one() -> None:
    seen: list[str] = []
    done = runner.run(["printf", r"one\ntwo"], timeout=SECONDS, on_line=seen.append)
    assert seen == ["one", "two"]
    assert done.out == "one\ntwo"


def test_what_lives_on_writes_through_no_link(tmp_path: Path) -> None:
    output = tmp_path / "output.log"
    output.symlink_to(tmp_path / "made")
    with pytest.raises(OSError, match="Too many levels of symbolic links"):
        command.start(["true"], output=output)
    assert not (tmp_path / "made").exists()
