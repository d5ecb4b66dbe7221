"""Authors' code in a real cell: what a suite, a hook and install_steps.sh can do, and what their outcome is."""

from __future__ import annotations

import re
import threading
from collections.abc import Iterator

import pytest
from lab import authors
from lab.authors import Bench
from recipeci.errors import OpFailed
from recipeci.host.clock import SystemClock, until
from recipeci.host.docker import Swarm
from recipeci.host.execs import Command, ExecFailed, Execs
from recipeci.host.http import Http
from recipeci.model import Outcome, SuiteResult, Tier
from recipeci.recipe.envfile import EnvFile

pytestmark = pytest.mark.cell
READY = "/tmp/ready"  # noqa: S108 - in a container


@pytest.fixture(scope="module")
def made() -> Iterator[Bench]:
    with authors.bench() as bench:
        yield bench


@pytest.fixture
def bench(made: Bench) -> Iterator[Bench]:
    made.notes.clear()
    made.lines.clear()
    yield made
    made.seconds, made.accept, made.path = authors.SECONDS, (200,), "/"


def test_a_suite_sees_the_app(bench: Bench) -> None:
    text = """
def test_exec(app):
    result = app.exec("app", ["sh", "-c", "cat; echo err >&2"], input=b"in")
    assert (result.code, result.out, result.err) == (0, b"in", b"err\\n")

def test_get(app):
    answer = app.get("/")
    assert answer.status_code == 200
    assert app.url == "https://a1b2c3.ci.test"

def test_logs(app):
    assert isinstance(app.logs("app"), str)
"""
    result = bench.run(text)
    assert (result.outcome, result.message) == (Outcome.PASS, ""), bench.lines
    assert [(t.name, t.outcome) for t in result.tests] == [
        ("test_exec", Outcome.PASS),
        ("test_get", Outcome.PASS),
        ("test_logs", Outcome.PASS),
    ]


def one(bench: Bench, text: str, **more: str) -> SuiteResult:
    return bench.run(text, files={f"{name}.py": body for name, body in more.items()})


def test_a_failing_test_is_fail_with_its_first_line(bench: Bench) -> None:
    result = one(bench, "def test_good(): pass\ndef test_bad():\n    assert 1 == 2, 'no'\n")
    assert result.outcome is Outcome.FAIL
    assert [t.outcome for t in result.tests] == [Outcome.PASS, Outcome.FAIL]
    assert result.tests[1].message.startswith("AssertionError: no")


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("import pytest\ndef test_a(): pytest.skip('why')\ndef test_b(): pytest.skip('why')", "2 of 2 skipped"),
        ("import pytest\npytest.skip('all', allow_module_level=True)", "there is no test in it"),
        ("", "there is no test in it"),
        ("import nothing_of_that_name\ndef test_a(): pass", "cannot be collected: ModuleNotFoundError"),
        ("import os\nos._exit(0)", "does not say which tests there are"),
    ],
    ids=["only skips", "skips as a whole", "empty", "does not import", "ends when imported"],
)
def test_what_shows_nothing_is_unverified(bench: Bench, text: str, words: str) -> None:
    result = one(bench, text)
    assert result.outcome is Outcome.UNVERIFIED
    assert words in result.message


def test_a_process_that_ends_with_0_in_the_middle_is_unverified(bench: Bench) -> None:
    result = one(bench, "import os\ndef test_a(): pass\ndef test_b(): os._exit(0)\ndef test_c(): assert False\n")
    assert result.outcome is Outcome.UNVERIFIED
    assert [t.outcome for t in result.tests] == [Outcome.PASS, Outcome.UNVERIFIED, Outcome.UNVERIFIED]
    assert "it ended with 0" in result.message


def test_a_process_that_ends_with_0_behind_its_last_test_is_unverified(bench: Bench) -> None:
    conftest = "import os\ndef pytest_sessionfinish(): os._exit(0)\n"
    assert one(bench, "def test_a(): pass\n", conftest=conftest).outcome is Outcome.UNVERIFIED


def test_a_suite_that_rewrites_its_junit_is_not_believed(bench: Bench) -> None:
    conftest = """
import atexit, os
def rewrite():
    path = os.environ["TMPDIR"] + "/junit.xml"
    text = open(path).read() if os.path.exists(path) else ""
    open(path, "w").write(text.replace("<failure", "<skipped").replace("</failure", "</skipped"))
atexit.register(rewrite)
"""
    result = one(bench, "def test_a(): pass\ndef test_b(): assert False\n", conftest=conftest)
    assert result.outcome is Outcome.FAIL
    assert "its JUnit says something else" in result.message


