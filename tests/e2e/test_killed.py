"""Runs that do not end by themselves: killed, interrupted, terminated; and two at once."""

from __future__ import annotations

import contextlib
import dataclasses
import os
import random
import signal
import socket
import subprocess
import sys
import zlib
from pathlib import Path

import pytest
from lab import cgroupfs, repository
from lab.repository import Built
from mutants.catalogue import NEVER_ENDS
from recipeci.host import temporary
from recipeci.host.command import program
from recipeci.model import Tier

from e2e import leftovers
from e2e.leftovers import Watch
from e2e.program import Recipeci, Running, for_recipe
from e2e.running import let_pass, wait_for

pytestmark = pytest.mark.cell
CANARIES = Path(__file__).parents[1] / "canaries"
KILLS = int(os.environ.get("RECIPECI_KILLS", "6"))
"""How many random moments; `make test-long` takes 20."""
GROUPS = 2
"""Tests that share them, so that workers can."""
DEPLOYED, TEARS_DOWN = "deploy     ", " app undeploy "
"""The line at the end of a phase, and what `-v` shows when the teardown begins: soon after its own line all is over."""


@pytest.mark.parametrize("group", range(GROUPS))
def test_kill_9_at_random_moments_leaves_nothing_and_disturbs_nobody(
    *, group: int, recipeci: Recipeci, custom_html: Built, watch: Watch, folder: Path, seed: int
) -> None:
    options = for_recipe("custom-html", source=custom_html.path, stages=",".join(Tier))
    whole = recipeci.run(*options, out="whole")
    assert whole.code == 0, whole.out + whole.err
    moments = random.Random(seed + group)  # noqa: S311 - moments, no secrets
    for kill in range(KILLS // GROUPS):
        seconds = moments.uniform(0, whole.report["seconds"])
        running = recipeci.start(*options, out=f"k{kill}")
        let_pass(running, seconds)
        running.signal(signal.SIGKILL)
        running.process.communicate()
        left = watch.wait_until_gone(folder)
        assert not left, f"killed after {seconds:.2f} s (seed {seed}): {left}"
    after = recipeci.run(*options, out="after")
    assert after.code == 0, after.out + after.err


@pytest.mark.parametrize(
    ("number", "code", "words"),
    [(signal.SIGINT, 130, "interrupted by Ctrl-C"), (signal.SIGTERM, 143, "terminated by SIGTERM")],
)
def test_a_signal_ends_a_run_after_its_teardown(
    *, number: signal.Signals, code: int, words: str, recipeci: Recipeci, custom_html: Built
) -> None:
    running = recipeci.start(*for_recipe("custom-html", source=custom_html.path))
    wait_for(running, "===== TIER: install")
    running.signal(number)
    ended = running.end()
    assert ended.code == code, ended.out + ended.err
    assert ended.report["verdict"] == "error"
    assert [error["message"] for error in ended.report["errors"] if words in error["message"]] != []
    assert ended.report["leftovers"] == []
    assert leftovers.cgroups_of(ended.report["run_id"]) == []


@pytest.fixture
def in_a_suite(recipeci: Recipeci, custom_html: Built) -> Running:
    """A run in the middle of a suite of the operator's that goes on for long, with a process behind it."""
    suite = recipeci.folder / "overlays" / "custom-html" / "test_install.py"
    suite.parent.mkdir(parents=True)
    suite.write_text(
        "import subprocess, time\n\n"
        "def test_waits(app):\n    subprocess.Popen(['sleep', '300'], start_new_session=True)\n    time.sleep(300)\n"
    )
    options = for_recipe("custom-html", source=custom_html.path, stages="install")
    running = recipeci.start(*options, "--overlays", str(suite.parents[1]), "-v")
    wait_for(running, "recipeci/test_install.py")  # the command that begins the operator's suite
    let_pass(running, 4)
    return running


def test_a_signal_ends_a_suite_too(in_a_suite: Running) -> None:
    in_a_suite.signal(signal.SIGINT)
    ended = in_a_suite.end()
    assert ended.code == 130, ended.out + ended.err
    assert ended.report["leftovers"] == []
    words = "interrupted by Ctrl-C during recipeci overlay test_install.py of install"
    assert [error["message"] for error in ended.report["errors"]] == [words]
    assert f"error     : {words}" in ended.out.splitlines()
    (install,) = ended.report["tiers"]
    assert (install["outcome"], install["reason"]) == ("unverified", words)
    finished = {suite["source"]: suite["outcome"] for suite in install["suites"]}
    assert finished == {"harness": "pass", "generic": "pass"}


def test_kill_9_ends_a_suite_too(in_a_suite: Running, watch: Watch, folder: Path) -> None:
    in_a_suite.signal(signal.SIGKILL)
    in_a_suite.process.communicate()
    left = watch.wait_until_gone(folder)
    assert not left, left


def test_more_signals_do_not_cut_the_teardown_short(recipeci: Recipeci, custom_html: Built) -> None:
    running = recipeci.start(*for_recipe("custom-html", source=custom_html.path), "-v")
    wait_for(running, DEPLOYED)
    let_pass(running, 3)
    running.signal(signal.SIGINT)
    wait_for(running, TEARS_DOWN)
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        running.signal(number)
    ended = running.end()
    assert ended.code == 130, ended.out + ended.err
    assert "cleaning up, please wait" in ended.err
    assert ended.report["leftovers"] == []


def test_the_deadline_ends_a_run_after_its_teardown(recipeci: Recipeci, folder: Path) -> None:
    source = repository.build(CANARIES / "slow-start", folder / "canary").path
    overlay = folder / "overlays" / "canary" / "recipe.yml"
    overlay.parent.mkdir(parents=True)
    overlay.write_text("deadline: 35\n")  # its health check is bad for 70 s
    ended = recipeci.run(*for_recipe("canary", source=source), "--overlays", str(folder / "overlays"))
    assert ended.code == 142, ended.out + ended.err
    assert ended.report["verdict"] == "error"
    assert "the deadline of the run passed" in ended.out
    assert ended.report["leftovers"] == []


def kill_dockerd_of_the_cell(running: Running) -> None:
    """Kill one process that the run started: its swarm's daemon."""
    started = leftovers.descendants(running.process.pid)
    daemons = [pid for pid in started if Path(leftovers.program_of(pid)).name == "dockerd"]
    assert daemons  # one, or for a moment also a child that it makes of itself
    for pid in daemons:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)


