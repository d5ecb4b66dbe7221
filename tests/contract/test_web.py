"""The web server for real, on loopback: strangers of every kind, and what is left of it at its end."""

from __future__ import annotations

import contextlib
import dataclasses
import os
import resource
import socket
import sqlite3
import sys
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from types import FrameType

import httpx
import pytest
import recipeci
from flask import Flask
from recipeci.errors import HostError
from recipeci.host.clock import until
from recipeci.service.events import BODY_MOST
from recipeci.service.model import Repository
from recipeci.service.web import Limits, Server, listener, serve_pages
from strangers import (
    CLOCK,
    IMPATIENT,
    SECONDS,
    answered,
    chunks,
    connected,
    dripped_answer,
    dripped_request,
    head,
    in_time,
    raw,
    status,
)
from unit.processes import line, started, tell
from unit.weblab import PUBLIC, Lab, lab, payload, signed


@pytest.fixture
def here(tmp_path: Path) -> Iterator[Lab]:
    with lab(tmp_path) as made:
        yield made


@contextlib.contextmanager
def serving(here: Lab, *, limits: Limits | None = None, host: str = "127.0.0.1") -> Iterator[httpx.Client]:
    """Serve, and give a client of it that takes nothing from the environment."""
    bridge = dataclasses.replace(here.bridge(), host=host)
    with (
        listener(bridge) as at,
        serve_pages(bridge, at, database=here.database, health=here.well(), clock=here.clock, limits=limits) as address,
        httpx.Client(base_url=f"http://{address[0]}:{address[1]}", trust_env=False, timeout=SECONDS) as client,
    ):
        yield client


# It listens, and where it cannot it says so.


def test_it_listens_before_it_gives_its_address_and_says_nothing_of_itself(here: Lab) -> None:
    with serving(here) as client:
        answer = client.get("/healthz")
        assert (answer.status_code, answer.json()["status"]) == (200, "well")
        assert "server" not in answer.headers


def test_a_port_that_is_taken_is_one_sentence(here: Lab) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(HostError) as refused:
            listener(here.bridge(port=port))
    assert refused.value.message == f"bridge: 127.0.0.1:{port} cannot be listened at: Address already in use"
    assert refused.value.hint == "choose another port, or end what listens there"


def test_an_address_of_another_machine_is_told_from_a_port_that_is_taken(here: Lab) -> None:
    with pytest.raises(HostError) as refused:
        listener(dataclasses.replace(here.bridge(), host="192.0.2.1"))
    assert refused.value.hint == "write an address of this machine's in bridge.listen"


def test_at_the_end_nothing_is_left_of_it(here: Lab) -> None:
    before, pid = set(threading.enumerate()), os.getpid()
    own = f"127.{128 | pid >> 16 & 127}.{pid >> 8 & 255}.{pid & 255}"  # nobody else is given its port meanwhile
    with serving(here, host=own) as client:
        address = (client.base_url.host, client.base_url.port or 0)
        idle = connected(client)
        client.get("/")  # answered on a later connection: the idle one is accepted, no longer the kernel's to reset
    assert set(threading.enumerate()) <= before
    assert idle.recv(1) == b""
    idle.close()
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(address, timeout=SECONDS)
    socket.create_server(address).close()


def test_a_thread_that_takes_its_time_to_end_is_waited_for(here: Lab) -> None:
    """Waitress counts a thread out before its last lines, in which it can be kept from running for any time."""

    def linger(frame: FrameType, event: str, _: object) -> None:
        if (event, frame.f_code.co_name) == ("return", "handler_thread"):
            threading.Event().wait(0.5)

    before = set(threading.enumerate())
    threading.setprofile(linger)
    try:
        with serving(here) as client:
            client.get("/")
    finally:
        threading.setprofile(None)
    assert set(threading.enumerate()) <= before


def test_what_is_being_answered_at_the_end_is_answered(here: Lab) -> None:
    body = payload(here.enrol(), 5)
    other = sqlite3.connect(here.database.path, isolation_level=None)
    with ThreadPoolExecutor(2) as pool, contextlib.ExitStack() as stack:
        client = stack.enter_context(serving(here))
        other.execute("BEGIN IMMEDIATE")
        delivery = pool.submit(raw, client, head(signed(body), f"Content-Length: {len(body)}"), body)
        runs("_stored")
        ended = pool.submit(stack.close)
        runs("shutdown")
        other.rollback()
        assert status(delivery.result()) == 202
        ended.result()
    other.close()
    assert here.inbox() == [(PUBLIC, 5)]


def runs(function: str) -> None:
    """Wait until some thread is in a function."""

    def seen() -> bool:
        return any(function in names(frame) for frame in sys._current_frames().values())

    until(seen, bool, what=function, clock=CLOCK, timeout=SECONDS, delay=0.01, successes=1)


def names(frame: FrameType | None) -> Iterator[str]:
    while frame is not None:
        yield frame.f_code.co_name
        frame = frame.f_back