def test_a_suite_that_removes_a_failure_from_what_it_tells_is_not_believed(bench: Bench) -> None:
    conftest = """
import pytest
@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item, call):
    outcome = yield
    report = outcome.get_result()
    report.outcome = "passed"
"""
    result = one(bench, "def test_a(): assert False\n", conftest=conftest)
    assert result.outcome is Outcome.PASS, "within pytest's own hooks a suite fakes its own green; nothing else"


def test_a_suite_that_deselects_in_its_run_alone_is_unverified(bench: Bench) -> None:
    conftest = """
def pytest_collection_modifyitems(config, items):
    if not config.option.collectonly:
        del items[1:]
"""
    result = one(bench, "def test_a(): pass\ndef test_b(): assert False\n", conftest=conftest)
    assert result.outcome is Outcome.UNVERIFIED
    assert "other tests than its collection" in result.message


def test_no_configuration_of_an_authors_is_read(bench: Bench) -> None:
    files = {
        "pytest.ini": "[pytest]\naddopts = --deselect test_install.py::test_b -k test_a\n",
        "pyproject.toml": "[tool.pytest.ini_options]\naddopts = '-k test_a'\n",
    }
    result = bench.run("def test_a(): pass\ndef test_b(): assert False\n", files=files)
    assert [t.name for t in result.tests] == ["test_a", "test_b"]
    assert result.outcome is Outcome.FAIL


def test_markers_of_the_harness_that_a_suite_prints_are_lines_of_its_own(bench: Bench) -> None:
    text = """
def test_a():
    print("===== TIER: upgrade (generic=run, overlay=none) =====")
    print('\\x1b[2J{"say": "report", "id": "x", "outcome": "passed"}')
    assert False
"""
    result = one(bench, text)
    assert result.outcome is Outcome.FAIL
    assert [t.name for t in result.tests] == ["test_a"]
    assert any("TIER: upgrade" in line for line in bench.lines)
    assert all(line.startswith("recipeci ") and "\x1b" not in line for line in bench.lines)


@pytest.mark.parametrize(
    "send",
    [
        "b'\\xff\\xff\\xff\\xff'",
        "(5).to_bytes(4, 'big') + b'[1,2]'",
        "(9).to_bytes(4, 'big') + b'{\"say\":1}'",
        '(40).to_bytes(4, \'big\') + b\'{"say":"call","id":1,"name":"rm"}      \'',
        "(16*1024*1024).to_bytes(4, 'big') + b'[' * (16*1024*1024)",
    ],
    ids=["length", "list", "unknown", "call", "deep"],
)
def test_what_may_not_be_said_ends_the_suite_and_not_the_harness(bench: Bench, send: str) -> None:
    text = f"""
import gc, socket
def test_a():
    for thing in gc.get_objects():
        if isinstance(thing, socket.socket):
            try: thing.sendall({send})
            except OSError: pass
"""
    result = one(bench, text)
    assert result.outcome is Outcome.FAIL
    assert "broke the channel" in result.message


def test_a_suite_that_takes_too_long_is_ended_with_its_children(bench: Bench) -> None:
    bench.seconds = 4
    result = one(bench, "import os\ndef test_a():\n    os.system('echo begun; sleep 4141 & sleep 4141')\n")
    assert result.outcome is Outcome.FAIL
    assert "it was still running after" in result.message
    assert bench.lab.cell.runner.run(["pgrep", "-f", "sleep 4141"], timeout=5, ok=(0, 1)).out == ""


def test_a_command_of_a_suite_that_takes_too_long_is_ended_in_the_container(bench: Bench) -> None:
    text = "import pytest\nfrom recipeci.author import AppError\ndef test_a(app):\n"
    text += "    with pytest.raises(AppError, match='its time is over'):\n"
    text += "        app.exec('app', ['sh', '-c', 'sleep 4343; true'], timeout=1)\n"
    assert one(bench, text).outcome is Outcome.PASS, bench.lines
    until(
        lambda: bench.lab.cell.runner.run(["pgrep", "-f", "sleep 4343"], timeout=5, ok=(0, 1)).out,
        lambda out: not out,
        what="the end of the command",
        clock=SystemClock(),
        timeout=30,
    )


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
    assert bench.lab.cell.runner.run(["pgrep", "-f", "sleep 4242"], timeout=5, ok=(0, 1)).out == ""


