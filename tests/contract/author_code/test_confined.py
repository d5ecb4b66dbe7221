"""What an author's code must not find, reach or leave behind."""

from __future__ import annotations

import pytest
from lab.authors import Bench, one
from recipeci.model import Outcome

pytestmark = pytest.mark.cell


def test_a_process_that_a_suite_leaves_behind_is_ended_and_named(bench: Bench) -> None:
    text = """
import os, sys
def test_a():
    if os.fork() == 0:
        os.setsid()
        if os.fork() == 0:
            os.execvp("sleep", ["sleep", "4242"])
        os._exit(0)
"""
    result = one(bench, text)
    assert result.outcome is Outcome.PASS, result
    assert len(bench.notes) == 1
    assert "test_install.py left processes behind, which were ended: sleep (" in bench.notes[0]
    assert bench.lab.cell.runner.run(["pgrep", "-f", "sleep 4242"], timeout=60, ok=(0, 1)).out == ""


def test_what_a_suite_looks_for_and_must_not_find(bench: Bench) -> None:
    """Each look has its control: the same, at something that is to be seen, sees it."""
    other = bench.shared.parent / "other-run"
    other.mkdir(exist_ok=True)
    (other / "secret").write_text("of another run")
    (bench.shared / "private").mkdir(mode=0o700, exist_ok=True)
    text = f"""
import glob, os, socket, stat
import pytest

def test_no_docker_socket():
    for path in ("/run/docker.sock", "/var/run/docker.sock", "{bench.lab.cell.socket}"):
        with socket.socket(socket.AF_UNIX) as s, pytest.raises(OSError):
            s.connect(path)
    found = [p for p in glob.glob("/run/**", recursive=True) if stat.S_ISSOCK(os.lstat(p).st_mode)]
    for path in found:
        with socket.socket(socket.AF_UNIX) as s, pytest.raises(OSError):
            s.connect(path)

def test_environment():
    names = {{"CCCI_DOMAIN", "CCCI_OP_STATE_FILE", "CCCI_RECIPE", "CCCI_TIER", "HOME", "LC_ALL", "PATH", "TMPDIR"}}
    assert set(os.environ) - {{"PYTEST_CURRENT_TEST", "PYTEST_VERSION"}} == names

def test_another_run():
    assert os.path.exists("{bench.shared}")
    assert not os.path.exists("{other}")
    assert not os.path.exists("{bench.lab.cell.spec.folder}")
    with pytest.raises(PermissionError):
        os.listdir("{bench.shared}/private")

def test_proc():
    seen = [p for p in glob.glob("/proc/[0-9]*") if os.stat(p).st_uid != os.getuid()]
    assert os.path.exists(f"/proc/{{os.getpid()}}/environ")
    assert seen == []

def test_descriptors():
    links = [f"/proc/self/fd/{{fd}}" for fd in os.listdir("/proc/self/fd")]
    kinds = [os.readlink(link) for link in links if os.path.lexists(link)]
    assert sum(kind.startswith("socket:") for kind in kinds) == 1

def test_privileges():
    status = dict(line.split(":", 1) for line in open("/proc/self/status").read().splitlines())
    assert os.getuid() == os.getgid() == os.geteuid() >= 60600
    assert {{int(status[key], 16) for key in ("CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb")}} == {{0}}
    assert status["NoNewPrivs"].strip() == "1"
    assert os.getgroups() in ([], [os.getgid()])

def test_writes(tmp_path):
    (tmp_path / "x").write_text("to be written")
    for folder in ("{bench.shared}", os.path.dirname(__file__), "/etc", "/run", "/usr"):
        with pytest.raises(OSError):
            open(folder + "/x", "w")

def test_no_key():
    assert os.path.exists("/etc/recipeci/ca.pem")
    for path in glob.glob("/etc/recipeci/**", recursive=True):
        if "key" in path:
            with pytest.raises(PermissionError):
                open(path)

def test_no_way_out():
    with pytest.raises(OSError):
        socket.create_connection(("192.0.2.7", 80), timeout=3)

def test_fork_bomb_ends():
    import subprocess
    children = []
    with pytest.raises(BlockingIOError):
        for _ in range(3000):
            pid = os.fork()
            if pid == 0:
                import signal
                signal.pause()
            children.append(pid)
    import signal
    for pid in children:
        os.kill(pid, signal.SIGKILL)
        os.waitpid(pid, 0)
"""
    result = one(bench, text)
    assert [(t.name, t.message) for t in result.tests if t.outcome is not Outcome.PASS] == []
    assert result.outcome is Outcome.PASS