# Deliveries.


def test_a_signed_comment_is_taken_and_a_wrongly_signed_one_is_not(here: Lab) -> None:
    body = payload(here.enrol(), 5)
    with serving(here) as client:
        assert client.post("/hooks/gitea", content=body, headers=signed(body, secret="guessed")).status_code == 401
        assert here.inbox() == []
        assert client.post("/hooks/gitea", content=body, headers=signed(body)).status_code == 202
    assert here.inbox() == [(PUBLIC, 5)]


@pytest.mark.parametrize(
    ("more", "code"),
    [
        (b"", 202),
        (b" " * 1000, 413),
        (b" " * 200_000, 413),
        (b" " * 10_000_000, 413),
    ],
    ids=["a mebibyte", "more", "more than waitress takes", "much more"],
)
@pytest.mark.parametrize("size", [0, 8192, 1_000_000], ids=["whole", "in small chunks", "in large chunks"])
def test_a_body_is_taken_up_to_a_mebibyte_however_it_comes(here: Lab, more: bytes, code: int, size: int) -> None:
    body = payload(here.enrol(), 5)
    body = body + b" " * (BODY_MOST - len(body)) + more
    how, sent = ("Transfer-Encoding: chunked", chunks(body, size)) if size else (f"Content-Length: {len(body)}", body)
    with serving(here) as client:
        came = raw(client, head(signed(body), how), sent)
        assert status(came) == code if came else code == 413
        assert client.get("/healthz").status_code == 200
    assert here.inbox() == ([(PUBLIC, 5)] if code == 202 else [])


def test_a_body_that_is_announced_too_large_is_refused_before_it_comes(here: Lab) -> None:
    with serving(here) as client:
        assert status(raw(client, head({}, f"Content-Length: {10 * BODY_MOST}"))) == 413


@pytest.mark.parametrize("twice", ["X-Gitea-Signature", "Content-Type", "X-Gitea-Event"])
def test_a_header_that_is_there_twice_is_refused(here: Lab, twice: str) -> None:
    body = payload(here.enrol(), 5)
    headers = signed(body)
    with serving(here) as client:
        came = raw(client, head(headers, f"{twice}: {headers[twice]}", f"Content-Length: {len(body)}"), body)
    assert status(came) in (400, 401, 415)
    assert here.inbox() == []


def test_deliveries_at_the_same_time_are_all_taken_each_once(here: Lab) -> None:
    home = here.enrol()
    bodies = [payload(home, number) for number in range(1, 101)] * 2
    with serving(here) as client, ThreadPoolExecutor(16) as pool:
        codes = list(pool.map(lambda body: client.post("/hooks/gitea", content=body, headers=signed(body)), bodies))
    assert {answer.status_code for answer in codes} == {202}
    assert [answer.text for answer in codes].count("taken\n") == 100
    assert here.inbox() == [(PUBLIC, number) for number in range(1, 101)]


# Strangers.

JUNK = (
    b"",
    b"\r\n\r\n",
    b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
    b"GET\r\n\r\n",
    b"GET /\r\n\r\n",
    b"GET / HTTP/9.9\r\n\r\n",
    b"get / HTTP/1.1\r\nHost: x\r\n\r\n",
    b"GET / HTTP/1.1\nHost: x\n\n",
    b"GET http://evil.test/ HTTP/1.1\r\nHost: evil.test\r\n\r\n",
    b"GET //evil.test/runs/1 HTTP/1.1\r\nHost: x\r\n\r\n",
    b"GET /%00%ff%c0%ae%2e%2e/etc/passwd HTTP/1.1\r\nHost: x\r\n\r\n",
    b"GET /style.css/../../webapp.py HTTP/1.1\r\nHost: x\r\n\r\n",
    b"GET /\xff\xfe HTTP/1.1\r\nHost: x\r\n\r\n",
    b"GET /" + b"a" * 100_000 + b" HTTP/1.1\r\nHost: x\r\n\r\n",
    b"GET / HTTP/1.1\r\nHost: x\r\nX: " + b"a" * 100_000 + b"\r\n\r\n",
    b"GET / HTTP/1.1\r\n" + b"X: y\r\n" * 20_000 + b"\r\n",
    b"GET / HTTP/1.1\r\nHost: x\r\n folded: y\r\n\r\n",
    b"GET / HTTP/1.1\r\nHost : x\r\n\r\n",
    b"GET / HTTP/1.1\r\nX: \x00\r\n\r\n",
    b"GET / HTTP/1.1\r\nHost: evil.test\r\nX-Forwarded-Host: evil.test\r\nAccept: text/html\r\n\r\n",
    b"CONNECT evil.test:443 HTTP/1.1\r\nHost: evil.test:443\r\n\r\n",
    b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    b"POST /hooks/gitea HTTP/1.1\r\nHost: x\r\nContent-Length: -1\r\n\r\n",
    b"POST /hooks/gitea HTTP/1.1\r\nHost: x\r\nContent-Length: 1e3\r\n\r\n",
    b"POST /hooks/gitea HTTP/1.1\r\nHost: x\r\nContent-Length: 5, 6\r\n\r\n12345",
    b"POST /hooks/gitea HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    b"POST /hooks/gitea HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: gzip\r\n\r\n",
    b"POST /hooks/gitea HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n\r\n",
    b"POST /hooks/gitea HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n-1\r\n\r\n",
    b"POST /hooks/gitea HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nffffffffffffffffff\r\nx",
    b"POST /hooks/gitea HTTP/1.0\r\nX_Gitea_Signature: x\r\nContent-Length: 100\r\n\r\nshort",
)