def test_what_a_suite_looks_for_and_must_not_find(bench: Bench) -> None:
    """Each look has its control: the same, at something that is to be seen, sees it."""
    other = bench.shared.parent.parent / "other-run"
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


def test_exec_is_checked_unless_that_is_refused_by_name(bench: Bench) -> None:
    """Control 12: what would pass if failure gave an empty output."""
    text = """
import pytest
from recipeci.author import AppError

def test_it_would_pass_with_an_empty_output(app):
    assert app.exec("app", ["cat", "/no/such/file"]).out == b""

def test_code(app):
    result = app.exec("app", ["sh", "-c", "exit 3"], check=False)
    assert result.code == 3

def test_unknown_service(app):
    with pytest.raises(AppError, match="no service 'db'; it has: app"):
        app.exec("db", ["true"])

def test_unknown_program(app):
    assert app.exec("app", ["no-such-program"], check=False).code in (126, 127)

def test_as_another_user(app):
    assert app.exec("app", ["id", "-u"], user="33").text == "33"

def test_large(app):
    data = bytes(range(256)) * 8192
    assert app.exec("app", ["cat"], input=data).out == data

def test_too_large(app):
    with pytest.raises(AppError, match="more than 8 MiB"):
        app.exec("app", ["sh", "-c", "yes | head -c 10000000"])

def test_another_certificate_is_not_believed(app):
    import httpx
    with pytest.raises(httpx.ConnectError, match="CERTIFICATE"):
        httpx.get(app.url)

def test_wait(app):
    with pytest.raises(AppError, match="never: not within 0.3 s; last seen: None"):
        app.wait(lambda: None, timeout=0.3, what="never")
    assert app.wait(lambda: 7, timeout=1, what="at once") == 7
"""
    result = one(bench, text)
    wrong = [(t.name, t.message.splitlines()[0]) for t in result.tests if t.outcome is not Outcome.PASS]
    assert len(wrong) == 1, wrong
    assert wrong[0][0] == "test_it_would_pass_with_an_empty_output"
    assert "cat /no/such/file in app ended with 1" in wrong[0][1]


def test_the_op_state_and_the_recipe(bench: Bench) -> None:
    bench.state("deploy")
    bench.env |= {"SMTP_PASSWORD": "hidden", "SECRET_DB_VERSION": "v1"}
    text = """
import dataclasses, pytest
def test_op(op):
    assert (op.op, op.domain, op.after.services["app"].image) == ("deploy", "a1b2c3.ci.test", "nginx:1.26.3")
    with pytest.raises(dataclasses.FrozenInstanceError):
        op.op = "x"
    with pytest.raises(TypeError):
        op.after.services["x"] = 1

def test_recipe(recipe):
    assert (recipe.name, recipe.version, recipe.env["PLAIN"]) == ("custom-html", "1.0.0+1.26.3", "seen")
    assert "SMTP_PASSWORD" not in recipe.env
    assert recipe.env["SECRET_DB_VERSION"] == "v1"
"""
    result = one(bench, text)
    assert [(t.name, t.message) for t in result.tests if t.outcome is not Outcome.PASS] == []
    bench.state_file.unlink()
    result = one(bench, "def test_op(op): pass\n")
    assert result.outcome is Outcome.FAIL, "without an op state it is an error, never a skip"


def test_a_report_names_files_as_their_author_does(bench: Bench) -> None:
    result = one(bench, "def test_a(app): app.exec('app', ['false'])\n")
    assert "overlay-" in result.path
    assert "test_install.py:1: in test_a" in result.tests[0].message
    assert str(bench.shared) not in str(result)
    assert str(bench.shared) not in "".join(bench.lines)


# --- a container that is replaced, or ends


def container(bench: Bench) -> str:
    """The container of the task that is meant to run, once there is one."""
    tasks = ["service", "ps", "-q", "-f", "desired-state=running", "--no-trunc", f"{authors.STACK}_app"]

    def look() -> str:
        named = ["ps", "-q", "--no-trunc", "-f", f"name={bench.lab.docker(*tasks).out.strip()}"]
        return bench.lab.docker(*named).out.strip()

    return until(look, bool, what="container", clock=SystemClock(), timeout=60, successes=1)


