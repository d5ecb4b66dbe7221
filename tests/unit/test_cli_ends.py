"""How the program ends where it is not root, has a bug, or nobody reads any more."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from unit.commandline import PROGRAM, without_root
from unit.nobody import NEEDS_ROOT
from unit.processes import ended, environment


def test_without_root_one_line_says_which_command_to_use(short: Path) -> None:
    code, out, err = ended(
        without_root(str(PROGRAM), "--recipe", "x", "--ref", "1.0.0+1"), env=environment({"HOME": str(short)})
    )
    assert (code, out) == (3, "")
    assert err.splitlines() == [
        "recipeci: a run makes a swarm of its own, which needs root",
        f"  → sudo {PROGRAM} --recipe x --ref 1.0.0+1",
    ]
    assert list(short.iterdir()) == []


NO_CGROUPS = ("unshare", "--mount", "--", "sh", "-c", 'mount -t tmpfs none /sys/fs/cgroup && exec "$@"', "sh")
"""Before a command: it sees no cgroup of this machine's."""


@NEEDS_ROOT
def test_clean_with_nothing_to_do_says_so(short: Path) -> None:
    """Those of other tests' cells would be something to do: they are the machine's, not the cache folder's."""
    argv = [*NO_CGROUPS, str(PROGRAM), "clean"]
    assert ended(argv, env=environment({"HOME": str(short)}), cwd=short) == (0, "nothing to clean\n", "")
    assert list(short.iterdir()) == []


def bug(short: Path, text: str) -> tuple[int, str, str]:
    """Run the door around a command that has a bug."""
    code = f"""
import sys
from recipeci import cli, commands
class Broken(commands.Clean):
    def do(self):
        {text}
commands.Main.subcommand("clean", Broken)
sys.argv = ["recipeci", "clean"]
sys.exit(cli.main())
"""
    return ended([sys.executable, "-c", code], env=environment({"HOME": str(short)}))


def test_a_bug_is_70_with_its_traceback_where_there_is_no_log(short: Path) -> None:
    code, out, err = bug(short, 'raise KeyError("x")')
    assert (code, out) == (70, "")
    assert "Traceback (most recent call last)" in err
    assert err.splitlines()[-2:] == ["recipeci: a bug of recipeci: KeyError: 'x'", "  → please report it"]


def test_a_bug_that_is_in_a_log_says_where_and_nothing_more(short: Path) -> None:
    code, out, err = bug(short, 'e = KeyError("x"); e.add_note("the traceback is in /r/run.log"); raise e')
    assert (code, out) == (70, "")
    assert err.splitlines() == [
        "recipeci: a bug of recipeci: KeyError: 'x'",
        "  → the traceback is in /r/run.log; please report it",
    ]


@pytest.mark.parametrize("error", ["OSError(22, 'Invalid argument')", "BrokenPipeError(32, 'Broken pipe')"])
def test_an_error_of_the_system_in_a_run_is_never_taken_for_a_closed_pipe(short: Path, error: str) -> None:
    code, _, err = bug(short, f"raise {error}")
    assert (code, err.splitlines()[-1]) == (70, "  → please report it")


def test_a_code_is_kept_when_the_reader_went_away(short: Path) -> None:
    code, _, err = bug(short, 'print("x" * 100000, file=open("/dev/full", "w")); return 1')
    assert code == 70, err
    code, _, err = ended(
        ["sh", "-c", f"trap '' PIPE; ({PROGRAM} clean --config none.yml; echo $? >&2) | true"],
        env=environment({"HOME": str(short)}),
        cwd=short,
    )
    assert err.splitlines()[-1] == "2"