def test_a_server_that_has_seen_that_it_is_to_end_can_still_be_woken() -> None:
    class SeenFirst(Server):
        """One whose thread has every chance to be at its end before it is woken."""

        def wake(self) -> None:
            self._thread.join(2.5)
            super().wake()

    server = SeenFirst(Flask("empty"), socket.create_server(("127.0.0.1", 0)), Limits())
    server.start()
    server.stop()
    assert "web" not in [thread.name for thread in threading.enumerate()]


@pytest.mark.parametrize("junk", JUNK, ids=range(len(JUNK)))
def test_junk_is_refused_without_a_word_about_us_and_the_next_one_is_served(here: Lab, junk: bytes) -> None:
    with serving(here) as client:
        came = raw(client, junk)
        assert not came or status(came) in (200, 400, 404, 405, 413, 415, 431, 501), came
        page, _, _ = came.partition(b"HTTP/1.0 400")
        assert b"evil" not in page
        assert b"Traceback" not in came
        assert client.get("/healthz").status_code == 200
    assert here.inbox() == []


def test_a_client_that_drips_a_request_is_thrown_out(here: Lab) -> None:
    with serving(here, limits=IMPATIENT) as client:
        in_time(lambda: dripped_request(client), lambda times: times > 1)


def test_a_client_that_drips_the_answer_is_thrown_out(here: Lab) -> None:
    number = here.open(here.enrol())
    here.end(number, report={"schema": 0, "large": "x" * 20_000_000})
    with serving(here, limits=IMPATIENT) as client:
        assert in_time(lambda: dripped_answer(client, f"/runs/{number}/report.json"))
        assert in_time(lambda: answered(lambda: client.get("/healthz"))) == 200


def test_idle_connections_keep_nobody_out_for_long(here: Lab) -> None:
    body = payload(here.enrol(), 5)
    with serving(here, limits=IMPATIENT) as client, contextlib.ExitStack() as stack:
        for _ in range(3 * IMPATIENT.connections):
            stack.enter_context(connected(client))
        deliver = partial(client.post, "/hooks/gitea", content=body, headers=signed(body))
        assert in_time(lambda: answered(deliver)) == 202
    assert here.inbox() == [(PUBLIC, 5)]


# A full disk.

PROGRAM = """
import resource, sys
sys.path.insert(0, sys.argv[1])
from pathlib import Path
from unit.weblab import lab
from recipeci.service.web import listener, serve_pages
with lab(Path(sys.argv[2])) as here:
    here.enrol()
    at, told = listener(here.bridge()), {"database": here.database, "health": here.well(), "clock": here.clock}
    with at, serve_pages(here.bridge(), at, **told) as address:
        print(address[1], flush=True)
        for wanted in sys.stdin:
            here.clock.time += 10
            resource.setrlimit(resource.RLIMIT_FSIZE, (int(wanted), resource.RLIM_INFINITY))
            print(wanted.strip(), flush=True)
"""


def test_a_full_disk_is_seen_and_costs_no_delivery(tmp_path: Path) -> None:
    """Here no file can grow any more, which SQLite meets as it meets a full disk."""
    home = Repository(PUBLIC, "people/square", "fountain", private=False, clone_url="", since="", cursor="")
    body = payload(home, 5)
    with started(PROGRAM, str(Path(recipeci.__file__).parents[1]), str(tmp_path)) as process:
        base = f"http://127.0.0.1:{line(process)}"
        with httpx.Client(base_url=base, trust_env=False, timeout=SECONDS) as client:
            assert client.get("/healthz").status_code == 200
            tell(process, "0")
            assert line(process) == "0"
            told = client.get("/healthz")
            assert (told.status_code, told.json()["parts"][-1]["why"]) == (
                503,
                "the database bridge.db: disk I/O error",
            )
            assert client.post("/hooks/gitea", content=body, headers=signed(body)).status_code == 503
            assert client.get("/").status_code == 200
            tell(process, str(resource.RLIM_INFINITY))
            assert line(process) == str(resource.RLIM_INFINITY)
            assert client.get("/healthz").status_code == 200
            assert client.post("/hooks/gitea", content=body, headers=signed(body)).status_code == 202