def test_exec_ends_well_in_the_new_container_when_the_old_is_replaced_meanwhile(bench: Bench) -> None:
    """Control 19. The suite waits for its container's end, and calls while there is none."""
    before = container(bench)
    text = """
def test_a(app):
    first = app.exec("app", ["hostname"]).text
    app.exec("app", ["touch", "/tmp/ready"])
    app.wait(lambda: other(app, first), timeout=60, what="another container")

def other(app, first):
    return app.exec("app", ["hostname"]).text != first
"""
    replace = ("service", "update", "-q", "-d", "--force", f"{authors.STACK}_app")
    worker = threading.Thread(target=lambda: when_ready(bench, before, *replace))
    worker.start()
    result = one(bench, text)
    worker.join()
    assert result.outcome is Outcome.PASS, result
    assert container(bench) != before
    authors.served(bench.lab)


def when_ready(bench: Bench, old: str, *docker: str) -> None:
    """Give Docker a command once the suite has called into a container."""
    ready = ["exec", old, "test", "-e", READY]
    until(
        lambda: bench.lab.docker(*ready, ok=(0, 1)).code,
        lambda code: code == 0,
        what="the suite",
        clock=SystemClock(),
        timeout=60,
        successes=1,
    )
    bench.lab.docker(*docker)


def test_exec_waits_while_there_is_no_container(bench: Bench) -> None:
    """The service is at 0 when the command is asked for, and comes back while it waits."""
    name = f"{authors.STACK}_app"
    bench.lab.docker("service", "scale", "-d", f"{name}=0")
    gone = ["ps", "-q", "-f", f"label=com.docker.swarm.service.name={name}"]
    until(lambda: bench.lab.docker(*gone).out, lambda out: not out, what="end", clock=SystemClock(), timeout=60)
    back = threading.Timer(3, lambda: bench.lab.docker("service", "scale", "-d", f"{name}=1"))
    back.start()
    swarm, stop = Swarm(bench.lab.cell.socket), threading.Event()
    try:
        execs = Execs(swarm, stack=authors.STACK, clock=SystemClock(), kill=bench.lab.cell.runner.end_group)
        with pytest.raises(ExecFailed, match="not within 0 s; last seen: no running task"):
            execs.run("app", Command(("true",)), timeout=0.2, stop=stop)
        assert execs.run("app", Command(("echo", "here")), timeout=60, stop=stop).out == b"here\n"
    finally:
        back.join()
        swarm.close()
    authors.served(bench.lab)


def test_a_command_whose_container_is_stopped_under_it_is_an_error_and_not_run_again(bench: Bench) -> None:
    text = """
import pytest
from recipeci.author import AppError
def test_a(app):
    with pytest.raises(AppError, match="was killed with its container"):
        app.exec("app", ["sh", "-c", "touch /tmp/ready; sleep 600; true"])
"""
    old = container(bench)
    worker = threading.Thread(target=lambda: when_ready(bench, old, "kill", old))
    worker.start()
    result = one(bench, text)
    worker.join()
    assert result.outcome is Outcome.PASS, result
    container(bench)
    authors.served(bench.lab)


# --- hooks and install_steps.sh


def test_a_hook_is_called_if_it_is_there(bench: Bench) -> None:
    text = "def pre_backup(app):\n    app.exec('app', ['sh', '-c', 'echo seeded >/tmp/seed'])\n"
    assert bench.hook("backup", text)
    assert not bench.hook("restore", text)
    assert one(bench, "def test_a(app): assert app.exec('app', ['cat', '/tmp/seed']).text == 'seeded'\n").outcome is (
        Outcome.PASS
    )


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("def pre_backup(app): raise ValueError('no seed')", "failed: ValueError: no seed"),
        ("def pre_backup(app): app.exec('app', ['false'])", "false in app ended with 1"),
        ("import os\ndef pre_backup(app): os._exit(0)", "ended with 0 and without a word"),
        ("import sys\ndef pre_backup(app): sys.exit(0)", "failed: SystemExit: 0"),
        ("import nothing_of_that_name", "failed: ModuleNotFoundError"),
        ("pre_backup = 1", "failed: TypeError"),
    ],
    ids=["raises", "exec fails", "ends", "exits", "does not import", "is no function"],
)
def test_a_hook_that_does_not_do_its_work_fails_the_op(bench: Bench, text: str, words: str) -> None:
    with pytest.raises(OpFailed, match=re.escape(words)) as failed:
        bench.hook("backup", text)
    assert failed.value.message.startswith("pre_backup of recipeci ")


def test_a_hook_that_takes_too_long_fails_the_op(bench: Bench) -> None:
    bench.seconds = 2
    with pytest.raises(OpFailed, match="was still running after"):
        bench.hook("backup", "import time\ndef pre_backup(app):\n    time.sleep(600)\n")


ENV_TEXT = f"TYPE=custom-html:1.0.0\nDOMAIN={authors.APP_DOMAIN}\nSECRET_A_VERSION=v1 # length=8\n"