def test_a_daemon_that_dies_is_the_hosts_fault_and_gets_a_fresh_cell(recipeci: Recipeci, custom_html: Built) -> None:
    running = recipeci.start(*for_recipe("custom-html", source=custom_html.path))
    wait_for(running, "===== TIER: upgrade")
    kill_dockerd_of_the_cell(running)
    ended = running.end()
    assert ended.code == 0, ended.out + ended.err
    (note,) = [note for note in ended.report["notes"] if "repeated in a fresh cell" in note]
    assert "first attempt: install pass, upgrade not reached: " in note
    assert (ended.report["deploys"], ended.report["leftovers"]) == (1, [])


def test_a_daemon_that_dies_during_a_hook_is_no_fault_of_the_hook(recipeci: Recipeci, custom_html: Built) -> None:
    hooks = recipeci.folder / "overlays" / "custom-html" / "ops.py"
    hooks.parent.mkdir(parents=True)
    hooks.write_text("import time\n\ndef pre_deploy(app):\n    time.sleep(300)\n")
    options = for_recipe("custom-html", source=custom_html.path, stages="install")
    running = recipeci.start(*options, "--overlays", str(hooks.parents[1]), "-v")
    wait_for(running, "recipeci/ops.py")
    let_pass(running, 4)
    kill_dockerd_of_the_cell(running)
    again = wait_for(running, "repeated in a fresh cell") + wait_for(running, "recipeci/ops.py")
    running.signal(signal.SIGINT)
    ended = running.end()
    (note,) = [note for note in ended.report["notes"] if "repeated in a fresh cell" in note]
    assert "install not reached" in note  # whoever found first that the cell is gone
    assert (ended.code, ended.report["leftovers"]) == (130, []), again + ended.out + ended.err


