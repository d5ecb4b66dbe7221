"""Commands in the app's containers as a suite gives them, also while a container is replaced."""

from __future__ import annotations

import threading

import pytest
from lab import authors
from lab.authors import Bench, container, one, when_ready
from recipeci.host.clock import SystemClock, until
from recipeci.host.docker import Swarm
from recipeci.host.execs import Command, ExecFailed, Execs
from recipeci.model import Outcome

pytestmark = pytest.mark.cell


def test_a_command_of_a_suite_that_takes_too_long_is_ended_in_the_container(bench: Bench) -> None:
    text = "import pytest\nfrom recipeci.author import AppError\ndef test_a(app):\n"
    text += "    with pytest.raises(AppError, match='its time is over'):\n"
    text += "        app.exec('app', ['sh', '-c', 'sleep 4343; true'], timeout=1)\n"
    assert one(bench, text).outcome is Outcome.PASS, bench.lines
    until(
        lambda: bench.lab.cell.runner.run(["pgrep", "-f", "sleep 4343"], timeout=60, ok=(0, 1)).out,
        lambda out: not out,
        what="the end of the command",
        clock=SystemClock(),
        timeout=60,
    )


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


def test_exec_waits_while_there_is_no_container(bench: Bench) -> None:
    """The service is at 0 when the command is asked for, and comes back while it waits."""
    name = f"{authors.STACK}_app"
    bench.lab.docker("service", "scale", "-d", f"{name}=0")
    gone = ["ps", "-q", "-f", f"label=com.docker.swarm.service.name={name}"]
    until(lambda: bench.lab.docker(*gone).out, lambda out: not out, what="end", clock=SystemClock(), timeout=60)
    back = threading.Timer(3, lambda: bench.lab.docker("service", "scale", "-d", f"{name}=1"))
    swarm, stop = Swarm(bench.lab.cell.socket), threading.Event()
    try:
        execs = Execs(swarm, stack=authors.STACK, clock=SystemClock(), kill=bench.lab.cell.runner.end_group)
        with pytest.raises(ExecFailed, match="not within 0 s; last seen: no running task"):
            execs.run("app", Command(("true",)), timeout=0.2, stop=stop)
        back.start()
        assert execs.run("app", Command(("echo", "here")), timeout=60, stop=stop).out == b"here\n"
        back.join()
    finally:
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