def steps(bench: Bench, text: str) -> EnvFile:
    """Run an install_steps.sh over ENV_TEXT, in a checkout in the cell."""
    checkout = bench.shared / "checkout"
    checkout.mkdir(exist_ok=True)
    (checkout / "compose.yml").write_text("version: '3.8'\n")
    with bench.steps(text, checkout=checkout) as (install, file):
        return install.run(file, EnvFile.parse(ENV_TEXT))


def test_install_steps_edit_the_env_and_not_the_checkout(bench: Bench) -> None:
    text = """
set -eu
test "$CCCI_RECIPE $CCCI_DOMAIN" = "custom-html a1b2c3.ci.test"
grep -q 3.8 compose.yml
! touch here 2>/dev/null
echo 'ADDED="by steps"' >>"$CCCI_ENV_FILE"
"""
    edited = steps(bench, text)
    assert edited.text == ENV_TEXT + 'ADDED="by steps"\n'


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("echo why >&2; exit 3", "ended with 3 and without a word\nwhy"),
        ("echo 'no line' >>$CCCI_ENV_FILE", "neither KEY=value nor a comment"),
        ("rm $CCCI_ENV_FILE", "left no text"),
        ("ln -sf /etc/passwd $CCCI_ENV_FILE", "left no text"),
        ("rm $CCCI_ENV_FILE; mkfifo $CCCI_ENV_FILE", "left no text"),
        ("echo DOMAIN=other.ci.test >>$CCCI_ENV_FILE", "changed DOMAIN"),
    ],
    ids=["fails", "no env", "removed", "link", "pipe", "domain"],
)
def test_install_steps_that_go_wrong_fail_the_op(bench: Bench, text: str, words: str) -> None:
    with pytest.raises(OpFailed, match=re.escape(words)):
        steps(bench, text)


# --- generic suites


def test_the_generic_suites_pass_where_the_app_serves(bench: Bench) -> None:
    for tier, op in ((Tier.INSTALL, "deploy"), (Tier.BACKUP, "backup"), (Tier.RESTORE, "restore")):
        bench.state(op, before=authors.HEAD[:8], snapshot="1234abcd")
        result = bench.generic(tier)
        assert (result.outcome, result.message) == (Outcome.PASS, ""), result
    bench.state("upgrade", before="fffffff0")
    assert bench.generic(Tier.UPGRADE).outcome is Outcome.PASS
    assert bench.notes == []


@pytest.mark.parametrize(("accept", "path"), [((401,), "/"), ((200, 404), "/no-such-page")])
def test_the_generic_suite_fails_where_the_app_answers_otherwise(
    bench: Bench, accept: tuple[int, ...], path: str
) -> None:
    bench.state("deploy")
    bench.accept, bench.path = accept, path
    result = bench.generic(Tier.INSTALL)
    if path == "/":
        assert result.outcome is Outcome.FAIL
        assert "answered 200" in result.tests[0].message
    else:
        assert result.outcome is Outcome.PASS, "the app's own page, which recipe.yml could not even accept"


def test_the_generic_suite_of_the_upgrade_wants_the_commit_under_test(bench: Bench) -> None:
    bench.state("upgrade", before="fffffff0", after="eeeeeee0")
    result = bench.generic(Tier.UPGRADE)
    assert [t.name for t in result.tests if t.outcome is Outcome.FAIL] == ["test_what_runs_is_the_commit_under_test"]


def test_the_generic_suite_of_the_backup_wants_a_snapshot(bench: Bench) -> None:
    bench.state("backup", before=authors.HEAD[:8], snapshot="")
    assert bench.generic(Tier.BACKUP).outcome is Outcome.FAIL


def test_the_generic_suite_does_not_take_the_proxys_answers_for_the_apps(bench: Bench) -> None:
    """The last of this module's tests on the app: it is removed."""
    bench.state("deploy")
    bench.lab.docker("service", "update", "-q", "-d", "--label-rm", "traefik.enable", f"{authors.STACK}_app")
    http = Http(connect=bench.lab.cell.connect, ca_file=bench.lab.cell.ca_file)
    url = f"https://{authors.APP_DOMAIN}/"
    until(lambda: http.get(url).status, lambda code: code == 404, what="404", clock=SystemClock(), timeout=60)
    bench.accept = (404,)
    result = bench.generic(Tier.INSTALL)
    assert result.outcome is Outcome.FAIL
    assert "no router has this host" in result.tests[0].message