def forge(git: Path, name: str, content: bytes) -> None:
    """Put other content into a file of HEAD, under the sha of its own: git believes an object's name."""

    def asked(*args: str, stdin: bytes = b"") -> str:
        told = subprocess.run([program("git"), "-C", git, *args], input=stdin, capture_output=True, check=True)
        return told.stdout.decode().strip()

    sha = asked("rev-parse", f"HEAD:{name}")
    for pack in list((git / "objects" / "pack").glob("*.pack")):
        data = pack.read_bytes()
        for file in pack.parent.glob(f"{pack.stem}.*"):
            file.unlink()
        asked("unpack-objects", "-q", stdin=data)
    there = git / "objects" / sha[:2] / sha[2:]
    there.unlink()
    there.write_bytes(zlib.compress(b"blob %d\0%s" % (len(content), content)))


def test_what_the_first_cell_did_to_the_checkout_reaches_no_suite_of_the_second(
    recipeci: Recipeci, folder: Path
) -> None:
    source = repository.build(CANARIES / "repo-allowed", folder / "canary").path
    running = recipeci.start(*for_recipe("canary", source=source, stages="install"), "--allow-local-code")
    wait_for(running, "===== TIER: install")
    # As whoever is root in a cell can. The true conftest is not to be imported; without it the suite passes.
    forge(running.folder / "cell" / "abra" / "recipes" / "canary" / ".git", "tests/conftest.py", b"")
    kill_dockerd_of_the_cell(running)
    ended = running.end()
    assert [note for note in ended.report["notes"] if "repeated in a fresh cell" in note], ended.out + ended.err
    (suite,) = [suite for suite in ended.report["tiers"][0]["suites"] if suite["source"] == "repo"]
    assert (suite["outcome"], suite["tests"]) == ("unverified", []), suite


def test_a_daemon_that_dies_again_leaves_no_verdict(recipeci: Recipeci, custom_html: Built) -> None:
    running = recipeci.start(*for_recipe("custom-html", source=custom_html.path))
    for _ in range(2):
        wait_for(running, "===== TIER: install")
        kill_dockerd_of_the_cell(running)
    ended = running.end()
    assert (ended.code, ended.report["verdict"]) == (3, "error"), ended.out + ended.err
    assert {tier["outcome"] for tier in ended.report["tiers"]} <= {"unverified", "error"}


def test_a_daemon_that_dies_after_a_red_tier_hides_nothing(recipeci: Recipeci, folder: Path) -> None:
    """The recipe has failed, and no second attempt may find it good; the end of dockerd's log stays in run.log."""
    source = repository.build(CANARIES / "crash-loop", folder / "canary").path
    running = recipeci.start(*for_recipe("canary", source=source), "-v")
    read = wait_for(running, TEARS_DOWN)
    kill_dockerd_of_the_cell(running)
    ended = running.end()
    assert (ended.code, ended.report["verdict"]) == (3, "error"), read + ended.out + ended.err
    assert [tier["outcome"] for tier in ended.report["tiers"]] == ["pass", "fail"]
    assert "canary: no database" in ended.report["tiers"][1]["reason"]
    assert not [note for note in ended.report["notes"] if "repeated in a fresh cell" in note]
    log = (ended.folder / "run.log").read_text()
    assert log.count("the end of the cell's log:") == 1
    assert "API listen on" in log  # dockerd's own words


@pytest.fixture
def without_an_end(recipeci: Recipeci) -> Recipeci:
    """The harness with cells that do not end in time: a kernel that does not let go, an init that buries nobody."""
    return dataclasses.replace(recipeci, python_path=(NEVER_ENDS.make(recipeci.folder / "mutant"),))


def test_a_cell_that_does_not_end_is_said_and_gets_no_second_one(without_an_end: Recipeci, custom_html: Built) -> None:
    ended = without_an_end.run(*for_recipe("custom-html", source=custom_html.path, stages="install"))
    assert (ended.code, ended.report["verdict"]) == (3, "error"), ended.out + ended.err
    assert [error["message"] for error in ended.report["errors"] if "the cell does not end" in error["message"]]
    assert ended.out.count("===== TIER: install") == 1


def test_ctrl_c_counts_whatever_the_end_of_the_cell_brings(without_an_end: Recipeci, custom_html: Built) -> None:
    running = without_an_end.start(*for_recipe("custom-html", source=custom_html.path))
    wait_for(running, "===== TIER: install")
    running.signal(signal.SIGINT)
    ended = running.end()
    assert ended.code == 130, ended.out + ended.err
    assert "===== TIER: install" not in ended.out  # it was read before; there is no second one
    assert [note for note in ended.report["notes"] if "the cell does not end" in note]


