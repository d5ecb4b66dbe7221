"""The Gitea of the tests: an ordinary user's, on loopback, gone with whoever started it; a word where there is none."""

from __future__ import annotations

import os
import re
import select
import socket
import subprocess
import sys
from pathlib import Path

import pytest
from lab import giteabuild, giteaserver
from lab.gitea import Home, LabGitea
from recipeci.host.clock import SystemClock, until

TESTS = Path(__file__).parents[1]
HOLD = """
import sys
from lab import gitea
with gitea.running() as lab:
    print(lab.server.process.pid, lab.server.folder, flush=True)
    sys.stdin.read()
"""
USES = """
def test_a(gitea): pass
def test_b(gitea): pass
"""
GONE_SECONDS = 60.0


def environment(**more: str) -> dict[str, str]:
    """Return our own environment, in which `lab.…` can be imported."""
    path = f"{TESTS}:{os.environ.get('PYTHONPATH', '')}"
    return {**os.environ, "PYTHONPATH": path, **more}


def test_it_is_an_ordinary_users(gitea: LabGitea) -> None:
    status = Path(f"/proc/{gitea.server.process.pid}/status").read_text()
    users = re.findall(r"^(?:Uid|Gid):\s+(.*)$", status, re.MULTILINE)
    assert all("0" not in numbers.split() for numbers in users)
    assert re.search(r"^CapEff:\s+0+$", status, re.MULTILINE)


def test_it_listens_on_loopback_alone(gitea: LabGitea) -> None:
    port = int(gitea.url.rpartition(":")[2])
    tables = [Path(f"/proc/{gitea.server.process.pid}/net/{name}").read_text() for name in ("tcp", "tcp6")]
    listening = [line.split()[1] for table in tables for line in table.splitlines()[1:] if line.split()[3] == "0A"]
    assert [where for where in listening if where.endswith(f":{port:04X}")] == [f"0100007F:{port:04X}"]


@pytest.mark.usefixtures("gitea_is_built")
def test_it_ends_with_whoever_started_it_also_if_that_is_killed() -> None:
    with subprocess.Popen(
        [sys.executable, "-c", HOLD], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=environment()
    ) as starter:
        assert starter.stdout is not None
        pid, folder = starter.stdout.readline().split()
        server = os.pidfd_open(int(pid))
        try:
            with giteabuild.locked():  # no other test removes the folder meanwhile
                starter.kill()
                assert select.select([server], [], [], GONE_SECONDS)[0], "it lives on"
                assert Path(folder).is_dir()
        finally:
            os.close(server)
    with giteaserver.running():
        assert not Path(folder).exists()


@pytest.mark.usefixtures("gitea_is_built")
def test_nothing_of_it_is_left() -> None:
    with giteaserver.running() as server:
        assert server.folder.is_dir()
    assert not server.folder.exists()
    assert server.process.poll() is not None


def told_of_an_issue(gitea: LabGitea, receiver: socket.socket) -> tuple[Home, socket.socket]:
    """Have an issue of which a webhook tells us; return its repository, and the connection on which it is told."""
    receiver.settimeout(GONE_SECONDS)
    home = gitea.repository(gitea.person("owner"))
    config = {"url": f"http://127.0.0.1:{receiver.getsockname()[1]}/", "content_type": "json"}
    fields = {"type": "gitea", "events": ["issues"], "active": True, "config": config}
    gitea.do("POST", f"repos/{home.full_name}/hooks", fields=fields)
    assert not gitea.still_delivers(home)
    gitea.do("POST", f"repos/{home.full_name}/issues", fields={"title": "an issue"})
    connection, _ = receiver.accept()
    return home, connection


def wait_until_told(gitea: LabGitea, home: Home) -> None:
    until(
        lambda: gitea.still_delivers(home),
        lambda more: not more,
        what="the end of the webhook",
        clock=SystemClock(),
        timeout=GONE_SECONDS,
        delay=0.05,
        successes=1,
    )


def test_a_webhook_is_on_its_way_until_it_is_answered(gitea: LabGitea) -> None:
    with socket.create_server(("127.0.0.1", 0)) as receiver:
        home, connection = told_of_an_issue(gitea, receiver)
        with connection, connection.makefile("rb") as asked:
            assert gitea.still_delivers(home)
            connection.settimeout(GONE_SECONDS)
            assert asked.readline().startswith(b"POST ")
            connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
            wait_until_told(gitea, home)


def test_a_webhook_that_nobody_answers_is_not_waited_for(gitea: LabGitea) -> None:
    with socket.create_server(("127.0.0.1", 0)) as receiver:
        home, connection = told_of_an_issue(gitea, receiver)
        with connection:
            assert gitea.still_delivers(home)
        wait_until_told(gitea, home)


@pytest.mark.parametrize("workers", ["0", "2"])
def test_without_a_go_its_tests_are_skipped_and_the_end_says_so(tmp_path: Path, workers: str) -> None:
    (tmp_path / "test_it.py").write_text(USES)
    options = [
        "-q",
        "-n",
        workers,
        "-p",
        "no:cacheprovider",
        "-p",
        "conftest",
        "-c",
        "/dev/null",
        "--rootdir",
        str(TESTS),
    ]
    done = subprocess.run(
        [sys.executable, "-m", "pytest", *options, "--confcutdir", TESTS, tmp_path / "test_it.py"],
        env=environment(PATH="/nonexistent", XDG_CACHE_HOME=str(tmp_path / "cache")),
        cwd=TESTS,
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
    )
    assert "not tested: the real Gitea (go and gcc not on PATH): 2 tests skipped" in done.stdout, done.stdout
    assert "2 skipped" in done.stdout
    assert done.returncode == 0


def built(folder: Path, go: str) -> subprocess.CompletedProcess[str]:
    """Have Gitea built with a Go that is this shell script."""
    programs = folder / "programs"
    programs.mkdir()
    for name, script in (("go", go), ("gcc", "exit 1")):
        (programs / name).write_text(f"#!/bin/sh\n{script}\n")
        (programs / name).chmod(0o755)
    return subprocess.run(
        [sys.executable, "-m", "lab.giteabuild"],
        env=environment(PATH=str(programs), XDG_CACHE_HOME=str(folder / "cache")),
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
    )


@pytest.mark.parametrize("version", ["go1.19.8", "go1.26.1", "go1.26", "devel"])
def test_a_go_that_is_too_old_is_as_none(tmp_path: Path, version: str) -> None:
    done = built(tmp_path, f"echo {version}")
    assert done.stdout == f"Gitea: go is {version}, and Gitea 1.26.0 needs 1.26.2: tests that need it will be skipped\n"
    assert done.returncode == 0


def test_a_build_that_fails_is_an_error(tmp_path: Path) -> None:
    done = built(tmp_path, 'case "$1" in env) echo go1.26.2;; *) echo "no network" >&2; exit 1;; esac')
    assert done.returncode != 0
    assert "no network" in done.stderr
    assert "skipped" not in done.stdout