def test_two_runs_of_one_recipe_at_once(recipeci: Recipeci, custom_html: Built) -> None:
    options = for_recipe("custom-html", source=custom_html.path)
    both = [recipeci.start(*options, out=out) for out in ("one", "two")]
    ended = [running.end() for running in both]
    assert [run.code for run in ended] == [0, 0], "".join(run.out + run.err for run in ended)
    assert len({run.report["domain"] for run in ended}) == 2


ASKED = """#!{python} -I
import socket
socket.create_connection(("127.0.0.1", {port})).recv(1)
"""
"""A program that says that it is there and then waits, as an abra that hangs."""


def killed_when_something_asks(recipeci: Recipeci, *options: str) -> None:
    """Kill a program in the middle of what it has a temporary folder for; `{port}` is where it is waited for.

    `{source}` is a folder, which is no repository: that is found out later.
    """
    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.settimeout(60)
        port = listener.getsockname()[1]
        (recipeci.folder / "abra").write_text(ASKED.format(python=sys.executable, port=port))
        (recipeci.folder / "abra").chmod(0o755)
        source = recipeci.folder / "source"
        source.mkdir()
        given = [option.format(port=port, abra=recipeci.folder / "abra", source=source) for option in options]
        running = recipeci.start_as_is(*given, folder=recipeci.folder / "r")
        with listener.accept()[0]:
            running.signal(signal.SIGKILL)
            running.process.communicate()


@pytest.mark.parametrize(
    "options",
    [
        ("--recipe", "x", "--source", "http://127.0.0.1:{port}/x.git", "--plan"),
        ("--recipe", "x", "--source", "{source}", "--abra", "{abra}"),
        ("doctor", "--abra", "{abra}"),
    ],
    ids=["the clone of a plan", "the home of an abra that is asked for its version", "the same in doctor"],
)
def test_what_is_killed_leaves_temporary_folders_only_where_clean_finds_them(
    recipeci: Recipeci, options: tuple[str, ...]
) -> None:
    killed_when_something_asks(recipeci, *options)
    assert list(recipeci.temporary.iterdir()) == []
    (left,) = recipeci.cache.glob(f"{temporary.PREFIX}*")
    cleaned = recipeci.start_as_is("clean", folder=recipeci.folder / "r").end()
    assert cleaned.code == 0, cleaned.out + cleaned.err
    assert f"{left}: its maker was killed, removed" in cleaned.out.splitlines()  # beside cgroups of other tests' runs
    assert not left.exists()


def test_the_next_run_removes_them_too(recipeci: Recipeci, custom_html: Built) -> None:
    killed_when_something_asks(recipeci, "--recipe", "x", "--source", "{source}", "--abra", "{abra}")
    (left,) = recipeci.cache.glob(f"{temporary.PREFIX}*")
    planned = recipeci.start_as_is(
        *for_recipe("custom-html", source=custom_html.path), "--plan", folder=recipeci.folder / "r"
    )
    assert planned.end().code == 0
    assert not left.exists()


def test_clean_removes_what_a_killed_run_left_in_the_cache_folder(recipeci: Recipeci, custom_html: Built) -> None:
    run, runs = recipeci.folder / "r", recipeci.cache / "runs"
    running = recipeci.start(*for_recipe("custom-html", source=custom_html.path))
    wait_for(running, "===== TIER: install")
    running.signal(signal.SIGKILL)
    running.process.communicate()
    assert (run / "swarm").is_dir()
    assert [entry.readlink() for entry in runs.iterdir() if entry.is_symlink()] == [run]
    with cgroupfs.alone():
        cleaned = recipeci.start_as_is("clean", folder=run).end()
    assert cleaned.code == 0, cleaned.out + cleaned.err
    assert not (run / "swarm").exists()
    assert not [entry for entry in runs.iterdir() if entry.is_symlink()]
    assert cleaned.report["verdict"] == "error"
    assert leftovers.cgroups_of(cleaned.report["run_id"]) == []
